//! Quotes over HTTP (the R numbers of the invariants).

use averis_test_kit::Client;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::setup::{money, path, platform, platform_with, price, promotion, quote, shop, tax};

fn amount(value: &Value) -> i64 {
    value["amount"].as_i64().expect("an amount")
}

/// M2 on what is sent: lines, taxes and totals add up.
fn assert_adds_up(quote: &Value) {
    let lines = quote["lines"].as_array().expect("lines");
    let sum = |name: &str| -> i64 { lines.iter().map(|line| amount(&line[name])).sum() };
    assert_eq!(sum("total"), amount(&quote["subtotal"]), "{quote}");
    assert_eq!(
        sum("document_discount"),
        amount(&quote["discount"]),
        "{quote}"
    );
    assert_eq!(
        sum("tax") + amount(&quote["shipping_tax"]),
        amount(&quote["tax"]),
        "{quote}"
    );
    let by_rate: i64 = quote["taxes"]
        .as_object()
        .expect("taxes")
        .values()
        .map(amount)
        .sum();
    assert_eq!(by_rate, amount(&quote["tax"]), "{quote}");
    let included = quote["terms"]["tax_included"] == true;
    let tax = if included { 0 } else { amount(&quote["tax"]) };
    let total =
        amount(&quote["subtotal"]) - amount(&quote["discount"]) + amount(&quote["shipping"]) + tax;
    assert_eq!(total, amount(&quote["total"]), "{quote}");
    for line in lines {
        assert_eq!(
            amount(&line["amount"]) - amount(&line["discount"]),
            amount(&line["total"]),
            "{line}"
        );
        let rest = amount(&line["total"]) - amount(&line["document_discount"]);
        let gross = amount(&line["net"]) + if included { amount(&line["tax"]) } else { 0 };
        assert_eq!(rest, gross, "{line}");
        assert!(rest >= 0);
    }
}

#[actix_web::test]
async fn r4_a_quote_carries_all_that_an_order_needs_and_adds_up() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1", "S2", "S3"]).await;
    let client = &shop.client;
    for (sku, cents) in [("S1", 399), ("S2", 1_233), ("S3", 1)] {
        price(client, sku, cents, "EUR", json!({})).await;
        price(client, sku, cents, "USD", json!({})).await;
    }
    let tenth = json!({"kind": "percent", "rate": "0.1"});
    promotion(
        client,
        json!({"action": tenth, "target": {"on": "lines", "skus": ["s1"]}}),
    )
    .await;
    promotion(
        client,
        json!({"action": {"kind": "percent", "rate": "0.07"}, "priority": 2}),
    )
    .await;
    let coded = promotion(
        client,
        json!({"code": "Ship", "action": {"kind": "free_shipping"}, "priority": 3}),
    )
    .await;
    let lines = [("s1", 3), ("S2", 2), ("S3", 7)];
    let settings = format!("/api/tenant/v1/tenants/{}", acme.id);
    for (level, version) in [("line", 1), ("unit", 2), ("document", 3)] {
        let rules = json!({"settings": {"money": {"tax_level": level, "rounding": if version == 2 { "half_even" } else { "half_up" }}}});
        let _ = client.patch(&settings, version, &rules).await.expect(200);
        for catalog in [&shop.euros, &shop.dollars] {
            let currency = if *catalog == shop.euros { "EUR" } else { "USD" };
            for codes in [json!([]), json!(["SHIP"])] {
                let more = json!({"catalog_id": catalog, "coupon_codes": codes, "shipping": money(499, currency)});
                let quoted = crate::setup::quote(client, &lines, more).await.expect(201);
                let body = quoted.body;
                assert_adds_up(&body);
                assert_eq!(body["lines"][0]["sku"], "S1", "as its stewards write it");
                let is_free = codes == json!(["SHIP"]);
                assert_eq!(amount(&body["shipping"]), if is_free { 0 } else { 499 });
                let outcomes = body["outcomes"].as_array().expect("outcomes");
                let own = outcomes.iter().find(|one| one["promotion"] == json!(coded));
                assert_eq!(
                    own.map(|one| &one["saved"]["amount"]),
                    is_free.then_some(&json!(499))
                );
                let read = client
                    .get(&path(&format!(
                        "/price-quotes/{}",
                        body["id"].as_str().expect("an id")
                    )))
                    .await;
                assert_eq!(read.expect(200).body, body);
            }
        }
    }
}

