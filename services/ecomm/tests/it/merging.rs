//! Carts and the customers who sign in with them.

use std::collections::BTreeMap;

use averis_test_kit::{Answer, Client, unique_key};
use futures_util::future::join;
use serde_json::{Value, json};

use crate::setup::{Platform, Shop, cart, complete, path, sign_in};

fn address() -> String {
    format!("{}@example.test", unique_key("m"))
}

async fn merge(shopper: &Client, cart: &str) -> Answer {
    shopper
        .post(&path(&format!("/carts/{cart}/merge")), &json!({}))
        .await
}

/// What is in a cart, by SKU.
fn lines(cart: &Value) -> BTreeMap<String, i64> {
    let lines = cart["lines"].as_array().expect("lines").iter();
    let of = |line: &Value| {
        let sku = line["sku"].as_str().expect("a SKU").to_lowercase();
        (sku, line["quantity"].as_i64().expect("a number"))
    };
    lines.map(of).collect()
}

fn pieces(list: &[(&str, i64)]) -> BTreeMap<String, i64> {
    list.iter()
        .map(|(sku, quantity)| ((*sku).to_owned(), *quantity))
        .collect()
}

/// A shopper who has signed in, with a cart of its session, which is the customer's.
async fn signed_in(
    platform: &Platform,
    shop: &Shop,
    email: &str,
    own: &[(&str, i64)],
) -> (Client, String) {
    let shopper = platform.shopper(shop);
    let id = cart(&shopper, own).await;
    sign_in(platform, &shopper, email).await;
    (shopper, id)
}

#[actix_web::test]
async fn c7_what_a_customer_has_put_into_carts_elsewhere_comes_into_this_one() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 5).await;
    let email = address();
    let (phone, there) = signed_in(&platform, &shop, &email, &[("LAMP", 2), ("BULB", 1)]).await;
    let claimed = merge(&phone, &there).await.expect(200).body;
    assert_eq!(
        (&claimed["merged"], &claimed["adjusted"]),
        (&json!([]), &json!([]))
    );
    let (laptop, here) = signed_in(&platform, &shop, &email, &[("lamp", 4)]).await;
    // Nothing comes to anybody who has not signed in, nor to another customer.
    let guest = platform.shopper(&shop);
    let guests = cart(&guest, &[("BULB", 1)]).await;
    let (eve, eves) = signed_in(&platform, &shop, &address(), &[("BULB", 3)]).await;
    for (shopper, own, wanted) in [(&guest, &guests, 1), (&eve, &eves, 3)] {
        let same = merge(shopper, own).await.expect(200).body;
        assert_eq!(same["merged"], json!([]));
        assert_eq!(lines(&same["cart"]), pieces(&[("bulb", wanted)]));
    }
    let merged = merge(&laptop, &here).await.expect(200).body;
    assert_eq!(merged["merged"], json!([there]));
    // Six lamps were wanted, and there are five.
    assert_eq!(lines(&merged["cart"]), pieces(&[("lamp", 5), ("bulb", 1)]));
    assert_eq!(
        merged["adjusted"],
        json!([{"sku": "LAMP", "wanted": 6, "kept": 5, "reason": "stock"}])
    );
    let again = merge(&laptop, &here).await.expect(200).body;
    assert_eq!(
        (&again["merged"], &again["cart"]),
        (&json!([]), &merged["cart"])
    );
    // The other one is over: its session begins a new one, which is empty.
    let over = phone
        .get(&path(&format!("/carts/{there}")))
        .await
        .expect(200);
    assert_eq!(over.body["state"], "merged");
    let line = json!({"sku": "BULB", "quantity": 1});
    let late = phone
        .post(&path(&format!("/carts/{there}/lines")), &line)
        .await;
    late.expect_problem(409, "cart_merged");
    let agreed = crate::setup::agreed(&crate::setup::eur(1_785), None);
    let bought = crate::setup::buy(&phone, &there, &agreed).await;
    bought.expect_problem(409, "cart_merged");
    let new = phone
        .post(&path("/carts"), &json!({"country": "DE"}))
        .await
        .expect(201);
    assert_ne!(new.id(), there);
    assert_eq!(new.body["lines"], json!([]));
    let bought = complete(&laptop, &here, Some("tok_ok")).await;
    assert_eq!(bought.status, 200, "{}", bought.text);
}

