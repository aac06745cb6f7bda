//! All services as processes of their own, as they are deployed, behind an ingress: each can be killed at any moment.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use averis_tenant::AccessTokens;
use averis_tenant_context::{Domain, GlobalRole, TenantRole};
use averis_tenant_db::LoginRole;
use serde_json::json;
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::client::{Answer, Client};
use crate::database::Database;
use crate::platform::{self, CURSORS, ISSUER, SIGNING, unique_key};

/// The services.
pub const SERVICES: [&str; 7] = [
    "tenant", "product", "pricing", "customer", "erp", "oms", "ecomm",
];

/// What is to be set for a service besides what all have.
pub type Variables = Vec<(&'static str, String)>;

/// The services' processes. They are killed when it is dropped.
pub struct Fleet {
    /// Their database, on a server of its own.
    pub database: Database,
    running: BTreeMap<&'static str, Child>,
    ports: BTreeMap<&'static str, u16>,
    besides: BTreeMap<&'static str, Variables>,
    ingress: u16,
    tokens: AccessTokens,
    folder: tempfile::TempDir,
}

/// A tenant of the fleet.
#[derive(Clone)]
pub struct FleetTenant {
    /// Its key.
    pub key: String,
    /// Its id.
    pub id: Uuid,
    /// An admin there.
    pub staff: Client,
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

impl Fleet {
    /// Starts all services on a database of their own that keeps what it has confirmed.
    pub async fn start(besides: BTreeMap<&'static str, Variables>) -> Self {
        let ports: BTreeMap<&str, u16> = SERVICES.iter().map(|name| (*name, free_port())).collect();
        let mut fleet = Self {
            database: Database::beside().await,
            running: BTreeMap::new(),
            ingress: ingress(ports.clone()),
            ports,
            besides,
            tokens: AccessTokens::new(platform::signing(), ISSUER),
            folder: tempfile::tempdir().expect("a folder"),
        };
        for name in SERVICES {
            fleet.run(name);
        }
        for name in SERVICES {
            fleet.wait(name).await;
        }
        fleet
    }

    /// Starts a service that does not run.
    pub fn run(&mut self, name: &'static str) {
        let child = self.command(name).spawn();
        self.running
            .insert(name, child.expect("the services' binaries are built"));
    }

    /// Kills a service as the kernel would, in the middle of whatever it does.
    pub async fn kill(&mut self, name: &str) {
        if let Some(mut child) = self.running.remove(name) {
            child.kill().await.expect("the kill");
        }
    }

    /// Waits until a service is ready.
    pub async fn wait(&mut self, name: &str) {
        let health = Client::new(
            &format!("http://127.0.0.1:{}", self.ports[name]),
            "localhost",
        );
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let asked = health.request(reqwest::Method::GET, "/health/ready").send();
            if asked.await.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            assert!(Instant::now() < deadline, "{name} does not get ready");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the running services take of memory, in bytes, as Linux counts it.
    pub fn resident(&self) -> BTreeMap<&'static str, u64> {
        let of = |child: &Child| -> Option<u64> {
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()?)).ok()?;
            let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
            let pages: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
            Some(pages * 1024)
        };
        let known = self.running.iter();
        known
            .filter_map(|(name, child)| Some((*name, of(child)?)))
            .collect()
    }

    fn command(&self, name: &str) -> Command {
        let role = match name {
            "tenant" => LoginRole::Tenant,
            _ => LoginRole::Service(name.parse::<Domain>().expect("a domain")),
        };
        let mut command = Command::new(binary(name));
        for (name, port) in &self.ports {
            let url = format!("http://127.0.0.1:{port}");
            command.env(format!("AVERIS_{}_URL", name.to_uppercase()), url);
        }
        command
            .env("AVERIS_HTTP_PORT", self.ports[name].to_string())
            .env("AVERIS_METRICS_PORT", "0")
            .env("AVERIS_ISSUER", ISSUER)
            .env("AVERIS_RATE_LIMITS", "false")
            .env("AVERIS_LOG", "off")
            .env("AVERIS_DATABASE_URL", self.database.url_text(role))
            .env("AVERIS_DATABASE_POOL", "8")
            .env("AVERIS_SERVICE_SECRET", platform::service_secret(name))
            .env("AVERIS_TRUSTED_SERVICES", platform::trusted_keys())
            .env("AVERIS_CURSOR_SECRET", CURSORS)
            .env("AVERIS_MAIL_FOLDER", self.folder.path())
            .envs(self.besides.get(name).cloned().unwrap_or_default())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        if name == "tenant" {
            let provisioner = self.database.url_text(LoginRole::Provisioner);
            let webhooks = LoginRole::Service(Domain::Webhooks);
            command
                .env(
                    "AVERIS_WEBHOOKS_DATABASE_URL",
                    self.database.url_text(webhooks),
                )
                .env("AVERIS_WEBHOOK_TARGETS", "any")
                .env("AVERIS_PROVISIONER_URL", provisioner)
                .env("AVERIS_SIGNING_SECRET", SIGNING);
        }
        command
    }

    /// Returns where the ingress is, without a slash at the end.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.ingress)
    }

    /// Provisions a tenant.
    pub async fn tenant(&self, prefix: &str) -> FleetTenant {
        let key = unique_key(prefix).to_string();
        let body = json!({"key": key, "name": key, "subscription_tier": "enterprise"});
        let admin = platform::platform_token(&self.tokens, &[GlobalRole::PlatformAdmin]);
        let platform = Client::new(&self.base(), "localhost").with_token(&admin);
        let made: Answer = platform.post("/api/tenant/v1/tenants", &body).await;
        let id = made.expect(201).id().parse().expect("an id");
        let staff = platform::token_in(&self.tokens, id, &[TenantRole::TenantAdmin]);
        let host = format!("{key}.localhost");
        FleetTenant {
            staff: Client::new(&self.base(), &host).with_token(&staff),
            key,
            id,
        }
    }

    /// Returns an anonymous shopper of a tenant.
    #[must_use]
    pub fn shopper(&self, tenant: &FleetTenant) -> Client {
        let token = platform::shopper_token(&self.tokens, tenant.id);
        tenant.staff.with_token(&token)
    }
}

