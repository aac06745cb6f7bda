//! Checkouts that fail: nothing is left of them, and the cart is its shopper's again.

use averis_payment_simulator::Behaviour;
use averis_test_kit::Answer;
use serde_json::{Value, json};

use crate::setup::{Away, Platform, Shop, agreed, buy, cart, complete, eur, path, total, until};

/// C5: no reservation, no use of a promotion, no authorisation, no draft is left.
async fn nothing_is_left(platform: &Platform, shop: &Shop, stock: i64) {
    assert_eq!(shop.level("LAMP").await, (stock, 0));
    assert!(shop.orders().await.is_empty());
    let open = |payment: &averis_payment_simulator::Payment| payment.status == "requires_capture";
    until("what was authorised is let go", async || {
        (!platform.provider.payments().iter().any(open)).then_some(())
    })
    .await;
    let database = platform.platform.database.connect().await;
    let schema = format!("tenant_{}_pricing", shop.tenant.key);
    let held = format!("SELECT count(*) FROM {schema}.redemptions WHERE state = 'held'");
    let held: i64 = database
        .query_one(&held, &[])
        .await
        .expect("a count")
        .get(0);
    assert_eq!(held, 0);
    let schema = format!("tenant_{}_ecomm", shop.tenant.key);
    let open =
        format!("SELECT count(*) FROM {schema}.checkouts WHERE status NOT IN ('placed', 'failed')");
    let open: i64 = database
        .query_one(&open, &[])
        .await
        .expect("a count")
        .get(0);
    assert_eq!(open, 0);
}

async fn state(shopper: &averis_test_kit::Client, cart: &str) -> Value {
    let found = shopper.get(&path(&format!("/carts/{cart}"))).await;
    found.expect(200).body["state"].clone()
}

#[actix_web::test]
async fn c5_a_declined_payment_leaves_nothing_and_the_cart_can_be_bought_again() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 5).await;
    let ana = platform.shopper(&shop);
    let id = cart(&ana, &[("LAMP", 2)]).await;
    let refused = complete(&ana, &id, Some("pm_declined")).await;
    refused.expect_problem(402, "payment_declined");
    assert_eq!(refused.body["failure"], "insufficient_funds");
    nothing_is_left(&platform, &shop, 5).await;
    assert_eq!(state(&ana, &id).await, "active");
    let bought = complete(&ana, &id, Some("pm_ok")).await.expect(200).body;
    assert_eq!(bought["status"], "placed");
    assert_eq!(shop.level("LAMP").await, (5, 2));
}

#[actix_web::test]
async fn c5_what_is_short_is_told_and_nothing_is_kept() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 3).await;
    let ana = platform.shopper(&shop);
    let id = cart(&ana, &[("LAMP", 4), ("BULB", 1)]).await;
    let short = complete(&ana, &id, Some("pm_ok")).await;
    short.expect_problem(409, "out_of_stock");
    assert_eq!(
        short.body["short"],
        json!([{"sku": "lamp", "available": 3}])
    );
    nothing_is_left(&platform, &shop, 3).await;
    assert_eq!(platform.provider.payments().len(), 0);
}

#[actix_web::test]
async fn c5_while_something_is_away_nothing_is_bought_and_nothing_invented() {
    for away in [
        Away {
            erp: true,
            oms: false,
        },
        Away {
            erp: false,
            oms: true,
        },
    ] {
        let platform = Platform::with(away, Behaviour::default()).await;
        let shop = platform.shop("acme", 5).await;
        let ana = platform.shopper(&shop);
        let id = cart(&ana, &[("LAMP", 1)]).await;
        let unavailable = complete(&ana, &id, Some("pm_ok")).await;
        unavailable.expect_problem(503, "checkout_unavailable");
        assert!(unavailable.headers.contains_key("retry-after"));
        assert_eq!(platform.provider.payments().len(), 0);
        assert!(shop.orders().await.is_empty());
        // What may have been done there is given back once it answers: until then the cart is locked.
        assert_eq!(state(&ana, &id).await, "locked", "{away:?}");
    }
}

