//! Carts of which there is less than is wanted, of shoppers who would rather have what there is than nothing.

use averis_test_kit::{Answer, Client};
use futures_util::future::join_all;
use serde_json::json;

use crate::setup::{Platform, agreed, buy, cart, eur, path, total};

/// Buys what there is of a cart.
async fn buy_short(shopper: &Client, cart: &str) -> Answer {
    let mut body = agreed(&total(shopper, cart).await, Some("pm_ok"));
    body["short_ship"] = json!(true);
    buy(shopper, cart, &body).await
}

#[actix_web::test]
async fn what_is_not_there_is_left_out_where_the_shopper_says_so() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 3).await;
    let ana = platform.shopper(&shop);
    let id = cart(&ana, &[("LAMP", 5), ("BULB", 1)]).await;
    let bought = buy_short(&ana, &id).await.expect(200).body;
    let rest = 3 * 1_190 + 119 + 595;
    assert_eq!(
        (&bought["status"], &bought["total"], &bought["left_out"]),
        (
            &json!("placed"),
            &eur(rest),
            &json!([{"sku": "LAMP", "quantity": 2}])
        )
    );
    assert_eq!(shop.level("LAMP").await, (3, 3));
    assert_eq!(shop.level("BULB").await, (3, 1));
    let order = bought["order_id"].as_str().expect("an order").to_owned();
    let read = format!("/api/oms/v1/orders/{order}");
    let read = shop.staff.get(&read).await.expect(200).body;
    assert_eq!(
        (&read["total"], &read["lines"][0]["ordered"]),
        (&eur(rest), &json!(3))
    );
    // C4, C2: as much is set aside as the rest costs, and that is what the snapshot says.
    assert_eq!(platform.books(&order)[0].amount, rest);
    assert_eq!(read["snapshot"]["quote"]["total"], eur(rest));
    // C1: whoever asks again is told the same.
    let again = buy(&ana, &id, &agreed(&eur(1), Some("pm_ok"))).await;
    assert_eq!(again.expect(200).body["left_out"], bought["left_out"]);
}

#[actix_web::test]
async fn a_line_of_which_nothing_is_there_is_left_out_as_a_whole() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 2).await;
    let (ana, ben) = (platform.shopper(&shop), platform.shopper(&shop));
    let first = cart(&ana, &[("LAMP", 2)]).await;
    // It has nothing to leave out.
    let bought = buy_short(&ana, &first).await.expect(200).body;
    assert_eq!(
        (&bought["left_out"], &bought["total"]),
        (&json!([]), &eur(2_975))
    );
    let second = cart(&ben, &[("LAMP", 1), ("BULB", 2)]).await;
    let bought = buy_short(&ben, &second).await.expect(200).body;
    assert_eq!(bought["left_out"], json!([{"sku": "LAMP", "quantity": 1}]));
    assert_eq!(bought["total"], eur(2 * 119 + 595));
}

#[actix_web::test]
async fn of_nothing_there_is_no_order() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 1).await;
    let (ana, ben) = (platform.shopper(&shop), platform.shopper(&shop));
    let first = cart(&ana, &[("LAMP", 1)]).await;
    let _ = buy_short(&ana, &first).await.expect(200);
    let second = cart(&ben, &[("LAMP", 4)]).await;
    let refused = buy_short(&ben, &second).await;
    refused.expect_problem(409, "out_of_stock");
    assert_eq!(
        refused.body["short"],
        json!([{"sku": "lamp", "available": 0}])
    );
    assert_eq!(shop.level("LAMP").await, (1, 1));
    let own = path(&format!("/carts/{second}"));
    let read = ben.get(&own).await.expect(200).body;
    assert_eq!(
        (&read["state"], &read["lines"][0]["quantity"]),
        (&json!("active"), &json!(4))
    );
}

#[actix_web::test]
async fn c2_the_rest_never_costs_more_than_was_agreed_to() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 3).await;
    let half = json!({"name": "Four", "action": {"kind": "percent", "rate": "0.5"}, "target": {"on": "document"}, "conditions": {"min_quantity": 4}});
    let promotions = "/api/pricing/v1/promotions";
    let made = shop.staff.post(promotions, &half).await.expect(201);
    let activate = format!("{promotions}/{}/activate", made.id());
    let _ = shop
        .staff
        .command(&activate, 1, &json!({}))
        .await
        .expect(200);
    let ana = platform.shopper(&shop);
    let id = cart(&ana, &[("LAMP", 4)]).await;
    assert_eq!(total(&ana, &id).await, eur(4 * 595 + 595));
    let refused = buy_short(&ana, &id).await;
    // Nobody could agree to what three cost, as long as there are four in the cart.
    refused.expect_problem(409, "out_of_stock");
    let short = json!([{"sku": "lamp", "available": 3}]);
    assert_eq!(refused.body["short"], short);
    assert_eq!(shop.level("LAMP").await, (3, 0));
    assert!(shop.orders().await.is_empty());
}

#[actix_web::test]
async fn e2_of_many_who_take_what_there_is_together_they_take_no_more() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 20).await;
    let all = join_all((0..12).map(async |_| {
        let shopper = platform.shopper(&shop);
        let id = cart(&shopper, &[("LAMP", 3)]).await;
        buy_short(&shopper, &id).await
    }));
    let mut pieces = 0;
    for answer in all.await {
        if answer.status == 200 {
            let left_out = answer.body["left_out"][0]["quantity"].as_i64();
            pieces += 3 - left_out.unwrap_or_default();
        } else {
            answer.expect_problem(409, "out_of_stock");
        }
    }
    assert_eq!(pieces, 20);
    assert_eq!(shop.level("LAMP").await, (20, 20));
}
