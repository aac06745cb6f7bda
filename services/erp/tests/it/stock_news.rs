//! What a tenant's own systems are told of its stock.

use averis_test_kit::Client;
use averis_test_kit::webhooks::Hearer;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::setup::{moved, one_tenant, path, receive, reserve, settle, warehouse};

async fn limits(staff: &Client, place: &str, safety: i64, reorder_point: Option<i64>) -> Value {
    let body = json!({"sku": "LAMP", "location_id": place, "safety": safety, "backorder_limit": 0, "reorder_point": reorder_point});
    let set = staff.post(&path("/stock-limits"), &body).await;
    set.expect(200).body
}

fn of(place: &str, available: i64, reorder_point: i64) -> Value {
    json!({"id": place, "sku": "LAMP", "location_id": place, "available": available, "reorder_point": reorder_point})
}

#[actix_web::test]
async fn it_is_told_when_stock_runs_low_or_out_and_when_it_is_back() {
    let (_platform, acme) = one_tenant().await;
    let hearer = Hearer::start(&acme).await;
    let place = warehouse(&acme, "BER", 1).await;
    receive(&acme, "LAMP", &place, 10).await;
    assert_eq!(hearer.heard("inventory.back", 1).await, [of(&place, 10, 0)]);
    assert_eq!(limits(&acme, &place, 0, Some(4)).await["reorder_point"], 4);
    // What checkouts hold is not to be sold: down to five, to four, and to three.
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    for (owner, quantity) in [(Uuid::now_v7(), 5), (first, 1), (second, 1)] {
        let _ = reserve(&acme, owner, &[("LAMP", quantity)])
            .await
            .expect(200);
    }
    assert_eq!(hearer.heard("inventory.low", 1).await, [of(&place, 4, 4)]);
    // What is not said stays as it was.
    assert_eq!(limits(&acme, &place, 3, None).await["reorder_point"], 4);
    assert_eq!(hearer.heard("inventory.out", 1).await, [of(&place, 0, 4)]);
    let _ = settle(&acme, second, "release").await.expect(200);
    assert_eq!(hearer.heard("inventory.back", 2).await[1], of(&place, 1, 4));
    let _ = moved(&acme, "scrap", "broken", &[("LAMP", &place, 1)])
        .await
        .expect(201);
    assert_eq!(hearer.heard("inventory.out", 2).await[1], of(&place, 0, 4));
    // More than enough at once is back, and no more than that; and it runs low again.
    receive(&acme, "LAMP", &place, 9).await;
    assert_eq!(hearer.heard("inventory.back", 3).await[2], of(&place, 9, 4));
    let _ = reserve(&acme, Uuid::now_v7(), &[("LAMP", 6)])
        .await
        .expect(200);
    assert_eq!(hearer.heard("inventory.low", 2).await[1], of(&place, 3, 4));
    // A reservation that is refused has changed nothing.
    reserve(&acme, Uuid::now_v7(), &[("LAMP", 4)])
        .await
        .expect_problem(409, "out_of_stock");
    receive(&acme, "LAMP", &place, 1).await;
    let _ = reserve(&acme, Uuid::now_v7(), &[("LAMP", 4)])
        .await
        .expect(200);
    assert_eq!(hearer.heard("inventory.out", 3).await[2], of(&place, 0, 4));
    assert_eq!(hearer.heard("inventory.back", 3).await.len(), 3);
}

#[actix_web::test]
async fn of_what_lies_aside_nothing_is_told() {
    let (_platform, acme) = one_tenant().await;
    let hearer = Hearer::start(&acme).await;
    let _ = warehouse(&acme, "BER", 1).await;
    let all = acme.get(&path("/warehouses")).await.expect(200).body;
    let aside = all["data"][0]["quarantine_location_id"].clone();
    let aside = aside.as_str().expect("a place");
    receive(&acme, "LAMP", aside, 10).await;
    let place = warehouse(&acme, "HAM", 2).await;
    receive(&acme, "LAMP", &place, 2).await;
    assert_eq!(hearer.heard("inventory.back", 1).await, [of(&place, 2, 0)]);
}
