//! What checkouts use of companies' credit.

use std::collections::BTreeMap;

use averis_test_kit::{Answer, Client};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::setup::{company, money, path, platform};

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

async fn pay(client: &Client, checkout: Uuid, reference: &str, amount: i64) -> Answer {
    let body = json!({"amount": money(amount), "reference": reference});
    let address = path(&format!("/credit-holds/{checkout}/settle"));
    client.post(&address, &body).await
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
async fn credit_is_given_back_once_and_for_good() {
    let platform = platform().await;
    let staff = platform.tenant("acme").await.client;
    let id = company(&staff, "One", 1_000).await;
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    let held = hold(&staff, &id, first, 600).await.expect(200);
    let again = hold(&staff, &id, first, 600).await.expect(200);
    assert_eq!(again.body["amount"], held.body["amount"]);
    assert!(
        again.body["expires_at"].as_str() > held.body["expires_at"].as_str(),
        "it is held longer"
    );
    assert_eq!(used(&staff, &id).await, 600, "once for one checkout");
    hold(&staff, &id, first, 500)
        .await
        .expect_problem(409, "checkout_taken");
    hold(&staff, &id, second, 500)
        .await
        .expect_problem(409, "credit_exceeded");
    hold(&staff, &id, second, i64::MAX)
        .await
        .expect_problem(409, "credit_exceeded");
    let other = json!({"company_id": id, "checkout_id": second, "amount": {"amount": 1, "currency": "USD"}});
    let other = staff.post(&path("/credit-holds"), &other).await;
    other.expect_problem(422, "invalid");
    assert_eq!(other.body["errors"][0]["code"], "other_currency");
    let releases = (0..4).map(|_| settle(&staff, first, "release"));
    for answer in futures_util::future::join_all(releases).await {
        assert_eq!(answer.expect(200).body["state"], "released");
    }
    assert_eq!(used(&staff, &id).await, 0);
    settle(&staff, first, "confirm")
        .await
        .expect_problem(409, "invalid_transition");
    pay(&staff, first, "x", 1)
        .await
        .expect_problem(409, "invalid_transition");
    // Another attempt is another checkout.
    hold(&staff, &id, first, 600)
        .await
        .expect_problem(409, "credit_released");
    hold(&staff, &Uuid::now_v7().to_string(), second, 1)
        .await
        .expect_problem(422, "unknown_company");
}

#[actix_web::test]
async fn a_release_that_overtakes_its_hold_keeps_it_from_coming() {
    let platform = platform().await;
    let staff = platform.tenant("acme").await.client;
    let id = company(&staff, "One", 1_000).await;
    let late = Uuid::now_v7();
    let released = settle(&staff, late, "release").await.expect(200).body;
    assert_eq!(
        (&released["state"], &released["amount"]),
        (&json!("released"), &Value::Null)
    );
    hold(&staff, &id, late, 600)
        .await
        .expect_problem(409, "credit_released");
    settle(&staff, late, "confirm")
        .await
        .expect_problem(409, "invalid_transition");
    // Whichever of both comes first, nothing is left of a checkout that gave up.
    for _ in 0..8 {
        let checkout = Uuid::now_v7();
        let (held, released) = futures_util::future::join(
            hold(&staff, &id, checkout, 900),
            settle(&staff, checkout, "release"),
        )
        .await;
        assert!(held.status == 200 || held.status == 409, "{}", held.text);
        let _ = released.expect(200);
        assert_eq!(used(&staff, &id).await, 0);
    }
    // Of two that hold for one checkout at once, both are told the same.
    let same = Uuid::now_v7();
    let holds = (0..4).map(|_| hold(&staff, &id, same, 900));
    for answer in futures_util::future::join_all(holds).await {
        assert_eq!(answer.expect(200).body["state"], "held");
    }
    assert_eq!(used(&staff, &id).await, 900);
}

#[actix_web::test]
async fn what_is_owed_is_paid_in_parts_each_once() {
    let platform = platform().await;
    let staff = platform.tenant("acme").await.client;
    let id = company(&staff, "One", 1_000).await;
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    let _ = hold(&staff, &id, first, 700).await.expect(200);
    pay(&staff, first, "p1", 100)
        .await
        .expect_problem(409, "invalid_transition");
    let _ = settle(&staff, first, "confirm").await.expect(200);
    let _ = settle(&staff, first, "confirm").await.expect(200);
    // An order that is placed is owed, whatever its checkout is told later.
    let late = settle(&staff, first, "release").await;
    late.expect_problem(409, "invalid_transition");
    assert_eq!(late.body["allowed"], json!(["settle"]));
    assert_eq!(used(&staff, &id).await, 700);
    let own = path(&format!("/companies/{id}"));
    let lower = json!({"credit_limit": money(699)});
    staff
        .patch(&own, 2, &lower)
        .await
        .expect_problem(409, "credit_in_use");
    let dollars = json!({"credit_limit": {"amount": 9_000, "currency": "USD"}});
    staff
        .patch(&own, 2, &dollars)
        .await
        .expect_problem(409, "credit_in_use");
    let close = format!("{own}/close");
    staff
        .command(&close, 2, &json!({}))
        .await
        .expect_problem(409, "credit_in_use");
    let pays = (0..4).map(|_| pay(&staff, first, "payment 1", 300));
    for answer in futures_util::future::join_all(pays).await {
        assert_eq!(answer.expect(200).body["settled"], money(300));
    }
    assert_eq!(used(&staff, &id).await, 400);
    pay(&staff, first, "payment 1", 200)
        .await
        .expect_problem(409, "reference_taken");
    for (amount, currency, code) in [
        (401, "EUR", "range"),
        (1, "USD", "other_currency"),
        (0, "EUR", "range"),
    ] {
        let body =
            json!({"amount": {"amount": amount, "currency": currency}, "reference": "payment 2"});
        let refused = staff
            .post(&path(&format!("/credit-holds/{first}/settle")), &body)
            .await;
        refused.expect_problem(422, "invalid");
        assert_eq!(refused.body["errors"][0]["code"], code);
    }
    let _ = hold(&staff, &id, second, 600).await.expect(200);
    let settled = pay(&staff, first, "credit note 7", 400)
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&settled["state"], &settled["settled"]),
        (&json!("settled"), &money(700))
    );
    pay(&staff, first, "payment 3", 1)
        .await
        .expect_problem(409, "invalid_transition");
    assert_eq!(used(&staff, &id).await, 600);
    let list = |query: &str| path(&format!("/credit-holds?company_id={id}{query}"));
    let all = staff.get(&list("")).await.expect(200).body;
    assert_eq!(all["data"].as_array().expect("holds").len(), 2);
    let held = staff.get(&list("&state=held")).await.expect(200).body;
    assert_eq!(held["data"][0]["checkout_id"], json!(second));
    assert_eq!(held["data"].as_array().expect("holds").len(), 1);
    let _ = settle(&staff, second, "release").await.expect(200);
    let suspended = staff
        .command(&format!("{own}/suspend"), 2, &json!({}))
        .await
        .expect(200);
    let third = Uuid::now_v7();
    hold(&staff, &id, third, 1)
        .await
        .expect_problem(409, "company_not_approved");
    let closed = staff
        .command(&close, suspended.version(), &json!({}))
        .await
        .expect(200);
    let resume = staff
        .command(&format!("{own}/resume"), closed.version(), &json!({}))
        .await;
    resume.expect_problem(409, "invalid_transition");
}

