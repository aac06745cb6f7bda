//! Orders of companies that somebody else has to approve.

use averis_test_kit::{Answer, Client, TestPlatform, TestTenant};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::setup::{company, member, money, path, platform, prove, unique_email, visitor};

const HASH: &str = "40082309ff6dc65df40499168da4f5ed6d2a94972f2d7c2c5c14dc6d5667506c";

/// A visitor who has proven who it is, and its customer.
async fn person(platform: &TestPlatform, tenant: &TestTenant, name: &str) -> (Client, String) {
    let one = visitor(platform, tenant);
    let proven = prove(platform, &one, &unique_email(name), 0).await;
    let id = proven["customer"]["id"].as_str().expect("an id").to_owned();
    (one, id)
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
    member(staff, &id, &people[0].1, json!(["buyer"]), money(500)).await;
    member(staff, &id, &people[1].1, json!(["approver"]), Value::Null).await;
    member(
        staff,
        &id,
        &people[2].1,
        json!(["buyer", "approver"]),
        money(0),
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
    let dollars = json!({"company_id": id, "buyer_id": people[0].1, "order_hash": "b".repeat(64),
        "amount": {"amount": 1, "currency": "USD"}});
    let other = staff.post(&path("/approvals"), &dollars).await.expect(201);
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
    // The same order again is the same question.
    assert_eq!(
        ask(&people[0].1, money(501)).await.expect(200).body,
        beyond.body
    );
    ask(&people[0].1, money(502))
        .await
        .expect_problem(422, "invalid");
    // U8: nobody of another company learns of it; nor may the buyer, nor staff.
    let said = json!({"comment": "fine"});
    let other = company(staff, "Other", 1).await;
    member(staff, &other, &people[3].1, json!(["admin"]), Value::Null).await;
    people[3]
        .0
        .command(&approve, 1, &said)
        .await
        .expect_problem(404, "not_found");
    let listed = people[3]
        .0
        .get(&path("/visitor/approvals"))
        .await
        .expect(200);
    assert_eq!(listed.body["data"], json!([]));
    people[0]
        .0
        .command(&approve, 1, &said)
        .await
        .expect_problem(409, "not_a_member");
    for nobody in [staff, &visitor(&platform, &acme)] {
        nobody
            .command(&approve, 1, &said)
            .await
            .expect_problem(409, "not_proven");
        nobody
            .get(&path("/visitor/approvals"))
            .await
            .expect_problem(409, "not_proven");
    }
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

/// A company with a buyer and an approver, and how the buyer asks.
async fn firm(
    platform: &TestPlatform,
    acme: &TestTenant,
) -> (String, (Client, String), (Client, String)) {
    let id = company(&acme.client, "Firm", 100_000).await;
    let buyer = person(platform, acme, "buyer").await;
    let approver = person(platform, acme, "approver").await;
    member(&acme.client, &id, &buyer.1, json!(["buyer"]), money(500)).await;
    member(
        &acme.client,
        &id,
        &approver.1,
        json!(["approver"]),
        Value::Null,
    )
    .await;
    (id, buyer, approver)
}

async fn ask(
    staff: &Client,
    company: &str,
    buyer: &str,
    number: u32,
    amount: i64,
    categories: &[Uuid],
) -> Answer {
    let body = json!({"company_id": company, "buyer_id": buyer, "order_hash": format!("{number:064x}"),
        "amount": money(amount), "category_ids": categories});
    staff.post(&path("/approvals"), &body).await
}

#[actix_web::test]
async fn an_approver_finds_what_waits_and_decides() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let staff = &acme.client;
    let (id, buyer, approver) = firm(&platform, &acme).await;
    let memberships = approver
        .0
        .get(&path("/visitor/memberships"))
        .await
        .expect(200)
        .body;
    assert_eq!(memberships["data"][0]["company_name"], "Firm");
    assert_eq!(
        memberships["data"][0]["membership"]["roles"],
        json!(["approver"])
    );
    let _ = ask(staff, &id, &buyer.1, 1, 400, &[]).await.expect(201);
    let waits = ask(staff, &id, &buyer.1, 2, 900, &[])
        .await
        .expect(201)
        .id();
    let pending = path("/visitor/approvals?status=pending");
    for one in [&buyer.0, &approver.0] {
        let listed = one.get(&pending).await.expect(200).body;
        assert_eq!(listed["data"].as_array().expect("approvals").len(), 1);
        assert_eq!(listed["data"][0]["id"], json!(waits));
    }
    let found = approver.0.get(&pending).await.expect(200).body["data"][0].clone();
    let version = found["version"].as_i64().expect("a version");
    let [approve, reject] =
        ["approve", "reject"].map(|verb| path(&format!("/approvals/{waits}/{verb}")));
    // Whoever decides first has decided.
    let said = json!({});
    let (one, other) = futures_util::future::join(
        approver.0.command(&approve, version, &said),
        approver.0.command(&reject, version, &said),
    )
    .await;
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert!(
        matches!(statuses, [200, 409 | 412]),
        "{} {}",
        one.text,
        other.text
    );
}

#[actix_web::test]
async fn rules_of_a_company_ask_for_approvals_besides_limits() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let staff = &acme.client;
    let (id, buyer, approver) = firm(&platform, &acme).await;
    let rules = path(&format!("/companies/{id}/approval-rules"));
    let weapons = Uuid::now_v7();
    let by_category = json!({"category_id": weapons, "approver_role": "admin"});
    let by_category = staff.post(&rules, &by_category).await.expect(201).id();
    let by_amount = staff
        .post(&rules, &json!({"min_amount": money(300)}))
        .await
        .expect(201)
        .id();
    for (number, amount, categories, expected) in [
        (1, 299, vec![], json!(["approved", [], "approver"])),
        (2, 300, vec![], json!(["pending", [by_amount], "approver"])),
        (
            3,
            10,
            vec![Uuid::now_v7()],
            json!(["approved", [], "approver"]),
        ),
        (
            4,
            10,
            vec![weapons],
            json!(["pending", [by_category], "admin"]),
        ),
        (
            5,
            999,
            vec![weapons],
            json!(["pending", [by_category, by_amount], "admin"]),
        ),
    ] {
        let asked = ask(staff, &id, &buyer.1, number, amount, &categories)
            .await
            .expect(201)
            .body;
        let told = json!([asked["status"], asked["rule_ids"], asked["approver_role"]]);
        assert_eq!(told, expected, "{number}");
    }
    // What an admin has to approve, an approver does not.
    let admin = person(&platform, &acme, "admin").await;
    member(staff, &id, &admin.1, json!(["admin"]), Value::Null).await;
    let waits = ask(staff, &id, &buyer.1, 4, 10, &[weapons])
        .await
        .expect(200)
        .id();
    let approve = path(&format!("/approvals/{waits}/approve"));
    approver
        .0
        .command(&approve, 1, &json!({}))
        .await
        .expect_problem(409, "not_a_member");
    let _ = admin.0.command(&approve, 1, &json!({})).await.expect(200);
    // What an approver has approved is not enough for what needs an admin by now.
    let waits = ask(staff, &id, &buyer.1, 2, 300, &[])
        .await
        .expect(200)
        .id();
    let _ = approver
        .0
        .command(&path(&format!("/approvals/{waits}/approve")), 1, &json!({}))
        .await
        .expect(200);
    let again = ask(staff, &id, &buyer.1, 2, 300, &[])
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&again["id"], &again["status"]),
        (&json!(waits), &json!("approved"))
    );
    let all = json!({"min_amount": money(0), "approver_role": "admin"});
    let _ = staff.post(&rules, &all).await.expect(201);
    let more = ask(staff, &id, &buyer.1, 2, 300, &[])
        .await
        .expect(201)
        .body;
    assert_eq!(
        (&more["status"], &more["approver_role"]),
        (&json!("pending"), &json!("admin"))
    );
    // A rule that is gone asks for nothing.
    let _ = staff
        .delete(&format!("{rules}/{by_category}"), 1)
        .await
        .expect(204);
    staff
        .delete(&format!("{rules}/{by_category}"), 1)
        .await
        .expect_problem(404, "not_found");
    let left = staff.get(&rules).await.expect(200).body;
    assert_eq!(left["data"].as_array().expect("rules").len(), 2);
    for body in [json!({}), json!({"min_amount": money(-1)})] {
        staff
            .post(&rules, &body)
            .await
            .expect_problem(422, "invalid");
    }
    for _ in 2..50 {
        let _ = staff
            .post(&rules, &json!({"min_amount": money(1)}))
            .await
            .expect(201);
    }
    staff
        .post(&rules, &json!({"min_amount": money(1)}))
        .await
        .expect_problem(409, "too_many_rules");
}

