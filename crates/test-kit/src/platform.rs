//! The services under test, in the test's own process and on a real port.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use averis_contracts::tenant::TenantClient;
use averis_identity::{MailConfig, ProvidersConfig};
use averis_service_kit::config::{Env, HttpConfig, LEFT_AFTER, ServiceConfig, ServiceUrls};
use averis_service_kit::serve::{Service, Stop, serve, serve_metrics};
use averis_service_kit::telemetry;
use averis_service_kit::tenancy::TenantDirectory;
use averis_tenant::{AccessTokens, Grantee, Targets, WebhooksConfig};
use averis_tenant_context::{Domain, GlobalRole, TenantKey, TenantRole};
use averis_tenant_db::{DatabaseUrl, LoginRole, PoolConfig};
use averis_tokens::{AccessClaims, ServiceIdentity, SigningSecret, TrustedServices, now_ms};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use url::Url;
use uuid::Uuid;

use crate::client::Client;
use crate::database::Database;
use crate::document::Operation;

/// A running platform: the tenant service and the services that the test mounts.
pub struct TestPlatform {
    /// Its database.
    pub database: Database,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where its metrics are.
    pub metrics: SocketAddr,
    /// An admin of the platform, at the platform's own address.
    pub client: Client,
    /// Makes tokens that the services accept.
    pub tokens: AccessTokens,
    mail: tempfile::TempDir,
    stop: Stop,
}

/// What a test may choose before the services start.
pub struct Setup {
    /// Connections of each pool.
    pub pool: PoolConfig,
    /// Tenants that the database may hold.
    pub capacity: u32,
    /// Where services ask for tenants, when it is not the platform's own address: something in between.
    pub tenant_url: Option<Url>,
    /// Where the directory of tenants listens to the database, when it is not the database's own address: something in
    /// between.
    pub listens_at: Option<SocketAddr>,
    /// When work counts as left by a crash in the tenant service.
    pub left_after: Duration,
    /// Whether requests are limited: tests ask faster than anybody may.
    pub rate_limits: bool,
    /// Identity providers besides local accounts.
    pub providers: ProvidersConfig,
    /// The database.
    pub database: Database,
    mail: tempfile::TempDir,
    listener: TcpListener,
}

