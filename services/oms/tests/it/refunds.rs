//! Money that goes back.

use futures_util::future::join_all;
use serde_json::json;

use crate::setup::{Shop, command, eur, order, placed, ship, three_lamps, until};

#[actix_web::test]
async fn o2_refunds_are_never_more_than_was_paid_under_32_at_once() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let id = placed(&acme, &three_lamps(), Some("pm_ok")).await;
    let give = async |amount: i64, reference: String| {
        let body = json!({"amount": eur(amount), "reason": "A scratch", "reference": reference});
        command(&acme, &id, "refunds", body).await
    };
    give(1, "early".to_owned())
        .await
        .expect_problem(409, "not_refundable");
    let _ = ship(&acme, &id, "PS-1", None).await.expect(201);
    // 124.95 paid: of 32 refunds of 10.00 twelve fit.
    let all = join_all((0..32).map(|number| give(1_000, format!("r{number}")))).await;
    let done = all.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(done, 12);
    for answer in all.iter().filter(|answer| answer.status != 200) {
        answer.expect_problem(409, "not_refundable");
    }
    until("all are given back", async || {
        (shop.books(&id)[0].refunded == 12_000).then_some(())
    })
    .await;
    until("and noted", async || {
        (order(&acme, &id).await["payment"]["refunded"] == eur(12_000)).then_some(())
    })
    .await;
    assert_eq!(
        order(&acme, &id).await["payment_status"],
        "partially_refunded"
    );
    // In two steps it is no more either, and the same again is no other.
    give(496, "r".to_owned())
        .await
        .expect_problem(409, "not_refundable");
    let _ = give(495, "last".to_owned()).await.expect(200);
    let _ = give(495, "last".to_owned()).await.expect(200);
    give(494, "last".to_owned())
        .await
        .expect_problem(409, "reference_taken");
    until("all went back", async || {
        (order(&acme, &id).await["payment_status"] == "refunded").then_some(())
    })
    .await;
    assert_eq!(shop.books(&id)[0].refunded, 12_495);
}

#[actix_web::test]
async fn what_came_by_transfer_goes_back_by_transfer() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let id = placed(&acme, &three_lamps(), None).await;
    let paid = json!({"amount": eur(12_495), "reference": "bank 1"});
    let _ = command(&acme, &id, "payments", paid).await.expect(200);
    let back = json!({"amount": eur(12_495), "reason": "Lost", "reference": "bank 2"});
    let read = command(&acme, &id, "refunds", back).await.expect(200).body;
    assert_eq!(read["payment_status"], "refunded");
}
