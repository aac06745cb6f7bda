//! What is refused, and with which code.

use averis_test_kit::operations;
use reqwest::Method;
use serde_json::json;

use crate::setup::{Platform, agreed, buy, cart, eur, path};

#[actix_web::test]
async fn wrong_quantities_prices_and_addresses_are_refused_and_change_nothing() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 5).await;
    let ana = platform.shopper(&shop);
    let id = cart(&ana, &[("LAMP", 1)]).await;
    let own = path(&format!("/carts/{id}"));
    let before = ana.get(&own).await.expect(200);
    let lines = format!("{own}/lines");
    for quantity in [0, -1, 1_000_001, i64::MAX] {
        let line = json!({"sku": "LAMP", "quantity": quantity});
        ana.post(&lines, &line).await.expect_problem(422, "invalid");
    }
    ana.post(&lines, &json!({"sku": "LAMP", "quantity": 1_000_000}))
        .await
        .expect_problem(422, "invalid");
    ana.post(&lines, &json!({"sku": "a,b", "quantity": 1}))
        .await
        .expect_problem(422, "invalid");
    // No shopper says what anything costs.
    for priced in [
        json!({"sku": "LAMP", "quantity": 1, "price": eur(1)}),
        json!({"sku": "LAMP", "quantity": 1, "net": eur(1)}),
    ] {
        ana.post(&lines, &priced)
            .await
            .expect_problem(400, "unknown_field");
    }
    let version = before.version();
    for (patch, status, code) in [
        (json!({"country": "Germany"}), 422, "invalid"),
        (json!({"email": "nobody"}), 422, "invalid"),
        (
            json!({"ship_to": {"name": "", "lines": ["x"], "city": "x", "country": "DE"}}),
            422,
            "invalid",
        ),
        (
            json!({"ship_to": {"name": "x", "lines": ["x"], "city": "x", "country": "FR"}}),
            422,
            "invalid",
        ),
        (json!({"shipping_method": "rocket"}), 422, "no_shipping"),
        (
            json!({"country": "FR", "ship_to": null}),
            422,
            "no_shipping",
        ),
        (json!({"total": eur(1)}), 400, "unknown_field"),
        (json!({"state": "ordered"}), 400, "unknown_field"),
    ] {
        ana.patch(&own, version, &patch)
            .await
            .expect_problem(status, code);
    }
    for body in [
        agreed(&eur(-1), None),
        json!({"expected_total": eur(1), "payment": {"provider": "offline", "token": "x"}}),
        json!({"expected_total": eur(1), "payment": {"provider": "simulator"}}),
    ] {
        buy(&ana, &id, &body).await.expect_problem(422, "invalid");
    }
    assert_eq!(ana.get(&own).await.expect(200).body, before.body);
    let code = json!({"code": "standard", "name": "Again", "price": eur(1)});
    shop.staff
        .post(&path("/shipping-methods"), &code)
        .await
        .expect_problem(409, "code_taken");
    let negative = json!({"code": "x", "name": "x", "price": eur(-1)});
    shop.staff
        .post(&path("/shipping-methods"), &negative)
        .await
        .expect_problem(422, "invalid");
}

#[actix_web::test]
async fn a_cart_is_bought_when_it_lacks_nothing() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 5).await;
    let ana = platform.shopper(&shop);
    let made = ana
        .post(&path("/carts"), &json!({"country": "DE"}))
        .await
        .expect(201);
    let own = path(&format!("/carts/{}", made.id()));
    let agree = agreed(&eur(1_190), None);
    let missing = buy(&ana, &made.id(), &agree).await;
    missing.expect_problem(409, "cart_incomplete");
    assert_eq!(
        missing.body["missing"],
        json!(["email", "ship_to", "shipping_method"])
    );
    let more = json!({"email": "ana@example.com", "ship_to": crate::setup::berlin(), "shipping_method": "standard"});
    let _ = ana.patch(&own, 1, &more).await.expect(200);
    buy(&ana, &made.id(), &agree)
        .await
        .expect_problem(409, "cart_empty");
    ana.get(&format!("{own}/totals"))
        .await
        .expect_problem(409, "cart_empty");
    let line = json!({"sku": "NOTHING", "quantity": 1});
    let _ = ana.post(&format!("{own}/lines"), &line).await.expect(201);
    ana.get(&format!("{own}/totals"))
        .await
        .expect_problem(422, "unknown_sku");
    buy(&ana, &made.id(), &agree)
        .await
        .expect_problem(422, "unknown_sku");
}

#[actix_web::test]
async fn every_body_of_a_wrong_form_is_refused() {
    let platform = Platform::start().await;
    let acme = platform.platform.tenant("acme").await.client;
    let nobody = "0198c0de-0000-7000-8000-000000000000";
    let mut tested = 0;
    for operation in operations(&averis_ecomm::document()) {
        if operation.reads_a_body() && operation.body_type() == Some("application/json") {
            let address = operation
                .path
                .replace("{id}", nobody)
                .replace("{part_id}", nobody);
            acme.expect_wrong_bodies_refused(&operation.method, &address)
                .await;
            tested += 1;
        }
    }
    assert_eq!(tested, 7);
}

#[actix_web::test]
async fn queries_that_nobody_understands_are_refused() {
    let platform = Platform::start().await;
    let acme = platform.platform.tenant("acme").await.client;
    for operation in operations(&averis_ecomm::document()) {
        if operation.method == Method::GET && !operation.names_a_thing() {
            let answer = acme.get(&format!("{}?nonsense=1", operation.path)).await;
            answer.expect_problem(400, "invalid_query");
        }
    }
}

#[actix_web::test]
async fn every_example_is_understood() {
    let platform = Platform::start().await;
    let acme = platform.platform.tenant("acme").await.client;
    for operation in operations(&averis_ecomm::document()) {
        acme.expect_example_understood(&operation).await;
    }
}
