//! What is moved: each cause once, and nothing that is not there.

use serde_json::json;
use uuid::Uuid;

use crate::setup::{drift, level, moved, one_tenant, path, platform, receive, reserve, warehouse};

#[actix_web::test]
async fn e9_the_same_cause_again_changes_nothing() {
    let (_platform, acme) = one_tenant().await;
    let place = warehouse(&acme, "BER", 1).await;
    let lines = [
        ("LAMP", place.as_str(), 5),
        ("BULB", place.as_str(), 7),
        ("LAMP", place.as_str(), 1),
    ];
    let first = moved(&acme, "receipt", "note 1", &lines)
        .await
        .expect(201)
        .body;
    let again = (0..6).map(|_| moved(&acme, "receipt", "note 1", &lines));
    for answer in futures_util::future::join_all(again).await {
        assert_eq!(answer.expect(201).body, first);
    }
    assert_eq!(level(&acme, "lamp", &place).await, (6, 0));
    let other = moved(&acme, "receipt", "note 1", &[("LAMP", &place, 5)]).await;
    other.expect_problem(409, "cause_taken");
    // Of another kind the same cause is another.
    let _ = moved(&acme, "scrap", "note 1", &[("LAMP", &place, 1)])
        .await
        .expect(201);
    let listed = acme
        .get(&path("/stock-moves?sku=LAMP&cause=note%201&kind=receipt"))
        .await
        .expect(200)
        .body;
    let listed = listed["data"].as_array().expect("moves");
    assert_eq!(
        listed.iter().map(|one| &one["line"]).collect::<Vec<_>>(),
        [&json!(0), &json!(2)]
    );
}

#[actix_web::test]
async fn each_kind_goes_its_way_and_takes_no_more_than_is_there() {
    let platform = platform().await;
    let tenant = platform.tenant("acme").await;
    let acme = &tenant.client;
    let (one, other) = (
        warehouse(acme, "ONE", 1).await,
        warehouse(acme, "TWO", 2).await,
    );
    receive(acme, "LAMP", &one, 10).await;
    let transfer = |cause: &str, quantity: i64| {
        let line = json!({"sku": "LAMP", "location_id": one, "to_location_id": other, "quantity": quantity});
        json!({"kind": "transfer", "cause": cause, "lines": [line]})
    };
    let _ = acme
        .post(&path("/stock-moves"), &transfer("t1", 4))
        .await
        .expect(201);
    assert_eq!(
        (
            level(acme, "LAMP", &one).await,
            level(acme, "LAMP", &other).await
        ),
        ((6, 0), (4, 0))
    );
    let too_much = acme.post(&path("/stock-moves"), &transfer("t2", 7)).await;
    too_much.expect_problem(409, "not_in_stock");
    assert_eq!(
        (&too_much.body["sku"], &too_much.body["on_hand"]),
        (&json!("LAMP"), &json!(6))
    );
    let _ = moved(
        acme,
        "adjust",
        "count 1",
        &[("LAMP", &one, -1), ("BULB", &one, 2)],
    )
    .await
    .expect(201);
    moved(
        acme,
        "adjust",
        "count 2",
        &[("BULB", &one, -1), ("LAMP", &one, -9)],
    )
    .await
    .expect_problem(409, "not_in_stock");
    assert_eq!(level(acme, "BULB", &one).await, (2, 0), "all or none");
    let _ = reserve(acme, Uuid::now_v7(), &[("LAMP", 4)])
        .await
        .expect(200);
    moved(acme, "scrap", "s1", &[("LAMP", &one, 2)])
        .await
        .expect_problem(409, "stock_reserved");
    let _ = moved(acme, "scrap", "s1", &[("LAMP", &one, 1)])
        .await
        .expect(201);
    assert_eq!(level(acme, "LAMP", &one).await, (4, 4));
    let nowhere = Uuid::now_v7().to_string();
    moved(acme, "receipt", "r1", &[("LAMP", &nowhere, 1)])
        .await
        .expect_problem(422, "unknown_location");
    assert!(drift(&platform, tenant.key.as_str()).await.is_empty());
    // What was moved is never changed.
    let sql = format!("DELETE FROM tenant_{}_erp.stock_moves", tenant.key);
    let refused = platform.database.connect().await.execute(&sql, &[]).await;
    assert!(refused.is_err());
}
