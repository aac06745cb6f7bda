//! Who may do what, and what the document says of it.

use averis_test_kit::{ask_everything, assert_described, assert_each_code_is_met, assert_open};
use reqwest::Method;
use serde_json::json;

use crate::setup::{Shop, command, path, placed, three_lamps, work};

#[test]
fn the_document_says_what_every_services_has_to() {
    let document = averis_oms::document();
    let routes = include_str!("../../src/routes.rs");
    assert_described(&document, routes, averis_oms::codes::ALL);
}

#[test]
fn every_code_of_this_service_is_met_by_a_test() {
    assert_each_code_is_met(env!("CARGO_MANIFEST_DIR"), averis_oms::codes::ALL);
}

#[actix_web::test]
async fn every_operation_lets_in_who_may_and_nobody_else() {
    let shop = Shop::start().await;
    let own = shop.platform.tenant("own").await;
    let other = shop.platform.tenant("other").await;
    let document = averis_oms::document();
    // What a provider tells is let in by its signature.
    assert_open(
        &document,
        &[(Method::POST, "/api/oms/v1/payment-webhooks/{provider}")],
    );
    let asked = ask_everything(&shop.platform, &own, &other, &document).await;
    eprintln!("{} requests, {} let in", asked.requests, asked.admitted);
    assert!(asked.requests > 400 && asked.admitted > 40, "{asked:?}");
}

#[actix_web::test]
async fn s30_another_tenants_orders_are_not_there() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let globex = shop.tenant("globex").await.client;
    let id = placed(&acme, &three_lamps(), None).await;
    let work = work(&acme, &id).await[0]["id"].clone();
    let work = work.as_str().expect("an id");
    for address in [
        format!("/orders/{id}"),
        format!("/orders/{id}/events"),
        format!("/orders/{id}/transactions"),
        format!("/orders/{id}/shipments"),
        format!("/fulfilment-orders/{work}"),
    ] {
        let _ = acme.get(&path(&address)).await.expect(200);
        globex
            .get(&path(&address))
            .await
            .expect_problem(404, "not_found");
    }
    for list in ["/orders", "/fulfilment-orders"] {
        let listed = globex.get(&path(list)).await.expect(200);
        assert_eq!(listed.body["data"], json!([]), "{list}");
    }
    for name in ["authorise", "cancel"] {
        let body = if name == "cancel" {
            json!({"reason": "x"})
        } else {
            json!({})
        };
        command(&globex, &id, name, body)
            .await
            .expect_problem(404, "not_found");
    }
    let slip = json!({"slip": "x"});
    globex
        .post(&path(&format!("/fulfilment-orders/{work}/ship")), &slip)
        .await
        .expect_problem(404, "not_found");
}
