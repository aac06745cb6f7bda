//! Orders that are drafted, placed, held and read.

use futures_util::future::join_all;
use serde_json::json;
use uuid::Uuid;

use crate::setup::{
    Shop, command, draft, drafted, eur, events, goods, order, path, placed, three_lamps, work,
};

#[actix_web::test]
async fn c1_a_checkout_drafts_one_order_and_of_a_cart_one_is_placed() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let body = draft(&three_lamps(), None);
    let all = join_all((0..8).map(|_| drafted(&acme, &body))).await;
    let made: Vec<String> = all
        .into_iter()
        .filter(|answer| answer.status == 201)
        .map(|answer| answer.id())
        .collect();
    let id = made.first().expect("one is made").clone();
    assert!(made.iter().all(|one| *one == id), "{made:?}");
    assert_eq!(drafted(&acme, &body).await.expect(201).id(), id);
    // The same checkout with something else; the same cart in another attempt.
    let mut other = draft(&[goods("LAMP", 1, 1, 0, Uuid::from_u128(7))], None);
    other["checkout_id"] = body["checkout_id"].clone();
    drafted(&acme, &other)
        .await
        .expect_problem(409, "checkout_taken");
    let mut again = body.clone();
    again["checkout_id"] = json!(Uuid::now_v7());
    drafted(&acme, &again)
        .await
        .expect_problem(409, "cart_ordered");
    // An attempt that failed makes room for the next, and a placed order never does.
    let reason = json!({"reason": "The checkout has failed"});
    let gone = command(&acme, &id, "cancel", reason.clone())
        .await
        .expect(200);
    assert_eq!(gone.body["status"], "cancelled");
    command(&acme, &id, "authorise", json!({}))
        .await
        .expect_problem(409, "invalid_transition");
    let second = drafted(&acme, &again).await.expect(201).id();
    let _ = command(&acme, &second, "authorise", json!({}))
        .await
        .expect(200);
    let _ = command(&acme, &second, "cancel", reason).await.expect(200);
    again["checkout_id"] = json!(Uuid::now_v7());
    drafted(&acme, &again)
        .await
        .expect_problem(409, "cart_ordered");
}

#[actix_web::test]
async fn an_order_that_is_paid_offline_is_placed_once_whoever_asks() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let body = draft(&three_lamps(), None);
    let id = drafted(&acme, &body).await.expect(201).id();
    assert!(
        work(&acme, &id).await.is_empty(),
        "a draft is nobody's work"
    );
    let all = join_all((0..8).map(|_| command(&acme, &id, "authorise", json!({})))).await;
    assert!(all.iter().all(|answer| answer.status == 200));
    let read = order(&acme, &id).await;
    assert_eq!(
        (
            &read["status"],
            &read["payment_status"],
            &read["fulfilment_status"]
        ),
        (&json!("placed"), &json!("none"), &json!("unfulfilled"))
    );
    assert_eq!(
        (&read["net"], &read["tax"], &read["total"]),
        (&eur(10_500), &eur(1_995), &eur(12_495))
    );
    assert!(
        read["number"]
            .as_str()
            .expect("a number")
            .starts_with("O-1")
    );
    assert_eq!(read["snapshot"], body["snapshot"]);
    assert_eq!(events(&acme, &id).await, ["order.drafted", "order.placed"]);
    let work = work(&acme, &id).await;
    assert_eq!(work.len(), 1);
    assert_eq!(
        work[0]["lines"],
        json!([{"line": 0, "quantity": 3, "cancelled": 0, "shipped": 0}])
    );
    for filter in [
        "?status=placed",
        &format!(
            "?customer_id={}",
            body["customer_id"].as_str().expect("an id")
        ),
    ] {
        let listed = acme
            .get(&path(&format!("/orders{filter}")))
            .await
            .expect(200)
            .body;
        assert_eq!(listed["data"][0]["id"], json!(id), "{filter}");
    }
    let none = acme
        .get(&path("/orders?status=draft"))
        .await
        .expect(200)
        .body;
    assert_eq!(none["data"], json!([]));
}

#[actix_web::test]
async fn o4_what_is_held_is_not_shipped_and_o9_what_was_agreed_to_does_not_change() {
    let shop = Shop::start().await;
    let tenant = shop.tenant("acme").await;
    let acme = &tenant.client;
    let id = placed(acme, &three_lamps(), None).await;
    let version = order(acme, &id).await["version"]
        .as_i64()
        .expect("a version");
    let own = |name: &str| path(&format!("/orders/{id}/{name}"));
    let reason = json!({"reason": "Address to be checked"});
    let held = acme
        .command(&own("hold"), version, &reason)
        .await
        .expect(200);
    assert_eq!(
        (&held.body["status"], &held.body["hold_reason"]),
        (&json!("on_hold"), &json!("Address to be checked"))
    );
    crate::setup::ship(acme, &id, "PS-1", None)
        .await
        .expect_problem(409, "invalid_transition");
    acme.command(&own("hold"), held.version(), &reason)
        .await
        .expect_problem(409, "invalid_transition");
    acme.command(&own("release"), version, &json!({}))
        .await
        .expect_problem(412, "version_mismatch");
    let released = acme
        .command(&own("release"), held.version(), &json!({}))
        .await
        .expect(200);
    assert_eq!(released.body["status"], "placed");
    // A warehouse too may wait.
    let work = work(acme, &id).await[0].clone();
    let there = path(&format!(
        "/fulfilment-orders/{}",
        work["id"].as_str().expect("an id")
    ));
    let version = work["version"].as_i64().expect("a version");
    let accepted = acme
        .command(&format!("{there}/accept"), version, &json!({}))
        .await
        .expect(200);
    let waits = acme
        .command(&format!("{there}/hold"), accepted.version(), &json!({}))
        .await
        .expect(200);
    crate::setup::ship(acme, &id, "PS-1", None)
        .await
        .expect_problem(409, "invalid_transition");
    let goes_on = acme
        .command(&format!("{there}/resume"), waits.version(), &json!({}))
        .await
        .expect(200);
    assert_eq!(goes_on.body["status"], "open");
    // The database itself keeps what was agreed to, whoever writes.
    let database = shop.platform.database.connect().await;
    let schema = format!("tenant_{}_oms", tenant.key);
    for change in ["net = net + 1", "snapshot = '{}'", "cart_id = checkout_id"] {
        let sql = format!("UPDATE {schema}.orders SET {change} WHERE id = '{id}'");
        assert!(database.batch_execute(&sql).await.is_err(), "{change}");
    }
    for change in [
        "cancelled = 3, shipped = 1",
        "returned = 1",
        "refunded = 1",
        "delivered = 1",
    ] {
        let sql = format!(
            "UPDATE {schema}.order_lines SET {change} WHERE order_id = '{id}' AND line = 0"
        );
        assert!(database.batch_execute(&sql).await.is_err(), "O1: {change}");
    }
}
