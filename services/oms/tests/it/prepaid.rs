//! Orders that are paid by transfer before anything of them leaves.

use averis_test_kit::Client;
use serde_json::{Value, json};

use crate::erp::{balance, erp, invoices, reserved, warehouse};
use crate::returns::{came, tell};
use crate::setup::{Shop, command, draft, drafted, eur, goods, order, ship, until};

/// Places an order of two lamps at 119.00, which is to be paid by transfer.
async fn two_lamps(acme: &Client) -> String {
    let place = warehouse(acme, Some(1_000)).await;
    let body = draft(&[goods("LAMP", 2, 20_000, 3_800, place)], None);
    reserved(acme, &body["checkout_id"], 2).await;
    let id = drafted(acme, &body).await.expect(201).id();
    let _ = command(acme, &id, "authorise", json!({})).await.expect(200);
    id
}

async fn pay(acme: &Client, id: &str, amount: i64) -> Value {
    let body = json!({"amount": eur(amount), "reference": "bank 1"});
    command(acme, id, "payments", body).await.expect(200).body
}

async fn give(acme: &Client, id: &str, amount: i64, reference: &str) -> Value {
    let body = json!({"amount": eur(amount), "reason": "Why not", "reference": reference});
    command(acme, id, "refunds", body).await.expect(200).body
}

/// Waits until the books say that: of the bank, receivables, deposits and returns.
async fn books(acme: &Client, expected: [i64; 4]) {
    until("the books say so", async || {
        let mut found = [0; 4];
        for (place, account) in ["1000", "1200", "2300", "4100"].into_iter().enumerate() {
            found[place] = balance(acme, account).await;
        }
        (found == expected).then_some(())
    })
    .await;
    let refused = acme.get(&erp("/refused-events")).await.expect(200).body;
    assert_eq!(refused["data"], json!([]));
}

#[actix_web::test]
async fn what_is_paid_before_it_is_invoiced_pays_the_invoices_and_what_is_cancelled_goes_back() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let id = two_lamps(&acme).await;
    assert_eq!(pay(&acme, &id, 23_800).await["payment_status"], "paid");
    // Nothing is sold yet: it is the customer's.
    books(&acme, [23_800, 0, -23_800, 0]).await;
    let _ = ship(&acme, &id, "PS-1", Some(&[(0, 1)])).await.expect(201);
    books(&acme, [23_800, 0, -11_900, 0]).await;
    let paid = invoices(&acme, &id).await;
    assert_eq!(
        (&paid[0]["status"], &paid[0]["paid"]),
        (&json!("paid"), &eur(11_900))
    );
    let cancelled = command(&acme, &id, "cancel", json!({"reason": "Too late"}));
    assert_eq!(
        cancelled.await.expect(200).body["payment_status"],
        "overcharged"
    );
    // What was paid for the second lamp goes back, and is no gift.
    let back = give(&acme, &id, 11_900, "bank 2").await;
    assert_eq!(back["payment_status"], "partially_refunded");
    books(&acme, [11_900, 0, 0, 0]).await;
    // More than that is one.
    let _ = give(&acme, &id, 1_000, "bank 3").await;
    books(&acme, [10_900, 0, 0, 1_000]).await;
    let sums = order(&acme, &id).await;
    assert_eq!(sums["payment"]["refunded"], eur(12_900));
}

#[actix_web::test]
async fn a_gift_before_anything_leaves_does_not_leave_the_invoice_unpaid() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let id = two_lamps(&acme).await;
    let _ = pay(&acme, &id, 23_800).await;
    let given = give(&acme, &id, 800, "late").await;
    assert_eq!(given["payment_status"], "partially_refunded");
    books(&acme, [23_000, 0, -23_800, 800]).await;
    let _ = ship(&acme, &id, "PS-1", None).await.expect(201);
    books(&acme, [23_000, 0, 0, 800]).await;
    assert_eq!(invoices(&acme, &id).await[0]["status"], "paid");
}

#[actix_web::test]
async fn what_is_paid_above_the_invoice_is_kept_and_goes_back() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let id = two_lamps(&acme).await;
    let _ = ship(&acme, &id, "PS-1", None).await.expect(201);
    let over = pay(&acme, &id, 24_000).await;
    assert_eq!(over["payment_status"], "overcharged");
    books(&acme, [24_000, 0, -200, 0]).await;
    let back = give(&acme, &id, 200, "bank 2").await;
    assert_eq!(back["payment_status"], "partially_refunded");
    books(&acme, [23_800, 0, 0, 0]).await;
}

#[actix_web::test]
async fn what_is_paid_for_goods_that_are_back_already_goes_back_and_is_no_gift() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let id = two_lamps(&acme).await;
    let shipment = ship(&acme, &id, "PS-1", None).await.expect(201);
    let back = came(&acme, &id, &shipment.body["id"], &[(0, 2)]).await;
    let closed = tell(&acme, &back, "refund", json!({})).await;
    assert_eq!(closed.expect(200).body["refunded"], eur(0));
    books(&acme, [0, 0, 0, 20_000]).await;
    // The transfer was under way meanwhile.
    assert_eq!(
        pay(&acme, &id, 23_800).await["payment_status"],
        "overcharged"
    );
    books(&acme, [23_800, 0, -23_800, 20_000]).await;
    let given = give(&acme, &id, 23_800, "bank 2").await;
    assert_eq!(given["payment_status"], "refunded");
    books(&acme, [0, 0, 0, 20_000]).await;
}

#[actix_web::test]
async fn a_gift_before_the_cancellation_is_part_of_what_goes_back() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let id = two_lamps(&acme).await;
    let _ = pay(&acme, &id, 23_800).await;
    let _ = give(&acme, &id, 5_000, "late").await;
    let all = command(&acme, &id, "cancel", json!({"reason": "Too late"})).await;
    assert_eq!(all.expect(200).body["payment_status"], "overcharged");
    books(&acme, [18_800, 0, -18_800, 0]).await;
    let back = give(&acme, &id, 18_800, "bank 2").await;
    assert_eq!(back["payment_status"], "refunded");
    books(&acme, [0, 0, 0, 0]).await;
}

#[actix_web::test]
async fn what_goes_back_before_the_cancellation_is_what_it_costs() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let id = two_lamps(&acme).await;
    let _ = pay(&acme, &id, 23_800).await;
    let _ = give(&acme, &id, 11_900, "for one lamp").await;
    books(&acme, [11_900, 0, -23_800, 11_900]).await;
    let one = json!({"reason": "Too late", "lines": [{"line": 0, "quantity": 1}]});
    let one = command(&acme, &id, "cancel", one).await;
    // It is even: nobody gives it back a second time.
    assert_eq!(one.expect(200).body["payment_status"], "partially_refunded");
    books(&acme, [11_900, 0, -11_900, 0]).await;
    let _ = ship(&acme, &id, "PS-1", None).await.expect(201);
    books(&acme, [11_900, 0, 0, 0]).await;
    assert_eq!(invoices(&acme, &id).await[0]["status"], "paid");
}