/// A tenant of one test.
#[derive(Clone)]
pub struct TestTenant {
    /// Its key, which is its subdomain too.
    pub key: TenantKey,
    /// Its id.
    pub id: Uuid,
    /// An admin of the tenant, under the tenant's host name.
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
            listens_at: None,
            left_after: LEFT_AFTER,
            rate_limits: false,
            providers: ProvidersConfig::default(),
            database,
            mail: tempfile::tempdir().expect("a folder"),
            listener,
        }
    }

    /// Returns where services leave their mails: [`TestPlatform::mails_to`] reads them.
    #[must_use]
    pub fn mail_config(&self) -> MailConfig {
        MailConfig::Folder {
            path: self.mail.path().to_owned(),
            from: "averis@example.test".to_owned(),
        }
    }

    /// Returns the configuration of a domain's service.
    #[must_use]
    pub fn service_config(&self, domain: Domain) -> ServiceConfig {
        ServiceConfig {
            database: self.database.url(LoginRole::Service(domain)),
            pool: self.pool.clone(),
            urls: ServiceUrls {
                tenant: self.tenant_url(),
                ..ServiceUrls::all_at(&self.base())
            },
            cursor_secret: secret(),
            identity: identity(domain.as_str()),
            trusted: trusted(),
            left_after: LEFT_AFTER,
        }
    }

    fn tenant_url(&self) -> Url {
        self.tenant_url.clone().unwrap_or_else(|| self.base())
    }

    fn heard_database(&self) -> DatabaseUrl {
        let own = self.database.url_text(LoginRole::Tenant);
        let mut url = Url::parse(&own).expect("an address");
        if let Some(between) = self.listens_at {
            url.set_ip_host(between.ip())
                .expect("the address has a host");
            url.set_port(Some(between.port()))
                .expect("the address has a host");
        }
        url.as_str().parse().expect("an address")
    }

    fn base(&self) -> Url {
        let address = self.listener.local_addr().expect("an address");
        Url::parse(&format!("http://{address}")).expect("an address")
    }

    /// Starts the tenant service and `services`.
    #[must_use]
    pub fn start(self, services: Vec<Service>) -> TestPlatform {
        telemetry::start(
            Env(&|name| Ok((name == "AVERIS_LOG").then(|| "error".to_owned()))),
            "tests",
        )
        .expect("logging");
        let address = self.listener.local_addr().expect("an address");
        let base = self.base();
        let tenant = averis_tenant::Config {
            common: ServiceConfig {
                database: self.database.url(LoginRole::Tenant),
                pool: self.pool.clone(),
                urls: ServiceUrls::all_at(&base),
                cursor_secret: secret(),
                identity: identity("tenant"),
                trusted: trusted(),
                left_after: self.left_after,
            },
            provisioner: self.database.url(LoginRole::Provisioner),
            capacity: self.capacity,
            issuer: ISSUER.to_owned(),
            signing: signing(),
            mail: self.mail_config(),
            webhooks: WebhooksConfig {
                database: self.database.url(LoginRole::Service(Domain::Webhooks)),
                targets: Targets::Any,
                base_domain: "localhost".parse().expect("a domain"),
            },
            providers: self.providers.clone(),
            stytch_redirect: Some(Url::parse("https://shop.example.test/in").expect("an address")),
        };
        let mut all = vec![averis_tenant::service(tenant).expect("the tenant service")];
        all.extend(services);
        let mut http = HttpConfig::from_env(Env(&|_| Ok(None)), 0).expect("defaults");
        http.issuer = ISSUER.to_owned();
        http.rate_limits = self.rate_limits;
        let directory = TenantDirectory::new(
            TenantClient::new(self.tenant_url(), identity("averis")).expect("a client"),
            self.heard_database(),
            ISSUER,
        );
        let metrics = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let metrics_address = metrics.local_addr().expect("an address");
        tokio::spawn(serve_metrics(metrics).expect("the metrics are served"));
        let serving = serve(self.listener, http, directory, all).expect("the server starts");
        tokio::spawn(serving.server);
        let tokens = AccessTokens::new(signing(), ISSUER);
        let client = Client::new(base.as_str().trim_end_matches('/'), "localhost");
        let admin = platform_token(&tokens, &[GlobalRole::PlatformAdmin]);
        TestPlatform {
            database: self.database,
            address,
            metrics: metrics_address,
            client: client.with_token(&admin),
            tokens,
            mail: self.mail,
            stop: serving.stop,
        }
    }
}

/// `iss` of the tokens that the services under test accept.
pub const ISSUER: &str = "averis-under-test";

/// The names of services that call each other.
const SERVICES: [&str; 8] = [
    "averis", "customer", "ecomm", "erp", "oms", "pricing", "product", "tenant",
];

pub(crate) const SIGNING: &str = "what-tests-sign-access-tokens-with-0123456789";
pub(crate) const CURSORS: &str = "a-secret-for-tests-0123456789abcdef";

pub(crate) fn signing() -> SigningSecret {
    SIGNING.parse().expect("long enough")
}

pub(crate) fn service_secret(name: &str) -> String {
    format!("what-the-service-{name}-signs-with-in-tests")
}

/// Returns the identity of a service under test.
#[must_use]
pub fn identity(name: &str) -> ServiceIdentity {
    let secret = service_secret(name).parse().expect("long enough");
    ServiceIdentity::new(name, &secret)
}

pub(crate) fn trusted_keys() -> String {
    let keys = SERVICES.map(|name| identity(name).public().expect("a key"));
    keys.join(",")
}

fn trusted() -> TrustedServices {
    trusted_keys().parse().expect("keys")
}

/// Signs a token that lasts as long as any test.
fn lasting(tokens: &AccessTokens, grantee: &Grantee) -> String {
    let mut claims = tokens.claims(grantee, now_ms());
    claims.exp += 24 * 3600;
    tokens.sign_access(&claims).expect("a token")
}

pub(crate) fn platform_token(tokens: &AccessTokens, roles: &[GlobalRole]) -> String {
    let grantee = Grantee {
        subject: Uuid::now_v7(),
        session: Uuid::now_v7(),
        global_roles: roles.to_vec(),
        ..Grantee::default()
    };
    lasting(tokens, &grantee)
}

pub(crate) fn token_in(tokens: &AccessTokens, tenant: Uuid, roles: &[TenantRole]) -> String {
    token_of(tokens, Uuid::now_v7(), tenant, roles)
}

