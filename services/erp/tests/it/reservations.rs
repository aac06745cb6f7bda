//! What checkouts and orders reserve: never more than there is.

use averis_test_kit::Client;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use serde_json::json;
use uuid::Uuid;

use crate::setup::{
    available, consume, drift, level, one_tenant, path, platform, receive, reserve, settle,
    warehouse,
};

#[actix_web::test]
async fn e2_oversell_two_checkouts_and_the_last_unit() {
    let platform = platform().await;
    let tenant = platform.tenant("acme").await;
    let acme = &tenant.client;
    let place = warehouse(acme, "BER", 1).await;
    receive(acme, "LAMP", &place, 20).await;
    // More buyers than pieces, all at once.
    let buyers = (0..64).map(|_| reserve(acme, Uuid::now_v7(), &[("LAMP", 1)]));
    let answers = futures_util::future::join_all(buyers).await;
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(good, 20);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.expect_problem(409, "out_of_stock");
        assert_eq!(
            answer.body["short"],
            json!([{"sku": "lamp", "available": 0}])
        );
    }
    assert_eq!(level(acme, "LAMP", &place).await, (20, 20));
    assert!(drift(&platform, tenant.key.as_str()).await.is_empty());
}

#[actix_web::test]
async fn two_lines_that_share_one_item_do_not_each_pass_alone() {
    let (_platform, acme) = one_tenant().await;
    let place = warehouse(&acme, "BER", 1).await;
    receive(&acme, "LAMP", &place, 3).await;
    let both = reserve(&acme, Uuid::now_v7(), &[("LAMP", 2), ("lamp", 2)]).await;
    both.expect_problem(409, "out_of_stock");
    assert_eq!(both.body["short"][0]["available"], 3);
    assert_eq!(
        level(&acme, "LAMP", &place).await,
        (3, 0),
        "nothing is kept of what is short"
    );
    receive(&acme, "BULB", &place, 9).await;
    let mixed = reserve(
        &acme,
        Uuid::now_v7(),
        &[("BULB", 1), ("LAMP", 4), ("CORD", 1)],
    )
    .await;
    mixed.expect_problem(409, "out_of_stock");
    assert_eq!(
        mixed.body["short"],
        json!([{"sku": "cord", "available": 0}, {"sku": "lamp", "available": 3}])
    );
    assert_eq!(level(&acme, "BULB", &place).await, (9, 0));
    let _ = reserve(&acme, Uuid::now_v7(), &[("LAMP", 1), ("lamp", 2)])
        .await
        .expect(200);
}

#[actix_web::test]
async fn a_reservation_goes_from_held_to_gone() {
    let platform = platform().await;
    let tenant = platform.tenant("acme").await;
    let acme = &tenant.client;
    let place = warehouse(acme, "BER", 1).await;
    receive(acme, "LAMP", &place, 10).await;
    let owner = Uuid::now_v7();
    let held = reserve(acme, owner, &[("LAMP", 4)]).await.expect(200).body;
    assert_eq!(
        (&held["lines"][0]["state"], &held["lines"][0]["open"]),
        (&json!("held"), &json!(4))
    );
    let longer = reserve(acme, owner, &[("lamp", 4)]).await.expect(200).body;
    let until = |answer: &serde_json::Value| {
        answer["lines"][0]["expires_at"]
            .as_str()
            .expect("a time")
            .to_owned()
    };
    assert!(until(&longer) > until(&held));
    reserve(acme, owner, &[("LAMP", 5)])
        .await
        .expect_problem(409, "owner_taken");
    consume(acme, owner, "s0", &[("LAMP", &place, 1)])
        .await
        .expect_problem(409, "invalid_transition");
    let _ = settle(acme, owner, "commit").await.expect(200);
    let committed = settle(acme, owner, "commit").await.expect(200).body;
    assert_eq!(committed["lines"][0]["state"], "committed");
    // What leaves, leaves once.
    let three = [("LAMP", place.as_str(), 3)];
    let leaves = (0..4).map(|_| consume(acme, owner, "s1", &three));
    for answer in futures_util::future::join_all(leaves).await {
        assert_eq!(answer.expect(200).body["lines"][0]["consumed"], 3);
    }
    assert_eq!(level(acme, "LAMP", &place).await, (7, 1));
    consume(acme, owner, "s1", &[("LAMP", &place, 1)])
        .await
        .expect_problem(409, "cause_taken");
    consume(acme, owner, "s2", &[("LAMP", &place, 2)])
        .await
        .expect_problem(409, "not_reserved");
    consume(acme, owner, "s2", &[("BULB", &place, 1)])
        .await
        .expect_problem(409, "not_reserved");
    let gone = consume(acme, owner, "s2", &[("LAMP", &place, 1)])
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&gone["lines"][0]["state"], &gone["lines"][0]["open"]),
        (&json!("consumed"), &json!(0))
    );
    let moves = acme
        .get(&path("/stock-moves?kind=issue"))
        .await
        .expect(200)
        .body;
    assert_eq!(moves["data"].as_array().expect("moves").len(), 2);
    // What has left does not come back by a release.
    let _ = settle(acme, owner, "release").await.expect(200);
    assert_eq!(level(acme, "LAMP", &place).await, (6, 0));
    assert!(drift(&platform, tenant.key.as_str()).await.is_empty());
    let twice = [("LAMP", place.as_str(), 1), ("lamp", place.as_str(), 1)];
    consume(acme, owner, "s3", &twice)
        .await
        .expect_problem(422, "invalid");
    settle(acme, Uuid::now_v7(), "commit")
        .await
        .expect_problem(404, "not_found");
}

