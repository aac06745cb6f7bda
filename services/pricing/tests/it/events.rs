//! What this service knows of launched products.

use std::time::{Duration, Instant};

use averis_tenant_context::Domain;
use averis_test_kit::launch::launch_product;
use averis_test_kit::{Answer, Setup, TestPlatform, TestTenant, identity};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::setup::{draft, path, platform};

/// Asks until `done` says yes, for at most a minute.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not within a minute");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn deliver(
    platform: &TestPlatform,
    tenant: &TestTenant,
    from: &str,
    events: &[Value],
) -> Answer {
    let token = identity(from)
        .sign("pricing", Some(tenant.id), None)
        .expect("a token");
    let address = format!("/internal/pricing/v1/tenants/{}/events", tenant.key);
    let request = platform.client.with_token(&token);
    Answer::of(
        request
            .request(Method::POST, &address)
            .json(&json!({"events": events})),
    )
    .await
}

fn event(product: Uuid, version: i64, status: &str, skus: &[&str]) -> Value {
    let variants: Vec<Value> = skus
        .iter()
        .map(|sku| {
            json!({"sku": sku, "product_id": product, "version": version, "active": status == "active",
                "kind": "physical", "taxable": true, "tax_category": null})
        })
        .collect();
    json!({"id": Uuid::now_v7(), "seq": version, "kind": "product.launched", "subject": product, "at": "2026-01-01T00:00:00Z",
        "data": {"product_id": product, "version": version, "status": status, "rev": 1, "variants": variants}})
}

#[actix_web::test]
async fn events_come_in_any_order_and_as_often_as_they_like() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let product = Uuid::now_v7();
    let launched = event(product, 3, "active", &["S1", "S2"]);
    let suspended = event(product, 4, "suspended", &[]);
    let resumed = event(product, 5, "active", &[]);
    let database = platform.database.connect().await;
    let schema = format!("tenant_{}_pricing", acme.key);
    let known = async || -> Vec<(String, i64, bool)> {
        let sql = format!("SELECT sku, as_of, active FROM {schema}.known_skus ORDER BY sku");
        let rows = database.query(&sql, &[]).await.expect("rows");
        rows.iter()
            .map(|row| (row.get(0), row.get(1), row.get(2)))
            .collect()
    };
    let is = |as_of, active| {
        vec![
            ("S1".to_owned(), as_of, active),
            ("S2".to_owned(), as_of, active),
        ]
    };
    let taken = deliver(&platform, &acme, "product", std::slice::from_ref(&launched))
        .await
        .expect(200);
    assert_eq!(taken.body, json!({"new": 1}));
    assert_eq!(known().await, is(3, true));
    let batch = [resumed.clone(), suspended.clone(), launched.clone()];
    let taken = deliver(&platform, &acme, "product", &batch)
        .await
        .expect(200);
    assert_eq!(taken.body, json!({"new": 2}));
    assert_eq!(known().await, is(5, true), "what is older changes nothing");
    let again = deliver(&platform, &acme, "product", &batch)
        .await
        .expect(200);
    assert_eq!(again.body, json!({"new": 0}));
    let older = event(product, 2, "archived", &["S1"]);
    let _ = deliver(&platform, &acme, "product", &[older])
        .await
        .expect(200);
    assert_eq!(known().await, is(5, true));
    for from in ["pricing", "tenant", "ecomm"] {
        let forged = event(product, 9, "archived", &["S1"]);
        deliver(&platform, &acme, from, &[forged])
            .await
            .expect_problem(401, "invalid_token");
    }
    assert_eq!(known().await, is(5, true));
}

#[actix_web::test]
async fn pricing_refuses_skus_that_staging_does_not_know_and_asks_for_those_that_it_does() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let client = &acme.client;
    draft(client, "S1", 1, "EUR", json!({}))
        .await
        .expect_problem(422, "unknown_sku");
    launch_product(client, "thing", &["S1"]).await;
    let drafted = draft(client, "s1", 1, "EUR", json!({})).await.expect(201);
    assert_eq!(drafted.body["sku"], "s1");
    let database = platform.database.connect().await;
    let schema = format!("tenant_{}_pricing", acme.key);
    let forget = format!("DELETE FROM {schema}.known_skus");
    database.batch_execute(&forget).await.expect("forgotten");
    let _ = draft(client, "S1", 1, "EUR", json!({})).await.expect(201);
    let explained = client.get(&path("/prices/explain?sku=S1&country=DE")).await;
    explained.expect_problem(422, "no_catalog");
}

#[actix_web::test]
async fn while_the_product_service_is_away_nothing_unknown_is_priced() {
    let setup = Setup::new().await;
    let mut common = setup.service_config(Domain::Pricing);
    // Nobody listens there.
    common.urls.product = "http://127.0.0.1:1/".parse().expect("an address");
    let config = averis_pricing::Config {
        common,
        quote_lifetime: averis_pricing::DEFAULT_LIFETIME,
    };
    let pricing = averis_pricing::service(config).expect("the pricing service");
    let platform = setup.start(vec![pricing]);
    let acme = platform.tenant("acme").await;
    let away = draft(&acme.client, "S1", 1, "EUR", json!({})).await;
    away.expect_problem(503, "product_unavailable");
    assert!(away.headers.contains_key("retry-after"));
    // What is known already goes on.
    let product = Uuid::now_v7();
    let launched = event(product, 1, "active", &["S1"]);
    let _ = deliver(&platform, &acme, "product", &[launched])
        .await
        .expect(200);
    let _ = draft(&acme.client, "S1", 1, "EUR", json!({}))
        .await
        .expect(201);
}
