//! The services under test, in the test's own process and on a real port.

use std::net::{SocketAddr, TcpListener};

use averis_contracts::tenant::TenantClient;
use averis_service_kit::config::{Env, HttpConfig, ServiceConfig};
use averis_service_kit::serve::{Service, serve};
use averis_service_kit::telemetry;
use averis_service_kit::tenancy::TenantDirectory;
use averis_tenant_context::{Domain, TenantKey};
use averis_tenant_db::{LoginRole, PoolConfig};
use serde_json::json;
use url::Url;
use uuid::Uuid;

use crate::client::Client;
use crate::database::Database;

/// A running platform: the tenant service and the services that the test mounts.
pub struct TestPlatform {
    /// Its database.
    pub database: Database,
    /// Where it listens.
    pub address: SocketAddr,
    /// A caller at the platform's own address.
    pub client: Client,
    handle: actix_web::dev::ServerHandle,
}

/// What a test may choose before the services start.
pub struct Setup {
    /// Connections of each pool.
    pub pool: PoolConfig,
    /// Tenants that the database may hold.
    pub capacity: u32,
    /// Where services ask for tenants, when it is not the platform's own address: something in between.
    pub tenant_url: Option<Url>,
    /// The database.
    pub database: Database,
    listener: TcpListener,
}

/// A tenant of one test.
#[derive(Clone)]
pub struct TestTenant {
    /// Its key, which is its subdomain too.
    pub key: TenantKey,
    /// Its id.
    pub id: Uuid,
    /// A caller under the tenant's host name.
    pub client: Client,
}

/// Returns a key that no other test has.
#[must_use]
pub fn unique_key(prefix: &str) -> TenantKey {
    let unique = Uuid::new_v4().simple().to_string();
    format!("{prefix}{}", &unique[..14]).parse().expect("a key")
}

impl Setup {
    /// Takes the run's database and a free port.
    pub async fn new() -> Self {
        Self::on(Database::get().await)
    }

    /// Takes that database and a free port.
    #[must_use]
    pub fn on(database: Database) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        Self {
            pool: PoolConfig::sized(4),
            capacity: 1_000_000,
            tenant_url: None,
            database,
            listener,
        }
    }

    /// Returns the configuration of a domain's service.
    #[must_use]
    pub fn service_config(&self, domain: Domain) -> ServiceConfig {
        ServiceConfig {
            database: self.database.url(LoginRole::Service(domain)),
            pool: self.pool.clone(),
            tenant_url: self.tenant_url(),
            cursor_secret: secret(),
        }
    }

    fn tenant_url(&self) -> Url {
        self.tenant_url.clone().unwrap_or_else(|| self.base())
    }

    fn base(&self) -> Url {
        let address = self.listener.local_addr().expect("an address");
        Url::parse(&format!("http://{address}")).expect("an address")
    }

    /// Starts the tenant service and `services`.
    #[must_use]
    pub fn start(self, services: Vec<Service>) -> TestPlatform {
        telemetry::start(Env(&|name| {
            (name == "AVERIS_LOG").then(|| "error".to_owned())
        }))
        .expect("logging");
        let address = self.listener.local_addr().expect("an address");
        let base = self.base();
        let tenant = averis_tenant::Config {
            database: self.database.url(LoginRole::Tenant),
            provisioner: self.database.url(LoginRole::Provisioner),
            pool: self.pool.clone(),
            tenant_url: base.clone(),
            cursor_secret: secret(),
            capacity: self.capacity,
        };
        let mut all = vec![averis_tenant::service(tenant).expect("the tenant service")];
        all.extend(services);
        let http = HttpConfig::from_env(Env(&|_| None), 0).expect("defaults");
        let directory = TenantDirectory::new(
            TenantClient::new(self.tenant_url()).expect("a client"),
            self.database.url(LoginRole::Tenant),
        );
        let server = serve(self.listener, http, directory, all).expect("the server starts");
        let handle = server.handle();
        tokio::spawn(server);
        let client = Client::new(base.as_str().trim_end_matches('/'), "localhost");
        TestPlatform {
            database: self.database,
            address,
            client,
            handle,
        }
    }
}

fn secret() -> averis_service_kit::cursor::CursorSecret {
    "a-secret-for-tests-0123456789abcdef"
        .parse()
        .expect("long enough")
}

impl TestPlatform {
    /// Provisions a tenant for this test.
    pub async fn tenant(&self, prefix: &str) -> TestTenant {
        self.tenant_of_tier(prefix, "enterprise").await
    }

    /// Provisions a tenant of that tier for this test.
    pub async fn tenant_of_tier(&self, prefix: &str, tier: &str) -> TestTenant {
        let key = unique_key(prefix);
        let body = json!({"key": key, "name": format!("Tenant {key}"), "subscription_tier": tier});
        let answer = self
            .client
            .post("/api/tenant/v1/tenants", &body)
            .await
            .expect(201);
        let id = answer.id().parse().expect("an id");
        TestTenant {
            client: self.under(key.as_str()),
            key,
            id,
        }
    }

    /// Returns a caller under a subdomain.
    #[must_use]
    pub fn under(&self, subdomain: &str) -> Client {
        Client::new(
            &self.base(),
            &format!("{subdomain}.localhost:{}", self.address.port()),
        )
    }

    /// Returns the address for URLs, without a slash at the end.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops serving, after what has begun is finished.
    pub async fn stop(self) -> Database {
        self.handle.stop(true).await;
        self.database
    }
}