fn token_of(tokens: &AccessTokens, subject: Uuid, tenant: Uuid, roles: &[TenantRole]) -> String {
    let grantee = Grantee {
        subject,
        session: Uuid::now_v7(),
        tenant: Some(tenant),
        tenant_roles: roles.to_vec(),
        ..Grantee::default()
    };
    lasting(tokens, &grantee)
}

pub(crate) fn shopper_token(tokens: &AccessTokens, tenant: Uuid) -> String {
    let grantee = Grantee {
        subject: Uuid::now_v7(),
        session: Uuid::now_v7(),
        tenant: Some(tenant),
        shopper: true,
        ..Grantee::default()
    };
    lasting(tokens, &grantee)
}

fn secret() -> averis_service_kit::cursor::CursorSecret {
    CURSORS.parse().expect("long enough")
}

/// Returns somebody else with the role of an admin in the tenant of `client`, which has to show a token of one.
#[must_use]
pub fn colleague_of(client: &Client) -> Client {
    let claims = client.token().split('.').nth(1).expect("a token");
    let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64");
    let claims: AccessClaims = serde_json::from_slice(&claims).expect("claims");
    let grantee = Grantee {
        subject: Uuid::now_v7(),
        session: Uuid::now_v7(),
        tenant: claims.tenant,
        tenant_roles: vec![TenantRole::TenantAdmin],
        ..Grantee::default()
    };
    client.with_token(&lasting(&AccessTokens::new(signing(), ISSUER), &grantee))
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
        let admin = self.token_in(id, &[TenantRole::TenantAdmin]);
        TestTenant {
            client: self.under(key.as_str()).with_token(&admin),
            key,
            id,
        }
    }

    /// Returns a token of somebody with those roles in a tenant.
    #[must_use]
    pub fn token_in(&self, tenant: Uuid, roles: &[TenantRole]) -> String {
        token_in(&self.tokens, tenant, roles)
    }

    /// Returns a token of that person, with those roles in a tenant.
    #[must_use]
    pub fn token_of(&self, subject: Uuid, tenant: Uuid, roles: &[TenantRole]) -> String {
        token_of(&self.tokens, subject, tenant, roles)
    }

    /// Returns a token of an anonymous shopper in a tenant.
    #[must_use]
    pub fn shopper_token(&self, tenant: Uuid) -> String {
        shopper_token(&self.tokens, tenant)
    }

    /// Returns a token of somebody with those roles on the platform.
    #[must_use]
    pub fn platform_token(&self, roles: &[GlobalRole]) -> String {
        platform_token(&self.tokens, roles)
    }

    /// Returns somebody who may do everything that an operation asks for: an admin of the platform at its address where
    /// that is enough, else one of the tenant. It is nobody whom another call knows.
    #[must_use]
    pub fn admin_for(&self, operation: &Operation, tenant: &TestTenant) -> Client {
        if operation.is_for_the_platform() {
            let token = self.platform_token(&[GlobalRole::PlatformAdmin]);
            self.client.with_token(&token)
        } else {
            let token = self.token_in(tenant.id, &[TenantRole::TenantAdmin]);
            tenant.client.with_token(&token)
        }
    }

    /// Returns a caller under a subdomain, without a credential.
    #[must_use]
    pub fn under(&self, subdomain: &str) -> Client {
        Client::new(
            &self.base(),
            &format!("{subdomain}.localhost:{}", self.address.port()),
        )
    }

    /// Returns the texts of all mails to an address, oldest first.
    #[must_use]
    pub fn mails_to(&self, email: &str) -> Vec<String> {
        let files = std::fs::read_dir(self.mail.path()).into_iter().flatten();
        let mut mails: Vec<(std::time::SystemTime, String)> = files
            .flatten()
            .filter(|file| file.path().extension().is_some_and(|kind| kind == "eml"))
            .map(|file| {
                let text = std::fs::read_to_string(file.path()).expect("a mail");
                let at = file.metadata().and_then(|about| about.modified());
                (at.expect("a time"), text)
            })
            .filter(|(_, text)| text.lines().any(|line| line == format!("To: {email}")))
            .collect();
        mails.sort();
        mails.into_iter().map(|(_, text)| text).collect()
    }

    /// Returns the address for URLs, without a slash at the end.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops serving, after what has begun is finished.
    pub async fn stop(self) -> Database {
        self.stop.stop().await;
        self.database
    }
}
