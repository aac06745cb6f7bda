//! What the tests of this service start with, and what many of them do.

use std::time::{Duration, Instant};

use averis_tenant_context::Domain;
pub use averis_test_kit::launch::{approve, command, section_command};
use averis_test_kit::{Answer, Client, Setup, TestPlatform};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

pub const API: &str = "/api/product/v1";

/// Starts the tenant service and the product service.
pub async fn platform() -> TestPlatform {
    start(Setup::new().await)
}

/// Starts both services as `setup` says.
pub fn start(setup: Setup) -> TestPlatform {
    start_with(setup, 1 << 30)
}

/// Starts both services with that limit for imported files.
pub fn start_with(setup: Setup, max_import_bytes: u64) -> TestPlatform {
    let common = setup.service_config(Domain::Product);
    let config = averis_product::Config {
        common,
        max_import_bytes,
    };
    let product = averis_product::service(config).expect("the product service");
    setup.start(vec![product])
}

/// Starts both services and makes a tenant.
pub async fn one_tenant() -> (TestPlatform, Client) {
    let platform = platform().await;
    let client = platform.tenant("acme").await.client;
    (platform, client)
}

pub fn path(rest: &str) -> String {
    format!("{API}{rest}")
}

pub fn product_path(id: &str) -> String {
    format!("{API}/products/{id}")
}

/// Drafts a product with a key and whatever `more` says.
pub async fn draft(client: &Client, key: &str, more: Value) -> Answer {
    let mut body =
        json!({"key": key, "name": format!("Name of {key}"), "description": "What it is."});
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    let answer = client.post(&path("/products"), &body).await;
    answer.expect(201)
}

/// Drafts a product with one variant, whose SKU is the key.
pub async fn sellable(client: &Client, key: &str) -> Answer {
    draft(client, key, json!({"variants": [{"sku": key}]})).await
}

/// The sections of a product, in their order.
pub const SECTIONS: [&str; 5] = ["marketing", "legal", "finance", "salesops", "contracts"];

/// Launches a product and waits until it is in the copy that shops read.
pub async fn launched(client: &Client, id: &str) -> Value {
    command(client, id, "launch").await;
    staged(client, id).await
}

/// Waits until the copy that shops read has a product as it is now, and returns what the feed tells of it.
pub async fn staged(client: &Client, id: &str) -> Value {
    let product = client.get(&product_path(id)).await.expect(200).body;
    until("the product is staged", async || {
        let changes = changes(client).await;
        let own = changes.into_iter().find(|one| one["product_id"] == id)?;
        let is_there = own["rev"] == product["launched_rev"] && own["status"] == product["status"];
        is_there.then_some(own)
    })
    .await
}

/// Reads the whole feed of changes.
pub async fn changes(client: &Client) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut after = json!(0);
    loop {
        let address = path(&format!("/staging/changes?after={after}"));
        let page = client.get(&address).await.expect(200).body;
        rows.extend(page["data"].as_array().expect("changes").iter().cloned());
        after = page["next_after"].clone();
        if page["more"] == false {
            return rows;
        }
    }
}

/// Reads a whole list, page by page.
pub async fn all(client: &Client, list: &str) -> Vec<Value> {
    let mark = if list.contains('?') { '&' } else { '?' };
    let mut rows = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = client.get(&format!("{list}{cursor}")).await.expect(200);
        rows.extend(page.body["data"].as_array().expect("rows").iter().cloned());
        let Some(next) = page.body["next_cursor"].as_str() else {
            return rows;
        };
        cursor = format!("{mark}cursor={next}");
    }
}

pub fn strings<'a>(rows: &'a [Value], field: &str) -> Vec<&'a str> {
    let texts = rows.iter().map(|row| row[field].as_str());
    texts.map(|text| text.expect("a text")).collect()
}

/// Sends a file under that idempotency key.
pub async fn upload_as(client: &Client, key: &str, file: impl Into<Vec<u8>>) -> Answer {
    let request = client
        .request(Method::POST, &path("/imports?file_name=test.csv"))
        .header("idempotency-key", key)
        .header("content-type", "text/csv")
        .body(file.into());
    Answer::of(request).await
}

/// Sends a file.
pub async fn upload(client: &Client, file: impl Into<Vec<u8>>) -> Answer {
    upload_as(client, &Uuid::now_v7().to_string(), file).await
}

/// Asks until it answers, for at most three minutes: what takes seconds here takes longer on a machine that has much else to do.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(180);
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(
            Instant::now() < deadline,
            "{what}: not within three minutes"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits for the end of a job.
pub async fn ended(client: &Client, id: &str) -> Value {
    let address = path(&format!("/imports/{id}"));
    until("the import ends", async || {
        let job = client.get(&address).await.expect(200).body;
        matches!(job["status"].as_str(), Some("done" | "failed")).then_some(job)
    })
    .await
}

/// Imports a file to its end.
pub async fn import(client: &Client, file: impl Into<Vec<u8>>) -> Value {
    let job = upload(client, file).await.expect(202);
    ended(client, &job.id()).await
}

/// Reads what was found in a file, as (row, code).
pub async fn report(client: &Client, job: &Value) -> Vec<(i64, String)> {
    let id = job["id"].as_str().expect("an id");
    let rows = all(client, &path(&format!("/imports/{id}/report?limit=250"))).await;
    rows.iter()
        .map(|row| {
            let code = row["code"].as_str().expect("a code").to_owned();
            (row["row"].as_i64().expect("a row"), code)
        })
        .collect()
}

/// Checks what a job has counted; what is not named must be zero, but for warnings.
#[track_caller]
pub fn assert_counts(job: &Value, expected: &Value) {
    for (name, count) in job["counts"].as_object().expect("counts") {
        if name == "warnings" {
            continue;
        }
        let wanted = expected.get(name).cloned().unwrap_or_else(|| json!(0));
        assert_eq!((name, count), (name, &wanted), "{job}");
    }
}