#[actix_web::test]
async fn u5_nobody_approves_for_who_must_not_order_any_more() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let staff = &acme.client;
    let (id, buyer, approver) = firm(&platform, &acme).await;
    let waits = ask(staff, &id, &buyer.1, 1, 900, &[])
        .await
        .expect(201)
        .id();
    let approve = path(&format!("/approvals/{waits}/approve"));
    let own = path(&format!("/companies/{id}"));
    let version = staff.get(&own).await.expect(200).version();
    let suspended = staff
        .command(&format!("{own}/suspend"), version, &json!({}))
        .await
        .expect(200);
    approver
        .0
        .command(&approve, 1, &json!({}))
        .await
        .expect_problem(409, "company_not_approved");
    let _ = staff
        .command(&format!("{own}/resume"), suspended.version(), &json!({}))
        .await
        .expect(200);
    let customer = path(&format!("/customers/{}", buyer.1));
    let version = staff.get(&customer).await.expect(200).version();
    let _ = staff
        .command(&format!("{customer}/suspend"), version, &json!({}))
        .await
        .expect(200);
    approver
        .0
        .command(&approve, 1, &json!({}))
        .await
        .expect_problem(409, "not_a_member");
    // To reject it is no harm.
    let _ = approver
        .0
        .command(&path(&format!("/approvals/{waits}/reject")), 1, &json!({}))
        .await
        .expect(200);
}

