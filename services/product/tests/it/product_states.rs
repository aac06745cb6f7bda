//! The life of products.

use averis_test_kit::Client;
use serde_json::{Value, json};

use crate::setup::{approve, command, draft, one_tenant, path, product_path, sellable, strings};

/// Brings a new product into a state.
async fn in_state(client: &Client, state: &str, key: &str) -> String {
    let id = sellable(client, key).await.id();
    let way: &[&str] = match state {
        "draft" => &[],
        "active" => &["launch"],
        "suspended" => &["launch", "suspend"],
        "archived" => &["archive"],
        other => panic!("no state {other}"),
    };
    for step in way {
        command(client, &id, step).await;
    }
    id
}

#[actix_web::test]
async fn every_state_takes_exactly_its_commands() {
    let (_platform, acme) = one_tenant().await;
    for (state, allowed) in [
        ("draft", vec![("launch", "active"), ("archive", "archived")]),
        (
            "active",
            vec![("launch", "active"), ("suspend", "suspended")],
        ),
        (
            "suspended",
            vec![("resume", "active"), ("archive", "archived")],
        ),
        ("archived", vec![]),
    ] {
        for name in ["launch", "suspend", "resume", "archive"] {
            let id = in_state(&acme, state, &format!("{state}-{name}")).await;
            let address = product_path(&id);
            if state == "active" && name == "launch" {
                // There is nothing to launch again before something has changed.
                let version = acme.get(&address).await.expect(200).version();
                let patch = json!({"name": "changed"});
                let _ = acme.patch(&address, version, &patch).await.expect(200);
            }
            if name == "launch" && state != "archived" {
                approve(&acme, &id).await;
            }
            let before = acme.get(&address).await;
            let place = format!("{address}/{name}");
            let answer = acme.command(&place, before.version(), &json!({})).await;
            let after = acme.get(&address).await;
            match allowed.iter().find(|(command, _)| *command == name) {
                Some((_, next)) => {
                    assert_eq!(answer.expect(200).body["status"], *next);
                    assert_eq!(after.body["status"], *next);
                    assert_eq!(after.version(), before.version() + 1);
                }
                None => {
                    answer.expect_problem(409, "invalid_transition");
                    let names: Vec<&str> = allowed.iter().map(|(command, _)| *command).collect();
                    assert_eq!(answer.body["allowed"], json!(names), "{state}");
                    assert_eq!(answer.body["current_status"], state);
                    assert_eq!(after.text, before.text);
                }
            }
        }
    }
}

#[actix_web::test]
async fn nobody_sets_the_status_by_hand() {
    let (_platform, acme) = one_tenant().await;
    let id = sellable(&acme, "fixed").await.id();
    let with = |name: &str, value: Value| json!({"key": "k", "name": "n", name: value});
    for (name, value) in [
        ("status", json!("active")),
        ("id", json!(id)),
        ("version", json!(9)),
        ("launched_at", json!("2026-01-01T00:00:00Z")),
        ("extra", json!({})),
        ("tenant", json!("globex")),
    ] {
        let answer = acme
            .post(&path("/products"), &with(name, value.clone()))
            .await;
        answer.expect_problem(400, "unknown_field");
        let patch = json!({ name: value });
        let answer = acme.patch(&product_path(&id), 1, &patch).await;
        answer.expect_problem(400, "unknown_field");
    }
    assert_eq!(acme.get(&product_path(&id)).await.body["status"], "draft");
}

#[actix_web::test]
async fn a_launch_needs_a_variant_and_all_required_attributes() {
    let (_platform, acme) = one_tenant().await;
    let id = draft(&acme, "bare", json!({})).await.id();
    let address = product_path(&id);
    let launch = format!("{address}/launch");
    let answer = acme.command(&launch, 1, &json!({})).await;
    answer.expect_problem(409, "no_variants");
    let variant = json!({"sku": "bare"});
    acme.post(&format!("{address}/variants"), &variant)
        .await
        .expect(201);
    for (code, required) in [("fabric", true), ("origin", true), ("note", false)] {
        let body = json!({"code": code, "label": "L", "type": "text", "required": required});
        acme.post(&path("/attribute-definitions"), &body)
            .await
            .expect(201);
    }
    let answer = acme.command(&launch, 2, &json!({})).await;
    answer.expect_problem(422, "invalid");
    let errors = answer.body["errors"].as_array().expect("errors");
    let missing = strings(errors, "pointer");
    assert_eq!(missing, ["/attributes/fabric", "/attributes/origin"]);
    assert_eq!(acme.get(&address).await.body["status"], "draft");
    let patch = json!({"attributes": {"fabric": "wool", "origin": "PT"}});
    acme.patch(&address, 2, &patch).await.expect(200);
    command(&acme, &id, "launch").await;
}

#[actix_web::test]
async fn an_archived_product_refuses_every_change() {
    let (_platform, acme) = one_tenant().await;
    let body = json!({"options": ["S"], "variants": [{"sku": "old", "option_values": ["M"]}]});
    let made = draft(&acme, "old", body).await;
    let address = product_path(&made.id());
    let medium = json!({"url": "https://x.example/1.jpg"});
    let medium = acme
        .post(&format!("{address}/media"), &medium)
        .await
        .expect(201)
        .id();
    command(&acme, &made.id(), "archive").await;
    let expanded = format!("{address}?expand=variants,media");
    let before = acme.get(&expanded).await.expect(200);
    let variant = made.body["variants"][0]["id"].as_str().expect("an id");
    let variant = format!("{address}/variants/{variant}");
    let medium = format!("{address}/media/{medium}");
    let more = json!({"sku": "new", "option_values": ["L"]});
    let picture = json!({"url": "https://x.example/2.jpg"});
    for answer in [
        acme.patch(&address, before.version(), &json!({"name": "n"}))
            .await,
        acme.post(&format!("{address}/variants"), &more).await,
        acme.patch(&variant, 1, &json!({"position": 3})).await,
        acme.delete(&variant, 1).await,
        acme.post(&format!("{address}/media"), &picture).await,
        acme.patch(&medium, 1, &json!({"alt": "a"})).await,
        acme.delete(&medium, 1).await,
    ] {
        answer.expect_problem(409, "product_archived");
    }
    assert_eq!(acme.get(&expanded).await.text, before.text);
    let same_key = json!({"key": "old", "name": "n"});
    let answer = acme.post(&path("/products"), &same_key).await;
    answer.expect_problem(409, "key_taken");
}
