//! Prices over HTTP: drafted, approved, revised, ended, explained.

use averis_test_kit::colleague_of;
use serde_json::{Value, json};

use crate::setup::{approve, draft, money, path, platform, price, quote, shop};

/// Each price with the verdict about it, by id.
fn verdicts(explained: &Value) -> Vec<(String, Value)> {
    let candidates = explained["candidates"].as_array().expect("candidates");
    let mut told: Vec<(String, Value)> = candidates
        .iter()
        .map(|one| {
            (
                one["price_id"].as_str().expect("an id").to_owned(),
                one["verdict"].clone(),
            )
        })
        .collect();
    told.sort_by(|one, other| one.0.cmp(&other.0));
    told
}

#[actix_web::test]
async fn a_product_is_priced_in_two_currencies_and_catalogs_with_an_explained_price() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1", "S2"]).await;
    let client = &shop.client;
    let _ = client
        .post(&path("/segments"), &json!({"code": "gold", "name": "Gold"}))
        .await
        .expect(201);
    let list = price(client, "S1", 11_900, "EUR", json!({})).await;
    let gold = price(
        client,
        "S1",
        9_900,
        "EUR",
        json!({"scope": {"segment": "gold"}}),
    )
    .await;
    let tier = price(client, "S1", 10_900, "EUR", json!({"min_quantity": 10})).await;
    let dollars = price(
        client,
        "S1",
        10_000,
        "USD",
        json!({"scope": {"catalog": shop.dollars}}),
    )
    .await;
    let waiting = draft(client, "s1", 1, "EUR", json!({}))
        .await
        .expect(201)
        .id();

    let explain = async |more: &str| {
        let address = format!("/prices/explain?sku=S1&country=DE{more}");
        client.get(&path(&address)).await.expect(200).body
    };
    let plain = explain("").await;
    assert_eq!(plain["chosen"], json!(list));
    assert_eq!(plain["catalog_id"], json!(shop.euros));
    let mut expected = vec![
        (list.clone(), json!("chosen")),
        (gold.clone(), json!({"other_scope": "segment"})),
        (tier.clone(), json!("too_few")),
        (dollars.clone(), json!("other_currency")),
        (waiting, json!("not_active")),
    ];
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(verdicts(&plain), expected);
    assert_eq!(
        explain("&segment=gold").await["chosen"],
        json!(gold),
        "the most specific wins"
    );
    assert_eq!(explain("&quantity=10").await["chosen"], json!(tier));
    let us = format!("&catalog_id={}", shop.dollars);
    let us = explain(&us).await;
    assert_eq!(
        (&us["chosen"], &us["currency"]),
        (&json!(dollars), &json!("USD"))
    );

    // With tax in the prices, and without.
    let euros = quote(client, &[("S1", 2)], json!({}))
        .await
        .expect(201)
        .body;
    assert_eq!(
        (&euros["total"], &euros["tax"]),
        (&money(23_800, "EUR"), &money(3_800, "EUR"))
    );
    assert_eq!(
        (&euros["lines"][0]["net"], &euros["locale"]),
        (&money(20_000, "EUR"), &json!("de_DE"))
    );
    let more = json!({"catalog_id": shop.dollars});
    let dollars = quote(client, &[("S1", 2)], more).await.expect(201).body;
    assert_eq!(
        (&dollars["total"], &dollars["tax"]),
        (&money(23_800, "USD"), &money(3_800, "USD"))
    );
    assert_eq!(dollars["lines"][0]["total"], money(20_000, "USD"));

    // What has no price is not for sale: neither free nor at a default.
    let none = quote(client, &[("S1", 1), ("S2", 1)], json!({})).await;
    none.expect_problem(422, "no_price");
    assert_eq!(none.body["lines"], json!(["/lines/1"]));
}

#[actix_web::test]
async fn a_price_that_anybody_approves_alone_is_not_approved() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let client = &shop.client;
    let drafted = draft(client, "S1", 1_000, "EUR", json!({}))
        .await
        .expect(201);
    let own = path(&format!("/prices/{}", drafted.id()));
    let approve_own = format!("{own}/approve");
    client
        .command(&approve_own, 1, &json!({}))
        .await
        .expect_problem(409, "four_eyes");
    // Whoever changes a draft is one of its authors; who changes nothing has written nothing.
    let colleague = colleague_of(client);
    let same = colleague
        .patch(&own, 1, &json!({"amount": money(1_000, "EUR")}))
        .await
        .expect(200);
    assert_eq!(same.version(), 1);
    client
        .command(&approve_own, 1, &json!({}))
        .await
        .expect_problem(409, "four_eyes");
    let amount = json!({"amount": money(900, "EUR")});
    let changed = colleague.patch(&own, 1, &amount).await.expect(200);
    assert_eq!(changed.body["amount"], money(900, "EUR"));
    for author in [client, &colleague] {
        author
            .command(&approve_own, 2, &json!({}))
            .await
            .expect_problem(409, "four_eyes");
    }
    let third = colleague_of(client);
    third
        .command(&approve_own, 1, &json!({}))
        .await
        .expect_problem(412, "version_mismatch");
    let approved = third.command(&approve_own, 2, &json!({})).await.expect(200);
    assert_eq!(approved.body["status"], "active");
    // Approved, it stays as it is.
    client
        .patch(&own, 3, &amount)
        .await
        .expect_problem(409, "price_approved");
    client
        .delete(&own, 3)
        .await
        .expect_problem(409, "price_approved");
    client
        .command(&approve_own, 3, &json!({}))
        .await
        .expect_problem(409, "price_approved");
    for field in ["status", "approved_by", "created_by", "replaces"] {
        let mut body = json!({"sku": "S1", "amount": money(1, "EUR")});
        body[field] = json!("x");
        client
            .post(&path("/prices"), &body)
            .await
            .expect_problem(400, "unknown_field");
    }
    // A key drafts, and never approves.
    let scopes = json!({"name": "k", "scopes": ["price:write", "price:approve"]});
    client
        .post("/api/tenant/v1/api-keys", &scopes)
        .await
        .expect_problem(422, "invalid");
}

