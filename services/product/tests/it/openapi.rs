//! The document says what the service does, and the service does what the document says.

use std::collections::BTreeSet;

use averis_test_kit::{Answer, Setup, assert_described};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::calls::{Body, operations, prepare};
use crate::setup::{
    all, command, draft, one_tenant, path, product_path, section_command, sellable, start_with,
    upload,
};

#[test]
fn the_document_says_what_every_services_has_to() {
    let document = averis_product::document();
    let routes = include_str!("../../src/routes.rs");
    assert_described(&document, routes, averis_product::codes::ALL);
}

#[test]
fn every_operation_takes_a_permission_of_a_tenant() {
    for operation in operations() {
        let place = format!("{} {}", operation.method, operation.path);
        let permissions = operation.permissions();
        assert!(!permissions.is_empty(), "{place}");
        let of_platform = |name: &&str| name.starts_with("platform_");
        assert!(!permissions.iter().any(of_platform), "{place}");
    }
}

#[actix_web::test]
async fn every_post_needs_an_idempotency_key() {
    let (_platform, acme) = one_tenant().await;
    let mut tested = 0;
    for operation in operations()
        .iter()
        .filter(|operation| operation.method == Method::POST)
    {
        let call = prepare(&acme, operation, "x").await;
        let mut request = acme
            .request(Method::POST, &call.path)
            .header("if-match", "\"1\"");
        request = match &call.body {
            Body::None => request,
            Body::Json(body) => request.json(body),
            Body::Csv(text) => request
                .header("content-type", "text/csv")
                .body(text.clone()),
        };
        let without = request.try_clone().expect("a body in memory");
        Answer::of(without)
            .await
            .expect_problem(400, "idempotency_key_missing");
        for key in ["", "a b", &"x".repeat(256), "ä"] {
            let request = request.try_clone().expect("a body in memory");
            let answer = Answer::of(request.header("idempotency-key", key)).await;
            answer.expect_problem(400, "invalid_header");
        }
        tested += 1;
    }
    assert_eq!(tested, 14, "POSTs");
    assert_eq!(all(&acme, &path("/imports")).await.len(), 0);
}

#[actix_web::test]
async fn every_post_that_is_repeated_happens_once() {
    let (_platform, acme) = one_tenant().await;
    for operation in operations()
        .iter()
        .filter(|operation| operation.method == Method::POST)
    {
        let call = prepare(&acme, operation, "x").await;
        let key = Uuid::now_v7().to_string();
        let first = call.make(&acme, &key).await;
        assert!(
            (200..300).contains(&first.status),
            "{}: {}",
            operation.path,
            first.text
        );
        let second = call.make(&acme, &key).await;
        assert_eq!((second.status, &second.text), (first.status, &first.text));
        for name in ["location", "etag"] {
            assert_eq!(second.headers.get(name), first.headers.get(name), "{name}");
        }
        let mut other = call.clone();
        match &mut other.body {
            Body::Csv(text) => text.push_str("more,more\n"),
            Body::Json(body) => {
                let fields = body.as_object_mut().expect("an object");
                if fields.is_empty() {
                    continue;
                }
                let text = fields.values_mut().find(|value| value.is_string());
                match text {
                    Some(text) => *text = json!(format!("{}x", text.as_str().expect("a text"))),
                    None => drop(fields.insert("position".to_owned(), json!(77))),
                }
            }
            Body::None => continue,
        }
        let mismatch = other.make(&acme, &key).await;
        mismatch.expect_problem(422, "idempotency_mismatch");
    }
    // What was repeated stands there once.
    assert_eq!(all(&acme, &path("/imports")).await.len(), 1);
    assert_eq!(all(&acme, &path("/categories")).await.len(), 2);
}

