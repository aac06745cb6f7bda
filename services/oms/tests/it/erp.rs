//! What becomes of orders in stock and in the books, once the ERP service has heard of it.

use averis_test_kit::Client;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::setup::{
    Shop, command, draft, drafted, eur, goods, placed, ship, shipping, three_lamps, until,
};

pub fn erp(rest: &str) -> String {
    format!("/api/erp/v1{rest}")
}

/// Makes a warehouse with ten lamps, and returns the place of its stock.
pub async fn warehouse(client: &Client, unit_cost: Option<i64>) -> Uuid {
    let body = json!({"code": "BER", "name": "Berlin", "country": "DE"});
    let made = client.post(&erp("/warehouses"), &body).await.expect(201);
    let place = made.body["stock_location_id"].clone();
    let line = json!({"sku": "LAMP", "location_id": place, "quantity": 10, "unit_cost": unit_cost.map(eur)});
    let body = json!({"kind": "receipt", "cause": "delivery 1", "lines": [line]});
    let _ = client.post(&erp("/stock-moves"), &body).await.expect(201);
    place.as_str().expect("a place").parse().expect("an id")
}

/// Reserves lamps for a checkout, as it does, without committing them: the ERP service hears that the order is placed.
pub async fn reserved(client: &Client, checkout: &Value, quantity: i64) {
    let line = json!({"sku": "LAMP", "quantity": quantity});
    let body = json!({"owner_id": checkout, "lines": [line]});
    let _ = client.post(&erp("/reservations"), &body).await.expect(200);
}

/// What there is of lamps, as (on hand, reserved).
pub async fn level(client: &Client) -> (i64, i64) {
    let found = client
        .get(&erp("/stock-levels?sku=LAMP"))
        .await
        .expect(200)
        .body;
    let level = &found["data"][0];
    let of = |name: &str| level[name].as_i64().expect("a number");
    (of("on_hand"), of("reserved"))
}

pub async fn invoices(client: &Client, order: &str) -> Vec<Value> {
    let found = client
        .get(&erp(&format!("/invoices?order_id={order}")))
        .await;
    found.expect(200).body["data"]
        .as_array()
        .expect("a list")
        .clone()
}

/// The balance of an account.
pub async fn balance(client: &Client, account: &str) -> i64 {
    let found = client.get(&erp("/trial-balance")).await.expect(200).body;
    let all = found["accounts"].as_array().expect("a list").clone();
    let own = all.iter().find(|one| one["account"] == account);
    own.map_or(0, |one| {
        one["balance"]["amount"].as_i64().expect("an amount")
    })
}

#[actix_web::test]
async fn o7_what_is_shipped_leaves_the_stock_is_invoiced_once_and_paid() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let place = warehouse(&acme, None).await;
    let lines = [goods("LAMP", 3, 10_001, 1_900, place), shipping(500, 95)];
    let body = draft(&lines, Some("pm_ok"));
    reserved(&acme, &body["checkout_id"], 3).await;
    let id = drafted(&acme, &body).await.expect(201).id();
    let _ = command(&acme, &id, "authorise", json!({}))
        .await
        .expect(200);
    let _ = ship(&acme, &id, "PS-1", Some(&[(0, 1)])).await.expect(201);
    let some = json!({"reason": "Broken", "lines": [{"line": 0, "quantity": 1}]});
    let _ = command(&acme, &id, "cancel", some).await.expect(200);
    let _ = ship(&acme, &id, "PS-2", None).await.expect(201);
    let _ = ship(&acme, &id, "PS-2", None).await;
    let paid = until("both invoices are paid", async || {
        let all = invoices(&acme, &id).await;
        let paid = all.iter().filter(|one| one["status"] == "paid").count();
        (paid == 2).then_some(all)
    })
    .await;
    until("what was cancelled is given back", async || {
        (level(&acme).await == (8, 0)).then_some(())
    })
    .await;
    let order = crate::setup::order(&acme, &id).await;
    let sum = |name: &str| -> i64 {
        let all = paid.iter();
        all.map(|one| one[name]["amount"].as_i64().expect("an amount"))
            .sum()
    };
    assert_eq!(eur(sum("total")), order["payment"]["captured"]);
    assert_eq!(sum("total"), shop.books(&id)[0].captured);
    let numbers: Vec<&str> = paid
        .iter()
        .map(|one| one["number"].as_str().expect("a number"))
        .collect();
    assert!(numbers.iter().all(|number| number.starts_with("INV-")) && numbers[0] != numbers[1]);
    // E6: nobody owes anything, the provider has the money, revenue and tax are what was invoiced.
    assert_eq!(balance(&acme, "1200").await, 0);
    assert_eq!(balance(&acme, "1100").await, sum("total"));
    assert_eq!(balance(&acme, "4000").await, -sum("net"));
    assert_eq!(balance(&acme, "2200").await, -sum("tax"));
    let refused = acme.get(&erp("/refused-events")).await.expect(200).body;
    assert_eq!(refused["data"], json!([]));
}

#[actix_web::test]
async fn a_cancelled_order_leaves_no_ghost_in_the_stock() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let place = warehouse(&acme, None).await;
    let body = draft(&[goods("LAMP", 4, 400, 76, place)], Some("pm_ok"));
    reserved(&acme, &body["checkout_id"], 4).await;
    let id = drafted(&acme, &body).await.expect(201).id();
    let _ = command(&acme, &id, "authorise", json!({}))
        .await
        .expect(200);
    let _ = command(&acme, &id, "cancel", json!({"reason": "x"}))
        .await
        .expect(200);
    until("it is given back", async || {
        (level(&acme).await == (10, 0)).then_some(())
    })
    .await;
    assert!(invoices(&acme, &id).await.is_empty());
}