#[actix_web::test]
async fn what_the_shop_does_not_take_is_told() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 5).await;
    let ana = platform.shopper(&shop);
    let id = cart(&ana, &[("LAMP", 1)]).await;
    let body = json!({"expected_total": total(&ana, &id).await, "payment": {"provider": "stripe", "token": "pm_1"}});
    let refused: Answer = buy(&ana, &id, &body).await;
    refused.expect_problem(409, "provider_not_set_up");
    nothing_is_left(&platform, &shop, 5).await;
    assert_eq!(state(&ana, &id).await, "active");
}

#[actix_web::test]
async fn what_has_no_price_is_not_sold() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 5).await;
    let method = json!({"code": "world", "name": "World", "price": eur(0)});
    let _ = shop
        .staff
        .post(&path("/shipping-methods"), &method)
        .await
        .expect(201);
    let ana = platform.shopper(&shop);
    let id = cart(&ana, &[("LAMP", 1)]).await;
    let own = path(&format!("/carts/{id}"));
    let version = ana.get(&own).await.expect(200).version();
    // Nobody knows the tax there.
    let paris = json!({"name": "Ana", "lines": ["Rue 1"], "city": "Paris", "country": "FR"});
    let moved = json!({"country": "FR", "ship_to": paris, "shipping_method": "world"});
    let _ = ana.patch(&own, version, &moved).await.expect(200);
    ana.get(&format!("{own}/totals"))
        .await
        .expect_problem(422, "no_price");
    let agree = agreed(&eur(1_190), Some("pm_ok"));
    buy(&ana, &id, &agree).await.expect_problem(422, "no_price");
    nothing_is_left(&platform, &shop, 5).await;
}

#[actix_web::test]
async fn an_attempt_that_a_crash_has_left_is_gone_on_with() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 5).await;
    let ana = platform.shopper(&shop);
    let id = cart(&ana, &[("LAMP", 1)]).await;
    let agree = agreed(&total(&ana, &id).await, Some("pm_ok"));
    let bought = buy(&ana, &id, &agree).await.expect(200).body;
    let checkout = bought["id"].as_str().expect("an id");
    // As if the process had died after each step: what follows has been done already, or not.
    let database = platform.platform.database.connect().await;
    let schema = format!("tenant_{}_ecomm", shop.tenant.key);
    for (status, step) in [
        ("running", "started"),
        ("running", "quoted"),
        ("running", "reserved"),
        ("running", "redeemed"),
        ("running", "credited"),
        // As processes of before have it, which drafted first.
        ("running", "drafted"),
        ("paying", "drafted"),
        // Nobody has heard that it was placed, and it is to be undone.
        ("compensating", "credited"),
        ("compensating", "drafted"),
        ("finalising", "placed"),
    ] {
        let back = format!(
            "UPDATE {schema}.checkouts SET status = '{status}', step = '{step}', next_at = now() - interval '1 minute', version = version + 1,
                 order_id = CASE WHEN '{step}' IN ('drafted', 'placed') THEN order_id END
                 WHERE id = '{checkout}';
             UPDATE {schema}.carts SET state = 'locked', order_id = NULL WHERE id = '{id}'"
        );
        database.batch_execute(&back).await.expect("turned back");
        let again = buy(&ana, &id, &agree).await;
        // The sweeper may have it already.
        if again.status != 200 {
            again.expect_problem(409, "cart_locked");
        }
        until("it is placed", async || {
            let found = ana
                .get(&path(&format!("/checkouts/{checkout}")))
                .await
                .expect(200)
                .body;
            (found["status"] == "placed").then_some(())
        })
        .await;
        assert_eq!(state(&ana, &id).await, "ordered", "{status} {step}");
    }
    assert_eq!(shop.orders().await.len(), 1);
    assert_eq!(platform.provider.payments().len(), 1);
    assert_eq!(shop.level("LAMP").await, (5, 1));
}