#[actix_web::test]
async fn credit_of_a_checkout_that_nobody_hears_of_again_comes_back() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let staff = &acme.client;
    let id = company(staff, "One", 1_000).await;
    let (lost, slow, next) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let _ = hold(staff, &id, lost, 500).await.expect(200);
    let _ = hold(staff, &id, slow, 500).await.expect(200);
    hold(staff, &id, next, 500)
        .await
        .expect_problem(409, "credit_exceeded");
    let sql = format!(
        "UPDATE tenant_{}_customer.credit_holds SET expires_at = now() - interval '1 second'",
        acme.key
    );
    let database = platform.database.connect().await;
    let _ = database.execute(&sql, &[]).await.expect("an hour later");
    // One whose order is placed before anybody else needs the credit is confirmed still.
    let _ = settle(staff, slow, "confirm").await.expect(200);
    let _ = hold(staff, &id, next, 500).await.expect(200);
    settle(staff, lost, "confirm")
        .await
        .expect_problem(409, "invalid_transition");
    assert_eq!(used(staff, &id).await, 1_000);
}

/// What somebody does with one of a few checkouts.
#[derive(Clone, Copy, Debug)]
enum Step {
    Hold(usize, i64),
    Confirm(usize),
    Release(usize),
    Pay(usize, i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_usize..5, 1_i64..400).prop_map(|(one, amount)| Step::Hold(one, amount)),
        (0_usize..5).prop_map(Step::Confirm),
        (0_usize..5).prop_map(Step::Release),
        (0_usize..5, 1_i64..200).prop_map(|(one, amount)| Step::Pay(one, amount)),
    ]
}

/// U6 for any order of commands, several at once: what a company uses is what its checkouts hold and owe, and no more than it
/// may.
#[actix_web::test]
async fn u6_what_is_used_is_what_is_held_and_owed() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let staff = &acme.client;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for round in 0..6 {
        let steps = proptest::collection::vec(step(), 24);
        let steps = steps.new_tree(&mut runner).expect("steps").current();
        let id = company(staff, &format!("C{round}"), 1_000).await;
        let checkouts: Vec<Uuid> = (0..5).map(|_| Uuid::now_v7()).collect();
        for (number, some) in steps.chunks(4).enumerate() {
            let all = some
                .iter()
                .enumerate()
                .map(async |(place, step)| match *step {
                    Step::Hold(one, amount) => hold(staff, &id, checkouts[one], amount).await,
                    Step::Confirm(one) => settle(staff, checkouts[one], "confirm").await,
                    Step::Release(one) => settle(staff, checkouts[one], "release").await,
                    Step::Pay(one, amount) => {
                        pay(staff, checkouts[one], &format!("{number} {place}"), amount).await
                    }
                });
            for answer in futures_util::future::join_all(all).await {
                assert!(answer.status < 500, "{}", answer.text);
            }
            let list = path(&format!("/credit-holds?company_id={id}"));
            let holds = staff.get(&list).await.expect(200).body["data"].clone();
            let mut by_state: BTreeMap<String, i64> = BTreeMap::new();
            for one in holds.as_array().expect("holds") {
                let open = one["amount"]["amount"].as_i64().expect("an amount")
                    - one["settled"]["amount"].as_i64().expect("an amount");
                *by_state
                    .entry(one["state"].as_str().expect("a state").to_owned())
                    .or_default() += open;
            }
            let counted = ["held", "confirmed"]
                .iter()
                .filter_map(|state| by_state.get(*state));
            let counted: i64 = counted.sum();
            assert_eq!(used(staff, &id).await, counted, "{some:?}");
            assert!(counted <= 1_000);
            assert_eq!(by_state.get("settled").copied().unwrap_or_default(), 0);
        }
    }
}