#[actix_web::test]
async fn an_approval_is_not_good_for_ever() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let staff = &acme.client;
    let (id, buyer, approver) = firm(&platform, &acme).await;
    let waits = ask(staff, &id, &buyer.1, 1, 900, &[])
        .await
        .expect(201)
        .id();
    let sql = format!(
        "UPDATE tenant_{}_customer.approvals SET expires_at = now()",
        acme.key
    );
    let _ = platform
        .database
        .connect()
        .await
        .execute(&sql, &[])
        .await
        .expect("two weeks later");
    let late = approver
        .0
        .command(&path(&format!("/approvals/{waits}/approve")), 1, &json!({}))
        .await;
    late.expect_problem(409, "invalid_transition");
    assert_eq!(late.body["current_status"], "expired");
    let again = ask(staff, &id, &buyer.1, 1, 900, &[])
        .await
        .expect(201)
        .id();
    assert_ne!(again, waits);
}

#[actix_web::test]
async fn u5_a_buyer_who_turns_out_to_be_the_approver_approves_nothing_of_its_own() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let staff = &acme.client;
    let (id, _, approver) = firm(&platform, &acme).await;
    // Somebody who has said who it is, and proven nothing.
    let warm = visitor(&platform, &acme);
    let said = warm
        .post(&path("/visitor/contact"), &json!({"given_name": "W"}))
        .await
        .expect(200);
    let own = said.body["customer"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    member(staff, &id, &own, json!(["buyer"]), money(0)).await;
    let waits = ask(staff, &id, &own, 1, 900, &[]).await.expect(201).id();
    // It is the approver.
    let email = staff
        .get(&path(&format!("/customers/{}", approver.1)))
        .await
        .expect(200)
        .body["email"]
        .clone();
    let email = email.as_str().expect("an address");
    let proven = prove(&platform, &warm, email, 1).await;
    assert_eq!(proven["customer"]["id"], json!(approver.1));
    let approve = path(&format!("/approvals/{waits}/approve"));
    for one in [&warm, &approver.0] {
        one.command(&approve, 1, &json!({}))
            .await
            .expect_problem(409, "own_order");
    }
    let members = staff
        .get(&path(&format!("/companies/{id}/members")))
        .await
        .expect(200)
        .body;
    assert_eq!(
        members["data"].as_array().expect("members").len(),
        2,
        "nobody who is gone is a member"
    );
}
