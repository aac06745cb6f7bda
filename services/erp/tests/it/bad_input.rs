//! What is refused, and with which code.

use averis_test_kit::operations;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::setup::{one_tenant, path, reserve, warehouse};

#[actix_web::test]
async fn wrong_moves_and_reservations_are_refused_by_field() {
    let (_platform, acme) = one_tenant().await;
    let place = warehouse(&acme, "BER", 1).await;
    let other = warehouse(&acme, "HAM", 2).await;
    let line = |quantity: i64| json!({"sku": "LAMP", "location_id": place, "quantity": quantity});
    let to = |to: &str| json!({"sku": "LAMP", "location_id": place, "to_location_id": to, "quantity": 1});
    for (kind, line, pointer) in [
        ("receipt", line(0), "/lines/0/quantity"),
        ("receipt", line(-1), "/lines/0/quantity"),
        ("receipt", line(1_000_000_001), "/lines/0/quantity"),
        ("adjust", line(0), "/lines/0/quantity"),
        ("transfer", line(1), "/lines/0/to_location_id"),
        ("transfer", to(&place), "/lines/0/to_location_id"),
        ("scrap", to(&other), "/lines/0/to_location_id"),
        (
            "receipt",
            json!({"sku": "a,b", "location_id": place, "quantity": 1}),
            "/lines/0/sku",
        ),
    ] {
        let body = json!({"kind": kind, "cause": "c", "lines": [line]});
        let refused = acme.post(&path("/stock-moves"), &body).await;
        refused.expect_problem(422, "invalid");
        assert!(refused.text.contains(pointer), "{}", refused.text);
    }
    for body in [
        json!({"kind": "receipt", "cause": "", "lines": [line(1)]}),
        json!({"kind": "receipt", "cause": "c\u{7}", "lines": [line(1)]}),
        json!({"kind": "receipt", "cause": "c", "lines": []}),
    ] {
        acme.post(&path("/stock-moves"), &body)
            .await
            .expect_problem(422, "invalid");
    }
    for kind in ["issue", "return"] {
        let body = json!({"kind": kind, "cause": "c", "lines": [line(1)]});
        acme.post(&path("/stock-moves"), &body)
            .await
            .expect_problem(400, "malformed_body");
    }
    // Months of the books have four digits of a year.
    for day in ["+10000-01-01", "1899-12-31"] {
        let lines = [("1000", 5), ("3000", -5)].map(|(account, amount)| json!({"account": account, "amount": {"amount": amount, "currency": "EUR"}}));
        let body = json!({"posted_on": day, "cause": "c", "text": "t", "lines": lines});
        let refused = acme.post(&path("/entries"), &body).await;
        refused.expect_problem(422, "invalid");
        assert!(refused.text.contains("/posted_on"), "{}", refused.text);
    }
    // No negative, empty or huge quantity is reserved.
    for lines in [
        &[("LAMP", 0)][..],
        &[("LAMP", -5)],
        &[("LAMP", i64::MAX)],
        &[],
        &[("", 1)],
    ] {
        reserve(&acme, Uuid::now_v7(), lines)
            .await
            .expect_problem(422, "invalid");
    }
    for (address, status, code) in [
        ("/availability", 400, "invalid_query"),
        ("/availability?sku=", 422, "invalid"),
        ("/stock-levels?location_id=x", 400, "invalid_query"),
        ("/stock-levels?cursor=AAAA", 400, "invalid_cursor"),
        ("/stock-moves?kind=theft", 400, "invalid_query"),
        ("/stock-moves?cause=%00", 422, "invalid"),
        ("/warehouses?limit=0", 422, "invalid"),
    ] {
        acme.get(&path(address)).await.expect_problem(status, code);
    }
    let many = vec!["x"; 251].join(",");
    acme.get(&path(&format!("/availability?sku={many}")))
        .await
        .expect_problem(422, "invalid");
}

#[actix_web::test]
async fn every_body_of_a_wrong_form_is_refused() {
    let (_platform, acme) = one_tenant().await;
    let nobody = "0198c0de-0000-7000-8000-000000000000";
    let mut tested = 0;
    for operation in operations(&averis_erp::document()) {
        if operation.reads_a_body() && operation.body_type() == Some("application/json") {
            let address = operation.path.replace("{id}", nobody);
            acme.expect_wrong_bodies_refused(&operation.method, &address)
                .await;
            tested += 1;
        }
    }
    assert_eq!(tested, 24);
}

#[actix_web::test]
async fn queries_that_nobody_understands_are_refused() {
    let (_platform, acme) = one_tenant().await;
    for operation in operations(&averis_erp::document()) {
        if operation.method == Method::GET && !operation.names_a_thing() {
            let answer = acme.get(&format!("{}?nonsense=1", operation.path)).await;
            answer.expect_problem(400, "invalid_query");
        }
    }
}

#[actix_web::test]
async fn every_example_is_understood() {
    let (_platform, acme) = one_tenant().await;
    for operation in operations(&averis_erp::document()) {
        acme.expect_example_understood(&operation).await;
    }
}
