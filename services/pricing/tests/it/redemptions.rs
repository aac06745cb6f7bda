//! Uses of promotions: never more than there may be, and given back once.

use averis_test_kit::{Answer, Client};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::setup::{money, path, platform, price, promotion, quote, shop};

async fn quoted(client: &Client, code: &str) -> String {
    let more = json!({"coupon_codes": [code]});
    let quoted = quote(client, &[("S1", 1)], more).await.expect(201);
    assert_eq!(
        quoted.body["outcomes"][0]["verdict"], "applied",
        "{}",
        quoted.text
    );
    quoted.id()
}

async fn hold(client: &Client, quote: &str, checkout: Uuid) -> Answer {
    let body = json!({"quote_id": quote, "checkout_id": checkout});
    client.post(&path("/redemptions"), &body).await
}

async fn settle(client: &Client, checkout: Uuid, command: &str) -> Answer {
    client
        .command(
            &path(&format!("/redemptions/{checkout}/{command}")),
            1,
            &json!({}),
        )
        .await
}

async fn used(client: &Client, promotion: &str) -> (i64, i64) {
    let read = client
        .get(&path(&format!("/promotions/{promotion}")))
        .await
        .expect(200)
        .body;
    (
        read["used"].as_i64().expect("uses"),
        read["spent"].as_i64().expect("a sum"),
    )
}

fn tenth() -> Value {
    json!({"kind": "percent", "rate": "0.1"})
}

#[actix_web::test]
async fn r5_of_32_parallel_redemptions_of_a_coupon_with_limit_1_one_succeeds() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let client = &shop.client;
    price(client, "S1", 1_000, "EUR", json!({})).await;
    let once = promotion(
        client,
        json!({"code": "ONCE", "action": tenth(), "usage_limit": 1}),
    )
    .await;
    let quote = quoted(client, "once").await;
    let holds = (0..32).map(|_| hold(client, &quote, Uuid::now_v7()));
    let answers = futures_util::future::join_all(holds).await;
    let (held, refused): (Vec<&Answer>, Vec<&Answer>) =
        answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(held.len(), 1);
    for answer in refused {
        answer.expect_problem(409, "promotion_exhausted");
    }
    assert_eq!(used(client, &once).await, (1, 100));
    // And a quote does not promise it again.
    let again = crate::setup::quote(client, &[("S1", 1)], json!({"coupon_codes": ["once"]}))
        .await
        .expect(201);
    assert_eq!(again.body["outcomes"][0]["verdict"], "used_up");
    assert_eq!(again.body["total"], money(1_000, "EUR"));
}

#[actix_web::test]
async fn r5_a_budget_holds_under_parallel_checkouts() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let client = &shop.client;
    price(client, "S1", 1_000, "EUR", json!({})).await;
    let body = json!({"code": "POT", "action": tenth(), "budget": money(550, "EUR")});
    let pot = promotion(client, body).await;
    let quote = quoted(client, "pot").await;
    let holds = (0..16).map(|_| hold(client, &quote, Uuid::now_v7()));
    let answers = futures_util::future::join_all(holds).await;
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 200).count(),
        5
    );
    assert_eq!(used(client, &pot).await, (5, 500));
}

#[actix_web::test]
async fn r5_a_failed_checkout_gives_the_use_back_once() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let client = &shop.client;
    price(client, "S1", 1_000, "EUR", json!({})).await;
    let twice = promotion(
        client,
        json!({"code": "TWICE", "action": tenth(), "usage_limit": 2}),
    )
    .await;
    let quote = quoted(client, "twice").await;
    let (one, two, three) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let first = hold(client, &quote, one).await.expect(200);
    assert_eq!(first.body["data"][0]["amount"], money(100, "EUR"));
    // The same checkout holds it once, however often it asks.
    let again = hold(client, &quote, one).await.expect(200);
    assert_eq!(again.body, first.body);
    let _ = hold(client, &quote, two).await.expect(200);
    hold(client, &quote, three)
        .await
        .expect_problem(409, "promotion_exhausted");
    let releases = (0..4).map(|_| settle(client, one, "release"));
    for answer in futures_util::future::join_all(releases).await {
        assert_eq!(answer.expect(200).body["data"][0]["state"], "released");
    }
    assert_eq!(used(client, &twice).await, (1, 100), "once");
    let _ = hold(client, &quote, three).await.expect(200);
    let confirmed = settle(client, two, "confirm").await.expect(200);
    assert_eq!(confirmed.body["data"][0]["state"], "confirmed");
    let _ = settle(client, two, "confirm").await.expect(200);
    // An order that was placed keeps its use, and a failed one does not come back.
    settle(client, two, "release")
        .await
        .expect_problem(409, "invalid_transition");
    settle(client, one, "confirm")
        .await
        .expect_problem(409, "invalid_transition");
    assert_eq!(used(client, &twice).await, (2, 200));
    // What a failed one asks for late it does not get, whether it has held anything or not.
    let _ = settle(client, three, "release").await.expect(200);
    let (late, next) = (Uuid::now_v7(), Uuid::now_v7());
    let nothing = settle(client, late, "release").await.expect(200);
    assert_eq!(nothing.body["data"], json!([]));
    for failed in [one, three, late] {
        hold(client, &quote, failed)
            .await
            .expect_problem(409, "redemption_released");
    }
    assert_eq!(used(client, &twice).await, (1, 100));
    let _ = hold(client, &quote, next).await.expect(200);
    let other = quoted_again(client, &quote).await;
    hold(client, &other, next)
        .await
        .expect_problem(409, "checkout_taken");
    let empty = client
        .get(&path(&format!("/redemptions/{}", Uuid::now_v7())))
        .await
        .expect(200);
    assert_eq!(empty.body["data"], json!([]));
}

