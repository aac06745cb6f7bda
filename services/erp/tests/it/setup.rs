//! What the tests of this service start with, and what many of them do.

use std::collections::BTreeMap;

use averis_tenant_context::Domain;
use averis_test_kit::{Answer, Client, Setup, TestPlatform};
use serde_json::{Value, json};
use uuid::Uuid;

/// Starts the tenant and ERP services.
pub async fn platform() -> TestPlatform {
    let setup = Setup::new().await;
    let config = averis_erp::Config {
        common: setup.service_config(Domain::Erp),
        reservation_lifetime: averis_erp::DEFAULT_LIFETIME,
    };
    setup.start(vec![averis_erp::service(config).expect("the service")])
}

/// Starts both services and makes a tenant.
pub async fn one_tenant() -> (TestPlatform, Client) {
    let platform = platform().await;
    let client = platform.tenant("acme").await.client;
    (platform, client)
}

pub fn path(rest: &str) -> String {
    format!("/api/erp/v1{rest}")
}

/// Makes a warehouse and returns the place of its stock.
pub async fn warehouse(client: &Client, code: &str, priority: i32) -> String {
    let body = json!({"code": code, "name": code, "country": "DE", "priority": priority});
    let made = client.post(&path("/warehouses"), &body).await.expect(201);
    made.body["stock_location_id"]
        .as_str()
        .expect("a place")
        .to_owned()
}

/// Moves so much of SKUs in one way.
pub async fn moved(
    client: &Client,
    kind: &str,
    cause: &str,
    lines: &[(&str, &str, i64)],
) -> Answer {
    let lines: Vec<Value> = lines
        .iter()
        .map(|(sku, place, quantity)| json!({"sku": sku, "location_id": place, "quantity": quantity}))
        .collect();
    let body = json!({"kind": kind, "cause": cause, "lines": lines});
    client.post(&path("/stock-moves"), &body).await
}

/// Receives so much of a SKU at a place.
pub async fn receive(client: &Client, sku: &str, place: &str, quantity: i64) {
    let cause = format!("delivery {}", Uuid::now_v7());
    let _ = moved(client, "receipt", &cause, &[(sku, place, quantity)])
        .await
        .expect(201);
}

/// Reserves pieces of SKUs for an owner.
pub async fn reserve(client: &Client, owner: Uuid, lines: &[(&str, i64)]) -> Answer {
    let lines: Vec<Value> = lines
        .iter()
        .map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity}))
        .collect();
    let body = json!({"owner_id": owner, "lines": lines});
    client.post(&path("/reservations"), &body).await
}

/// Sends a command to what an owner has reserved.
pub async fn settle(client: &Client, owner: Uuid, command: &str) -> Answer {
    let address = path(&format!("/reservations/{owner}/{command}"));
    client.post(&address, &json!({})).await
}

/// Lets pieces leave that an owner has reserved.
pub async fn consume(
    client: &Client,
    owner: Uuid,
    cause: &str,
    lines: &[(&str, &str, i64)],
) -> Answer {
    let lines: Vec<Value> = lines
        .iter()
        .map(|(sku, place, quantity)| json!({"sku": sku, "location_id": place, "quantity": quantity}))
        .collect();
    let address = path(&format!("/reservations/{owner}/consume"));
    let body = json!({"cause": cause, "lines": lines});
    client.post(&address, &body).await
}

/// Reads what is there of a SKU at a place, as (on hand, reserved).
pub async fn level(client: &Client, sku: &str, place: &str) -> (i64, i64) {
    let address = path(&format!("/stock-levels?sku={sku}&location_id={place}"));
    let level = client.get(&address).await.expect(200).body["data"][0].clone();
    let of = |name: &str| level[name].as_i64().expect("a number");
    (of("on_hand"), of("reserved"))
}

/// Reads what of a SKU may be sold.
pub async fn available(client: &Client, sku: &str) -> i64 {
    let address = path(&format!("/availability?sku={sku}"));
    let read = client.get(&address).await.expect(200).body;
    read["data"][0]["available"].as_i64().expect("a number")
}

/// E1: recomputes all levels of a tenant from its moves and its reservations, and returns those that are others.
pub async fn drift(platform: &TestPlatform, key: &str) -> BTreeMap<String, String> {
    let schema = format!("tenant_{key}_erp");
    let sql = format!(
        "SELECT level.sku, format('on_hand %s, moves %s, reserved %s, lines %s', on_hand, moved, reserved, open)
         FROM (
             SELECT sku, on_hand, reserved,
                 (SELECT coalesce(sum(CASE WHEN to_id = location_id THEN quantity ELSE -quantity END), 0)
                  FROM {schema}.stock_moves AS move
                  WHERE move.folded = own.folded AND location_id IN (from_id, to_id)) AS moved,
                 (SELECT coalesce(sum(open), 0) FROM {schema}.reservation_lines AS line
                  WHERE line.folded = own.folded AND line.location_id = own.location_id) AS open
             FROM {schema}.stock_levels AS own
         ) AS level WHERE on_hand <> moved OR reserved <> open"
    );
    let rows = platform
        .database
        .connect()
        .await
        .query(&sql, &[])
        .await
        .expect("levels");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}