#[actix_web::test]
async fn parallel_posts_with_one_key_happen_once() {
    let (_platform, acme) = one_tenant().await;
    let (list, body) = (path("/products"), json!({"key": "once", "name": "n"}));
    let posts = (0..12).map(|_| acme.post_as("the-key", &list, &body));
    let answers = futures_util::future::join_all(posts).await;
    let made: BTreeSet<String> = answers
        .iter()
        .filter(|answer| answer.status == 201)
        .map(Answer::id)
        .collect();
    assert_eq!(made.len(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.expect_problem(409, "idempotency_in_progress");
    }
    assert_eq!(all(&acme, &path("/products")).await.len(), 1);
}

#[actix_web::test]
async fn every_code_of_this_service_can_be_met() {
    let platform = start_with(Setup::new().await, 1_000);
    let tenant = platform.tenant("acme").await;
    let acme = &tenant.client;
    let category = json!({"code": "c", "name": "C"});
    let category = acme
        .post(&path("/categories"), &category)
        .await
        .expect(201)
        .id();
    let variants = json!([{"sku": "p", "option_values": ["1"]}]);
    let more = json!({"options": ["o"], "variants": variants, "category_ids": [category]});
    let product = draft(acme, "p", more).await;
    let address = product_path(&product.id());
    let variant = product.body["variants"][0]["id"].as_str().expect("an id");
    let variant = format!("{address}/variants/{variant}");
    let medium = json!({"url": "https://x.example/"});
    let (variants, media) = (format!("{address}/variants"), format!("{address}/media"));
    acme.post(&media, &medium).await.expect(201);
    let bare = product_path(&draft(acme, "bare", json!({})).await.id());
    let gone = sellable(acme, "gone").await.id();
    command(acme, &gone, "archive").await;
    let mut met = Vec::new();
    let mut meet = |answer: Answer| {
        let code = answer.body["code"].as_str().expect("a code").to_owned();
        answer.expect_problem(answer.status, &code);
        met.push((answer.status, code));
    };
    let products = path("/products");
    meet(
        acme.post(&products, &json!({"key": "p", "name": "n"}))
            .await,
    );
    let taken = json!({"key": "q", "name": "n", "variants": [{"sku": "P"}]});
    meet(acme.post(&products, &taken).await);
    let options = json!({"sku": "q", "option_values": ["1"]});
    meet(acme.post(&variants, &options).await);
    meet(acme.post(&media, &medium).await);
    meet(
        acme.post(&path("/categories"), &json!({"code": "c", "name": "C"}))
            .await,
    );
    let place = path(&format!("/categories/{category}"));
    meet(
        acme.command(&format!("{place}/move"), 1, &json!({"parent_id": category}))
            .await,
    );
    meet(acme.delete(&place, 1).await);
    let unknown = json!({"key": "q", "name": "n", "category_ids": [Uuid::now_v7()]});
    meet(acme.post(&products, &unknown).await);
    meet(
        acme.patch(&product_path(&gone), 2, &json!({"name": "n"}))
            .await,
    );
    meet(acme.command(&format!("{bare}/launch"), 1, &json!({})).await);
    let options = json!({"options": ["x"]});
    let version = acme.get(&address).await.expect(200).version();
    meet(acme.patch(&address, version, &options).await);
    let id = product.id();
    let nothing = json!({});
    meet(section_command(acme, &id, "legal", "approve", &nothing).await);
    let _ = section_command(acme, &id, "marketing", "submit", &nothing)
        .await
        .expect(200);
    meet(section_command(acme, &id, "marketing", "approve", &nothing).await);
    let version = acme.get(&address).await.expect(200).version();
    meet(
        acme.command(&format!("{address}/launch"), version, &nothing)
            .await,
    );
    let used = json!({"code": "used", "label": "L", "type": "text"});
    let definitions = path("/attribute-definitions");
    let used = acme.post(&definitions, &used).await.expect(201).id();
    let version = acme.get(&address).await.expect(200).version();
    let value = json!({"attributes": {"used": "x"}});
    let _ = acme.patch(&address, version, &value).await.expect(200);
    let elsewhere = json!({"section": "legal"});
    meet(
        acme.patch(&format!("{definitions}/{used}"), 1, &elsewhere)
            .await,
    );
    command(acme, &id, "launch").await;
    let version = acme.get(&address).await.expect(200).version();
    meet(
        acme.command(&format!("{address}/launch"), version, &nothing)
            .await,
    );
    meet(acme.delete(&variant, 1).await);
    meet(upload(acme, "x".repeat(1_001)).await);
    let off = json!({"settings": {"features": {"bulk_import": false}}});
    let own = format!("/api/tenant/v1/tenants/{}", tenant.id);
    let version = platform.client.get(&own).await.version();
    platform.client.patch(&own, version, &off).await.expect(200);
    let refused = crate::setup::until("the feature is off", async || {
        let answer = upload(acme, "Handle,Title\na,A\n").await;
        (answer.status != 202).then_some(answer)
    });
    meet(refused.await);
    let met: BTreeSet<(u16, String)> = met.into_iter().collect();
    let all: BTreeSet<(u16, String)> = averis_product::codes::ALL
        .iter()
        .map(|code| (code.status, code.name.to_owned()))
        .collect();
    assert_eq!(met, all);
}
