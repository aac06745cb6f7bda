//! What comes back, and what goes back for it.

use averis_test_kit::{Answer, Client};
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::erp::{balance, erp, invoices, level, reserved, warehouse};
use crate::setup::{
    Shop, command, draft, drafted, eur, goods, order, path, placed, ship, shipping, three_lamps,
    until,
};

/// Announces that pieces of a shipment come back.
async fn announce(client: &Client, order: &str, shipment: &Value, lines: &[(i32, i64)]) -> Answer {
    let lines = lines
        .iter()
        .map(|(line, quantity)| json!({"line": line, "quantity": quantity}));
    let body =
        json!({"shipment_id": shipment, "reason": "Too small", "lines": lines.collect::<Vec<_>>()});
    client
        .post(&path(&format!("/orders/{order}/returns")), &body)
        .await
}

pub async fn tell(client: &Client, id: &str, name: &str, body: Value) -> Answer {
    client
        .post(&path(&format!("/returns/{id}/{name}")), &body)
        .await
}

/// Announces, approves and receives pieces, all as announced and accepted.
pub async fn came(client: &Client, order: &str, shipment: &Value, lines: &[(i32, i64)]) -> String {
    let id = announce(client, order, shipment, lines)
        .await
        .expect(201)
        .id();
    for name in ["approve", "receive"] {
        let _ = tell(client, &id, name, json!({})).await.expect(200);
    }
    id
}

/// Ships all of an order and returns the shipment's id.
async fn shipped(client: &Client, order: &str) -> Value {
    ship(client, order, "PS-1", None).await.expect(201).body["id"].clone()
}

#[actix_web::test]
async fn o7_e8_what_comes_back_is_restocked_at_its_cost_credited_and_refunded_to_the_cent() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let place = warehouse(&acme, Some(1_000)).await;
    let lines = [goods("LAMP", 3, 10_001, 1_900, place), shipping(500, 95)];
    let body = draft(&lines, Some("pm_ok"));
    reserved(&acme, &body["checkout_id"], 3).await;
    let id = drafted(&acme, &body).await.expect(201).id();
    let _ = command(&acme, &id, "authorise", json!({}))
        .await
        .expect(200);
    let shipment = shipped(&acme, &id).await;
    until("it has left", async || {
        (level(&acme).await == (7, 0)).then_some(())
    })
    .await;
    // More come for twice as much: the average moves.
    let line = json!({"sku": "LAMP", "location_id": place, "quantity": 7, "unit_cost": eur(2_000)});
    let more = json!({"kind": "receipt", "cause": "delivery 2", "lines": [line]});
    let _ = acme.post(&erp("/stock-moves"), &more).await.expect(201);
    // One, which cannot be sold again; then the others, with what it cost to send them.
    let first = announce(&acme, &id, &shipment, &[(0, 1)])
        .await
        .expect(201)
        .id();
    let _ = tell(&acme, &first, "approve", json!({})).await.expect(200);
    let broken = json!({"lines": [{"line": 0, "received": 1, "accepted": 1, "restock": false}]});
    let _ = tell(&acme, &first, "receive", broken).await.expect(200);
    let one = tell(&acme, &first, "refund", json!({}))
        .await
        .expect(200)
        .body;
    assert_eq!(one["credited"], one["refunded"]);
    let read = order(&acme, &id).await;
    assert_eq!(read["payment_status"], "partially_refunded");
    assert_eq!(read["fulfilment_status"], "fulfilled");
    let second = came(&acme, &id, &shipment, &[(0, 2)]).await;
    let rest = json!({"with_shipping": true});
    let two = tell(&acme, &second, "refund", rest).await.expect(200).body;
    let sum = |name: &str| {
        let of = |one: &Value| one[name]["amount"].as_i64().expect("an amount");
        of(&one) + of(&two)
    };
    // M7: 100.01 for three, in two portions.
    assert_eq!((sum("credited"), sum("refunded")), (12_496, 12_496));
    until("all went back", async || {
        (order(&acme, &id).await["payment_status"] == "refunded").then_some(())
    })
    .await;
    assert_eq!(shop.books(&id)[0].refunded, 12_496);
    assert_eq!(order(&acme, &id).await["fulfilment_status"], "returned");
    // Two can be sold again, one lies aside.
    until("they are back", async || {
        (level(&acme).await.0 == 16).then_some(())
    })
    .await;
    let moves = acme
        .get(&erp("/stock-moves?kind=return"))
        .await
        .expect(200)
        .body;
    assert_eq!(moves["data"].as_array().expect("moves").len(), 2);
    // E6: nobody owes anything, and what was earned is given back, tax and all.
    until("the books say so", async || {
        let open = balance(&acme, "1100").await;
        (open == 0 && balance(&acme, "4100").await == 10_501).then_some(())
    })
    .await;
    for account in ["1200", "2200"] {
        assert_eq!(balance(&acme, account).await, 0, "{account}");
    }
    assert_eq!(balance(&acme, "4000").await, -10_501);
    let all = invoices(&acme, &id).await;
    let notes = all.iter().filter(|one| one["kind"] == "credit_note");
    let notes: i64 = notes
        .map(|note| note["total"]["amount"].as_i64().expect("an amount"))
        .sum();
    assert_eq!(notes, 12_496);
    let refused = acme.get(&erp("/refused-events")).await.expect(200).body;
    assert_eq!(refused["data"], json!([]));
    // E8: they came back at what they had left for, although the average has moved. Ten had cost 10.00 each.
    assert_eq!(
        (balance(&acme, "5000").await, balance(&acme, "1400").await),
        (0, 24_000)
    );
}