#[actix_web::test]
async fn m5_the_same_inputs_give_the_same_quote() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1", "S2"]).await;
    let client = &shop.client;
    price(client, "S1", 399, "EUR", json!({})).await;
    price(client, "S2", 401, "EUR", json!({})).await;
    promotion(
        client,
        json!({"action": {"kind": "percent", "rate": "0.1"}}),
    )
    .await;
    let hash = async |lines: &[(&str, i64)]| {
        let quoted = quote(client, lines, json!({})).await.expect(201).body;
        let mut rest = quoted.clone();
        for name in ["id", "expires_at"] {
            rest[name] = Value::Null;
        }
        (quoted["hash"].as_str().expect("a hash").to_owned(), rest)
    };
    let first = hash(&[("S1", 3), ("S2", 1)]).await;
    assert_eq!(hash(&[("S1", 3), ("S2", 1)]).await, first);
    assert_ne!(hash(&[("S1", 4), ("S2", 1)]).await.0, first.0);
}

async fn renew(client: &Client, id: &str) -> averis_test_kit::Answer {
    client
        .command(&path(&format!("/price-quotes/{id}/renew")), 1, &json!({}))
        .await
}

#[actix_web::test]
async fn r7_a_stale_price_after_a_price_change_is_refused_with_the_new_total() {
    // These hold for no time at all.
    let platform = platform_with(TimeDelta::zero()).await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let client = &shop.client;
    let old = price(client, "S1", 1_000, "EUR", json!({})).await;
    let quoted = quote(client, &[("S1", 1)], json!({})).await.expect(201);
    // What it comes to has not changed, so it is renewed.
    let renewed = renew(client, &quoted.id()).await.expect(200);
    assert_eq!(renewed.body["hash"], quoted.body["hash"]);
    assert_ne!(renewed.body["expires_at"], quoted.body["expires_at"]);
    let revise = path(&format!("/prices/{old}/revise"));
    let revised = client
        .command(&revise, 2, &json!({"amount": money(1_200, "EUR")}))
        .await
        .expect(201);
    let _ = crate::setup::approve(client, &revised.id())
        .await
        .expect(200);
    let changed = renew(client, &quoted.id()).await;
    changed.expect_problem(409, "price_changed");
    assert_eq!(changed.body["total"], money(1_200, "EUR"));
    assert_eq!(changed.body["quoted_total"], money(1_000, "EUR"));
    let hold = json!({"quote_id": quoted.id(), "checkout_id": quoted.id()});
    client
        .post(&path("/redemptions"), &hold)
        .await
        .expect_problem(409, "quote_expired");
}

#[actix_web::test]
async fn r7_a_quote_is_honoured_for_its_lifetime() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let client = &shop.client;
    let old = price(client, "S1", 1_000, "EUR", json!({})).await;
    let quoted = quote(client, &[("S1", 1)], json!({})).await.expect(201);
    let end = path(&format!("/prices/{old}/end"));
    let _ = client.command(&end, 2, &json!({})).await.expect(200);
    let still = renew(client, &quoted.id()).await.expect(200);
    assert_eq!(still.body, quoted.body);
}

#[actix_web::test]
async fn r8_no_client_supplies_a_price_a_negative_quantity_or_a_zero() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let client = &shop.client;
    price(client, "S1", 1_000, "EUR", json!({})).await;
    let send = async |lines: Value, more: Value| {
        let mut body = json!({"country": "DE", "lines": lines});
        crate::setup::merge(&mut body, more);
        client.post(&path("/price-quotes"), &body).await
    };
    for field in ["unit_price", "amount", "price", "total", "discount"] {
        let mut line = json!({"sku": "S1", "quantity": 1});
        line[field] = json!(1);
        send(json!([line]), json!({}))
            .await
            .expect_problem(400, "unknown_field");
        let mut more = json!({});
        more[field] = json!(1);
        send(json!([{"sku": "S1", "quantity": 1}]), more)
            .await
            .expect_problem(400, "unknown_field");
    }
    for quantity in [json!(0), json!(-1), json!(1_000_000_001_i64)] {
        send(json!([{"sku": "S1", "quantity": quantity}]), json!({}))
            .await
            .expect_problem(422, "invalid");
    }
    send(json!([{"sku": "S1", "quantity": 1.5}]), json!({}))
        .await
        .expect_problem(400, "malformed_body");
    send(json!([]), json!({}))
        .await
        .expect_problem(422, "invalid");
    let twice = json!([{"sku": "S1", "quantity": 1}, {"sku": "s1", "quantity": 1}]);
    send(twice, json!({})).await.expect_problem(422, "invalid");
    let one = json!([{"sku": "S1", "quantity": 1}]);
    send(one.clone(), json!({"shipping": money(-1, "EUR")}))
        .await
        .expect_problem(422, "invalid");
    send(one.clone(), json!({"shipping": money(1, "USD")}))
        .await
        .expect_problem(422, "invalid");
    send(one.clone(), json!({"country": "Germany"}))
        .await
        .expect_problem(422, "invalid");
    send(one, json!({"tax_exemption": "because"}))
        .await
        .expect_problem(400, "malformed_body");
    send(json!([{"sku": "nobody", "quantity": 1}]), json!({}))
        .await
        .expect_problem(422, "unknown_sku");
    price(client, "S1", i64::MAX, "EUR", json!({"min_quantity": 2})).await;
    send(json!([{"sku": "S1", "quantity": 3}]), json!({}))
        .await
        .expect_problem(422, "money_overflow");
    // A shopper asks for no quote by itself: what it may buy, and how it is taxed, others say.
    let shopper = client.with_token(&platform.shopper_token(acme.id));
    let asked = shopper
        .post(
            &path("/price-quotes"),
            &json!({"country": "DE", "lines": [{"sku": "S1", "quantity": 1}]}),
        )
        .await;
    asked.expect_problem(403, "forbidden");
}