/// A quote without promotions, which is another than the one that is given.
async fn quoted_again(client: &Client, other: &str) -> String {
    let id = quote(client, &[("S1", 1)], json!({}))
        .await
        .expect(201)
        .id();
    assert_ne!(id, other);
    id
}

#[actix_web::test]
async fn what_is_held_too_long_is_given_back() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let client = &shop.client;
    price(client, "S1", 1_000, "EUR", json!({})).await;
    let once = promotion(
        client,
        json!({"code": "ONCE", "action": tenth(), "usage_limit": 1}),
    )
    .await;
    let quote = quoted(client, "once").await;
    let (lost, next) = (Uuid::now_v7(), Uuid::now_v7());
    let _ = hold(client, &quote, lost).await.expect(200);
    hold(client, &quote, next)
        .await
        .expect_problem(409, "promotion_exhausted");
    let database = platform.database.connect().await;
    let sql = format!(
        "UPDATE tenant_{}_pricing.redemptions SET expires_at = now()",
        acme.key
    );
    database
        .batch_execute(&sql)
        .await
        .expect("its time is over");
    // Before anybody has taken it, a quote promises it again.
    let _ = quoted(client, "once").await;
    let _ = hold(client, &quote, next).await.expect(200);
    settle(client, lost, "confirm")
        .await
        .expect_problem(409, "invalid_transition");
    assert_eq!(used(client, &once).await, (1, 100));
}

#[actix_web::test]
async fn r5_a_limit_by_customer_counts_by_customer() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let client = &shop.client;
    price(client, "S1", 1_000, "EUR", json!({})).await;
    let body = json!({"code": "MINE", "action": tenth(), "per_customer_limit": 1});
    promotion(client, body).await;
    let quoted = async |customer: Option<Uuid>| {
        let more = json!({"coupon_codes": ["mine"], "customer_id": customer});
        let quoted = quote(client, &[("S1", 1)], more).await.expect(201);
        let verdict = quoted.body["outcomes"][0]["verdict"]
            .as_str()
            .expect("a verdict")
            .to_owned();
        (quoted.id(), verdict)
    };
    // Of a guest nobody knows how often it was used: it buys without.
    let (guest, verdict) = quoted(None).await;
    assert_eq!(verdict, "used_up");
    let held = hold(client, &guest, Uuid::now_v7()).await.expect(200);
    assert_eq!(held.body["data"], json!([]));
    let (one, two) = (Uuid::now_v7(), Uuid::now_v7());
    let (own, _) = quoted(Some(one)).await;
    let holds = (0..8).map(|_| hold(client, &own, Uuid::now_v7()));
    let answers = futures_util::future::join_all(holds).await;
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 200).count(),
        1
    );
    let (other, _) = quoted(Some(two)).await;
    let _ = hold(client, &other, Uuid::now_v7()).await.expect(200);
    assert_eq!(quoted(Some(one)).await.1, "used_up");
    // What an abandoned checkout holds comes back to its customer.
    let database = platform.database.connect().await;
    let sql = format!(
        "UPDATE tenant_{}_pricing.redemptions SET expires_at = now()",
        acme.key
    );
    database
        .batch_execute(&sql)
        .await
        .expect("its time is over");
    let (again, verdict) = quoted(Some(one)).await;
    assert_eq!(verdict, "applied");
    let _ = hold(client, &again, Uuid::now_v7()).await.expect(200);
    assert_eq!(quoted(Some(one)).await.1, "used_up");
}

