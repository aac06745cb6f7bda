//! Who may do what, and what the document says of it.

use averis_test_kit::{ask_everything, assert_described, assert_each_code_is_met, assert_open};
use serde_json::json;
use uuid::Uuid;

use crate::setup::{path, platform, receive, reserve, warehouse};

#[test]
fn the_document_says_what_every_services_has_to() {
    let document = averis_erp::document();
    let routes = include_str!("../../src/routes.rs");
    assert_described(&document, routes, averis_erp::codes::ALL);
}

#[test]
fn every_code_of_this_service_is_met_by_a_test() {
    assert_each_code_is_met(env!("CARGO_MANIFEST_DIR"), averis_erp::codes::ALL);
}

#[actix_web::test]
async fn every_operation_lets_in_who_may_and_nobody_else() {
    let platform = platform().await;
    let own = platform.tenant("own").await;
    let other = platform.tenant("other").await;
    let document = averis_erp::document();
    assert_open(&document, &[]);
    let asked = ask_everything(&platform, &own, &other, &document).await;
    eprintln!("{} requests, {} let in", asked.requests, asked.admitted);
    assert!(asked.requests > 500 && asked.admitted > 50, "{asked:?}");
}

#[actix_web::test]
async fn s30_another_tenants_stock_is_not_there() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await.client;
    let globex = platform.tenant("globex").await.client;
    let place = warehouse(&acme, "BER", 1).await;
    receive(&acme, "LAMP", &place, 5).await;
    let owner = Uuid::now_v7();
    let _ = reserve(&acme, owner, &[("LAMP", 1)]).await.expect(200);
    let made = acme.get(&path("/warehouses")).await.expect(200).body["data"][0]["id"].clone();
    let made = made.as_str().expect("an id");
    for address in [
        format!("/warehouses/{made}"),
        format!("/reservations/{owner}"),
    ] {
        let _ = acme.get(&path(&address)).await.expect(200);
        globex
            .get(&path(&address))
            .await
            .expect_problem(404, "not_found");
    }
    for list in [
        "/warehouses",
        "/stock-levels",
        "/stock-moves",
        "/stock-levels?sku=LAMP",
    ] {
        let listed = globex.get(&path(list)).await.expect(200);
        assert_eq!(listed.body["data"], json!([]), "{list}");
    }
    let there = globex
        .get(&path("/availability?sku=LAMP"))
        .await
        .expect(200);
    assert_eq!(there.body["data"][0]["available"], 0);
    let body = json!({"kind": "receipt", "cause": "x", "lines": [{"sku": "LAMP", "location_id": place, "quantity": 1}]});
    let foreign = globex.post(&path("/stock-moves"), &body).await;
    foreign.expect_problem(422, "unknown_location");
    for command in ["commit", "consume"] {
        let address = path(&format!("/reservations/{owner}/{command}"));
        let line = json!({"sku": "LAMP", "location_id": place, "quantity": 1});
        let body = if command == "commit" {
            json!({})
        } else {
            json!({"cause": "x", "lines": [line]})
        };
        globex
            .post(&address, &body)
            .await
            .expect_problem(404, "not_found");
    }
}
