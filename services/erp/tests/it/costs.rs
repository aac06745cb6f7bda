//! What stock is worth, and what of that stands in the books.

use averis_test_kit::Client;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::setup::{
    consume, moved, one_tenant, path, platform, receive, reserve, settle, warehouse,
};

fn cents(amount: i64) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

/// Receives pieces at so much each.
async fn bought(client: &Client, sku: &str, place: &str, quantity: i64, each: i64) {
    let line =
        json!({"sku": sku, "location_id": place, "quantity": quantity, "unit_cost": cents(each)});
    let body = json!({"kind": "receipt", "cause": Uuid::now_v7(), "lines": [line]});
    let _ = client.post(&path("/stock-moves"), &body).await.expect(201);
}

/// What there is of a SKU, all warehouses together, as (pieces, cents).
async fn worth(client: &Client, sku: &str) -> (i64, i64) {
    let found = client
        .get(&path(&format!("/stock-values?sku={sku}")))
        .await
        .expect(200)
        .body;
    let all = found["data"].as_array().expect("a list").clone();
    let pieces = all.iter().filter_map(|one| one["quantity"].as_i64());
    let value = all.iter().filter_map(|one| one["value"]["amount"].as_i64());
    (pieces.sum(), value.sum())
}

async fn balance(client: &Client, account: &str) -> i64 {
    let found = client.get(&path("/trial-balance")).await.expect(200).body;
    let all = found["accounts"].as_array().expect("a list").clone();
    let own = all.iter().find(|one| one["account"] == account);
    own.and_then(|one| one["balance"]["amount"].as_i64())
        .unwrap_or_default()
}

#[actix_web::test]
async fn e4_what_leaves_is_worth_the_average_and_the_books_say_the_same() {
    let (_platform, acme) = one_tenant().await;
    let place = warehouse(&acme, "BER", 1).await;
    bought(&acme, "LAMP", &place, 10, 1_000).await;
    bought(&acme, "LAMP", &place, 5, 2_000).await;
    assert_eq!(worth(&acme, "lamp").await, (15, 20_000));
    assert_eq!(balance(&acme, "2100").await, -20_000, "not billed yet");
    // Three are sold, at 13.33 each; two are lost, one is found.
    let owner = Uuid::now_v7();
    let _ = reserve(&acme, owner, &[("LAMP", 3)]).await.expect(200);
    let _ = settle(&acme, owner, "commit").await.expect(200);
    let _ = consume(&acme, owner, "shipment 1", &[("LAMP", place.as_str(), 3)])
        .await
        .expect(200);
    assert_eq!(worth(&acme, "lamp").await, (12, 16_000));
    assert_eq!(balance(&acme, "5000").await, 4_000);
    let _ = moved(&acme, "scrap", "s", &[("LAMP", &place, 2)])
        .await
        .expect(201);
    assert_eq!(worth(&acme, "lamp").await, (10, 13_333));
    let _ = moved(&acme, "adjust", "a", &[("LAMP", &place, 1)])
        .await
        .expect(201);
    assert_eq!(worth(&acme, "lamp").await, (11, 14_666));
    assert_eq!(balance(&acme, "5900").await, 1_334);
    // What came without a cost comes at the average; what is moved between warehouses keeps its own.
    receive(&acme, "LAMP", &place, 11).await;
    assert_eq!(worth(&acme, "lamp").await, (22, 29_332));
    let other = warehouse(&acme, "HAM", 2).await;
    let line = json!({"sku": "LAMP", "location_id": place, "to_location_id": other, "quantity": 7});
    let body = json!({"kind": "transfer", "cause": "t", "lines": [line]});
    let _ = acme.post(&path("/stock-moves"), &body).await.expect(201);
    assert_eq!(worth(&acme, "lamp").await, (22, 29_332));
    // When all is gone, no cent is left.
    for (place, pieces) in [(&place, 15), (&other, 7)] {
        let cause = format!("the rest of {place}");
        let _ = moved(&acme, "scrap", &cause, &[("LAMP", place, pieces)])
            .await
            .expect(201);
    }
    assert_eq!(worth(&acme, "lamp").await, (0, 0));
    assert_eq!(balance(&acme, "1400").await, 0);
}

#[actix_web::test]
async fn what_is_not_known_costs_nothing_and_posts_nothing() {
    let (_platform, acme) = one_tenant().await;
    let place = warehouse(&acme, "BER", 1).await;
    receive(&acme, "LAMP", &place, 5).await;
    assert_eq!(worth(&acme, "lamp").await, (5, 0));
    let entries = acme.get(&path("/entries")).await.expect(200).body;
    assert_eq!(entries["data"], json!([]));
}

#[actix_web::test]
async fn wrong_costs_are_refused_and_nothing_comes() {
    let (_platform, acme) = one_tenant().await;
    let place = warehouse(&acme, "BER", 1).await;
    let send = async |kind: &str, cost: Value, quantity: i64| {
        let line =
            json!({"sku": "LAMP", "location_id": place, "quantity": quantity, "unit_cost": cost});
        let body = json!({"kind": kind, "cause": "one", "lines": [line]});
        acme.post(&path("/stock-moves"), &body).await
    };
    for (kind, cost) in [
        ("receipt", cents(-1)),
        ("receipt", json!({"amount": 1, "currency": "USD"})),
        ("adjust", cents(1)),
    ] {
        send(kind, cost, 1).await.expect_problem(422, "invalid");
    }
    let huge = send("receipt", cents(i64::MAX), 2).await;
    huge.expect_problem(422, "money_overflow");
    assert_eq!(worth(&acme, "lamp").await, (0, 0));
    // The same delivery at another price is another.
    let _ = send("receipt", cents(5), 2).await.expect(201);
    let _ = send("receipt", cents(5), 2).await.expect(201);
    send("receipt", cents(6), 2)
        .await
        .expect_problem(409, "cause_taken");
}

#[actix_web::test]
async fn under_many_at_once_the_books_stay_with_the_stock() {
    let platform = platform().await;
    let tenant = platform.tenant("acme").await;
    let acme = &tenant.client;
    let place = warehouse(acme, "BER", 1).await;
    bought(acme, "LAMP", &place, 100, 333).await;
    let steps = (0..24).map(async |number: i64| {
        if number % 3 == 0 {
            bought(acme, "LAMP", &place, 3, 100 + number * 17).await;
        } else {
            let cause = format!("s{number}");
            let _ = moved(acme, "scrap", &cause, &[("LAMP", &place, 1 + number % 5)])
                .await
                .expect(201);
        }
    });
    futures_util::future::join_all(steps).await;
    let (_, value) = worth(acme, "lamp").await;
    assert_eq!(balance(acme, "1400").await, value);
    assert_eq!(
        balance(acme, "1400").await + balance(acme, "2100").await + balance(acme, "5900").await,
        0
    );
}
