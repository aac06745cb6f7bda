//! What a tenant's own systems are told of its prices.

use averis_test_kit::webhooks::Hearer;
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use crate::setup::{path, platform, price, shop};

#[actix_web::test]
async fn that_a_price_begins_is_told_when_its_time_has_come() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1", "S2", "S3"]).await;
    let staff = &shop.client;
    let hearer = Hearer::start(staff).await;
    let now = price(staff, "S1", 900, "EUR", json!({})).await;
    let told = hearer.heard("price.activated", 1).await;
    assert_eq!(told, [json!({"id": now, "sku": "S1", "version": 2})]);
    // In two days; and one that is taken back before.
    let from = Utc::now() + TimeDelta::days(2);
    let later = json!({"valid_from": from});
    let waits = price(staff, "S2", 800, "EUR", later.clone()).await;
    let never = price(staff, "S3", 800, "EUR", later).await;
    let end = path(&format!("/prices/{never}/end"));
    let _ = staff.command(&end, 2, &json!({})).await.expect(200);
    // Two days later.
    let database = platform.database.connect().await;
    let starts = format!("tenant_{}_pricing.price_starts", acme.key);
    let past = format!("UPDATE {starts} SET starts_at = now() - interval '1 second'");
    assert_eq!(database.execute(&past, &[]).await.expect("changed"), 2);
    let told: Vec<Value> = hearer.heard("price.activated", 2).await;
    assert_eq!(told[1], json!({"id": waits, "sku": "S2", "version": 2}));
    // What comes after it is told, and nothing besides.
    let last = price(staff, "S3", 700, "EUR", json!({})).await;
    let told = hearer.heard("price.activated", 3).await;
    assert_eq!(told[2]["id"], last);
    let left = format!("SELECT count(*) FROM {starts}");
    let left = database.query_one(&left, &[]).await.expect("a count");
    assert_eq!(left.get::<_, i64>(0), 0);
}