#[actix_web::test]
async fn what_is_refunded_is_what_came_and_not_what_was_announced() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let id = placed(&acme, &three_lamps(), Some("pm_ok")).await;
    let shipment = shipped(&acme, &id).await;
    let own = announce(&acme, &id, &shipment, &[(0, 3)])
        .await
        .expect(201)
        .id();
    let _ = tell(&acme, &own, "approve", json!({})).await.expect(200);
    let count = |received: i64, accepted: i64| json!({"lines": [{"line": 0, "received": received, "accepted": accepted, "restock": true}]});
    tell(&acme, &own, "receive", count(4, 1))
        .await
        .expect_problem(422, "invalid");
    tell(&acme, &own, "receive", count(2, 3))
        .await
        .expect_problem(422, "invalid");
    // Three were announced, two came, one is worn.
    let _ = tell(&acme, &own, "receive", count(2, 1)).await.expect(200);
    // Said again it is the same; something else it is not.
    let _ = tell(&acme, &own, "receive", count(2, 1)).await.expect(200);
    tell(&acme, &own, "receive", count(2, 2))
        .await
        .expect_problem(409, "invalid_transition");
    let closed = tell(&acme, &own, "refund", json!({}))
        .await
        .expect(200)
        .body;
    assert_eq!(closed["refunded"], eur(3_966), "{closed}");
    assert_eq!(order(&acme, &id).await["lines"][0]["returned"], 1);
    // The two that did not come, or were not accepted, may still.
    announce(&acme, &id, &shipment, &[(0, 3)])
        .await
        .expect_problem(409, "not_returnable");
    let _ = announce(&acme, &id, &shipment, &[(0, 2)]).await.expect(201);
}

