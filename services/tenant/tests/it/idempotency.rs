//! A POST that is sent twice happens once.

use std::time::Duration;

use averis_tenant_context::TenantRole;
use averis_test_kit::{Answer, Client, Setup, unique_key};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::tools::{TENANTS, count, path, within};

/// Sends a command under an idempotency key, in a version.
async fn send(client: &Client, key: &str, version: i64, path: &str, body: &Value) -> Answer {
    let request = client
        .request(Method::POST, path)
        .header("idempotency-key", key)
        .header("if-match", format!("\"{version}\""))
        .json(body);
    Answer::of(request).await
}

#[actix_web::test]
async fn a_post_without_a_usable_key_is_refused() {
    let platform = Setup::new().await.start(vec![]);
    let key = unique_key("nokey");
    let body = json!({"key": key, "name": "No key"});
    let request = || platform.client.request(Method::POST, TENANTS).json(&body);
    Answer::of(request())
        .await
        .expect_problem(400, "idempotency_key_missing");
    let long = "x".repeat(256);
    for bad in [&b""[..], b"with space", b"\xe4", long.as_bytes()] {
        let answer = Answer::of(request().header("idempotency-key", bad)).await;
        answer.expect_problem(400, "invalid_header");
    }
    let longest = "x".repeat(241) + &key.as_str()[..14];
    let answer = Answer::of(request().header("idempotency-key", longest)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
}

#[actix_web::test]
async fn a_repetition_gets_the_stored_answer() {
    let platform = Setup::new().await.start(vec![]);
    let key = unique_key("again");
    let body = json!({"key": key, "name": "Again"});
    let first = platform
        .client
        .post_as(key.as_str(), TENANTS, &body)
        .await
        .expect(201);
    assert!(!first.headers.contains_key("idempotency-replayed"));
    let tenant = format!("{TENANTS}/{}", first.id());
    let rename = json!({"name": "Renamed"});
    let _ = platform.client.patch(&tenant, 1, &rename).await.expect(200);
    let again = platform
        .client
        .post_as(key.as_str(), TENANTS, &body)
        .await
        .expect(201);
    assert_eq!(again.text, first.text);
    for header in ["etag", "location", "content-type", "cache-control"] {
        assert_eq!(again.headers[header], first.headers[header], "{header}");
    }
    assert_eq!(again.headers["idempotency-replayed"], "true");
}

#[actix_web::test]
async fn a_repeated_command_is_not_stale() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("twice").await;
    let key = unique_key("k");
    let address = path(&tenant, "/suspend");
    let first = send(&platform.client, key.as_str(), 1, &address, &json!({}))
        .await
        .expect(200);
    let again = send(&platform.client, key.as_str(), 1, &address, &json!({}))
        .await
        .expect(200);
    assert_eq!(again.text, first.text);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let now = platform.client.get(&path(&tenant, "")).await.expect(200);
    assert_eq!(now.version(), 2);
}

#[actix_web::test]
async fn a_key_stands_for_one_request() {
    let platform = Setup::new().await.start(vec![]);
    let key = unique_key("one");
    let body = json!({"key": key, "name": "One"});
    let made = platform
        .client
        .post_as(key.as_str(), TENANTS, &body)
        .await
        .expect(201);
    for other in [
        json!({"key": key, "name": "Two"}),
        json!({"key": unique_key("one"), "name": "One"}),
    ] {
        let answer = platform.client.post_as(key.as_str(), TENANTS, &other).await;
        answer.expect_problem(422, "idempotency_mismatch");
    }
    let tenant = platform
        .client
        .get(&format!("{TENANTS}/{}", made.id()))
        .await;
    assert_eq!(tenant.expect(200).body["name"], "One");

    // On another tenant the same command is another request.
    let (acme, globex) = (
        platform.tenant("acme").await,
        platform.tenant("globex").await,
    );
    let suspend = json!({});
    let first = path(&acme, "/suspend");
    let _ = send(&platform.client, key.as_str(), 1, &first, &suspend)
        .await
        .expect(200);
    let second = path(&globex, "/suspend");
    let answer = send(&platform.client, key.as_str(), 1, &second, &suspend).await;
    answer.expect_problem(422, "idempotency_mismatch");
}

#[actix_web::test]
async fn a_key_is_each_routes_own() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("routes").await;
    let key = unique_key("k");
    for (version, verb, status) in [
        (1, "suspend", "suspended"),
        (2, "resume", "active"),
        (3, "close", "closing"),
    ] {
        let address = path(&tenant, &format!("/{verb}"));
        let answer = send(
            &platform.client,
            key.as_str(),
            version,
            &address,
            &json!({}),
        )
        .await;
        assert!(!answer.headers.contains_key("idempotency-replayed"));
        assert_eq!(answer.expect(200).body["status"], status);
    }
}