/// The binary of a service, beside which the test itself was built.
fn binary(service: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test's own place");
    let folder = test.ancestors().nth(2).expect("the folder of binaries");
    folder.join(format!("averis-{service}"))
}

struct Routes {
    ports: BTreeMap<&'static str, u16>,
    http: reqwest::Client,
}

/// Starts what stands before the services in a cluster, and returns its port. A service that is away is answered for with 502.
fn ingress(ports: BTreeMap<&'static str, u16>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let server = HttpServer::new(move || {
        let http = reqwest::Client::builder().no_proxy();
        let routes = Routes {
            ports: ports.clone(),
            http: http.build().expect("a client"),
        };
        App::new()
            .app_data(Data::new(routes))
            .app_data(web::PayloadConfig::new(16 << 20))
            .default_service(web::to(pass_on))
    });
    let server = server
        .workers(1)
        .disable_signals()
        .listen(listener)
        .expect("the ingress listens");
    actix_web::rt::spawn(server.run());
    port
}

async fn pass_on(req: HttpRequest, routes: Data<Routes>, body: Bytes) -> HttpResponse {
    let mut segments = req.path().split('/');
    let service = segments.find(|part| *part == "api").and(segments.next());
    let Some(port) = service.and_then(|name| routes.ports.get(name)) else {
        return HttpResponse::NotFound().finish();
    };
    let method = reqwest::Method::from_bytes(req.method().as_str().as_bytes());
    let url = format!("http://127.0.0.1:{port}{}", req.uri());
    let mut asked = routes.http.request(method.expect("a method"), url);
    for (name, value) in req.headers() {
        asked = asked.header(name.as_str(), value.as_bytes());
    }
    let answer = async {
        let answer = asked.body(body).send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Ok::<_, reqwest::Error>((status, headers, answer.bytes().await?))
    };
    let Ok((status, headers, bytes)) = answer.await else {
        return HttpResponse::BadGateway().finish();
    };
    let status = StatusCode::from_u16(status.as_u16()).expect("a status");
    let mut passed = HttpResponse::build(status);
    for (name, value) in &headers {
        if name.as_str() != "transfer-encoding" {
            passed.insert_header((name.as_str(), value.as_bytes()));
        }
    }
    passed.body(bytes)
}