#[actix_web::test]
async fn o1_no_piece_comes_back_twice_however_many_say_so_at_once() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let id = placed(&acme, &three_lamps(), Some("pm_ok")).await;
    let shipment = shipped(&acme, &id).await;
    let all = join_all((0..6).map(|_| announce(&acme, &id, &shipment, &[(0, 2)]))).await;
    let announced: Vec<&Answer> = all.iter().filter(|one| one.status == 201).collect();
    assert_eq!(announced.len(), 1);
    for one in all.iter().filter(|one| one.status != 201) {
        one.expect_problem(409, "not_returnable");
        assert_eq!(one.body["returnable"], 1);
    }
    let own = announced[0].id();
    for name in ["approve", "receive"] {
        let _ = tell(&acme, &own, name, json!({})).await.expect(200);
    }
    // Whoever refunds it, and however often: once.
    let all = join_all((0..16).map(|_| tell(&acme, &own, "refund", json!({})))).await;
    assert!(all.iter().all(|one| one.status == 200));
    until("it went back", async || {
        (order(&acme, &id).await["payment"]["refunded"] == eur(7_932)).then_some(())
    })
    .await;
    assert_eq!(shop.books(&id)[0].refunded, 7_932);
    // What was declined or given up keeps nothing from others.
    for (name, back) in [("decline", "declined"), ("cancel", "cancelled")] {
        let own = announce(&acme, &id, &shipment, &[(0, 1)])
            .await
            .expect(201)
            .id();
        let why = json!({"comment": "Worn"});
        let read = tell(&acme, &own, name, why.clone()).await.expect(200).body;
        assert_eq!(read["status"], back);
        let _ = tell(&acme, &own, name, why).await.expect(200);
        tell(&acme, &own, "approve", json!({}))
            .await
            .expect_problem(409, "invalid_transition");
    }
    let list = path(&format!("/returns?order_id={id}&status=closed"));
    let found = acme.get(&list).await.expect(200).body;
    assert_eq!(found["data"][0]["id"], json!(own));
    assert_eq!(found["data"].as_array().expect("a list").len(), 1);
}

#[actix_web::test]
async fn what_was_not_paid_does_not_go_back_and_a_gift_is_not_given_twice() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    // On account: less is owed, and nothing goes back.
    let id = placed(&acme, &three_lamps(), None).await;
    let shipment = shipped(&acme, &id).await;
    let own = came(&acme, &id, &shipment, &[(0, 3)]).await;
    let closed = tell(&acme, &own, "refund", json!({}))
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&closed["credited"], &closed["refunded"]),
        (&eur(11_900), &eur(0))
    );
    assert_eq!(order(&acme, &id).await["payment_status"], "none");
    // 10.00 out of goodwill, then everything comes back.
    let body = draft(&three_lamps(), Some("pm_ok"));
    let id = drafted(&acme, &body).await.expect(201).id();
    let _ = command(&acme, &id, "authorise", json!({}))
        .await
        .expect(200);
    let shipment = ship(&acme, &id, "PS-2", None).await.expect(201).body["id"].clone();
    let gift = json!({"amount": eur(1_000), "reason": "A scratch", "reference": "g"});
    let _ = command(&acme, &id, "refunds", gift).await.expect(200);
    until("it is given", async || {
        (order(&acme, &id).await["payment"]["refunded"] == eur(1_000)).then_some(())
    })
    .await;
    let own = came(&acme, &id, &shipment, &[(0, 3)]).await;
    let all = json!({"with_shipping": true});
    let closed = tell(&acme, &own, "refund", all).await.expect(200).body;
    assert_eq!(
        (&closed["credited"], &closed["refunded"]),
        (&eur(12_495), &eur(11_495))
    );
    until("all went back", async || {
        (order(&acme, &id).await["payment_status"] == "refunded").then_some(())
    })
    .await;
    assert_eq!(shop.books(&id)[0].refunded, 12_495);
}

