//! Carts that become orders: once, whole, at what was agreed to.

use futures_util::future::join_all;
use serde_json::json;

use crate::setup::{
    Platform, agreed, buy, cart, change, complete, eur, half_once, path, total, until,
};

#[actix_web::test]
async fn c2_a_cart_is_bought_at_what_its_shopper_has_seen() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 5).await;
    let ana = platform.shopper(&shop);
    let id = cart(&ana, &[("LAMP", 2), ("BULB", 1)]).await;
    assert_eq!(total(&ana, &id).await, eur(3_094));
    for wrong in [eur(3_093), json!({"amount": 3_094, "currency": "USD"})] {
        let refused = buy(&ana, &id, &agreed(&wrong, Some("pm_ok"))).await;
        refused.expect_problem(409, "cart_changed");
        assert_eq!(refused.body["new_total"], eur(3_094));
    }
    let bought = complete(&ana, &id, Some("pm_ok")).await.expect(200).body;
    assert_eq!(
        (&bought["status"], &bought["total"]),
        (&json!("placed"), &eur(3_094))
    );
    let order = bought["order_id"].as_str().expect("an order").to_owned();
    let read = shop
        .staff
        .get(&format!("/api/oms/v1/orders/{order}"))
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&read["status"], &read["payment_status"], &read["total"]),
        (&json!("placed"), &json!("authorised"), &eur(3_094))
    );
    assert_eq!(read["number"], bought["order_number"]);
    assert_eq!(read["lines"][0]["name"], "thing");
    assert_eq!(read["snapshot"]["ship_to"]["city"], "Berlin");
    assert_eq!(read["snapshot"]["quote"]["total"], eur(3_094));
    // C4: what is authorised is what was agreed to.
    assert_eq!(platform.books(&order)[0].amount, 3_094);
    assert_eq!(shop.level("LAMP").await, (5, 2));
    let cart_now = ana
        .get(&path(&format!("/carts/{id}")))
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&cart_now["state"], &cart_now["order_id"]),
        (&json!("ordered"), &json!(order))
    );
    // The next cart is another one.
    let next = ana
        .post(&path("/carts"), &json!({"country": "DE"}))
        .await
        .expect(201);
    assert_ne!(next.id(), id);
    // It leaves, and is paid and invoiced.
    let work = shop
        .staff
        .get(&format!("/api/oms/v1/fulfilment-orders?order_id={order}"))
        .await;
    let work = work.expect(200).body["data"][0]["id"].clone();
    let ship = format!(
        "/api/oms/v1/fulfilment-orders/{}/ship",
        work.as_str().expect("an id")
    );
    let _ = shop
        .staff
        .post(&ship, &json!({"slip": "PS-1"}))
        .await
        .expect(201);
    until("the invoice is paid", async || {
        let found = shop
            .staff
            .get(&format!("/api/erp/v1/invoices?order_id={order}"))
            .await;
        let invoice = found.expect(200).body["data"][0].clone();
        (invoice["status"] == "paid" && invoice["total"] == eur(3_094)).then_some(())
    })
    .await;
    assert_eq!(shop.level("LAMP").await, (3, 0));
}

#[actix_web::test]
async fn c1_fifty_completes_of_one_cart_make_one_order() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 50).await;
    let ana = platform.shopper(&shop);
    let id = cart(&ana, &[("LAMP", 1)]).await;
    let agree = agreed(&total(&ana, &id).await, Some("pm_ok"));
    let address = path(&format!("/carts/{id}/complete"));
    // Half under one key, half each under its own.
    let all = join_all((0..50).map(async |number: i32| {
        if number % 2 == 0 {
            ana.post_as("the-same-key", &address, &agree).await
        } else {
            ana.post(&address, &agree).await
        }
    }));
    for answer in all.await {
        match answer.status {
            200 => assert_eq!(answer.body["status"], "placed"),
            _ => answer.expect_problem(409, "cart_locked"),
        }
    }
    let again = buy(&ana, &id, &agree).await.expect(200).body;
    let orders = shop.orders().await;
    assert_eq!(orders.len(), 1);
    assert_eq!(again["order_id"], orders[0]["id"]);
    assert_eq!(platform.provider.payments().len(), 1);
    assert_eq!(shop.level("LAMP").await, (50, 1));
    // What is ordered does not change any more.
    let lines = path(&format!("/carts/{id}/lines"));
    let line = json!({"sku": "BULB", "quantity": 1});
    ana.post(&lines, &line)
        .await
        .expect_problem(409, "cart_ordered");
}

