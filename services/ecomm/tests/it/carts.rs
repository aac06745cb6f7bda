//! What shoppers put together.

use futures_util::future::join_all;
use serde_json::json;

use crate::setup::{Platform, cart, eur, path, total};

#[actix_web::test]
async fn a_session_has_one_cart_and_what_it_comes_to_is_told() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 5).await;
    let ana = platform.shopper(&shop);
    let begin = async || ana.post(&path("/carts"), &json!({"country": "DE"})).await;
    let all = join_all((0..8).map(|_| begin())).await;
    let mut ids: Vec<String> = all
        .iter()
        .filter(|answer| answer.status == 201)
        .map(averis_test_kit::Answer::id)
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 1);
    let id = cart(&ana, &[("lamp", 1), ("LAMP", 1), ("BULB", 3)]).await;
    assert_eq!(id, ids[0]);
    let own = path(&format!("/carts/{id}"));
    let read = ana.get(&own).await.expect(200).body;
    let lines = read["lines"].as_array().expect("lines");
    // One SKU is one line, however it is written.
    assert_eq!((lines.len(), &lines[0]["quantity"]), (2, &json!(2)));
    // 2 x 11.90 + 3 x 1.19 + 5.95
    assert_eq!(total(&ana, &id).await, eur(3_332));
    let options = ana
        .get(&format!("{own}/shipping-options"))
        .await
        .expect(200)
        .body;
    assert_eq!(
        options["data"],
        json!([{"code": "standard", "name": "Standard", "price": eur(595)}])
    );
    let line = format!("{own}/lines/{}", lines[1]["id"].as_str().expect("an id"));
    for _ in 0..2 {
        let changed = ana
            .post(&line, &json!({"quantity": 1}))
            .await
            .expect(200)
            .body;
        assert_eq!(changed["lines"][1]["quantity"], 1);
    }
    let gone = ana
        .post(&line, &json!({"quantity": 0}))
        .await
        .expect(200)
        .body;
    assert_eq!(gone["lines"].as_array().expect("lines").len(), 1);
    assert_eq!(total(&ana, &id).await, eur(2_975));
}

#[actix_web::test]
async fn a_cart_has_room_for_two_hundred_lines() {
    let platform = Platform::start().await;
    let acme = platform.platform.tenant("acme").await;
    let token = platform.platform.shopper_token(acme.id);
    let ana = acme.client.with_token(&token);
    let made = ana
        .post(&path("/carts"), &json!({"country": "DE"}))
        .await
        .expect(201);
    let lines = path(&format!("/carts/{}/lines", made.id()));
    for number in 0..200 {
        let line = json!({"sku": format!("S{number}"), "quantity": 1});
        let _ = ana.post(&lines, &line).await.expect(201);
    }
    ana.post(&lines, &json!({"sku": "S200", "quantity": 1}))
        .await
        .expect_problem(409, "cart_full");
    let _ = ana
        .post(&lines, &json!({"sku": "s0", "quantity": 1}))
        .await
        .expect(201);
}

#[actix_web::test]
async fn ways_of_sending_are_changed_by_those_who_run_the_shop() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 5).await;
    let listed = shop
        .staff
        .get(&path("/shipping-methods"))
        .await
        .expect(200)
        .body;
    let id = listed["data"][0]["id"].as_str().expect("an id").to_owned();
    let own = path(&format!("/shipping-methods/{id}"));
    let ana = platform.shopper(&shop);
    let bought = cart(&ana, &[("LAMP", 1)]).await;
    let dearer = shop
        .staff
        .patch(&own, 1, &json!({"price": eur(1_190)}))
        .await
        .expect(200);
    assert_eq!(total(&ana, &bought).await, eur(2_380));
    shop.staff
        .patch(&own, 1, &json!({"active": false}))
        .await
        .expect_problem(412, "version_mismatch");
    let off = json!({"active": false});
    let _ = shop
        .staff
        .patch(&own, dearer.version(), &off)
        .await
        .expect(200);
    let totals = ana.get(&path(&format!("/carts/{bought}/totals"))).await;
    totals.expect_problem(422, "no_shipping");
}