#[actix_web::test]
async fn a_checkouts_own_use_does_not_stand_in_its_own_way() {
    // These hold for no time at all, so each is renewed.
    let platform = crate::setup::platform_with(chrono::TimeDelta::milliseconds(1_500)).await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let client = &shop.client;
    price(client, "S1", 1_000, "EUR", json!({})).await;
    promotion(
        client,
        json!({"code": "ONCE", "action": tenth(), "usage_limit": 1}),
    )
    .await;
    let quote = quoted(client, "once").await;
    let checkout = Uuid::now_v7();
    let _ = hold(client, &quote, checkout).await.expect(200);
    let database = platform.database.connect().await;
    let sql = format!(
        "UPDATE tenant_{}_pricing.price_quotes SET expires_at = now()",
        acme.key
    );
    database.batch_execute(&sql).await.expect("it has ended");
    let renew = path(&format!("/price-quotes/{quote}/renew"));
    let renewed = client.command(&renew, 1, &json!({})).await.expect(200);
    assert_eq!(renewed.body["total"], money(900, "EUR"));
}

#[actix_web::test]
async fn a_checkout_that_lost_one_of_its_uses_holds_all_of_them_or_none() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let client = &shop.client;
    price(client, "S1", 1_000, "EUR", json!({})).await;
    let mut ids = Vec::new();
    for (code, action) in [("one", tenth()), ("two", tenth())] {
        ids.push(
            promotion(
                client,
                json!({"code": code, "action": action, "usage_limit": 1}),
            )
            .await,
        );
    }
    let both = quote(
        client,
        &[("S1", 1)],
        json!({"coupon_codes": ["one", "two"]}),
    )
    .await
    .expect(201)
    .id();
    let only = quote(client, &[("S1", 1)], json!({"coupon_codes": ["one"]}))
        .await
        .expect(201)
        .id();
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    let held = hold(client, &both, first).await.expect(200);
    assert_eq!(held.body["data"].as_array().expect("uses").len(), 2);
    let database = platform.database.connect().await;
    let sql = format!(
        "UPDATE tenant_{}_pricing.redemptions SET expires_at = now()",
        acme.key
    );
    database
        .batch_execute(&sql)
        .await
        .expect("their time is over");
    let _ = hold(client, &only, second).await.expect(200);
    // One of both is another's now, so there is none, and the other is not kept either.
    hold(client, &both, first)
        .await
        .expect_problem(409, "promotion_exhausted");
    let _ = settle(client, second, "release").await.expect(200);
    let again = hold(client, &both, first).await.expect(200);
    assert_eq!(again.body["data"].as_array().expect("uses").len(), 2);
    let _ = settle(client, first, "confirm").await.expect(200);
    for id in ids {
        assert_eq!(used(client, &id).await.0, 1);
    }
}

#[actix_web::test]
async fn one_checkout_that_asks_twice_at_once_holds_once() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let client = &shop.client;
    price(client, "S1", 1_000, "EUR", json!({})).await;
    let once = promotion(
        client,
        json!({"code": "ONCE", "action": tenth(), "usage_limit": 1}),
    )
    .await;
    let quote = quoted(client, "once").await;
    let checkout = Uuid::now_v7();
    let holds = (0..8).map(|_| hold(client, &quote, checkout));
    for answer in futures_util::future::join_all(holds).await {
        assert_eq!(
            answer.expect(200).body["data"]
                .as_array()
                .expect("uses")
                .len(),
            1
        );
    }
    assert_eq!(used(client, &once).await, (1, 100));
}

#[actix_web::test]
async fn a_promotion_out_of_use_is_not_held_and_its_limit_is_never_below_its_uses() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let client = &shop.client;
    price(client, "S1", 1_000, "EUR", json!({})).await;
    let id = promotion(
        client,
        json!({"code": "CODE", "action": tenth(), "usage_limit": 5}),
    )
    .await;
    let quote = quoted(client, "code").await;
    for _ in 0..2 {
        let _ = hold(client, &quote, Uuid::now_v7()).await.expect(200);
    }
    let own = path(&format!("/promotions/{id}"));
    let refused = client.patch(&own, 2, &json!({"usage_limit": 1})).await;
    refused.expect_problem(422, "invalid");
    let changed = client
        .patch(&own, 2, &json!({"usage_limit": null, "priority": 3}))
        .await
        .expect(200);
    assert_eq!(
        (&changed.body["usage_limit"], &changed.body["used"]),
        (&Value::Null, &json!(2))
    );
    let _ = client
        .command(&format!("{own}/deactivate"), 3, &json!({}))
        .await
        .expect(200);
    hold(client, &quote, Uuid::now_v7())
        .await
        .expect_problem(409, "promotion_exhausted");
    let again = client
        .command(&format!("{own}/deactivate"), 4, &json!({}))
        .await;
    again.expect_problem(409, "invalid_transition");
    assert_eq!(again.body["allowed"], json!(["activate"]));
}
