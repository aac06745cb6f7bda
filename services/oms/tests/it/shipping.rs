//! What leaves, and what money is taken for it.

use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::setup::{
    Shop, command, eur, events, goods, order, path, placed, ship, shipping, three_lamps, until,
};

#[actix_web::test]
async fn o6_money_is_taken_for_what_has_left_and_the_rest_is_let_go() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    // 100.01 for three: the portions are the whole (M7).
    let lines = [
        goods("LAMP", 3, 10_001, 1_900, Uuid::from_u128(7)),
        shipping(500, 95),
    ];
    let id = placed(&acme, &lines, Some("pm_ok")).await;
    assert_eq!(shop.books(&id)[0].captured, 0, "nothing has left");
    let first = ship(&acme, &id, "PS-1", Some(&[(0, 1)]))
        .await
        .expect(201)
        .body;
    // With the first shipment what it costs to send.
    assert_eq!(first["lines"].as_array().expect("lines").len(), 2);
    let sum = |shipment: &Value| -> i64 {
        let lines = shipment["lines"].as_array().expect("lines").iter();
        let of = |line: &Value, name: &str| line[name]["amount"].as_i64().expect("an amount");
        lines.map(|line| of(line, "net") + of(line, "tax")).sum()
    };
    assert_eq!(shop.books(&id)[0].captured, sum(&first));
    let read = order(&acme, &id).await;
    assert_eq!(
        (&read["payment_status"], &read["fulfilment_status"]),
        (&json!("partially_paid"), &json!("partial"))
    );
    // One of the rest is cancelled, the other leaves.
    let some = json!({"reason": "Sold out", "lines": [{"line": 0, "quantity": 1}]});
    let _ = command(&acme, &id, "cancel", some).await.expect(200);
    let second = ship(&acme, &id, "PS-2", None).await.expect(201).body;
    let read = order(&acme, &id).await;
    assert_eq!(
        (&read["payment_status"], &read["fulfilment_status"]),
        (&json!("paid"), &json!("fulfilled"))
    );
    let captured = sum(&first) + sum(&second);
    assert_eq!(read["payment"]["captured"], eur(captured));
    until("the rest is let go", async || {
        let read = order(&acme, &id).await;
        (read["payment"]["voided"] == eur(12_496 - captured)).then_some(())
    })
    .await;
    let known = shop.books(&id)[0].clone();
    assert_eq!(
        (known.captured, known.status.as_str()),
        (captured, "succeeded")
    );
    // O8: what happened says the same.
    let told = events(&acme, &id).await;
    let count = |kind: &str| told.iter().filter(|one| *one == kind).count();
    assert_eq!(
        (count("payment.captured"), count("payment.voided")),
        (2, 1),
        "{told:?}"
    );
}

#[actix_web::test]
async fn o3_what_was_shipped_is_not_cancelled_and_what_was_cancelled_not_shipped() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let all = json!({"reason": "x"});
    // The warehouse ships one while the office cancels all: every piece goes one way.
    let orders = join_all((0..6).map(async |number: i32| {
        let id = placed(&acme, &three_lamps(), Some("pm_ok")).await;
        let slip = format!("PS-{number}");
        let (shipped, cancelled) = futures_util::join!(
            ship(&acme, &id, &slip, Some(&[(0, 1)])),
            command(&acme, &id, "cancel", all.clone())
        );
        assert!([201, 409].contains(&shipped.status), "{}", shipped.text);
        assert!([200, 409].contains(&cancelled.status), "{}", cancelled.text);
        id
    }));
    for id in orders.await {
        let read = order(&acme, &id).await;
        let line = &read["lines"][0];
        let of = |name: &str| line[name].as_i64().expect("a number");
        assert_eq!(of("shipped") + of("cancelled"), 3, "{read}");
        assert!(of("shipped") <= 1);
    }
    let id = placed(&acme, &three_lamps(), Some("pm_ok")).await;
    let _ = ship(&acme, &id, "PS-x", None).await.expect(201);
    command(&acme, &id, "cancel", all.clone())
        .await
        .expect_problem(409, "not_open");
    let some = json!({"reason": "x", "lines": [{"line": 0, "quantity": 1}]});
    command(&acme, &id, "cancel", some)
        .await
        .expect_problem(409, "not_open");
    ship(&acme, &id, "PS-y", Some(&[(0, 1)]))
        .await
        .expect_problem(409, "invalid_transition");
}

#[actix_web::test]
async fn a_packing_slip_leaves_once() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let id = placed(&acme, &three_lamps(), Some("pm_ok")).await;
    let all = join_all((0..8).map(|_| ship(&acme, &id, "PS-1", Some(&[(0, 2)])))).await;
    let made: Vec<String> = all
        .iter()
        .filter(|answer| answer.status == 201)
        .map(averis_test_kit::Answer::id)
        .collect();
    assert!(
        made.len() == 8 && made.iter().all(|one| *one == made[0]),
        "{made:?}"
    );
    assert_eq!(order(&acme, &id).await["lines"][0]["shipped"], 2);
    assert_eq!(
        shop.books(&id)[0].captured,
        order(&acme, &id).await["payment"]["captured"]["amount"]
    );
    ship(&acme, &id, "PS-1", Some(&[(0, 1)]))
        .await
        .expect_problem(409, "slip_taken");
    let other = placed(&acme, &three_lamps(), Some("pm_ok")).await;
    ship(&acme, &other, "PS-1", None)
        .await
        .expect_problem(409, "slip_taken");
    ship(&acme, &id, "PS-2", Some(&[(0, 2)]))
        .await
        .expect_problem(409, "not_open");
    ship(&acme, &id, "PS-2", Some(&[(7, 1)]))
        .await
        .expect_problem(422, "unknown_line");
}

