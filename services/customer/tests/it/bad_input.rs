//! What is refused, and with which code.

use averis_test_kit::operations;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::setup::{company, money, path, platform};

#[actix_web::test]
async fn wrong_customers_and_addresses_are_refused_by_field() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await.client;
    for (body, pointer) in [
        (json!({"email": "nobody"}), "/email"),
        (json!({"given_name": "a\u{7}"}), "/given_name"),
        (json!({"given_name": "x".repeat(201)}), "/given_name"),
        (json!({"phone": "1".repeat(51)}), "/phone"),
        (json!({"segments": ["a b"]}), "/segments"),
    ] {
        let refused = acme.post(&path("/customers"), &body).await;
        refused.expect_problem(422, "invalid");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{body}");
    }
    let id = acme
        .post(&path("/customers"), &json!({}))
        .await
        .expect(201)
        .id();
    let own = path(&format!("/customers/{id}"));
    for body in [
        json!({"email": "x"}),
        json!({"given_name": "\u{0}"}),
        json!({"phone": "1".repeat(51)}),
    ] {
        acme.patch(&own, 1, &body)
            .await
            .expect_problem(422, "invalid");
    }
    let addresses = format!("{own}/addresses");
    let good = json!({"name": "A", "lines": ["B"], "city": "C", "country": "DE"});
    for (name, value) in [
        ("name", json!("")),
        ("lines", json!([])),
        ("lines", json!(["a", "b", "c", "d", "e"])),
        ("lines", json!([""])),
        ("lines", json!(["\u{0}"])),
        ("country", json!("Germany")),
        ("postal_code", json!("1".repeat(21))),
    ] {
        let mut body = good.clone();
        body[name] = value;
        acme.post(&addresses, &body)
            .await
            .expect_problem(422, "invalid");
    }
    let made = acme.post(&addresses, &good).await.expect(201);
    let one = format!("{addresses}/{}", made.id());
    let patch =
        json!({"city": "Bonn", "region": "NW", "postal_code": "53111", "is_billing": false});
    let changed = acme.patch(&one, 1, &patch).await.expect(200);
    assert_eq!(
        (&changed.body["city"], &changed.body["name"]),
        (&json!("Bonn"), &json!("A"))
    );
    let moved = json!({"country": "FR", "region": null, "postal_code": null});
    let moved = acme.patch(&one, 2, &moved).await.expect(200).body;
    let told = json!([
        moved["region"],
        moved["postal_code"],
        moved["is_billing"],
        moved["is_shipping"]
    ]);
    assert_eq!(told, json!([null, null, false, true]));
    acme.patch(&one, 3, &json!({"region": ""}))
        .await
        .expect_problem(422, "invalid");
    acme.patch(&one, 1, &json!({"city": "x"}))
        .await
        .expect_problem(412, "version_mismatch");
    let _ = acme.delete(&one, 3).await.expect(204);
    acme.delete(&one, 3).await.expect_problem(404, "not_found");
    for _ in 0..50 {
        let _ = acme.post(&addresses, &good).await.expect(201);
    }
    acme.post(&addresses, &good)
        .await
        .expect_problem(409, "too_many_addresses");
}

