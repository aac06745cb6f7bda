//! What a caller may get wrong. The operations come from the OpenAPI document, so a new one is tested without
//! being named here.

use averis_test_kit::{Answer, Client, Setup, unique_key};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::openapi::{Operation, operations};
use crate::tools::{TENANTS, path};

const MAX_BODY: usize = 1024 * 1024;

/// Sends a body as it is, with everything else in order.
async fn send(client: &Client, method: &Method, path: &str, kind: &str, body: Vec<u8>) -> Answer {
    let request = client
        .request(method.clone(), path)
        .header("idempotency-key", Uuid::now_v7().to_string())
        .header("if-match", "\"1\"")
        .header("content-type", kind)
        .body(body);
    Answer::of(request).await
}

fn writes() -> Vec<Operation> {
    let mut all = operations();
    all.retain(|operation| operation.method != Method::GET);
    assert_eq!(all.len(), 7, "POST and PATCH");
    all
}

#[actix_web::test]
async fn every_body_of_a_wrong_form_is_refused() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("bad").await;
    let before = platform.client.get(&path(&tenant, "")).await.expect(200);
    let json = "application/json";
    for Operation {
        method,
        path: pattern,
        ..
    } in writes()
    {
        let path = pattern.replace("{id}", &tenant.id.to_string());
        let case = async |kind: &str, body: &[u8], status, code: &str| {
            let answer = send(&platform.client, &method, &path, kind, body.to_vec()).await;
            answer.expect_problem(status, code);
            assert!(!answer.text.contains("panicked"));
        };
        case(json, br#"{"no_such_field":1}"#, 400, "unknown_field").await;
        case(json, br#"{"__proto__":{},"key":1}"#, 400, "unknown_field").await;
        for malformed in [
            &b"not JSON"[..],
            b"{",
            b"[]",
            b"null",
            b"7",
            b"\"text\"",
            b"{}{}",
            b"{\"name\":\"\\ud800\"}",
            b"{\"name\":\"\xff\"}",
            b"\xff\xfe",
            b"\0",
        ] {
            let answer = send(&platform.client, &method, &path, json, malformed.to_vec()).await;
            assert_eq!(answer.status, 400, "{pattern}: {}", answer.text);
        }
        case(json, "[".repeat(10_000).as_bytes(), 400, "malformed_body").await;
        case(
            json,
            "{\"a\":".repeat(10_000).as_bytes(),
            400,
            "unknown_field",
        )
        .await;
        case(json, &vec![b' '; MAX_BODY + 1], 413, "body_too_large").await;
        case(json, &vec![b' '; MAX_BODY], 400, "malformed_body").await;
        for wrong in [
            "text/plain",
            "application/xml",
            "application/jsonx",
            "",
            "multipart/form-data",
        ] {
            case(wrong, b"{}", 415, "unsupported_media_type").await;
        }
    }
    let after = platform.client.get(&path(&tenant, "")).await.expect(200);
    assert_eq!(after.text, before.text);
}

#[actix_web::test]
async fn an_id_that_nothing_can_have_is_not_found() {
    let platform = Setup::new().await.start(vec![]);
    let long = "a".repeat(4_000);
    let ids = [
        "1",
        "x",
        "00000000-0000-0000-0000-000000000000",
        "00000000000000000000000000000000",
        "zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz",
        "%7B00000000-0000-0000-0000-00000000000%7D",
        "urn:uuid:00000000-0000-0000-0000-000000000000",
        "%00",
        "%FF",
        "';DROP%20TABLE%20tenants",
        "..%2F..%2Finternal",
        "%F0%9F%92%A9",
        &long,
    ];
    for Operation { method, path, .. } in operations() {
        if !path.contains("{id}") {
            continue;
        }
        let body = match path.rsplit('/').next() {
            Some("purge") => json!({"confirm_key": "acme"}),
            Some("change-subdomain") => json!({"subdomain": unique_key("x")}),
            _ => json!({}),
        };
        for id in ids {
            let path = path.replace("{id}", id);
            let body = body.to_string().into_bytes();
            let answer = send(&platform.client, &method, &path, "application/json", body).await;
            answer.expect_problem(404, "not_found");
        }
    }
}

/// Names that some part of a system could stumble over.
fn awkward_names() -> Vec<String> {
    [
        "'; DROP TABLE platform_shared.tenants; --",
        "\" OR 1=1",
        "../../etc/passwd",
        "..\\..\\windows",
        "${jndi:ldap://x}",
        "{{7*7}}",
        "%s%n%00",
        "<script>alert(1)</script>",
        "\u{0}",
        "a\u{0}b",
        "a\u{1b}[31mb",
        "a\rb",
        "a\tb",
        "a\u{7f}b",
        "a\u{85}b",
        "\u{202e}txet",
        "a\u{200b}b",
        "a\u{2028}b",
        "\u{feff}bom",
        "e\u{301} and \u{e9}",
        "👩‍👩‍👧‍👦 & Söhne",
        "\u{10ffff}",
        "ﷺ",
        "İstanbul ß ǅ",
        "",
        " ",
        " a",
        "a ",
        "\u{a0}a",
        "NULL",
        "\\",
        "\\x00",
        "\u{fffd}",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([
        "x".repeat(200),
        "x".repeat(201),
        "💩".repeat(200),
        "💩".repeat(201),
        "x".repeat(10_000),
    ])
    .collect()
}

#[actix_web::test]
async fn a_name_is_stored_exactly_as_sent_or_refused() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("names").await;
    let address = path(&tenant, "");
    let mut accepted = 0;
    for name in awkward_names() {
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
    for key in awkward_names().into_iter().chain(
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