#[actix_web::test]
async fn what_never_left_does_not_come_back() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let id = placed(&acme, &three_lamps(), Some("pm_ok")).await;
    let nothing = json!(Uuid::now_v7());
    announce(&acme, &id, &nothing, &[(0, 1)])
        .await
        .expect_problem(422, "unknown_shipment");
    let shipment = ship(&acme, &id, "PS-1", Some(&[(0, 1)]))
        .await
        .expect(201)
        .body["id"]
        .clone();
    announce(&acme, &id, &shipment, &[(0, 2)])
        .await
        .expect_problem(409, "not_returnable");
    for line in [1, 7] {
        // What it cost to send is no goods.
        announce(&acme, &id, &shipment, &[(line, 1)])
            .await
            .expect_problem(422, "unknown_line");
    }
    announce(&acme, &id, &shipment, &[(0, 1), (0, 1)])
        .await
        .expect_problem(422, "invalid");
    announce(&acme, &id, &shipment, &[(0, -1)])
        .await
        .expect_problem(422, "invalid");
    let own = announce(&acme, &id, &shipment, &[(0, 1)])
        .await
        .expect(201)
        .id();
    for (name, body) in [("receive", json!({})), ("refund", json!({}))] {
        let early = tell(&acme, &own, name, body).await;
        early.expect_problem(409, "invalid_transition");
    }
    // Another order's shipment is none of this one's.
    let other = placed(&acme, &three_lamps(), Some("pm_ok")).await;
    announce(&acme, &other, &shipment, &[(0, 1)])
        .await
        .expect_problem(422, "unknown_shipment");
    // What nobody accepted is closed without a cent.
    let _ = tell(&acme, &own, "approve", json!({})).await.expect(200);
    let worn = json!({"lines": [{"line": 0, "received": 1, "accepted": 0, "restock": false}]});
    let _ = tell(&acme, &own, "receive", worn).await.expect(200);
    let closed = tell(&acme, &own, "refund", json!({}))
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&closed["credited"], &closed["refunded"]),
        (&eur(0), &eur(0))
    );
    assert_eq!(order(&acme, &id).await["payment"]["refunded"], eur(0));
}

#[actix_web::test]
async fn what_comes_back_before_it_was_paid_is_not_paid_any_more() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let id = placed(&acme, &three_lamps(), Some("pm_ok")).await;
    shop.provider.refuse_next(1);
    let shipment = shipped(&acme, &id).await;
    // The capture was refused. One lamp comes back: it is credited, and nothing goes back.
    let own = came(&acme, &id, &shipment, &[(0, 1)]).await;
    let closed = tell(&acme, &own, "refund", json!({}))
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&closed["credited"], &closed["refunded"]),
        (&eur(3_966), &eur(0))
    );
    // Asked for again it is what is left.
    let address = path(&format!("/orders/{id}/transactions"));
    let all = acme.get(&address).await.expect(200).body;
    let all = all["data"].as_array().expect("a list").iter();
    let refused: Vec<&Value> = all.filter(|one| one["state"] == "failure").collect();
    let retry = format!(
        "{address}/{}/retry",
        refused[0]["id"].as_str().expect("an id")
    );
    let _ = acme.post(&retry, &json!({})).await.expect(200);
    until("it is paid", async || {
        (order(&acme, &id).await["payment_status"] == "paid").then_some(())
    })
    .await;
    assert_eq!(shop.books(&id)[0].captured, 12_495 - 3_966);
}

#[actix_web::test]
async fn nothing_goes_back_while_nobody_knows_whether_it_has_come() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let id = placed(&acme, &three_lamps(), Some("pm_ok")).await;
    shop.provider.be_away(true);
    let shipment = shipped(&acme, &id).await;
    let own = came(&acme, &id, &shipment, &[(0, 3)]).await;
    tell(&acme, &own, "refund", json!({}))
        .await
        .expect_problem(409, "money_under_way");
    shop.provider.be_away(false);
    let closed = until("it has come", async || {
        let answer = tell(&acme, &own, "refund", json!({})).await;
        (answer.status == 200).then_some(answer.body)
    })
    .await;
    assert_eq!(
        (&closed["credited"], &closed["refunded"]),
        (&eur(11_900), &eur(11_900))
    );
    until("it goes back", async || {
        (shop.books(&id)[0].refunded == 11_900).then_some(())
    })
    .await;
}

