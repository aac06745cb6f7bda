//! What is refused, and with which code.

use averis_test_kit::operations;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::setup::{
    Shop, command, draft, drafted, eur, goods, path, placed, shipping, three_lamps,
};

#[actix_web::test]
async fn wrong_drafts_are_refused_by_field() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let place = Uuid::from_u128(7);
    let good = goods("LAMP", 2, 100, 19, place);
    let with = |name: &str, value: Value| {
        let mut line = good.clone();
        line[name] = value;
        vec![line]
    };
    let usd = json!({"amount": 1, "currency": "USD"});
    for (lines, pointer) in [
        (vec![], "/lines"),
        (vec![shipping(1, 0)], "/lines"),
        (with("quantity", json!(0)), "/lines/0/quantity"),
        (with("quantity", json!(-1)), "/lines/0/quantity"),
        (with("quantity", json!(1_000_000_001)), "/lines/0/quantity"),
        (with("quantity", json!(3)), "/lines/0/allocation"),
        (with("sku", Value::Null), "/lines/0/sku"),
        (with("sku", json!("a,b")), "/lines/0/sku"),
        (with("name", json!("")), "/lines/0/name"),
        (with("net", eur(-1)), "/lines/0/net"),
        (with("tax", usd), "/lines/0/tax"),
        (with("tax_rate", json!("1.5")), "/lines/0/tax_rate"),
    ] {
        let refused = drafted(&acme, &draft(&lines, None)).await;
        refused.expect_problem(422, "invalid");
        assert!(
            refused.text.contains(pointer),
            "{pointer}: {}",
            refused.text
        );
    }
    let mut order = draft(std::slice::from_ref(&good), None);
    order["snapshot"] = json!("x");
    drafted(&acme, &order).await.expect_problem(422, "invalid");
    for payment in [
        json!({"provider": "offline", "token": "pm_1"}),
        json!({"provider": "simulator"}),
        json!({"provider": "offline", "days": 400}),
    ] {
        let mut order = draft(std::slice::from_ref(&good), None);
        order["payment"] = payment;
        drafted(&acme, &order).await.expect_problem(422, "invalid");
    }
    let most = goods("LAMP", 1, i64::MAX, 1, place);
    drafted(&acme, &draft(&[most], None))
        .await
        .expect_problem(422, "money_overflow");
}

#[actix_web::test]
async fn wrong_commands_are_refused_and_change_nothing() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let id = placed(&acme, &three_lamps(), None).await;
    let before = crate::setup::order(&acme, &id).await;
    let line = |line: i32, quantity: i64| json!({"line": line, "quantity": quantity});
    for (name, body, status, code) in [
        ("cancel", json!({"reason": ""}), 422, "invalid"),
        (
            "cancel",
            json!({"reason": "x", "lines": []}),
            422,
            "invalid",
        ),
        (
            "cancel",
            json!({"reason": "x", "lines": [line(0, 0)]}),
            422,
            "invalid",
        ),
        (
            "cancel",
            json!({"reason": "x", "lines": [line(0, 1), line(0, 1)]}),
            422,
            "invalid",
        ),
        (
            "cancel",
            json!({"reason": "x", "lines": [line(9, 1)]}),
            422,
            "unknown_line",
        ),
        // What it costs to send is not cancelled by itself.
        (
            "cancel",
            json!({"reason": "x", "lines": [line(1, 1)]}),
            422,
            "unknown_line",
        ),
        (
            "cancel",
            json!({"reason": "x", "lines": [line(0, 4)]}),
            409,
            "not_open",
        ),
        (
            "payments",
            json!({"amount": eur(0), "reference": "a"}),
            422,
            "invalid",
        ),
        (
            "payments",
            json!({"amount": {"amount": 1, "currency": "USD"}, "reference": "a"}),
            422,
            "invalid",
        ),
        (
            "refunds",
            json!({"amount": eur(1), "reason": "x", "reference": "a"}),
            409,
            "not_refundable",
        ),
    ] {
        let refused = command(&acme, &id, name, body).await;
        refused.expect_problem(status, code);
    }
    assert_eq!(crate::setup::order(&acme, &id).await, before);
    for (address, status, code) in [
        ("/orders?status=lost", 400, "invalid_query"),
        ("/orders?cursor=AAAA", 400, "invalid_cursor"),
        ("/orders?limit=0", 422, "invalid"),
        ("/fulfilment-orders?status=lost", 400, "invalid_query"),
    ] {
        acme.get(&path(address)).await.expect_problem(status, code);
    }
}

#[actix_web::test]
async fn every_body_of_a_wrong_form_is_refused() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let nobody = "0198c0de-0000-7000-8000-000000000000";
    let mut tested = 0;
    for operation in operations(&averis_oms::document()) {
        // What a provider tells is read once its signature was.
        let is_signed = operation.path.contains("webhooks");
        if operation.reads_a_body() && !is_signed {
            let address = operation
                .path
                .replace("{id}", nobody)
                .replace("{part_id}", nobody);
            acme.expect_wrong_bodies_refused(&operation.method, &address)
                .await;
            tested += 1;
        }
    }
    assert_eq!(tested, 20);
}

#[actix_web::test]
async fn queries_that_nobody_understands_are_refused() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    for operation in operations(&averis_oms::document()) {
        if operation.method == Method::GET && !operation.names_a_thing() {
            let answer = acme.get(&format!("{}?nonsense=1", operation.path)).await;
            if operation.path.ends_with("payment-accounts") {
                continue;
            }
            answer.expect_problem(400, "invalid_query");
        }
    }
}

#[actix_web::test]
async fn every_example_is_understood() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    for operation in operations(&averis_oms::document()) {
        if !operation.path.contains("webhooks") {
            acme.expect_example_understood(&operation).await;
        }
    }
}