#[actix_web::test]
async fn a_key_of_one_tenant_is_unknown_to_another() {
    let platform = Setup::new().await.start(vec![]);
    let (acme, globex) = (
        platform.tenant("acme").await,
        platform.tenant("globex").await,
    );
    let key = unique_key("k");
    // One person who is in both.
    let person = Uuid::now_v7();
    for tenant in [&acme, &globex] {
        let token = platform.token_of(person, tenant.id, &[TenantRole::TenantAdmin]);
        let client = tenant.client.with_token(&token);
        let address = path(tenant, "/change-subdomain");
        let body = json!({"subdomain": unique_key("moved")});
        let answer = send(&client, key.as_str(), 1, &address, &body)
            .await
            .expect(200);
        assert!(!answer.headers.contains_key("idempotency-replayed"));
        assert_eq!(answer.body["id"], tenant.id.to_string());
    }
}

#[actix_web::test]
async fn a_key_is_the_tenants_own_however_the_tenant_is_named() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let key = unique_key("k");
    let address = path(&acme, "/change-subdomain");
    let body = json!({"subdomain": unique_key("moved")});
    let _ = send(&acme.client, key.as_str(), 1, &address, &body)
        .await
        .expect(200);
    let by_path = format!("/t/{}{address}", acme.key);
    let elsewhere = platform.client.with_token(acme.client.token());
    let again = send(&elsewhere, key.as_str(), 1, &by_path, &body)
        .await
        .expect(200);
    assert_eq!(again.headers["idempotency-replayed"], "true");
}

#[actix_web::test]
async fn a_key_is_each_callers_own() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let key = unique_key("k");
    let colleague = platform.token_in(acme.id, &[TenantRole::TenantAdmin]);
    let (one, other) = (&acme.client, acme.client.with_token(&colleague));
    let invite = json!({"email": format!("{key}@acme.example"), "roles": []});
    let members = "/api/tenant/v1/members";
    let made = one
        .post_as(key.as_str(), members, &invite)
        .await
        .expect(201);
    // Not the answer that was for somebody else: the work is done, and fails.
    let answer = other.post_as(key.as_str(), members, &invite).await;
    answer.expect_problem(409, "member_exists");
    assert!(!answer.headers.contains_key("idempotency-replayed"));
    let again = one
        .post_as(key.as_str(), members, &invite)
        .await
        .expect(201);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.text, made.text);
}

/// Repeats a request until nobody else is working on it.
async fn until_done(mut attempt: impl AsyncFnMut() -> Answer) -> Answer {
    let mut answer = attempt().await;
    within(Duration::from_secs(20), "an answer", &mut async || {
        if answer.body["code"] != "idempotency_in_progress" {
            return true;
        }
        answer.expect_problem(409, "idempotency_in_progress");
        assert_eq!(answer.headers["retry-after"], "1");
        answer = attempt().await;
        false
    })
    .await;
    answer
}

#[actix_web::test]
async fn of_fifty_parallel_requests_with_one_key_one_has_an_effect() {
    let platform = Setup::new().await.start(vec![]);
    let key = unique_key("fifty");
    let body = json!({"key": key, "name": "Fifty"});
    let all = (0..50)
        .map(|_| until_done(async || platform.client.post_as(key.as_str(), TENANTS, &body).await));
    let answers = join_all(all).await;
    for answer in &answers {
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert_eq!(answer.text, answers[0].text);
    }
    let replayed = |answer: &&Answer| answer.headers.contains_key("idempotency-replayed");
    assert_eq!(answers.iter().filter(replayed).count(), 49);
    let rows = format!("SELECT count(*) FROM platform_shared.tenants WHERE key = '{key}'");
    assert_eq!(count(&platform.database, &rows).await, 1);
}

#[actix_web::test]
async fn of_fifty_parallel_commands_with_one_key_one_has_an_effect() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("fifty").await;
    let key = unique_key("k");
    let address = path(&tenant, "/suspend");
    let body = json!({});
    let all = (0..50).map(|_| {
        until_done(async || send(&platform.client, key.as_str(), 1, &address, &body).await)
    });
    let answers = join_all(all).await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.text), (200, &answers[0].text));
    }
    let now = platform.client.get(&path(&tenant, "")).await.expect(200);
    assert_eq!(now.version(), 2);
}