#[actix_web::test]
async fn what_is_not_sent_yet_or_owed_for_another_shipment_keeps_nobody_from_its_money() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    // One of three is sent and comes back; the others are sent later.
    let id = placed(&acme, &three_lamps(), Some("pm_ok")).await;
    let first = ship(&acme, &id, "PS-1", Some(&[(0, 1)])).await.expect(201);
    let own = came(&acme, &id, &first.body["id"], &[(0, 1)]).await;
    let closed = tell(&acme, &own, "refund", json!({}))
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&closed["credited"], &closed["refunded"]),
        (&eur(3_966), &eur(3_966))
    );
    let second = ship(&acme, &id, "PS-2", None).await.expect(201);
    until("all is paid that is kept", async || {
        let read = order(&acme, &id).await;
        let books = shop.books(&id)[0].clone();
        ((books.captured, books.refunded) == (12_495, 3_966)
            && read["payment"]["refunded"] == eur(3_966))
        .then_some(())
    })
    .await;
    let own = came(&acme, &id, &second.body["id"], &[(0, 2)]).await;
    let closed = tell(&acme, &own, "refund", json!({}))
        .await
        .expect(200)
        .body;
    assert_eq!(closed["refunded"], closed["credited"]);
    // Of another order the first capture is refused, and what was sent second comes back: it was paid.
    let body = draft(&three_lamps(), Some("pm_ok"));
    let id = drafted(&acme, &body).await.expect(201).id();
    let _ = command(&acme, &id, "authorise", json!({}))
        .await
        .expect(200);
    shop.provider.refuse_next(1);
    let _ = ship(&acme, &id, "PS-3", Some(&[(0, 1)])).await.expect(201);
    let second = ship(&acme, &id, "PS-4", None).await.expect(201);
    let own = came(&acme, &id, &second.body["id"], &[(0, 2)]).await;
    let closed = tell(&acme, &own, "refund", json!({}))
        .await
        .expect(200)
        .body;
    assert_eq!(closed["refunded"], closed["credited"]);
    assert_eq!(closed["refunded"], eur(7_934));
}

#[actix_web::test]
async fn a_gift_before_a_return_and_a_transfer_for_two_shipments_stand_right_in_the_books() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let place = warehouse(&acme, Some(1_000)).await;
    let body = draft(&[goods("LAMP", 2, 10_000, 1_900, place)], None);
    reserved(&acme, &body["checkout_id"], 2).await;
    let id = drafted(&acme, &body).await.expect(201).id();
    let _ = command(&acme, &id, "authorise", json!({}))
        .await
        .expect(200);
    let first = ship(&acme, &id, "PS-1", Some(&[(0, 1)])).await.expect(201);
    let second = ship(&acme, &id, "PS-2", None).await.expect(201);
    // One transfer for both, then a gift, then everything comes back.
    let paid = json!({"amount": eur(11_900), "reference": "bank 1"});
    let _ = command(&acme, &id, "payments", paid).await.expect(200);
    let gift = json!({"amount": eur(1_000), "reason": "A scratch", "reference": "g"});
    let _ = command(&acme, &id, "refunds", gift).await.expect(200);
    for (shipment, back) in [(&first, 5_950), (&second, 4_950)] {
        let own = came(&acme, &id, &shipment.body["id"], &[(0, 1)]).await;
        let closed = tell(&acme, &own, "refund", json!({}))
            .await
            .expect(200)
            .body;
        assert_eq!(closed["refunded"], eur(back));
    }
    until("nobody owes anything", async || {
        let notes = invoices(&acme, &id).await;
        let notes = notes
            .iter()
            .filter(|one| one["kind"] == "credit_note")
            .count();
        (notes == 2 && balance(&acme, "1200").await == 0 && balance(&acme, "1000").await == 0)
            .then_some(())
    })
    .await;
    // What was earned is given back, once: the gift is part of it.
    assert_eq!(
        balance(&acme, "4000").await + balance(&acme, "4100").await,
        0
    );
    let refused = acme.get(&erp("/refused-events")).await.expect(200).body;
    assert_eq!(refused["data"], json!([]));
}
