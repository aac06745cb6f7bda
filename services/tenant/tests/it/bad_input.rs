//! What a caller may get wrong. The operations come from the OpenAPI document, so a new one is tested without
//! being named here.

use averis_test_kit::{Answer, IMPOSSIBLE_IDS, Operation, Setup, awkward_texts, unique_key};
use reqwest::Method;
use serde_json::json;

use crate::openapi::operations;
use crate::tools::{TENANTS, Things, acceptable_body, path};

fn writes() -> Vec<Operation> {
    let mut all = operations();
    all.retain(Operation::reads_a_body);
    assert_eq!(all.len(), 32, "POST and PATCH");
    all
}

#[actix_web::test]
async fn every_body_of_a_wrong_form_is_refused() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("bad").await;
    let things = Things::of(&platform, &tenant).await;
    let before = things.look(&platform, &tenant).await;
    for operation in writes() {
        let path = things.fill(&operation.path);
        let client = platform.admin_for(&operation, &tenant);
        client
            .expect_wrong_bodies_refused(&operation.method, &path)
            .await;
    }
    assert_eq!(things.look(&platform, &tenant).await, before);
}

#[actix_web::test]
async fn an_id_that_nothing_can_have_is_not_found() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("nothing").await;
    let long = "a".repeat(4_000);
    let ids = IMPOSSIBLE_IDS.iter().copied().chain([long.as_str()]);
    for operation in operations() {
        if !operation.names_a_thing() {
            continue;
        }
        let client = platform.admin_for(&operation, &tenant);
        let Operation { method, path, .. } = operation;
        let body = acceptable_body(&method, &path);
        for id in ids.clone() {
            let path = path.replace("{id}", id);
            let body = body.to_string().into_bytes();
            let answer = client
                .send_bytes(&method, &path, "application/json", body)
                .await;
            answer.expect_problem(404, "not_found");
        }
    }
}

#[actix_web::test]
async fn a_name_is_stored_exactly_as_sent_or_refused() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("names").await;
    let address = path(&tenant, "");
    let mut accepted = 0;
    for name in awkward_texts(200) {
        let fits = (1..=200).contains(&name.chars().count());
        let expected = fits && !name.chars().any(char::is_control) && name.trim() == name;
        let version = platform.client.get(&address).await.version();
        let answer = platform
            .client
            .patch(&address, version, &json!({"name": name}))
            .await;
        if expected {
            assert_eq!(answer.status, 200, "{name:?}: {}", answer.text);
            let read = platform.client.get(&address).await.expect(200);
            assert_eq!(read.body["name"], name);
            accepted += 1;
        } else {
            answer.expect_problem(422, "invalid");
            assert_eq!(answer.body["errors"][0]["pointer"], "/name", "{name:?}");
        }
    }
    assert!(accepted > 15);
    for name in ["👩‍👩‍👧‍👦 & Söhne", "'; DROP TABLE x; --", "\u{202e}txet"] {
        let body = json!({"key": unique_key("name"), "name": name});
        let made = platform.client.post(TENANTS, &body).await.expect(201);
        let read = platform
            .client
            .get(&format!("{TENANTS}/{}", made.id()))
            .await;
        assert_eq!(read.expect(200).body["name"], name);
    }
}

#[actix_web::test]
async fn a_key_that_is_no_plain_word_is_refused() {
    let platform = Setup::new().await.start(vec![]);
    for key in awkward_texts(200).into_iter().chain(
        [
            "a", "Acme", "1a", "a_b", "a-b", "a.b", "ａcme", "аcme", "tenant", "pg\"x", "admin",
        ]
        .map(str::to_owned),
    ) {
        let body = json!({"key": key, "name": "Key"});
        let answer = platform.client.post(TENANTS, &body).await;
        answer.expect_problem(422, "invalid");
        assert_eq!(answer.body["errors"][0]["pointer"], "/key", "{key:?}");
    }
    let body = json!({"key": unique_key("k"), "name": ""});
    let answer = platform.client.post(TENANTS, &body).await;
    answer.expect_problem(422, "invalid");
    assert_eq!(answer.body["errors"][0]["pointer"], "/name");
}

#[actix_web::test]
async fn a_method_that_an_address_does_not_know_is_named_and_answered_in_form() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("method").await;
    for Operation { path: pattern, .. } in operations() {
        let path = pattern.replace("{id}", &tenant.id.to_string());
        let known: Vec<Method> = operations()
            .into_iter()
            .filter(|other| other.path == pattern)
            .map(|other| other.method)
            .collect();
        for method in ["PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "MADEUP"] {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            if known.contains(&method) {
                continue;
            }
            let answer = Answer::of(platform.client.request(method, &path)).await;
            answer.expect_problem(405, "method_not_allowed");
            let allowed = answer.headers["allow"].to_str().expect("text");
            for method in &known {
                assert!(allowed.contains(method.as_str()), "{pattern}: {allowed}");
            }
        }
    }
}

#[actix_web::test]
async fn an_address_that_nothing_is_at_is_answered_in_form() {
    let platform = Setup::new().await.start(vec![]);
    for path in [
        "/",
        "/nothing",
        "/api",
        "/api/tenant/v1",
        "/api/tenant/v1/",
        "/api/tenant/v1/nothing",
        "/api/tenant/v1/tenants/",
        "/api/tenant/v2/tenants",
        "/API/tenant/v1/tenants",
        "/api/tenant/v1/tenants/x/y/z",
        "/api/tenant/v1/tenants%2Fx",
        "/%00",
        "/%FF%FE",
        "/internal/tenant/v1/nothing",
        "/.git/config",
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let answer = Answer::of(platform.client.request(method, path)).await;
            answer.expect_problem(404, "no_such_route");
        }
    }
}

#[actix_web::test]
async fn every_example_is_understood() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("bad").await;
    for operation in writes() {
        let client = platform.admin_for(&operation, &tenant);
        client.expect_example_understood(&operation).await;
    }
}
