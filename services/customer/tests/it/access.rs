//! Who may do what, and what the document says of it.

use averis_test_kit::{ask_everything, assert_described, assert_each_code_is_met, assert_open};
use serde_json::json;

use crate::setup::{company, path, platform};

#[test]
fn the_document_says_what_every_services_has_to() {
    let document = averis_customer::document();
    let routes = include_str!("../../src/routes.rs");
    assert_described(&document, routes, averis_customer::codes::ALL);
}

#[test]
fn every_code_of_this_service_is_met_by_a_test() {
    assert_each_code_is_met(env!("CARGO_MANIFEST_DIR"), averis_customer::codes::ALL);
}

#[actix_web::test]
async fn every_operation_lets_in_who_may_and_nobody_else() {
    let platform = platform().await;
    let own = platform.tenant("own").await;
    let other = platform.tenant("other").await;
    let document = averis_customer::document();
    assert_open(&document, &[]);
    let asked = ask_everything(&platform, &own, &other, &document).await;
    eprintln!("{} requests, {} let in", asked.requests, asked.admitted);
    assert!(asked.requests > 2_000 && asked.admitted > 200, "{asked:?}");
}

#[actix_web::test]
async fn s30_another_tenants_people_are_not_there() {
    let platform = platform().await;
    let (acme, globex) = (
        platform.tenant("acme").await,
        platform.tenant("globex").await,
    );
    let body = json!({"email": "ana@example.test", "given_name": "Ana"});
    let customer = acme
        .client
        .post(&path("/customers"), &body)
        .await
        .expect(201)
        .id();
    let company = company(&acme.client, "One", 100).await;
    for address in [
        format!("/customers/{customer}"),
        format!("/customers/{customer}/addresses"),
        format!("/customers/{customer}/export"),
        format!("/customers/{customer}/context"),
        format!("/companies/{company}"),
        format!("/companies/{company}/members"),
        format!("/companies/{company}/locations"),
        format!("/companies/{company}/approval-rules"),
    ] {
        let _ = acme.client.get(&path(&address)).await.expect(200);
        globex
            .client
            .get(&path(&address))
            .await
            .expect_problem(404, "not_found");
    }
    for list in [
        "/customers",
        "/companies",
        "/approvals",
        "/credit-holds",
        "/customers?email=ana@example.test",
    ] {
        let listed = globex.client.get(&path(list)).await.expect(200);
        assert_eq!(listed.body["data"], json!([]), "{list}");
    }
    let erase = json!({"reason": "x"});
    let erase = globex
        .client
        .command(&path(&format!("/customers/{customer}/erase")), 1, &erase)
        .await;
    erase.expect_problem(404, "not_found");
    let hold = json!({"company_id": company, "checkout_id": customer, "amount": {"amount": 1, "currency": "EUR"}});
    let hold = globex.client.post(&path("/credit-holds"), &hold).await;
    hold.expect_problem(422, "unknown_company");
}
