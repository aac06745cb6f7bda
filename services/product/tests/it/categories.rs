//! The tree of categories.

use std::collections::{BTreeMap, BTreeSet};

use averis_test_kit::Client;
use futures_util::future::join_all;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::setup::{all, command, draft, one_tenant, path, product_path, strings};

async fn category(client: &Client, code: &str, parent: Option<&str>) -> String {
    let body = json!({"code": code, "name": code, "parent_id": parent});
    client
        .post(&path("/categories"), &body)
        .await
        .expect(201)
        .id()
}

fn place(id: &str) -> String {
    path(&format!("/categories/{id}"))
}

#[actix_web::test]
async fn a_category_moves_with_all_in_it_but_never_into_itself() {
    let (_platform, acme) = one_tenant().await;
    let top = category(&acme, "top", None).await;
    let middle = category(&acme, "middle", Some(&top)).await;
    let bottom = category(&acme, "bottom", Some(&middle)).await;
    for (what, into) in [
        (&top, &top),
        (&top, &middle),
        (&top, &bottom),
        (&middle, &bottom),
    ] {
        let address = format!("{}/move", place(what));
        let answer = acme.command(&address, 1, &json!({"parent_id": into})).await;
        answer.expect_problem(409, "category_cycle");
    }
    let nowhere = json!({"parent_id": Uuid::now_v7()});
    let answer = acme
        .command(&format!("{}/move", place(&bottom)), 1, &nowhere)
        .await;
    answer.expect_problem(422, "invalid");
    let answer = acme
        .post(
            &path("/categories"),
            &json!({"code": "x", "name": "x", "parent_id": Uuid::now_v7()}),
        )
        .await;
    answer.expect_problem(422, "invalid");
    let up = json!({"parent_id": null, "position": 4});
    let moved = acme
        .command(&format!("{}/move", place(&middle)), 1, &up)
        .await
        .expect(200);
    assert_eq!(
        (&moved.body["parent_id"], &moved.body["position"]),
        (&Value::Null, &json!(4))
    );
    assert_eq!(
        acme.get(&place(&bottom)).await.body["parent_id"],
        middle.as_str()
    );
    let below = json!({"parent_id": bottom});
    let moved = acme
        .command(&format!("{}/move", place(&top)), 1, &below)
        .await
        .expect(200);
    assert_eq!(moved.version(), 2);
    let children = all(&acme, &path(&format!("/categories?parent_id={bottom}"))).await;
    assert_eq!(strings(&children, "code"), ["top"]);
}

#[actix_web::test]
async fn p7_random_parallel_moves_leave_a_tree() {
    const NODES: usize = 12;
    let (_platform, acme) = one_tenant().await;
    let mut ids: Vec<String> = Vec::new();
    for number in 0..NODES {
        let parent = number.checked_sub(1).map(|before| ids[before / 2].clone());
        ids.push(category(&acme, &format!("n{number}"), parent.as_deref()).await);
    }
    let mover = |seed: u64| {
        let (acme, ids) = (acme.clone(), ids.clone());
        async move {
            let mut random = rand::rngs::StdRng::seed_from_u64(seed);
            let mut moved = 0;
            for _ in 0..30 {
                let what = &ids[random.random_range(0..NODES)];
                let into = random.random_range(0..=NODES);
                let into = ids.get(into);
                let version = acme.get(&place(what)).await.expect(200).version();
                let address = format!("{}/move", place(what));
                let answer = acme
                    .command(&address, version, &json!({"parent_id": into}))
                    .await;
                match (answer.status, answer.body["code"].as_str()) {
                    (200, _) => moved += 1,
                    (409, Some("category_cycle" | "conflict")) | (412, _) => {}
                    other => panic!("{other:?}: {}", answer.text),
                }
            }
            moved
        }
    };
    let moved: usize = join_all((0..8).map(mover)).await.into_iter().sum();
    assert!(moved > 40, "only {moved} moves went through");
    let rows = all(&acme, &path("/categories?limit=5")).await;
    assert_eq!(rows.len(), NODES);
    let parents: BTreeMap<&str, Option<&str>> = rows
        .iter()
        .map(|row| {
            (
                row["id"].as_str().expect("an id"),
                row["parent_id"].as_str(),
            )
        })
        .collect();
    for start in parents.keys() {
        let mut seen = BTreeSet::new();
        let mut at = Some(*start);
        while let Some(id) = at {
            assert!(seen.insert(id), "{start} stands in a circle");
            at = parents[id];
        }
    }
}

