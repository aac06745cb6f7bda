//! What is refused, and with which code.

use averis_test_kit::operations;
use reqwest::Method;
use serde_json::{Value, json};

use crate::setup::{money, path, platform, promotion, shop};

#[actix_web::test]
async fn wrong_prices_are_refused_by_field() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let send = async |more: Value| {
        let mut body = json!({"sku": "S1", "amount": money(100, "EUR")});
        crate::setup::merge(&mut body, more);
        shop.client.post(&path("/prices"), &body).await
    };
    for (more, pointer) in [
        (json!({"amount": money(-1, "EUR")}), "/amount"),
        (json!({"per_quantity": 0}), "/per_quantity"),
        (json!({"min_quantity": 0}), "/min_quantity"),
        (json!({"compare_at": money(100, "EUR")}), "/compare_at"),
        (
            json!({"compare_at": money(200, "USD")}),
            "/compare_at/currency",
        ),
        (json!({"scope": {"country": "de"}}), "/scope"),
        (
            json!({"scope": {"catalog": shop.dollars}}),
            "/amount/currency",
        ),
        (json!({"sku": "a,b"}), "/sku"),
        (
            json!({"valid_from": "2026-01-02T00:00:00Z", "valid_until": "2026-01-01T00:00:00Z"}),
            "/valid_until",
        ),
        (
            json!({"valid_from": "+12026-01-02T00:00:00Z"}),
            "/valid_from",
        ),
    ] {
        let refused = send(more.clone()).await;
        refused.expect_problem(422, "invalid");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{more}");
    }
    for more in [
        json!({"amount": {"amount": 1.5, "currency": "EUR"}}),
        json!({"amount": {"amount": "1", "currency": "EUR"}}),
        json!({"amount": {"amount": 1, "currency": "EURO"}}),
        json!({"amount": {"amount": 1, "currency": "XAU"}}),
        json!({"kind": "gift"}),
    ] {
        send(more).await.expect_problem(400, "malformed_body");
    }
    send(json!({"scope": {"planet": "Mars"}}))
        .await
        .expect_problem(400, "unknown_field");
    send(json!({"scope": {"segment": "gold"}}))
        .await
        .expect_problem(422, "unknown_reference");
    let none = shop.client.get(&path("/prices")).await.expect(200);
    assert_eq!(none.body["data"], json!([]));
}

#[actix_web::test]
async fn wrong_promotions_are_refused_by_field() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await.client;
    let send = async |body: Value| {
        let mut whole = json!({"name": "P"});
        crate::setup::merge(&mut whole, body);
        acme.post(&path("/promotions"), &whole).await
    };
    let percent = |rate: &str| json!({"kind": "percent", "rate": rate});
    for (body, pointer) in [
        (json!({"action": percent("0")}), "/action/rate"),
        (json!({"action": percent("1.01")}), "/action/rate"),
        (
            json!({"action": {"kind": "amount", "amount": money(0, "EUR"), "basis": "net"}}),
            "/action/amount",
        ),
        (
            json!({"action": {"kind": "fixed_price", "amount": money(1, "EUR"), "basis": "net"}}),
            "/target",
        ),
        (
            json!({"action": {"kind": "buy_x_get_y", "buy": 0, "get": 1, "rate": "1"}, "target": {"on": "lines"}}),
            "/action/buy",
        ),
        (
            json!({"action": percent("0.1"), "usage_limit": 0}),
            "/usage_limit",
        ),
        (
            json!({"action": percent("0.1"), "budget": money(0, "EUR")}),
            "/budget",
        ),
        (json!({"action": percent("0.1"), "code": "a b"}), "/code"),
        (
            json!({"action": percent("0.1"), "conditions": {"min_quantity": 0}}),
            "/conditions/min_quantity",
        ),
        (
            json!({"action": percent("0.1"), "priority": -1}),
            "/priority",
        ),
    ] {
        let refused = send(body.clone()).await;
        refused.expect_problem(422, "invalid");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{body}");
    }
    for body in [
        json!({"action": {"kind": "everything"}}),
        json!({"action": {"kind": "percent", "rate": 0.1}}),
        json!({}),
    ] {
        send(body).await.expect_problem(400, "malformed_body");
    }
    promotion(&acme, json!({"code": "Summer", "action": percent("0.1")})).await;
    send(json!({"code": "SUMMER", "action": percent("0.1")}))
        .await
        .expect_problem(409, "code_taken");
}

