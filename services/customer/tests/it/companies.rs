//! Companies, their credit and their approvals.

use averis_test_kit::{Answer, Client};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::setup::{company, member, money, path, platform, prove, unique_email, visitor};

const HASH: &str = "40082309ff6dc65df40499168da4f5ed6d2a94972f2d7c2c5c14dc6d5667506c";

async fn hold(client: &Client, company: &str, checkout: Uuid, amount: i64) -> Answer {
    let body = json!({"company_id": company, "checkout_id": checkout, "amount": money(amount)});
    client.post(&path("/credit-holds"), &body).await
}

async fn settle(client: &Client, checkout: Uuid, command: &str) -> Answer {
    client
        .command(
            &path(&format!("/credit-holds/{checkout}/{command}")),
            1,
            &json!({}),
        )
        .await
}

async fn used(client: &Client, company: &str) -> i64 {
    let read = client
        .get(&path(&format!("/companies/{company}")))
        .await
        .expect(200);
    read.body["credit_used"]["amount"]
        .as_i64()
        .expect("an amount")
}

#[actix_web::test]
async fn u6_of_32_parallel_checkouts_the_credit_admits_what_it_can() {
    let platform = platform().await;
    let staff = platform.tenant("acme").await.client;
    let one = company(&staff, "One", 1_000).await;
    let holds = (0..32).map(|_| hold(&staff, &one, Uuid::now_v7(), 1_000));
    let answers = futures_util::future::join_all(holds).await;
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 200).count(),
        1
    );
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.expect_problem(409, "credit_exceeded");
    }
    assert_eq!(used(&staff, &one).await, 1_000);
    let many = company(&staff, "Many", 1_050).await;
    let holds = (0..16).map(|_| hold(&staff, &many, Uuid::now_v7(), 100));
    let answers = futures_util::future::join_all(holds).await;
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 200).count(),
        10
    );
    assert_eq!(used(&staff, &many).await, 1_000);
}

#[actix_web::test]
async fn credit_is_given_back_once_and_never_twice() {
    let platform = platform().await;
    let staff = platform.tenant("acme").await.client;
    let id = company(&staff, "One", 1_000).await;
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    let held = hold(&staff, &id, first, 600).await.expect(200);
    assert_eq!(
        hold(&staff, &id, first, 600).await.expect(200).body,
        held.body,
        "once for one checkout"
    );
    hold(&staff, &id, first, 500)
        .await
        .expect_problem(409, "checkout_taken");
    hold(&staff, &id, second, 500)
        .await
        .expect_problem(409, "credit_exceeded");
    let other = json!({"company_id": id, "checkout_id": second, "amount": {"amount": 1, "currency": "USD"}});
    staff
        .post(&path("/credit-holds"), &other)
        .await
        .expect_problem(409, "credit_exceeded");
    let releases = (0..4).map(|_| settle(&staff, first, "release"));
    for answer in futures_util::future::join_all(releases).await {
        assert_eq!(answer.expect(200).body["state"], "released");
    }
    assert_eq!(used(&staff, &id).await, 0);
    settle(&staff, first, "confirm")
        .await
        .expect_problem(409, "invalid_transition");
    // A checkout that failed may begin anew; what is confirmed is owed until it is paid.
    let _ = hold(&staff, &id, first, 700).await.expect(200);
    let _ = settle(&staff, first, "confirm").await.expect(200);
    let _ = settle(&staff, first, "confirm").await.expect(200);
    assert_eq!(used(&staff, &id).await, 700);
    let own = path(&format!("/companies/{id}"));
    let lower = staff
        .patch(&own, 2, &json!({"credit_limit": money(699)}))
        .await;
    lower.expect_problem(409, "credit_in_use");
    let dollars = json!({"credit_limit": {"amount": 9_000, "currency": "USD"}});
    staff
        .patch(&own, 2, &dollars)
        .await
        .expect_problem(409, "credit_in_use");
    staff
        .command(&format!("{own}/close"), 2, &json!({}))
        .await
        .expect_problem(409, "credit_in_use");
    let _ = settle(&staff, first, "release").await.expect(200);
    assert_eq!(used(&staff, &id).await, 0);
    let suspended = staff
        .command(&format!("{own}/suspend"), 2, &json!({}))
        .await
        .expect(200);
    hold(&staff, &id, second, 1)
        .await
        .expect_problem(409, "company_not_approved");
    let closed = staff
        .command(&format!("{own}/close"), suspended.version(), &json!({}))
        .await
        .expect(200);
    staff
        .command(&format!("{own}/resume"), closed.version(), &json!({}))
        .await
        .expect_problem(409, "invalid_transition");
    hold(&staff, &Uuid::now_v7().to_string(), second, 1)
        .await
        .expect_problem(422, "unknown_company");
}