#[actix_web::test]
async fn what_is_given_back_is_given_back_once_and_for_good() {
    let (_platform, acme) = one_tenant().await;
    let place = warehouse(&acme, "BER", 1).await;
    receive(&acme, "LAMP", &place, 5).await;
    let owner = Uuid::now_v7();
    let _ = reserve(&acme, owner, &[("LAMP", 4)]).await.expect(200);
    let releases = (0..4).map(|_| settle(&acme, owner, "release"));
    for answer in futures_util::future::join_all(releases).await {
        assert_eq!(answer.expect(200).body["released"], true);
    }
    assert_eq!(level(&acme, "LAMP", &place).await, (5, 0));
    settle(&acme, owner, "commit")
        .await
        .expect_problem(409, "reservation_released");
    reserve(&acme, owner, &[("LAMP", 4)])
        .await
        .expect_problem(409, "reservation_released");
    // A release that overtakes its reservation keeps it from coming.
    let late = Uuid::now_v7();
    let _ = settle(&acme, late, "release").await.expect(200);
    reserve(&acme, late, &[("LAMP", 1)])
        .await
        .expect_problem(409, "reservation_released");
    for _ in 0..8 {
        let owner = Uuid::now_v7();
        let (reserved, released) = futures_util::future::join(
            reserve(&acme, owner, &[("LAMP", 5)]),
            settle(&acme, owner, "release"),
        )
        .await;
        assert!(matches!(reserved.status, 200 | 409), "{}", reserved.text);
        let _ = released.expect(200);
        assert_eq!(level(&acme, "LAMP", &place).await, (5, 0));
    }
    // Nor is what was given back ever told to be committed.
    for _ in 0..8 {
        let owner = Uuid::now_v7();
        let _ = reserve(&acme, owner, &[("LAMP", 5)]).await.expect(200);
        let (committed, released) = futures_util::future::join(
            settle(&acme, owner, "commit"),
            settle(&acme, owner, "release"),
        )
        .await;
        match committed.status {
            200 => assert_eq!(committed.body["lines"][0]["state"], "committed"),
            _ => committed.expect_problem(409, "reservation_released"),
        }
        let _ = released.expect(200);
        assert_eq!(level(&acme, "LAMP", &place).await, (5, 0));
    }
    // Of two for one owner at once there is one.
    let same = Uuid::now_v7();
    let twice = (0..4).map(|_| reserve(&acme, same, &[("LAMP", 2)]));
    for answer in futures_util::future::join_all(twice).await {
        let _ = answer.expect(200);
    }
    assert_eq!(level(&acme, "LAMP", &place).await, (5, 2));
    let committed = settle(&acme, same, "commit").await.expect(200);
    assert_eq!(committed.body["lines"][0]["state"], "committed");
    let _ = settle(&acme, same, "release").await.expect(200);
    assert_eq!(
        level(&acme, "LAMP", &place).await,
        (5, 0),
        "a cancelled order gives back too"
    );
}