#[actix_web::test]
async fn c3_a_cart_that_is_being_bought_does_not_change() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 5).await;
    let ana = platform.shopper(&shop);
    let id = cart(&ana, &[("LAMP", 1)]).await;
    // The buyer still has to say yes at the provider.
    let waiting = complete(&ana, &id, Some("pm_later")).await.expect(202).body;
    assert_eq!(waiting["status"], "paying");
    let own = path(&format!("/carts/{id}"));
    let read = ana.get(&own).await.expect(200);
    assert_eq!(read.body["state"], "locked");
    let line = json!({"sku": "BULB", "quantity": 1});
    ana.post(&format!("{own}/lines"), &line)
        .await
        .expect_problem(409, "cart_locked");
    let lamp = read.body["lines"][0]["id"].as_str().expect("an id");
    let none = json!({"quantity": 0});
    ana.post(&format!("{own}/lines/{lamp}"), &none)
        .await
        .expect_problem(409, "cart_locked");
    let elsewhere = json!({"email": "eve@example.com"});
    ana.patch(&own, read.version(), &elsewhere)
        .await
        .expect_problem(409, "cart_locked");
    // It says yes, and the checkout goes on by itself.
    let order = waiting["order_id"].as_str().expect("an order").to_owned();
    assert!(platform.provider.confirm(&platform.books(&order)[0].id));
    let checkout = path(&format!(
        "/checkouts/{}",
        waiting["id"].as_str().expect("an id")
    ));
    until("it is placed", async || {
        let found = ana.get(&checkout).await.expect(200).body;
        (found["status"] == "placed").then_some(())
    })
    .await;
    assert_eq!(ana.get(&own).await.expect(200).body["state"], "ordered");
    assert_eq!(shop.orders().await.len(), 1);
}

#[actix_web::test]
async fn a_silent_provider_is_waited_for_and_pays_once() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 5).await;
    let ana = platform.shopper(&shop);
    let id = cart(&ana, &[("LAMP", 1)]).await;
    let waiting = complete(&ana, &id, Some("pm_silent"))
        .await
        .expect(202)
        .body;
    let checkout = path(&format!(
        "/checkouts/{}",
        waiting["id"].as_str().expect("an id")
    ));
    until("it is placed", async || {
        let found = ana.get(&checkout).await.expect(200).body;
        (found["status"] == "placed").then_some(())
    })
    .await;
    assert_eq!(platform.provider.payments().len(), 1);
}

#[actix_web::test]
async fn promotions_are_used_with_the_order_and_not_without() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 5).await;
    half_once(&shop.staff).await;
    let (ana, bob) = (platform.shopper(&shop), platform.shopper(&shop));
    let mut carts = Vec::new();
    for shopper in [&ana, &bob] {
        let id = cart(shopper, &[("LAMP", 2)]).await;
        change(shopper, &id, &json!({"coupon_codes": ["ONE"]})).await;
        carts.push(id);
    }
    let seen = total(&ana, &carts[0]).await;
    assert_eq!(seen, eur(1_785), "half of 23.80, and 5.95");
    let declined = buy(&ana, &carts[0], &agreed(&seen, Some("pm_declined"))).await;
    declined.expect_problem(402, "payment_declined");
    let _ = buy(&bob, &carts[1], &agreed(&seen, Some("pm_ok")))
        .await
        .expect(200);
    // It is used up: what comes to more is not bought at less.
    let refused = buy(&ana, &carts[0], &agreed(&seen, Some("pm_ok"))).await;
    refused.expect_problem(409, "cart_changed");
}

#[actix_web::test]
async fn a_promotion_that_is_used_up_between_two_steps_is_not_given_twice() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 5).await;
    half_once(&shop.staff).await;
    let (ana, bob) = (platform.shopper(&shop), platform.shopper(&shop));
    let with_code = async |shopper: &averis_test_kit::Client| {
        let id = cart(shopper, &[("LAMP", 1)]).await;
        change(shopper, &id, &json!({"coupon_codes": ["ONE"]})).await;
        id
    };
    let id = with_code(&ana).await;
    let agree = agreed(&total(&ana, &id).await, Some("pm_later"));
    let waiting = buy(&ana, &id, &agree).await.expect(202).body;
    let checkout = waiting["id"].as_str().expect("an id");
    // Her attempt loses its use, and somebody else takes it before the step is taken again.
    let release = format!("/api/pricing/v1/redemptions/{checkout}/release");
    let _ = shop.staff.post(&release, &json!({})).await.expect(200);
    let other = with_code(&bob).await;
    let _ = complete(&bob, &other, Some("pm_ok")).await.expect(200);
    let database = platform.platform.database.connect().await;
    let back = format!(
        "UPDATE tenant_{}_ecomm.checkouts SET status = 'running', step = 'reserved', next_at = now(), version = version + 1 \
         WHERE id = '{checkout}'; DELETE FROM tenant_{}_pricing.idempotency_keys",
        shop.tenant.key, shop.tenant.key
    );
    database.batch_execute(&back).await.expect("turned back");
    let told = until("it has failed", async || {
        let answer = buy(&ana, &id, &agree).await;
        (answer.body["code"] != "cart_locked").then_some(answer)
    })
    .await;
    // Either this request or the sweeper has gone on with it; the next attempt comes to more.
    if told.body["code"] != "cart_changed" {
        told.expect_problem(409, "coupon_exhausted");
    }
    assert_eq!(shop.orders().await.len(), 1);
    assert_eq!(shop.level("LAMP").await, (5, 1));
}