#[actix_web::test]
async fn u5_an_order_beyond_the_limit_needs_another_who_approves_it_as_it_is() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let staff = &acme.client;
    let id = company(staff, "One", 100_000).await;
    let mut people = Vec::new();
    for name in ["buyer", "approver", "both", "stranger"] {
        let one = visitor(&platform, &acme);
        let proven = prove(&platform, &one, &unique_email(name), 0).await;
        people.push((
            one,
            proven["customer"]["id"].as_str().expect("an id").to_owned(),
        ));
    }
    member(staff, &id, &people[0].1, json!(["buyer"]), json!(500)).await;
    member(staff, &id, &people[1].1, json!(["approver"]), Value::Null).await;
    member(
        staff,
        &id,
        &people[2].1,
        json!(["buyer", "approver"]),
        json!(0),
    )
    .await;
    let ask = async |buyer: &str, amount: Value| {
        let body =
            json!({"company_id": id, "buyer_id": buyer, "order_hash": HASH, "amount": amount});
        staff.post(&path("/approvals"), &body).await
    };
    let within = ask(&people[0].1, money(500)).await.expect(201).body;
    assert_eq!(
        (&within["status"], &within["decided_by"]),
        (&json!("approved"), &Value::Null)
    );
    // Of another currency nothing is within the limit.
    let other = ask(&people[0].1, json!({"amount": 1, "currency": "USD"}))
        .await
        .expect(201);
    assert_eq!(other.body["status"], "pending");
    ask(&people[1].1, money(1))
        .await
        .expect_problem(409, "not_a_member");
    ask(&people[3].1, money(1))
        .await
        .expect_problem(409, "not_a_member");
    let beyond = ask(&people[0].1, money(501)).await.expect(201);
    assert_eq!(beyond.body["status"], "pending");
    let approve = path(&format!("/approvals/{}/approve", beyond.id()));
    // U8: nobody of another company learns of it, nor the buyer by itself, nor staff.
    let said = json!({"comment": "fine"});
    for (number, (one, _)) in people.iter().enumerate() {
        let refused = match number {
            1 | 2 => continue,
            _ => one.command(&approve, 1, &said).await,
        };
        refused.expect_problem(404, "not_found");
    }
    staff
        .command(&approve, 1, &said)
        .await
        .expect_problem(404, "not_found");
    let cold = visitor(&platform, &acme);
    cold.command(&approve, 1, &said)
        .await
        .expect_problem(404, "not_found");
    let own = ask(&people[2].1, money(1)).await.expect(201);
    let own = path(&format!("/approvals/{}/approve", own.id()));
    people[2]
        .0
        .command(&own, 1, &said)
        .await
        .expect_problem(409, "own_order");
    let approved = people[1].0.command(&approve, 1, &said).await.expect(200);
    assert_eq!(
        (&approved.body["status"], &approved.body["decided_by"]),
        (&json!("approved"), &json!(people[1].1))
    );
    assert_eq!(approved.body["order_hash"], HASH, "of this order, as it is");
    let reject = path(&format!("/approvals/{}/reject", beyond.id()));
    people[2]
        .0
        .command(&reject, 2, &said)
        .await
        .expect_problem(409, "invalid_transition");
    let listed = staff
        .get(&path(&format!("/approvals?company_id={id}")))
        .await
        .expect(200);
    assert_eq!(listed.body["data"].as_array().expect("approvals").len(), 4);
}

#[actix_web::test]
async fn u8_members_of_one_company_see_nothing_of_another() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let staff = &acme.client;
    let (one, other) = (
        company(staff, "One", 1).await,
        company(staff, "Other", 1).await,
    );
    let ana = visitor(&platform, &acme);
    let id = prove(&platform, &ana, &unique_email("ana"), 0).await["customer"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    member(staff, &one, &id, json!(["admin"]), Value::Null).await;
    let body = json!({"customer_id": id, "roles": ["buyer"]});
    let members = path(&format!("/companies/{one}/members"));
    staff
        .post(&members, &body)
        .await
        .expect_problem(409, "member_exists");
    for address in [
        format!("/companies/{other}"),
        "/companies".to_owned(),
        format!("/companies/{one}/members"),
        format!("/customers/{id}/context?company_id={other}"),
        "/approvals".to_owned(),
    ] {
        ana.get(&path(&address))
            .await
            .expect_problem(403, "forbidden");
    }
    let context = path(&format!("/customers/{id}/context"));
    staff
        .get(&format!("{context}?company_id={other}"))
        .await
        .expect_problem(409, "not_a_member");
    let own = staff
        .get(&format!("{context}?company_id={one}"))
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&own["may_order"], &own["segment"]),
        (&json!(true), &json!("gold"))
    );
    assert_eq!(own["company"]["credit_limit"], money(1));
    assert_eq!(own["membership"]["roles"], json!(["admin"]));
    let plain = staff.get(&context).await.expect(200).body;
    assert_eq!(
        (&plain["company"], &plain["segment"]),
        (&Value::Null, &Value::Null)
    );
    // What somebody loses, it loses.
    let own = path(&format!("/companies/{one}/members/{id}"));
    let changed = staff
        .patch(&own, 1, &json!({"roles": ["approver"], "spend_limit": 5}))
        .await
        .expect(200);
    let read = staff
        .get(&format!("{context}?company_id={one}"))
        .await
        .expect(200)
        .body;
    assert_eq!(read["may_order"], false);
    let _ = staff.delete(&own, changed.version()).await.expect(204);
    staff
        .get(&format!("{context}?company_id={one}"))
        .await
        .expect_problem(409, "not_a_member");
}
