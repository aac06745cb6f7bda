//! Warehouses, and what of SKUs is kept back.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::setup::{available, level, one_tenant, path, receive, reserve, settle, warehouse};

#[actix_web::test]
async fn a_warehouse_is_made_with_its_places_and_listed() {
    let (_platform, acme) = one_tenant().await;
    let body = json!({"code": "BER", "name": "Berlin", "country": "DE"});
    let made = acme.post(&path("/warehouses"), &body).await.expect(201);
    assert_eq!(
        (&made.body["priority"], &made.body["active"]),
        (&json!(100), &json!(true))
    );
    assert_ne!(
        made.body["stock_location_id"],
        made.body["quarantine_location_id"]
    );
    acme.post(&path("/warehouses"), &body)
        .await
        .expect_problem(409, "code_taken");
    let own = path(&format!("/warehouses/{}", made.id()));
    assert_eq!(acme.get(&own).await.expect(200).body, made.body);
    let changed = acme
        .patch(&own, 1, &json!({"name": "Mitte", "priority": 5}))
        .await
        .expect(200);
    assert_eq!(
        (&changed.body["name"], &changed.body["code"]),
        (&json!("Mitte"), &json!("BER"))
    );
    acme.patch(&own, 1, &json!({"active": false}))
        .await
        .expect_problem(412, "version_mismatch");
    for code in ["HAM", "MUC"] {
        warehouse(&acme, code, 1).await;
    }
    let page = acme
        .get(&path("/warehouses?limit=2"))
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&page["data"][0]["name"], &page["data"][1]["code"]),
        (&json!("Mitte"), &json!("HAM"))
    );
    let rest = path(&format!(
        "/warehouses?limit=2&cursor={}",
        page["next_cursor"].as_str().expect("a cursor")
    ));
    let rest = acme.get(&rest).await.expect(200).body;
    assert_eq!(
        (&rest["data"][0]["code"], &rest["next_cursor"]),
        (&json!("MUC"), &Value::Null)
    );
}

#[actix_web::test]
async fn orders_are_served_from_active_warehouses_in_their_order() {
    let (_platform, acme) = one_tenant().await;
    let (far, near) = (
        warehouse(&acme, "FAR", 9).await,
        warehouse(&acme, "NEAR", 1).await,
    );
    receive(&acme, "LAMP", &far, 5).await;
    receive(&acme, "lamp", &near, 3).await;
    assert_eq!(available(&acme, "Lamp").await, 8);
    let first = Uuid::now_v7();
    let _ = reserve(&acme, first, &[("LAMP", 2)]).await.expect(200);
    assert_eq!(
        (
            level(&acme, "LAMP", &near).await,
            level(&acme, "LAMP", &far).await
        ),
        ((3, 2), (5, 0))
    );
    // What one has too little of comes from several.
    let second = Uuid::now_v7();
    let taken = reserve(&acme, second, &[("lamp", 3)])
        .await
        .expect(200)
        .body;
    let open = taken["lines"]
        .as_array()
        .expect("lines")
        .iter()
        .map(|line| &line["open"]);
    assert_eq!(open.count(), 2);
    assert_eq!(
        (
            level(&acme, "LAMP", &near).await,
            level(&acme, "LAMP", &far).await
        ),
        ((3, 3), (5, 2))
    );
    let warehouses = acme.get(&path("/warehouses")).await.expect(200).body;
    let id = warehouses["data"][0]["id"].as_str().expect("an id");
    let _ = acme
        .patch(
            &path(&format!("/warehouses/{id}")),
            1,
            &json!({"active": false}),
        )
        .await
        .expect(200);
    assert_eq!(
        available(&acme, "LAMP").await,
        0,
        "from one that is not active nothing is sold"
    );
    let third = reserve(&acme, Uuid::now_v7(), &[("LAMP", 1)]).await;
    third.expect_problem(409, "out_of_stock");
    // What is reserved there stays so.
    let _ = settle(&acme, second, "commit").await.expect(200);
    assert_eq!(level(&acme, "LAMP", &far).await, (5, 2));
}

#[actix_web::test]
async fn what_is_kept_back_is_not_sold_and_what_is_on_its_way_may_be() {
    let (_platform, acme) = one_tenant().await;
    let place = warehouse(&acme, "BER", 1).await;
    receive(&acme, "LAMP", &place, 5).await;
    let limits = async |safety: i64, backorder: i64| {
        let body = json!({"sku": "LAMP", "location_id": place, "safety": safety, "backorder_limit": backorder});
        acme.post(&path("/stock-limits"), &body).await
    };
    let _ = limits(2, 0).await.expect(200);
    assert_eq!(available(&acme, "LAMP").await, 3);
    reserve(&acme, Uuid::now_v7(), &[("LAMP", 4)])
        .await
        .expect_problem(409, "out_of_stock");
    let set = limits(0, 10).await.expect(200).body;
    assert_eq!(
        (&set["on_hand"], &set["backorder_limit"]),
        (&json!(5), &json!(10))
    );
    let owner = Uuid::now_v7();
    let _ = reserve(&acme, owner, &[("LAMP", 12)]).await.expect(200);
    assert_eq!(available(&acme, "LAMP").await, 3);
    limits(0, 6).await.expect_problem(409, "stock_reserved");
    let _ = limits(0, 7).await.expect(200);
    let nowhere =
        json!({"sku": "LAMP", "location_id": Uuid::now_v7(), "safety": 0, "backorder_limit": 0});
    acme.post(&path("/stock-limits"), &nowhere)
        .await
        .expect_problem(422, "unknown_location");
}
