//! All services as processes of their own, as they are deployed, behind an ingress: each can be killed at any moment.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use averis_private_postgres::Port;
use averis_tenant::AccessTokens;
use averis_tenant_context::{Domain, GlobalRole, TenantRole};
use averis_tenant_db::LoginRole;
use serde_json::json;
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::address::Address;
use crate::client::{Answer, Client};
use crate::database::Database;
use crate::edge::{self, Edge, Strategy, Upstreams};
use crate::platform::{self, CURSORS, ISSUER, SIGNING, unique_key};

/// The services.
pub const SERVICES: [&str; 7] = [
    "tenant", "product", "pricing", "customer", "erp", "oms", "ecomm",
];

/// What is to be set for a service besides what all have.
pub type Variables = Vec<(&'static str, String)>;

/// A service's process, which runs or not.
struct Instance {
    port: u16,
    metrics: u16,
    child: Option<Child>,
}

/// Where each service is found, whichever of its instances answers.
type Addresses = BTreeMap<&'static str, Address>;

/// What stands before the services.
enum Ingress {
    /// Passes requests on and nothing more.
    Plain(u16),
    /// What is deployed.
    Edge(Box<Edge>),
}

/// The services' processes. They are killed when it is dropped.
pub struct Fleet {
    /// Their database, on a server of its own.
    pub database: Database,
    instances: BTreeMap<&'static str, Vec<Instance>>,
    /// Where the services find each other.
    found_at: BTreeMap<&'static str, u16>,
    /// What is there, where it is no instance itself.
    addresses: Addresses,
    besides: BTreeMap<&'static str, Variables>,
    ingress: Ingress,
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

impl Instance {
    fn at(port: u16) -> Self {
        Self {
            port,
            metrics: free_port(),
            child: None,
        }
    }
}

/// A free port, which stays with this process until its end, so that no other test and no database takes it before somebody listens
/// there, or while whoever listens there is away.
///
/// # Panics
/// When none is free.
#[must_use]
pub fn free_port() -> u16 {
    static TAKEN: Mutex<Vec<Port>> = Mutex::new(Vec::new());
    let port = Port::any().expect("a free port");
    let number = port.number();
    TAKEN.lock().expect("the ports").push(port);
    number
}

impl Fleet {
    /// Starts all services on a database of their own that keeps what it has confirmed.
    pub async fn start(besides: BTreeMap<&'static str, Variables>) -> Self {
        let ports: Upstreams = SERVICES.map(|name| (name, free_port())).into();
        let instances = SERVICES.map(|name| (name, vec![Instance::at(ports[name])]));
        let ingress = Ingress::Plain(ingress(ports.clone()));
        let database = Database::beside().await;
        let ports = (ports, Addresses::new());
        Self::start_behind(database, ingress, instances.into(), ports, besides).await
    }

    /// Starts so many instances of each service behind what is deployed before them, with a database that they reach by TLS.
    pub async fn behind_edge(number: usize, besides: BTreeMap<&'static str, Variables>) -> Self {
        let addresses: Addresses = SERVICES.map(|name| (name, Address::new())).into();
        let found_at = addresses.iter();
        let found_at: Upstreams = found_at.map(|(name, at)| (*name, at.port())).collect();
        let edge = Ingress::Edge(Box::new(Edge::start(&found_at).await));
        let instance = |_| Instance::at(free_port());
        let instances = SERVICES.map(|name| (name, (0..number).map(instance).collect()));
        let database = Database::secured().await;
        let found = (found_at, addresses);
        Self::start_behind(database, edge, instances.into(), found, besides).await
    }

    async fn start_behind(
        database: Database,
        ingress: Ingress,
        instances: BTreeMap<&'static str, Vec<Instance>>,
        (found_at, addresses): (BTreeMap<&'static str, u16>, Addresses),
        besides: BTreeMap<&'static str, Variables>,
    ) -> Self {
        let mut fleet = Self {
            database,
            instances,
            found_at,
            addresses,
            besides,
            ingress,
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

    /// Has an instance be found from now on, or not.
    fn announce(&self, name: &str, port: u16, is_there: bool) {
        if let Some(address) = self.addresses.get(name) {
            if is_there {
                address.add(port);
            } else {
                address.remove(port);
            }
        }
    }

    /// Starts the instances of a service that do not run.
    pub fn run(&mut self, name: &'static str) {
        for number in 0..self.instances[name].len() {
            if self.instances[name][number].child.is_none() {
                self.spawn(name, number);
                self.announce(name, self.instances[name][number].port, true);
            }
        }
    }

    fn spawn(&mut self, name: &'static str, number: usize) {
        let child = self.command(name, &self.instances[name][number]).spawn();
        let instances = self.instances.get_mut(name).expect("a service");
        instances[number].child = Some(child.expect("the services' binaries are built"));
    }

    /// Kills a service as the kernel would, in the middle of whatever it does.
    pub async fn kill(&mut self, name: &str) {
        for instance in self.instances.get_mut(name).expect("a service") {
            if let Some(mut child) = instance.child.take() {
                child.kill().await.expect("the kill");
            }
        }
    }

    /// Asks all services to stop and waits until they have.
    pub async fn stop(&mut self) {
        for number in 0..self.instances[SERVICES[0]].len() {
            self.end(&SERVICES, number).await;
        }
    }

    /// Asks the instances of that number of some services to stop, all at once, and starts others in their places when they have.
    pub async fn replace(&mut self, names: &[&'static str], number: usize) {
        self.end(names, number).await;
        for name in names {
            self.spawn(name, number);
        }
        for name in names {
            let port = self.instances[name][number].port;
            wait(name, port).await;
            self.announce(name, port, true);
        }
    }

    /// Takes instances from their addresses, as a cluster does with what it is about to end, and waits for their ends.
    async fn end(&mut self, names: &[&'static str], number: usize) {
        let mut ending = Vec::new();
        for name in names {
            let instances = self.instances.get_mut(name).expect("a service");
            let instance = &mut instances[number];
            let port = instance.port;
            let child = instance.child.take().expect("it runs");
            self.announce(name, port, false);
            terminate(&child).await;
            ending.push((name, child));
        }
        for (name, mut child) in ending {
            let status = child.wait().await.expect("its end");
            assert!(status.success(), "{name} ended with {status}");
        }
    }

    /// Waits until all instances of a service are ready.
    pub async fn wait(&self, name: &str) {
        for instance in &self.instances[name] {
            wait(name, instance.port).await;
        }
    }

    /// Returns where the metrics of each instance of a service are.
    #[must_use]
    pub fn metrics(&self, name: &str) -> Vec<u16> {
        let instances = self.instances[name].iter();
        instances.map(|instance| instance.metrics).collect()
    }

    /// What the running services take of memory, in bytes, as Linux counts it.
    pub fn resident(&self) -> BTreeMap<&'static str, u64> {
        let of = |child: &Child| -> Option<u64> {
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()?)).ok()?;
            let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
            let pages: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
            Some(pages * 1024)
        };
        let memory = |instances: &Vec<Instance>| {
            let children = instances
                .iter()
                .filter_map(|instance| instance.child.as_ref());
            children.filter_map(of).sum()
        };
        let all = self.instances.iter();
        all.map(|(name, instances)| (*name, memory(instances)))
            .collect()
    }

    fn command(&self, name: &str, instance: &Instance) -> Command {
        let role = match name {
            "tenant" => LoginRole::Tenant,
            _ => LoginRole::Service(name.parse::<Domain>().expect("a domain")),
        };
        let mut command = Command::new(binary(name));
        for (name, port) in &self.found_at {
            let url = format!("http://127.0.0.1:{port}");
            command.env(format!("AVERIS_{}_URL", name.to_uppercase()), url);
        }
        command
            .env("AVERIS_HTTP_PORT", instance.port.to_string())
            .env("AVERIS_METRICS_PORT", instance.metrics.to_string())
            .env("AVERIS_BASE_DOMAIN", self.domain())
            // The edge, as all else here, is this machine.
            .env("AVERIS_TRUSTED_PROXIES", "127.0.0.1")
            .env("AVERIS_TRACE_PARENTS", "any")
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

    fn domain(&self) -> &'static str {
        match self.ingress {
            Ingress::Plain(_) => "localhost",
            Ingress::Edge(_) => edge::DOMAIN,
        }
    }

    /// Returns where the ingress is, without a slash at the end.
    #[must_use]
    pub fn base(&self) -> String {
        match &self.ingress {
            Ingress::Plain(port) => format!("http://127.0.0.1:{port}"),
            Ingress::Edge(edge) => edge.url(None),
        }
    }

    /// Returns what is deployed before the services.
    ///
    /// # Panics
    /// When something simpler stands there.
    #[must_use]
    pub fn edge(&self) -> &Edge {
        match &self.ingress {
            Ingress::Plain(_) => panic!("it was not started behind the edge"),
            Ingress::Edge(edge) => edge,
        }
    }

    /// Returns an admin of the platform at its own address.
    #[must_use]
    pub fn admin(&self) -> Client {
        let platform = match &self.ingress {
            Ingress::Plain(_) => Client::new(&self.base(), "localhost"),
            Ingress::Edge(edge) => edge.platform(),
        };
        let roles = [GlobalRole::PlatformAdmin];
        platform.with_token(&platform::platform_token(&self.tokens, &roles))
    }

    fn under(&self, key: &str) -> Client {
        match &self.ingress {
            Ingress::Plain(_) => Client::new(&self.base(), &format!("{key}.localhost")),
            Ingress::Edge(edge) => edge.client(key, Strategy::Subdomain),
        }
    }

    /// Provisions a tenant.
    pub async fn tenant(&self, prefix: &str) -> FleetTenant {
        let key = unique_key(prefix).to_string();
        let body = json!({"key": key, "name": key, "subscription_tier": "enterprise"});
        let made: Answer = self.admin().post("/api/tenant/v1/tenants", &body).await;
        let id = made.expect(201).id().parse().expect("an id");
        let staff = platform::token_in(&self.tokens, id, &[TenantRole::TenantAdmin]);
        FleetTenant {
            staff: self.under(&key).with_token(&staff),
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

/// Waits until the instance of a service that listens there is ready.
async fn wait(name: &str, port: u16) {
    let health = Client::new(&format!("http://127.0.0.1:{port}"), "localhost");
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

/// Asks a process to stop.
///
/// # Panics
/// When it does not run.
pub async fn terminate(child: &Child) {
    let id = child.id().expect("it runs").to_string();
    let asked = Command::new("kill").args(["-TERM", &id]).status().await;
    assert!(asked.expect("kill").success());
}

/// The binary of a service, beside which the test itself was built.
#[must_use]
pub fn binary(service: &str) -> PathBuf {
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