#[actix_web::test]
async fn only_a_category_in_which_nothing_stands_can_be_deleted() {
    let (_platform, acme) = one_tenant().await;
    let parent = category(&acme, "parent", None).await;
    let child = category(&acme, "child", Some(&parent)).await;
    acme.delete(&place(&parent), 1)
        .await
        .expect_problem(409, "category_in_use");
    let product = draft(&acme, "p", json!({"category_ids": [child]}))
        .await
        .id();
    acme.delete(&place(&child), 1)
        .await
        .expect_problem(409, "category_in_use");
    command(&acme, &product, "archive").await;
    acme.delete(&place(&child), 1)
        .await
        .expect_problem(409, "category_in_use");
    let product = draft(&acme, "q", json!({"category_ids": [parent]})).await;
    let empty = json!({"category_ids": []});
    acme.patch(&product_path(&product.id()), 1, &empty)
        .await
        .expect(200);
    let lone = category(&acme, "lone", None).await;
    acme.delete(&place(&lone), 2)
        .await
        .expect_problem(412, "version_mismatch");
    acme.delete(&place(&lone), 1).await.expect(204);
    acme.get(&place(&lone))
        .await
        .expect_problem(404, "not_found");
    acme.delete(&place(&lone), 1)
        .await
        .expect_problem(404, "not_found");
    category(&acme, "lone", None).await;
}

#[actix_web::test]
async fn no_product_is_left_in_a_category_that_goes_at_that_moment() {
    let (_platform, acme) = one_tenant().await;
    for round in 0..10 {
        let id = category(&acme, &format!("c{round}"), None).await;
        let body = json!({"key": format!("p{round}"), "name": "n", "category_ids": [id]});
        let (address, products) = (place(&id), path("/products"));
        let (made, deleted) =
            futures_util::join!(acme.post(&products, &body), acme.delete(&address, 1));
        match (made.status, deleted.status) {
            (201, 409) => deleted.expect_problem(409, "category_in_use"),
            (422, 204) => made.expect_problem(422, "unknown_category"),
            other => panic!("{other:?}: {} {}", made.text, deleted.text),
        }
    }
}

#[actix_web::test]
async fn a_code_is_unique_and_of_its_form() {
    let (_platform, acme) = one_tenant().await;
    category(&acme, "taken", None).await;
    let id = category(&acme, "other", None).await;
    let again = json!({"code": "taken", "name": "n"});
    acme.post(&path("/categories"), &again)
        .await
        .expect_problem(409, "code_taken");
    acme.patch(&place(&id), 1, &json!({"code": "taken"}))
        .await
        .expect_problem(409, "code_taken");
    for code in ["", "A", "-a", "a b", "ä", "a\u{0}", &"a".repeat(101)] {
        let body = json!({"code": code, "name": "n"});
        acme.post(&path("/categories"), &body)
            .await
            .expect_problem(422, "invalid");
    }
    let patch = json!({"name": "New", "position": 3});
    let after = acme.patch(&place(&id), 1, &patch).await.expect(200).body;
    assert_eq!(
        (&after["code"], &after["name"], &after["position"]),
        (&json!("other"), &json!("New"), &json!(3))
    );
    let moving = json!({"parent_id": null});
    acme.patch(&place(&id), 2, &moving)
        .await
        .expect_problem(400, "unknown_field");
}
