//! What several tests need.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use averis_test_kit::{Answer, Client, Database, TestPlatform, TestTenant};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub const TENANTS: &str = "/api/tenant/v1/tenants";

/// The address of a tenant, or of a command on it.
pub fn path(tenant: &TestTenant, rest: &str) -> String {
    format!("{TENANTS}/{}{rest}", tenant.id)
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
