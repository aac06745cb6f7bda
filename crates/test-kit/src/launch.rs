//! Products on their way to shops, for tests of whatever comes after.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::platform::colleague_of;

const PRODUCTS: &str = "/api/product/v1/products";

/// Sends a command to a section of a product as it is now.
pub async fn section_command(
    client: &Client,
    id: &str,
    section: &str,
    verb: &str,
    body: &Value,
) -> Answer {
    let path = format!("{PRODUCTS}/{id}");
    let version = client.get(&path).await.expect(200).version();
    let address = format!("{path}/sections/{section}/{verb}");
    client.command(&address, version, body).await
}

/// Has whatever section of a product is not approved submitted by the caller and approved by somebody else.
pub async fn approve(client: &Client, id: &str) {
    let colleague = colleague_of(client);
    let sections = format!("{PRODUCTS}/{id}/sections");
    for section in client.get(&sections).await.expect(200).body["data"]
        .as_array()
        .expect("sections")
    {
        let name = section["section"].as_str().expect("a name");
        if section["status"] == "open" {
            let submitted = section_command(client, id, name, "submit", &json!({})).await;
            let _ = submitted.expect(200);
        }
        if section["status"] != "approved" {
            let approved = section_command(&colleague, id, name, "approve", &json!({})).await;
            let _ = approved.expect(200);
        }
    }
}

/// Gives a command to a product and returns what it is now. Before a launch all its sections are approved.
pub async fn command(client: &Client, id: &str, name: &str) -> Answer {
    if name == "launch" {
        approve(client, id).await;
    }
    let path = format!("{PRODUCTS}/{id}");
    let version = client.get(&path).await.expect(200).version();
    let address = format!("{path}/{name}");
    let answer = client.command(&address, version, &json!({})).await;
    answer.expect(200)
}

/// Drafts a product with variants of these SKUs, has it approved, launches it, and returns its id once shops can read it, which
/// is a moment later.
pub async fn launch_product(client: &Client, key: &str, skus: &[&str]) -> String {
    let variants: Vec<Value> = skus
        .iter()
        .map(|sku| json!({"sku": sku, "option_values": [sku]}))
        .collect();
    let body = json!({"key": key, "name": key, "description": key, "options": ["SKU"], "variants": variants});
    let id = client.post(PRODUCTS, &body).await.expect(201).id();
    command(client, &id, "launch").await;
    let staged = format!("/api/product/v1/staging/products/{id}");
    let deadline = Instant::now() + Duration::from_secs(60);
    while client.get(&staged).await.status != 200 {
        assert!(Instant::now() < deadline, "{key} is not staged");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    id
}