#[actix_web::test]
async fn denial_of_inventory_ends_by_itself() {
    let platform = platform().await;
    let tenant = platform.tenant("acme").await;
    let acme = &tenant.client;
    let place = warehouse(acme, "BER", 1).await;
    receive(acme, "LAMP", &place, 5).await;
    let (lost, slow, placed) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    for (owner, quantity) in [(lost, 2), (slow, 1), (placed, 1)] {
        let _ = reserve(acme, owner, &[("LAMP", quantity)])
            .await
            .expect(200);
    }
    let _ = settle(acme, placed, "commit").await.expect(200);
    assert_eq!(available(acme, "LAMP").await, 1);
    let sql = format!(
        "UPDATE tenant_{}_erp.reservation_lines SET expires_at = now()",
        tenant.key
    );
    let database = platform.database.connect().await;
    let _ = database.execute(&sql, &[]).await.expect("an hour later");
    assert_eq!(
        available(acme, "LAMP").await,
        4,
        "what nobody hears of again is free"
    );
    // One whose order is placed before anybody else wants it has it still.
    let _ = settle(acme, slow, "commit").await.expect(200);
    let _ = reserve(acme, Uuid::now_v7(), &[("LAMP", 3)])
        .await
        .expect(200);
    settle(acme, lost, "commit")
        .await
        .expect_problem(409, "reservation_expired");
    reserve(acme, lost, &[("LAMP", 2)])
        .await
        .expect_problem(409, "reservation_expired");
    let _ = settle(acme, lost, "release").await.expect(200);
    assert_eq!(level(acme, "LAMP", &place).await, (5, 5));
    assert!(drift(&platform, tenant.key.as_str()).await.is_empty());
}

/// What somebody does with one of a few checkouts.
#[derive(Clone, Debug)]
enum Step {
    Reserve(usize, Vec<(usize, i64)>),
    Commit(usize),
    Release(usize),
    Consume(usize, usize, i64),
    Receive(usize, i64),
    Scrap(usize, i64),
}

const SKUS: [&str; 3] = ["LAMP", "BULB", "CORD"];

fn step() -> impl Strategy<Value = Step> {
    let lines = proptest::collection::vec((0_usize..3, 1_i64..6), 1..4);
    prop_oneof![
        3 => (0_usize..6, lines).prop_map(|(one, lines)| Step::Reserve(one, lines)),
        2 => (0_usize..6).prop_map(Step::Commit),
        1 => (0_usize..6).prop_map(Step::Release),
        2 => (0_usize..6, 0_usize..3, 1_i64..4).prop_map(|(one, sku, n)| Step::Consume(one, sku, n)),
        1 => (0_usize..3, 1_i64..8).prop_map(|(sku, n)| Step::Receive(sku, n)),
        1 => (0_usize..3, 1_i64..4).prop_map(|(sku, n)| Step::Scrap(sku, n)),
    ]
}

async fn take(client: &Client, place: &str, owners: &[Uuid], cause: &str, step: &Step) -> u16 {
    let answer = match step {
        Step::Reserve(one, lines) => {
            let lines: Vec<(&str, i64)> = lines.iter().map(|(sku, n)| (SKUS[*sku], *n)).collect();
            reserve(client, owners[*one], &lines).await
        }
        Step::Commit(one) => settle(client, owners[*one], "commit").await,
        Step::Release(one) => settle(client, owners[*one], "release").await,
        Step::Consume(one, sku, n) => {
            consume(client, owners[*one], cause, &[(SKUS[*sku], place, *n)]).await
        }
        Step::Receive(sku, n) => {
            crate::setup::moved(client, "receipt", cause, &[(SKUS[*sku], place, *n)]).await
        }
        Step::Scrap(sku, n) => {
            crate::setup::moved(client, "scrap", cause, &[(SKUS[*sku], place, *n)]).await
        }
    };
    assert!(answer.status < 500, "{step:?}: {}", answer.text);
    answer.status
}

/// E1 for any commands, several at once: what is there is what was moved, and what is reserved is what waits; and no level is
/// below nothing, which the database would refuse.
#[actix_web::test]
async fn e1_levels_are_the_sums_of_moves_and_of_reservations() {
    let platform = platform().await;
    let tenant = platform.tenant("acme").await;
    let acme = &tenant.client;
    let place = warehouse(acme, "BER", 1).await;
    for sku in SKUS {
        receive(acme, sku, &place, 10).await;
    }
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut done = 0;
    for round in 0..6 {
        let steps = proptest::collection::vec(step(), 40)
            .new_tree(&mut runner)
            .expect("steps")
            .current();
        let owners: Vec<Uuid> = (0..6).map(|_| Uuid::now_v7()).collect();
        for (number, some) in steps.chunks(8).enumerate() {
            let causes: Vec<String> = (0..some.len())
                .map(|place| format!("{round} {number} {place}"))
                .collect();
            let all = some
                .iter()
                .zip(&causes)
                .map(|(step, cause)| take(acme, &place, &owners, cause, step));
            let statuses = futures_util::future::join_all(all).await;
            done += statuses.iter().filter(|status| **status < 300).count();
            assert_eq!(
                drift(&platform, tenant.key.as_str()).await,
                [].into(),
                "{some:?}"
            );
        }
    }
    assert!(done > 40, "only {done} commands had an effect");
}