#[actix_web::test]
async fn what_is_out_of_sale_has_no_price() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let client = &shop.client;
    price(client, "S1", 1_000, "EUR", json!({})).await;
    let _ = quote(client, &[("S1", 1)], json!({})).await.expect(201);
    averis_test_kit::launch::command(client, &shop.product, "suspend").await;
    crate::events::until("the suspension is known", async || {
        let explained = client
            .get(&path("/prices/explain?sku=S1&country=DE"))
            .await
            .expect(200);
        (explained.body["active"] == false).then_some(())
    })
    .await;
    quote(client, &[("S1", 1)], json!({}))
        .await
        .expect_problem(422, "no_price");
    let entries = path(&format!("/catalogs/{}/entries", shop.euros));
    let entry = client.get(&entries).await.expect(200).body["data"][0].clone();
    assert_eq!(entry["enabled"], true, "derived, not overwritten");
    averis_test_kit::launch::command(client, &shop.product, "resume").await;
    crate::events::until("it is sold again", async || {
        let quoted = quote(client, &[("S1", 1)], json!({})).await;
        (quoted.status == 201).then_some(())
    })
    .await;
}

#[actix_web::test]
async fn tax_categories_and_exemptions_count_by_line() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let client = &acme.client;
    let define = json!({"code": "tax_category", "label": "Tax category", "type": "text", "section": "legal"});
    let _ = client
        .post("/api/product/v1/attribute-definitions", &define)
        .await
        .expect(201);
    let shop = shop(&acme, &["S1"]).await;
    let body = json!({"key": "book", "name": "Book", "description": "To read.", "attributes": {"tax_category": "reduced"}, "variants": [{"sku": "B1"}]});
    let book = client
        .post("/api/product/v1/products", &body)
        .await
        .expect(201)
        .id();
    averis_test_kit::launch::command(client, &book, "launch").await;
    let entries = json!({"entries": [{"product_id": book}]});
    let put = crate::events::until("the book is known", async || {
        let put = crate::setup::put(
            client,
            &format!("/catalogs/{}/entries", shop.euros),
            &entries,
        )
        .await;
        (put.status == 200).then_some(put)
    });
    let _ = put.await;
    price(client, "S1", 11_900, "EUR", json!({})).await;
    price(client, "B1", 10_700, "EUR", json!({})).await;
    let both = [("S1", 1), ("B1", 1)];
    quote(client, &both, json!({}))
        .await
        .expect_problem(422, "no_tax_rate");
    tax(client, "DE", "reduced", "0.07").await;
    let quoted = quote(client, &both, json!({})).await.expect(201).body;
    assert_adds_up(&quoted);
    assert_eq!(
        quoted["taxes"],
        json!({"0.07": money(700, "EUR"), "0.19": money(1_900, "EUR")})
    );
    let more = json!({"tax_exemption": "reverse_charge_vat_id"});
    let exempt = quote(client, &both, more).await.expect(201).body;
    assert_eq!(
        (&exempt["tax"], &exempt["tax_case"]["exemption"]),
        (&money(0, "EUR"), &json!("reverse_charge_vat_id"))
    );
}
