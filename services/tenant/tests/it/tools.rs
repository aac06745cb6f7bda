//! What several tests need.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use averis_test_kit::{Answer, Client, Database, TestPlatform, TestTenant, unique_key};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use uuid::Uuid;

pub const TENANTS: &str = "/api/tenant/v1/tenants";

/// The address of a tenant, or of a command on it.
pub fn path(tenant: &TestTenant, rest: &str) -> String {
    format!("{TENANTS}/{}{rest}", tenant.id)
}

/// Returns a body that an operation accepts, so that nothing but the id can be what it refuses.
pub fn acceptable_body(method: &Method, path: &str) -> Value {
    match (method.as_str(), path.rsplit('/').next()) {
        ("POST", Some("change-subdomain")) => json!({"subdomain": unique_key("x")}),
        ("POST", Some("purge")) => json!({"confirm_key": "anything"}),
        ("POST", Some("rotate")) => json!({"overlap_minutes": 0}),
        ("POST", Some("replay")) => json!({"from": "2026-11-28T00:00:00Z"}),
        ("PATCH", _) if path.contains("/members/") => json!({"roles": ["read_only"]}),
        ("PATCH", _) if path.contains("/tenants/") => json!({"name": "Mine"}),
        _ => json!({}),
    }
}

/// Things of one tenant, one of each kind that has an id.
pub struct Things {
    pub tenant: Uuid,
    pub member: Uuid,
    pub api_key: Uuid,
    pub grant: Uuid,
    /// One that nothing is sent to.
    pub webhook_endpoint: Uuid,
    /// What another one is sent, where nobody hears.
    pub webhook_delivery: Uuid,
}

impl Things {
    /// Makes them.
    pub async fn of(platform: &TestPlatform, tenant: &TestTenant) -> Self {
        let make = async |client: &Client, path: &str, body: Value| {
            let made = client.post(path, &body).await.expect(201);
            made.id().parse::<Uuid>().expect("an id")
        };
        let email = format!("{}@{}.example", unique_key("ana"), tenant.key);
        let member = json!({"email": email, "roles": ["read_only"]});
        let api_key = json!({"name": "Nightly import", "scopes": ["product:read"]});
        let grant = json!({"tenant": tenant.key, "reason": "asked by the tenant", "minutes": 5});
        let webhooks = "/api/tenant/v1/webhook-endpoints";
        let quiet = json!({"url": "http://127.0.0.1:9/", "event_types": ["order.placed"]});
        let own = &tenant.client;
        let webhook_endpoint = make(own, webhooks, quiet.clone()).await;
        let tested = make(own, webhooks, quiet).await;
        Self {
            webhook_endpoint,
            webhook_delivery: make(own, &format!("{webhooks}/{tested}/test"), json!({})).await,
            tenant: tenant.id,
            member: make(own, "/api/tenant/v1/members", member).await,
            api_key: make(own, "/api/tenant/v1/api-keys", api_key).await,
            grant: make(&platform.client, "/api/tenant/v1/support-grants", grant).await,
        }
    }

    /// Returns the ids of all of them.
    pub fn ids(&self) -> [Uuid; 6] {
        let Self {
            tenant,
            member,
            api_key,
            grant,
            webhook_endpoint,
            webhook_delivery,
        } = *self;
        [
            tenant,
            member,
            api_key,
            grant,
            webhook_endpoint,
            webhook_delivery,
        ]
    }

    /// Returns all that is to be seen of the tenant, as text.
    pub async fn look(&self, platform: &TestPlatform, tenant: &TestTenant) -> String {
        let mut seen = String::new();
        for path in [path(tenant, ""), format!("{TENANTS}?key={}", tenant.key)] {
            seen += &platform.client.get(&path).await.expect(200).text;
        }
        let endpoint = format!("webhook-endpoints/{}", self.webhook_endpoint);
        for path in ["members", "api-keys", "support-grants", &endpoint] {
            let path = format!("/api/tenant/v1/{path}");
            seen += &tenant.client.get(&path).await.expect(200).text;
        }
        // How far a delivery is changes by itself.
        let lasting = self.ids().into_iter();
        for id in lasting.filter(|id| *id != self.webhook_delivery) {
            assert!(seen.contains(&id.to_string()), "{id} is not to be seen");
        }
        seen
    }

    /// Writes the id of the thing that an address of the document names, if it names one.
    pub fn fill(&self, path: &str) -> String {
        if !path.contains("{id}") {
            return path.to_owned();
        }
        let noun = path.split('/').nth(4).expect("a noun");
        let id = match noun {
            "tenants" => self.tenant,
            "members" => self.member,
            "api-keys" => self.api_key,
            "support-grants" => self.grant,
            "webhook-endpoints" => self.webhook_endpoint,
            "webhook-deliveries" => self.webhook_delivery,
            other => panic!("no test makes one of the {other}"),
        };
        path.replace("{id}", &id.to_string())
    }
}

/// GET under a request id, so that answers can be compared byte by byte.
pub async fn get_as(client: &Client, id: &str, path: &str) -> Answer {
    Answer::of(client.request(Method::GET, path).header("x-request-id", id)).await
}

/// Sends a command in the version that the tenant has now.
pub async fn command(platform: &TestPlatform, tenant: &TestTenant, verb: &str) -> Answer {
    let now = platform.client.get(&path(tenant, "")).await.expect(200);
    let body = match verb {
        "purge" => json!({"confirm_key": tenant.key}),
        _ => json!({}),
    };
    let path = path(tenant, &format!("/{verb}"));
    platform.client.command(&path, now.version(), &body).await
}

/// Sends bytes as they are and returns status and body.
pub async fn raw(address: SocketAddr, request: &[u8]) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(request).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    let answer = String::from_utf8(answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status");
    (
        status.parse().expect("a number"),
        serde_json::from_str(body).unwrap_or(Value::Null),
    )
}

/// Asks again and again until `look` is content, for at most a second, and returns how long that took.
pub async fn within_a_second(what: &str, mut look: impl AsyncFnMut() -> bool) -> Duration {
    within(Duration::from_secs(1), what, &mut look).await
}

/// Asks again and again until `look` is content, for at most that time.
pub async fn within(limit: Duration, what: &str, look: &mut impl AsyncFnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !look().await {
        assert!(start.elapsed() < limit, "{what}: not within {limit:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    start.elapsed()
}

/// Says that a subdomain was given up long ago, so that others may have it.
pub async fn end_quarantine(database: &Database, subdomain: &str) {
    let admin = database.connect().await;
    let long_ago = "UPDATE platform_shared.released_subdomains SET released_at = now() - interval '1 year' \
                    WHERE subdomain = $1";
    let changed = admin.execute(long_ago, &[&subdomain]).await;
    assert_eq!(changed.expect("an update"), 1, "{subdomain}");
}

/// Asks for one number.
pub async fn count(database: &Database, sql: &str) -> i64 {
    let admin = database.connect().await;
    admin.query_one(sql, &[]).await.expect("a row").get(0)
}

/// Returns how many schemas and roles a tenant has.
pub async fn schemas_and_roles(database: &Database, key: &str) -> (i64, i64) {
    let count = async |catalog: &str, name: &str| {
        let sql = format!("SELECT count(*) FROM {catalog} WHERE {name} LIKE 'tenant\\_{key}\\_%'");
        count(database, &sql).await
    };
    (
        count("pg_namespace", "nspname").await,
        count("pg_roles", "rolname").await,
    )
}