#[actix_web::test]
async fn an_order_is_complete_once_all_of_it_has_come() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let id = placed(&acme, &three_lamps(), Some("pm_ok")).await;
    let first = ship(&acme, &id, "PS-1", Some(&[(0, 1)]))
        .await
        .expect(201)
        .id();
    let come = async |shipment: &str| {
        let address = path(&format!("/shipments/{shipment}/delivered"));
        acme.post(&address, &json!({})).await.expect(200).body
    };
    let once = come(&first).await;
    assert_eq!(come(&first).await["delivered_at"], once["delivered_at"]);
    let read = order(&acme, &id).await;
    assert_eq!(
        (&read["status"], &read["lines"][0]["delivered"]),
        (&json!("placed"), &json!(1))
    );
    let second = ship(&acme, &id, "PS-2", None).await.expect(201).id();
    come(&second).await;
    let read = order(&acme, &id).await;
    assert_eq!(
        (
            &read["status"],
            &read["fulfilment_status"],
            &read["payment_status"]
        ),
        (&json!("completed"), &json!("delivered"), &json!("paid"))
    );
    let listed = acme
        .get(&path(&format!("/orders/{id}/shipments")))
        .await
        .expect(200)
        .body;
    assert_eq!(listed["data"].as_array().expect("a list").len(), 2);
    command(&acme, &id, "cancel", json!({"reason": "x"}))
        .await
        .expect_problem(409, "invalid_transition");
}

#[actix_web::test]
async fn goods_of_two_warehouses_leave_each_from_its_own() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let mut lamps = goods("LAMP", 3, 300, 57, one);
    lamps["allocation"] =
        json!([{"location_id": one, "quantity": 1}, {"location_id": two, "quantity": 2}]);
    let id = placed(&acme, &[lamps, goods("BULB", 4, 400, 76, two)], None).await;
    let work = crate::setup::work(&acme, &id).await;
    let by_place = |place: Uuid| {
        let own = work.iter().find(|one| one["location_id"] == json!(place));
        own.expect("work there")["lines"].clone()
    };
    assert_eq!(
        by_place(one),
        json!([{"line": 0, "quantity": 1, "cancelled": 0, "shipped": 0}])
    );
    assert_eq!(
        by_place(two),
        json!([{"line": 0, "quantity": 2, "cancelled": 0, "shipped": 0}, {"line": 1, "quantity": 4, "cancelled": 0, "shipped": 0}])
    );
    // Cancelling takes from either, and what is left can still leave.
    let some = json!({"reason": "x", "lines": [{"line": 0, "quantity": 2}]});
    let _ = command(&acme, &id, "cancel", some).await.expect(200);
    let open: i64 = crate::setup::work(&acme, &id)
        .await
        .iter()
        .flat_map(|one| one["lines"].as_array().expect("lines").clone())
        .filter(|line| line["line"] == 0)
        .map(|line| {
            line["quantity"].as_i64().expect("a number")
                - line["cancelled"].as_i64().expect("a number")
        })
        .sum();
    assert_eq!(open, 1);
}

#[actix_web::test]
async fn a_capture_that_is_refused_leaves_what_has_left_owed_and_is_asked_for_again() {
    let shop = Shop::start().await;
    let acme = shop.tenant("acme").await.client;
    let id = placed(&acme, &three_lamps(), Some("pm_ok")).await;
    shop.provider.refuse_next(1);
    let _ = ship(&acme, &id, "PS-1", Some(&[(0, 1)])).await.expect(201);
    let read = order(&acme, &id).await;
    assert_eq!(
        (&read["payment_status"], &read["lines"][0]["shipped"]),
        (&json!("authorised"), &json!(1)),
        "it has left all the same"
    );
    let _ = ship(&acme, &id, "PS-2", None).await.expect(201);
    // What is owed for the first is not let go, although nothing is left to be shipped.
    let read = order(&acme, &id).await;
    assert_eq!(
        (&read["payment_status"], &read["payment"]["voided"]),
        (&json!("partially_paid"), &eur(0))
    );
    let all = acme
        .get(&path(&format!("/orders/{id}/transactions")))
        .await
        .expect(200)
        .body;
    let refused = all["data"].as_array().expect("a list").iter();
    let refused: Vec<&Value> = refused.filter(|one| one["state"] == "failure").collect();
    assert_eq!(
        (refused.len(), &refused[0]["failure"]),
        (1, &json!("capture_refused"))
    );
    let retry = format!(
        "/orders/{id}/transactions/{}/retry",
        refused[0]["id"].as_str().expect("an id")
    );
    for _ in 0..3 {
        let _ = acme.post(&path(&retry), &json!({})).await.expect(200);
    }
    until("it is paid", async || {
        (order(&acme, &id).await["payment_status"] == "paid").then_some(())
    })
    .await;
    assert_eq!(shop.books(&id)[0].captured, 12_495);
    let _ = acme.post(&path(&retry), &json!({})).await.expect(200);
    assert_eq!(order(&acme, &id).await["payment"]["captured"], eur(12_495));
}