#[actix_web::test]
async fn money_that_goes_back_lessens_what_was_earned() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let place = warehouse(&acme, None).await;
    let body = draft(&[goods("LAMP", 1, 1_000, 190, place)], None);
    reserved(&acme, &body["checkout_id"], 1).await;
    let id = drafted(&acme, &body).await.expect(201).id();
    let _ = command(&acme, &id, "authorise", json!({}))
        .await
        .expect(200);
    let _ = ship(&acme, &id, "PS-1", None).await.expect(201);
    let paid = json!({"amount": eur(1_190), "reference": "bank 1"});
    let _ = command(&acme, &id, "payments", paid).await.expect(200);
    let back = json!({"amount": eur(90), "reason": "A scratch", "reference": "bank 2"});
    let _ = command(&acme, &id, "refunds", back).await.expect(200);
    until("the books say so", async || {
        (balance(&acme, "4100").await == 90).then_some(())
    })
    .await;
    assert_eq!(
        (balance(&acme, "1000").await, balance(&acme, "1200").await),
        (1_100, 0)
    );
}

#[actix_web::test]
async fn what_cannot_have_its_effect_is_kept_for_people_and_stops_nothing_after_it() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    // Nobody has reserved these, so there is no invoice for what is paid.
    let ghost = placed(&acme, &three_lamps(), None).await;
    let _ = ship(&acme, &ghost, "PS-1", None).await.expect(201);
    let paid = json!({"amount": eur(1), "reference": "bank 1"});
    let _ = command(&acme, &ghost, "payments", paid).await.expect(200);
    let online = placed(&acme, &three_lamps(), Some("pm_ok")).await;
    let _ = ship(&acme, &online, "PS-3", None).await.expect(201);
    let place = warehouse(&acme, None).await;
    let body = draft(&[goods("LAMP", 1, 1_000, 190, place)], None);
    reserved(&acme, &body["checkout_id"], 1).await;
    let id = drafted(&acme, &body).await.expect(201).id();
    let _ = command(&acme, &id, "authorise", json!({}))
        .await
        .expect(200);
    let _ = ship(&acme, &id, "PS-2", None).await.expect(201);
    until("the next is invoiced", async || {
        (invoices(&acme, &id).await.len() == 1).then_some(())
    })
    .await;
    let text = |one: &Value, name: &str| one[name].as_str().expect(name).to_owned();
    let told = until("all of it is refused", async || {
        let refused = acme.get(&erp("/refused-events")).await.expect(200).body;
        let refused = refused["data"].as_array().expect("a list");
        let told = refused
            .iter()
            .map(|one| (text(one, "kind"), text(one, "code")));
        let told: Vec<(String, String)> = told.collect();
        (told.len() == 3).then_some(told)
    });
    let told = told.await;
    let told: Vec<(&str, &str)> = told
        .iter()
        .map(|(kind, code)| (kind.as_str(), code.as_str()))
        .collect();
    let shipped = ("shipment.shipped", "not_reserved");
    assert_eq!(
        told,
        [shipped, shipped, ("payment.captured", "not_invoiced")]
    );
    assert_eq!(balance(&acme, "2300").await, -1, "it is the customer's");
    // Books in another currency take nothing at a rate that nobody knows.
    let globex = shop.tenant("globex").await.client;
    let _ = globex
        .post(&erp("/books"), &json!({"currency": "USD"}))
        .await
        .expect(200);
    let place = warehouse(&globex, None).await;
    let body = draft(&[goods("LAMP", 1, 1_000, 190, place)], None);
    reserved(&globex, &body["checkout_id"], 1).await;
    let id = drafted(&globex, &body).await.expect(201).id();
    let _ = command(&globex, &id, "authorise", json!({}))
        .await
        .expect(200);
    let _ = ship(&globex, &id, "PS-1", None).await.expect(201);
    // What has left has left, whatever the books say.
    until("it has left", async || {
        (level(&globex).await == (9, 0)).then_some(())
    })
    .await;
    until("it is refused", async || {
        let refused = globex.get(&erp("/refused-events")).await.expect(200).body;
        (refused["data"][0]["code"] == "unknown_rate").then_some(())
    })
    .await;
    // At a known one they do.
    let rate = json!({"currency": "EUR", "rate": "1.25", "valid_from": "2026-01-01"});
    let noted = globex.post(&erp("/exchange-rates"), &rate).await;
    let _ = noted.expect(200);
    let body = draft(&[goods("LAMP", 1, 1_000, 190, place)], None);
    reserved(&globex, &body["checkout_id"], 1).await;
    let id = drafted(&globex, &body).await.expect(201).id();
    let _ = command(&globex, &id, "authorise", json!({}))
        .await
        .expect(200);
    let _ = ship(&globex, &id, "PS-2", None).await.expect(201);
    let paid = json!({"amount": eur(1_190), "reference": "bank 2"});
    let _ = command(&globex, &id, "payments", paid).await.expect(200);
    until("it is paid", async || {
        let own = invoices(&globex, &id).await;
        (own.len() == 1 && own[0]["status"] == "paid").then_some(())
    })
    .await;
    let in_the_books = (
        balance(&globex, "4000").await,
        balance(&globex, "1200").await,
    );
    assert_eq!(in_the_books, (-1_250, 0));
}