#[actix_web::test]
async fn r2_prices_that_would_tie_are_refused_by_the_database() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let client = &shop.client;
    let until = json!({"valid_until": "2027-01-01T00:00:00Z"});
    price(client, "S1", 1_000, "EUR", until).await;
    // Overlapping by a microsecond is too much; beginning where the other ends is not.
    let overlapping = draft(
        client,
        "s1",
        900,
        "EUR",
        json!({"valid_from": "2026-12-31T23:59:59.999999Z"}),
    )
    .await;
    approve(client, &overlapping.expect(201).id())
        .await
        .expect_problem(409, "price_overlap");
    price(
        client,
        "S1",
        900,
        "EUR",
        json!({"valid_from": "2027-01-01T00:00:00Z"}),
    )
    .await;
    // Another tier, kind, scope or currency is another price.
    for more in [
        json!({"min_quantity": 2}),
        json!({"kind": "sale"}),
        json!({"scope": {"country": "AT"}}),
        json!({"scope": {"catalog": shop.euros}}),
        json!({"scope": {"company": shop.product}}),
    ] {
        price(client, "S1", 1_000, "EUR", more).await;
    }
    price(client, "S1", 1_000, "USD", json!({})).await;
    // Of many that are approved at once one is.
    let mut drafts = Vec::new();
    for _ in 0..8 {
        let more = json!({"min_quantity": 100});
        drafts.push(draft(client, "S1", 500, "EUR", more).await.expect(201).id());
    }
    let answers = drafts.iter().map(|id| approve(client, id));
    let statuses: Vec<u16> = futures(answers).await;
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        1,
        "{statuses:?}"
    );
    assert!(
        statuses.iter().all(|status| matches!(status, 200 | 409)),
        "{statuses:?}"
    );
}

async fn futures(
    answers: impl Iterator<Item = impl Future<Output = averis_test_kit::Answer>>,
) -> Vec<u16> {
    let all = futures_util::future::join_all(answers).await;
    all.into_iter().map(|answer| answer.status).collect()
}

#[actix_web::test]
async fn a_revision_ends_what_it_replaces_and_an_end_is_final() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let client = &shop.client;
    let old = price(
        client,
        "S1",
        1_000,
        "EUR",
        json!({"compare_at": money(1_500, "EUR")}),
    )
    .await;
    let own = path(&format!("/prices/{old}"));
    let revise = format!("{own}/revise");
    let revised = client
        .command(&revise, 2, &json!({"amount": money(800, "EUR")}))
        .await
        .expect(201);
    assert_eq!(revised.body["replaces"], json!(old));
    assert_eq!(
        revised.body["compare_at"],
        money(1_500, "EUR"),
        "what is not named stays"
    );
    let total = async || {
        quote(client, &[("S1", 1)], json!({}))
            .await
            .expect(201)
            .body["total"]
            .clone()
    };
    assert_eq!(
        total().await,
        money(1_000, "EUR"),
        "a draft counts for nobody"
    );
    let approved = approve(client, &revised.id()).await.expect(200);
    let before = client.get(&own).await.expect(200).body;
    assert_eq!(before["status"], "expired");
    assert_eq!(
        before["valid_until"], approved.body["valid_from"],
        "one ends where the other begins"
    );
    assert_eq!(total().await, money(800, "EUR"));
    let end = path(&format!("/prices/{}/end", revised.id()));
    client
        .command(&end, 2, &json!({"at": "2020-01-01T00:00:00Z"}))
        .await
        .expect_problem(422, "invalid");
    let ended = client.command(&end, 2, &json!({})).await.expect(200);
    assert_eq!(ended.body["status"], "expired");
    quote(client, &[("S1", 1)], json!({}))
        .await
        .expect_problem(422, "no_price");
    // Nothing of a draft is ended or revised.
    let draft = draft(client, "S1", 5, "EUR", json!({}))
        .await
        .expect(201)
        .id();
    for command in ["end", "revise"] {
        let address = path(&format!("/prices/{draft}/{command}"));
        client
            .command(&address, 1, &json!({}))
            .await
            .expect_problem(409, "invalid_transition");
    }
    let _ = client
        .delete(&path(&format!("/prices/{draft}")), 1)
        .await
        .expect(204);
}

