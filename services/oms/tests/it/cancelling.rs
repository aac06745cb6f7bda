//! Orders that are cancelled before they are shipped.

use futures_util::future::join_all;
use serde_json::json;

use crate::setup::{Shop, command, eur, events, order, placed, three_lamps, until, work};

#[actix_web::test]
async fn an_order_is_cancelled_once_and_its_money_let_go() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let id = placed(&acme, &three_lamps(), Some("pm_ok")).await;
    let reason = json!({"reason": "The buyer has changed its mind"});
    let all = join_all((0..8).map(|_| command(&acme, &id, "cancel", reason.clone()))).await;
    assert!(all.iter().all(|answer| answer.status == 200));
    until("it is let go", async || {
        (order(&acme, &id).await["payment_status"] == "voided").then_some(())
    })
    .await;
    let read = order(&acme, &id).await;
    assert_eq!(
        (&read["status"], &read["fulfilment_status"]),
        (&json!("cancelled"), &json!("cancelled"))
    );
    // What it would have cost to send goes with the goods.
    assert_eq!(read["lines"][1]["cancelled"], 1);
    assert_eq!(read["payment"]["voided"], eur(12_495));
    assert_eq!(shop.books(&id)[0].status, "canceled");
    let told = events(&acme, &id).await;
    let count = |kind: &str| told.iter().filter(|one| *one == kind).count();
    assert_eq!(
        (count("order.cancelled"), count("payment.voided")),
        (1, 1),
        "{told:?}"
    );
    assert_eq!(work(&acme, &id).await[0]["status"], "cancelled");
}

#[actix_web::test]
async fn of_what_is_cancelled_in_parts_never_more_goes_than_is_there() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let id = placed(&acme, &three_lamps(), Some("pm_ok")).await;
    let one = json!({"reason": "x", "lines": [{"line": 0, "quantity": 1}]});
    let all = join_all((0..12).map(|_| command(&acme, &id, "cancel", one.clone()))).await;
    let done = all.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(done, 3);
    let read = order(&acme, &id).await;
    assert_eq!(
        (&read["status"], &read["lines"][0]["cancelled"]),
        (&json!("cancelled"), &json!(3))
    );
}

#[actix_web::test]
async fn a_draft_is_cancelled_as_a_whole_and_what_its_buyer_has_not_said_yes_to_is_withdrawn() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let body = crate::setup::draft(&three_lamps(), Some("pm_later"));
    let id = crate::setup::drafted(&acme, &body).await.expect(201).id();
    let _ = command(&acme, &id, "authorise", json!({}))
        .await
        .expect(202);
    let one = json!({"reason": "x", "lines": [{"line": 0, "quantity": 1}]});
    command(&acme, &id, "cancel", one)
        .await
        .expect_problem(409, "invalid_transition");
    let all = json!({"reason": "x"});
    let _ = command(&acme, &id, "cancel", all).await.expect(200);
    until("it is withdrawn", async || {
        (shop.books(&id)[0].status == "canceled").then_some(())
    })
    .await;
    until("and noted", async || {
        (order(&acme, &id).await["payment_status"] == "failed").then_some(())
    })
    .await;
    // Nobody can say yes any more.
    assert!(shop.provider.confirm(&shop.books(&id)[0].id));
    assert_eq!(shop.books(&id)[0].status, "canceled");
}