#[actix_web::test]
async fn every_body_of_a_wrong_form_is_refused() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await.client;
    let nobody = "0198c0de-0000-7000-8000-000000000000";
    let mut tested = 0;
    for operation in operations(&averis_pricing::document()) {
        if operation.reads_a_body() && operation.body_type() == Some("application/json") {
            let address = operation.path.replace("{id}", nobody);
            acme.expect_wrong_bodies_refused(&operation.method, &address)
                .await;
            tested += 1;
        }
    }
    assert!(tested > 12, "only {tested} operations");
}

#[actix_web::test]
async fn queries_that_nobody_understands_are_refused() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await.client;
    let mut tested = 0;
    for operation in operations(&averis_pricing::document()) {
        if operation.method == Method::GET && !operation.names_a_thing() {
            let answer = acme.get(&format!("{}?nonsense=1", operation.path)).await;
            answer.expect_problem(400, "invalid_query");
            tested += 1;
        }
    }
    assert!(tested > 10, "only {tested} lists");
    for (address, status, code) in [
        ("/prices?cursor=AAAA", 400, "invalid_cursor"),
        ("/prices?limit=0", 422, "invalid"),
        ("/prices?sku=a,b", 422, "invalid"),
        ("/prices?at=%2B12026-01-01T00:00:00Z", 422, "invalid"),
        ("/prices/explain?sku=S1", 400, "invalid_query"),
        ("/prices/explain?sku=S1&country=de", 422, "invalid"),
        (
            "/prices/explain?sku=S1&country=DE&quantity=0",
            422,
            "invalid",
        ),
        ("/catalog-assignment?country=%00%00", 422, "invalid"),
        ("/tax-rates?country=x", 422, "invalid"),
        ("/tax-rates?category=%00", 422, "invalid"),
        ("/promotions?status=gone", 400, "invalid_query"),
    ] {
        acme.get(&path(address)).await.expect_problem(status, code);
    }
}

#[actix_web::test]
async fn no_text_that_the_database_cannot_hold_reaches_it() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let nul = "a\u{0}b";
    let catalog = json!({"code": "x", "name": "x", "currency": "EUR", "tax_included": true, "locale": "de_DE"});
    let price = json!({"sku": "S1", "amount": money(1, "EUR")});
    let quote = json!({"country": "DE", "lines": [{"sku": "S1", "quantity": 1}]});
    let rule = json!({"catalog_id": shop.euros, "priority": 1});
    let promotion = json!({"name": "x", "action": {"kind": "free_shipping"}});
    for (address, body, pointer, value) in [
        ("/catalogs", &catalog, "channel", json!(nul)),
        ("/catalogs", &catalog, "segment", json!(nul)),
        ("/catalogs", &catalog, "locale", json!(nul)),
        ("/catalogs", &catalog, "name", json!(nul)),
        ("/prices", &price, "sku", json!(nul)),
        ("/prices", &price, "scope", json!({"segment": nul})),
        ("/prices", &price, "scope", json!({"channel": nul})),
        ("/price-quotes", &quote, "segment", json!(nul)),
        ("/price-quotes", &quote, "channel", json!(nul)),
        ("/price-quotes", &quote, "postcode", json!(nul)),
        ("/price-quotes", &quote, "coupon_codes", json!([nul])),
        ("/catalog-rules", &rule, "segments", json!([nul])),
        ("/catalog-rules", &rule, "locale", json!(nul)),
        (
            "/promotions",
            &promotion,
            "target",
            json!({"on": "lines", "skus": [nul]}),
        ),
        (
            "/promotions",
            &promotion,
            "conditions",
            json!({"segments": [nul]}),
        ),
        ("/promotions", &promotion, "stacking_group", json!(nul)),
    ] {
        let mut body = body.clone();
        body[pointer] = value;
        let refused = shop.client.post(&path(address), &body).await;
        refused.expect_problem(422, "invalid");
    }
}

#[actix_web::test]
async fn every_example_is_understood() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await.client;
    for operation in operations(&averis_pricing::document()) {
        acme.expect_example_understood(&operation).await;
    }
}