#[actix_web::test]
async fn c7_two_sessions_that_take_each_others_cart_lose_and_double_nothing() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 50).await;
    let email = address();
    let (phone, there) = signed_in(&platform, &shop, &email, &[("LAMP", 2)]).await;
    let (laptop, here) = signed_in(&platform, &shop, &email, &[("LAMP", 3), ("BULB", 1)]).await;
    let _ = merge(&phone, &there).await.expect(200);
    let (one, other) = join(merge(&phone, &there), merge(&laptop, &here)).await;
    let mut all: BTreeMap<String, i64> = BTreeMap::new();
    for (shopper, own) in [(&phone, &there), (&laptop, &here)] {
        let read = shopper
            .get(&path(&format!("/carts/{own}")))
            .await
            .expect(200)
            .body;
        if read["state"] == "active" {
            for (sku, quantity) in lines(&read) {
                *all.entry(sku).or_default() += quantity;
            }
        }
    }
    assert_eq!(
        all,
        pieces(&[("lamp", 5), ("bulb", 1)]),
        "{} {}",
        one.text,
        other.text
    );
}

#[actix_web::test]
async fn c8_whoever_signs_in_next_does_not_get_the_cart_of_whoever_was_there() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 5).await;
    let email = address();
    let (browser, anas) = signed_in(&platform, &shop, &email, &[("LAMP", 1)]).await;
    let _ = merge(&browser, &anas).await.expect(200);
    let _ = browser
        .post("/api/customer/v1/visitor/sign-out", &json!({}))
        .await
        .expect(200);
    sign_in(&platform, &browser, &address()).await;
    // Whatever the shop has asked for or not: nobody else sees it, changes it or buys it.
    let own = path(&format!("/carts/{anas}"));
    let line = json!({"sku": "BULB", "quantity": 1});
    browser.get(&own).await.expect_problem(404, "not_found");
    let options = browser.get(&format!("{own}/shipping-options")).await;
    options.expect_problem(404, "not_found");
    let late = browser.post(&format!("{own}/lines"), &line).await;
    late.expect_problem(404, "not_found");
    let mail = json!({"email": "eve@example.com"});
    browser
        .patch(&own, 5, &mail)
        .await
        .expect_problem(404, "not_found");
    let agreed = crate::setup::agreed(&crate::setup::eur(1_785), None);
    let refused = crate::setup::buy(&browser, &anas, &agreed).await;
    refused.expect_problem(409, "not_allowed_to_buy");
    // Asked twice under two keys, since the first answer was lost.
    let first = merge(&browser, &anas).await.expect(200).body;
    let new = merge(&browser, &anas).await.expect(200).body;
    assert_eq!(new["cart"]["id"], first["cart"]["id"]);
    assert_ne!(new["cart"]["id"], json!(anas));
    assert_eq!(new["cart"]["lines"], json!([]));
    browser
        .get(&path(&format!("/carts/{anas}")))
        .await
        .expect_problem(404, "not_found");
    // Ana finds it wherever she signs in.
    let (phone, own) = signed_in(&platform, &shop, &email, &[("BULB", 1)]).await;
    let merged = merge(&phone, &own).await.expect(200).body;
    assert_eq!(lines(&merged["cart"]), pieces(&[("lamp", 1), ("bulb", 1)]));
    // Who has signed out leaves the cart behind too.
    let _ = phone
        .post("/api/customer/v1/visitor/sign-out", &json!({}))
        .await
        .expect(200);
    let left = merge(&phone, &own).await.expect(200).body;
    assert_eq!(left["cart"]["lines"], json!([]));
    phone
        .get(&path(&format!("/carts/{own}")))
        .await
        .expect_problem(404, "not_found");
}
