//! Orders that are drafted, paid and placed with one call.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::setup::{Shop, command, draft, drafted, eur, events, order, path, three_lamps, until};

fn at_once(token: Option<&str>) -> Value {
    let mut body = draft(&three_lamps(), token);
    body["authorise"] = json!(true);
    body
}

#[actix_web::test]
async fn an_order_is_drafted_paid_and_placed_with_one_call_however_often() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let body = at_once(Some("pm_ok"));
    let all = join_all((0..8).map(|_| drafted(&acme, &body))).await;
    for answer in &all {
        assert!([201, 202].contains(&answer.status), "{}", answer.text);
    }
    let address = path("/orders");
    let first = acme.post_as("once", &address, &body).await.expect(201);
    let again = acme.post_as("once", &address, &body).await.expect(201);
    assert_eq!(first.body, again.body);
    assert_eq!(first.body["status"], "placed");
    assert_eq!(first.body["payment"]["authorised"], eur(12_495));
    let id = first.id();
    assert_eq!(shop.books(&id).len(), 1);
    let told = events(&acme, &id).await;
    assert_eq!(
        told,
        ["order.drafted", "payment.authorised", "order.placed"]
    );
    let read = order(&acme, &id).await;
    assert_eq!(read, first.body);
}

#[actix_web::test]
async fn what_is_declined_or_not_answered_is_told_and_known_again() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let address = path("/orders");
    let declined = at_once(Some("pm_declined"));
    for _ in 0..2 {
        let refused = acme.post_as("declined", &address, &declined).await;
        refused.expect_problem(402, "payment_declined");
        assert_eq!(refused.body["failure"], "insufficient_funds");
    }
    // Drafted without, it is the same: whoever has lost the answer finds it, and can cancel it.
    let mut known = declined.clone();
    known["authorise"] = json!(false);
    let known = drafted(&acme, &known).await.expect(201);
    assert_eq!(known.body["payment_status"], "failed");
    let gone = json!({"reason": "The checkout has failed"});
    let gone = command(&acme, &known.id(), "cancel", gone)
        .await
        .expect(200);
    assert_eq!(gone.body["status"], "cancelled");

    let silent = at_once(Some("pm_silent"));
    let waiting = acme.post_as("silent", &address, &silent).await;
    assert_eq!(waiting.expect(202).body["status"], "draft");
    let placed = acme.post_as("silent", &address, &silent).await;
    let placed = placed.expect(201);
    assert_eq!(placed.body["status"], "placed");
    assert_eq!(shop.books(&placed.id()).len(), 1);
}

/// A no that is kept under a key is given again, and nothing else is paid in its place.
#[actix_web::test]
async fn what_was_refused_is_refused_again_under_its_key() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let address = path("/orders");
    let first = draft(&three_lamps(), Some("pm_ok"));
    let id = drafted(&acme, &first).await.expect(201).id();
    let mut other = at_once(Some("pm_ok"));
    other["checkout_id"] = first["checkout_id"].clone();
    for _ in 0..2 {
        let refused = acme.post_as("taken", &address, &other).await;
        refused.expect_problem(409, "checkout_taken");
    }
    assert_eq!(order(&acme, &id).await["status"], "draft");
    assert!(shop.books(&id).is_empty());

    let globex = shop.platform.tenant("globex").await.client;
    let unknown = at_once(Some("pm_ok"));
    for _ in 0..2 {
        let refused = globex.post_as("unknown", &address, &unknown).await;
        refused.expect_problem(409, "provider_not_set_up");
    }
}

/// Whoever undoes a checkout has not heard whether its order was placed.
#[actix_web::test]
async fn only_a_draft_is_cancelled_where_only_a_draft_is_meant() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let only = json!({"reason": "The checkout has failed", "draft_only": true});
    let placed = drafted(&acme, &at_once(Some("pm_ok")))
        .await
        .expect(201)
        .id();
    let refused = command(&acme, &placed, "cancel", only.clone()).await;
    refused.expect_problem(409, "invalid_transition");
    assert_eq!(order(&acme, &placed).await["status"], "placed");
    let id = drafted(&acme, &draft(&three_lamps(), Some("pm_ok")))
        .await
        .expect(201)
        .id();
    for _ in 0..2 {
        let gone = command(&acme, &id, "cancel", only.clone()).await;
        assert_eq!(gone.expect(200).body["status"], "cancelled");
    }
    // Nobody pays for it any more.
    let refused = command(&acme, &id, "authorise", json!({})).await;
    refused.expect_problem(409, "invalid_transition");
    assert!(shop.books(&id).is_empty());
}

#[actix_web::test]
async fn what_is_paid_later_is_placed_at_once() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let placed = drafted(&acme, &at_once(None)).await.expect(201);
    let read = (&placed.body["status"], &placed.body["payment_status"]);
    assert_eq!(read, (&json!("placed"), &json!("none")));
    let told = events(&acme, &placed.id()).await;
    assert_eq!(told, ["order.drafted", "order.placed"]);
}

/// A process may die between asking a provider and noting what it has said: nothing says then that it was asked.
#[actix_web::test]
async fn what_was_authorised_unseen_is_let_go_with_its_order() {
    let shop = Shop::start().await;
    let tenant = shop.tenant("acme").await;
    let acme = &tenant.client;
    let body = at_once(Some("pm_silent"));
    let id = drafted(acme, &body).await.expect(202).id();
    let database = shop.platform.database.connect().await;
    let unseen = format!(
        "UPDATE tenant_{}_oms.payment_transactions SET state = 'initial', attempts = 0, next_at = now() WHERE order_id = '{id}'",
        tenant.key
    );
    database.batch_execute(&unseen).await.expect("turned back");
    let gone = json!({"reason": "The checkout has failed"});
    let _ = command(acme, &id, "cancel", gone).await.expect(200);
    until("what was authorised is let go", async || {
        (shop.books(&id)[0].status == "canceled").then_some(())
    })
    .await;
    assert_eq!(order(acme, &id).await["status"], "cancelled");
    assert_eq!(shop.books(&id).len(), 1);
}