#[actix_web::test]
async fn wrong_companies_members_and_amounts_are_refused() {
    let platform = platform().await;
    let tenant = platform.tenant("acme").await;
    let (acme, key) = (tenant.client, tenant.key);
    for body in [
        json!({"name": ""}),
        json!({"name": "x", "payment_days": 366}),
        json!({"name": "x", "segment": "a b"}),
        json!({"name": "x", "credit_limit": money(-1)}),
    ] {
        acme.post(&path("/companies"), &body)
            .await
            .expect_problem(422, "invalid");
    }
    for field in ["status", "credit_used"] {
        let mut body = json!({"name": "x"});
        body[field] = json!("approved");
        acme.post(&path("/companies"), &body)
            .await
            .expect_problem(400, "unknown_field");
    }
    let id = company(&acme, "One", 10).await;
    let members = path(&format!("/companies/{id}/members"));
    let nobody = json!({"customer_id": Uuid::now_v7(), "roles": ["buyer"]});
    acme.post(&members, &nobody)
        .await
        .expect_problem(422, "unknown_customer");
    let customer = acme
        .post(&path("/customers"), &json!({}))
        .await
        .expect(201)
        .id();
    let consents = path(&format!("/customers/{customer}/consents"));
    for version in ["", "Ana Lima", "a@b.de"] {
        let body = json!({"purpose": "news", "granted": true, "text_version": version});
        acme.post(&consents, &body)
            .await
            .expect_problem(422, "invalid");
    }
    // Who changes its mind so often has said enough.
    let many = format!(
        "INSERT INTO tenant_{key}_customer.consents (id, customer_id, purpose, granted, text_version, at) \
         SELECT gen_random_uuid(), '{customer}', 'news', true, '1', now() FROM generate_series(1, 1000)"
    );
    let database = platform.database.connect().await;
    let _ = database.execute(&many, &[]).await.expect("consents");
    let body = json!({"purpose": "news", "granted": true, "text_version": "1"});
    acme.post(&consents, &body)
        .await
        .expect_problem(409, "too_many_consents");
    for body in [
        json!({"customer_id": customer, "roles": []}),
        json!({"customer_id": customer, "roles": ["buyer"], "spend_limit": money(-1)}),
    ] {
        acme.post(&members, &body)
            .await
            .expect_problem(422, "invalid");
    }
    let chief = json!({"customer_id": customer, "roles": ["chief"]});
    acme.post(&members, &chief)
        .await
        .expect_problem(400, "malformed_body");
    for amount in [0, -5] {
        let body = json!({"company_id": id, "checkout_id": customer, "amount": money(amount)});
        acme.post(&path("/credit-holds"), &body)
            .await
            .expect_problem(422, "invalid");
    }
    let approval = |hash: &str, amount: Value| json!({"company_id": id, "buyer_id": customer, "order_hash": hash, "amount": amount});
    let hash = "a".repeat(64);
    acme.post(&path("/approvals"), &approval("x", money(1)))
        .await
        .expect_problem(422, "invalid");
    acme.post(&path("/approvals"), &approval(&hash, money(-1)))
        .await
        .expect_problem(422, "invalid");
    acme.post(&path("/approvals"), &approval(&hash, money(1)))
        .await
        .expect_problem(409, "not_a_member");
}

#[actix_web::test]
async fn every_body_of_a_wrong_form_is_refused() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await.client;
    let nobody = "0198c0de-0000-7000-8000-000000000000";
    let mut tested = 0;
    for operation in operations(&averis_customer::document()) {
        if operation.reads_a_body() && operation.body_type() == Some("application/json") {
            let address = operation
                .path
                .replace("{id}", nobody)
                .replace("{part_id}", nobody);
            acme.expect_wrong_bodies_refused(&operation.method, &address)
                .await;
            tested += 1;
        }
    }
    assert!(tested > 12, "only {tested} operations");
}

#[actix_web::test]
async fn queries_that_nobody_understands_are_refused() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await.client;
    for operation in operations(&averis_customer::document()) {
        if operation.method == Method::GET
            && !operation.names_a_thing()
            && !operation.path.starts_with(&path("/visitor"))
        {
            let answer = acme.get(&format!("{}?nonsense=1", operation.path)).await;
            answer.expect_problem(400, "invalid_query");
        }
    }
    for (address, status, code) in [
        ("/customers?cursor=AAAA", 400, "invalid_cursor"),
        ("/customers?limit=0", 422, "invalid"),
        ("/customers?email=%00", 422, "invalid"),
        ("/customers?status=gone", 400, "invalid_query"),
        ("/approvals?company_id=x", 400, "invalid_query"),
        ("/approvals?status=expired", 400, "invalid_query"),
        ("/credit-holds?state=gone", 400, "invalid_query"),
    ] {
        acme.get(&path(address)).await.expect_problem(status, code);
    }
}

#[actix_web::test]
async fn every_example_is_understood() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await.client;
    for operation in operations(&averis_customer::document()) {
        acme.expect_example_understood(&operation).await;
    }
}