#[actix_web::test]
async fn many_prices_are_drafted_at_once_each_by_itself() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1", "S2"]).await;
    let one = |sku: &str, amount: Value| json!({"sku": sku, "amount": amount});
    let prices = json!([
        one("S1", money(100, "EUR")),
        one("S2", money(-1, "EUR")),
        one("nobody", money(1, "EUR")),
        {"sku": "S2", "amount": money(1, "EUR"), "scope": {"segment": "unknown"}},
        {"sku": "S2", "amount": money(1, "USD"), "scope": {"catalog": shop.euros}},
        one("s2", money(200, "EUR")),
    ]);
    let body = json!({"prices": prices});
    let batch = path("/prices/batch");
    let made = shop.client.post_as("once", &batch, &body).await.expect(200);
    let results = made.body["results"].as_array().expect("results").clone();
    let statuses: Vec<&Value> = results.iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, [201, 422, 422, 422, 422, 201]);
    let told: Vec<&Value> = results.iter().map(|one| &one["problem"]["code"]).collect();
    assert_eq!(
        told[1..5],
        ["invalid", "unknown_sku", "unknown_reference", "invalid"]
    );
    let again = shop.client.post_as("once", &batch, &body).await.expect(200);
    assert_eq!(again.body, made.body);
    let listed = shop
        .client
        .get(&path("/prices?status=draft"))
        .await
        .expect(200);
    assert_eq!(listed.body["data"].as_array().expect("prices").len(), 2);
    let own = shop.client.get(&path("/prices?sku=S2")).await.expect(200);
    assert_eq!(own.body["data"][0]["id"], results[5]["id"]);
}

#[actix_web::test]
async fn a_price_is_converted_by_the_last_rate_and_never_without_one() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let client = &shop.client;
    let id = price(client, "S1", 1_999, "EUR", json!({})).await;
    let convert = path(&format!("/prices/{id}/convert"));
    let to = |currency: &str| json!({"currency": currency});
    client
        .post(&convert, &to("JPY"))
        .await
        .expect_problem(422, "no_fx_rate");
    client
        .post(&convert, &to("XAU"))
        .await
        .expect_problem(422, "invalid");
    for (quote, rate, as_of) in [
        ("JPY", "100", "2020-01-01T00:00:00Z"),
        ("JPY", "161.35", "2025-01-01T00:00:00Z"),
        ("JPY", "500", "2099-01-01T00:00:00Z"),
        ("KWD", "0.3319", "2025-01-01T00:00:00Z"),
    ] {
        let body =
            json!({"base": "EUR", "quote": quote, "rate": rate, "as_of": as_of, "source": "ECB"});
        let _ = client.post(&path("/fx-rates"), &body).await.expect(201);
    }
    // 19.99 EUR are 3225.39 JPY, which has no minor unit, and 6.634681 KWD, which has three digits.
    let yen = client.post(&convert, &to("JPY")).await.expect(201);
    assert_eq!(yen.body["amount"], money(3_225, "JPY"));
    assert_eq!(
        (&yen.body["status"], &yen.body["replaces"]),
        (&json!("draft"), &Value::Null)
    );
    let dinars = client.post(&convert, &to("KWD")).await.expect(201);
    assert_eq!(dinars.body["amount"], money(6_635, "KWD"));
    let same = json!({"base": "EUR", "quote": "EUR", "rate": "1", "as_of": "2025-01-01T00:00:00Z", "source": "x"});
    client
        .post(&path("/fx-rates"), &same)
        .await
        .expect_problem(422, "invalid");
}

#[actix_web::test]
async fn r6_tiers_that_make_more_cost_more_are_told() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let few = price(&shop.client, "S1", 100, "EUR", json!({"min_quantity": 1})).await;
    let many = draft(&shop.client, "S1", 120, "EUR", json!({"min_quantity": 10}))
        .await
        .expect(201)
        .id();
    let told = shop
        .client
        .get(&path("/prices/rising-tiers?sku=s1"))
        .await
        .expect(200);
    assert_eq!(told.body["data"], json!([{"lower": few, "higher": many}]));
}

#[actix_web::test]
async fn a_revision_of_what_has_not_begun_begins_no_earlier() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let client = &shop.client;
    price(client, "S1", 1_000, "EUR", json!({})).await;
    let begins = "2090-01-01T00:00:00Z";
    let more = json!({"kind": "sale", "valid_from": begins});
    let sale = price(client, "S1", 500, "EUR", more).await;
    let revise = path(&format!("/prices/{sale}/revise"));
    let revised = client
        .command(&revise, 2, &json!({"amount": money(400, "EUR")}))
        .await
        .expect(201);
    let approved = approve(client, &revised.id()).await.expect(200);
    assert_eq!(
        (&approved.body["status"], &approved.body["valid_from"]),
        (&json!("scheduled"), &json!(begins))
    );
    let now = quote(client, &[("S1", 1)], json!({})).await.expect(201);
    assert_eq!(now.body["total"], money(1_000, "EUR"));
}
