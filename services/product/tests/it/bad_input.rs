//! What a caller may get wrong. The operations come from the OpenAPI document, so a new one is tested without being
//! named here.

use averis_test_kit::{Answer, Client};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::calls::{Operation, operations};
use crate::setup::{all, draft, one_tenant, path, product_path};

const MAX_BODY: usize = 1024 * 1024;

/// Sends a body as it is, with everything else in order.
pub async fn send(
    client: &Client,
    method: &Method,
    path: &str,
    kind: &str,
    body: Vec<u8>,
) -> Answer {
    let request = client
        .request(method.clone(), path)
        .header("idempotency-key", Uuid::now_v7().to_string())
        .header("if-match", "\"1\"")
        .header("content-type", kind)
        .body(body);
    Answer::of(request).await
}

/// The operation's address with ids that nothing has.
pub fn nowhere(operation: &Operation) -> String {
    let id = Uuid::now_v7().to_string();
    let path = operation
        .path
        .replace("{id}", &id)
        .replace("{part_id}", &id);
    path.replace("{key}", "none")
}

#[actix_web::test]
async fn every_body_of_a_wrong_form_is_refused() {
    let (_platform, acme) = one_tenant().await;
    let json = "application/json";
    let mut tested = 0;
    for operation in operations() {
        let takes_json = operation.body_type() == Some(json);
        let is_command = operation.method == Method::POST && operation.body_type().is_none();
        if !takes_json && !is_command {
            continue;
        }
        let (method, path) = (&operation.method, nowhere(&operation));
        let case = async |kind: &str, body: &[u8], status, code: &str| {
            let answer = send(&acme, method, &path, kind, body.to_vec()).await;
            assert_eq!(
                answer.status, status,
                "{method} {}: {}",
                operation.path, answer.text
            );
            answer.expect_problem(status, code);
        };
        case(json, br#"{"no_such_field":1}"#, 400, "unknown_field").await;
        case(json, br#"{"__proto__":{}}"#, 400, "unknown_field").await;
        for malformed in [
            &b"not JSON"[..],
            b"{",
            b"[]",
            b"null",
            b"7",
            b"\"text\"",
            b"{}{}",
            b"{\"\xff\":1}",
            b"\xff\xfe",
            b"\0",
        ] {
            let answer = send(&acme, method, &path, json, malformed.to_vec()).await;
            assert_eq!(answer.status, 400, "{method} {path}: {}", answer.text);
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
        for wrong in [
            "text/plain",
            "application/xml",
            "application/jsonx",
            "",
            "multipart/form-data",
        ] {
            case(wrong, b"{}", 415, "unsupported_media_type").await;
        }
        tested += 1;
    }
    assert_eq!(tested, 15, "POST and PATCH with JSON, and commands");
    let deep = format!(
        r#"{{"key":"k","name":"n","attributes":{{"a":{}}}}}"#,
        "[".repeat(10_000)
    );
    let answer = send(
        &acme,
        &Method::POST,
        &path("/products"),
        json,
        deep.into_bytes(),
    )
    .await;
    answer.expect_problem(400, "malformed_body");
    let imports = path("/imports");
    for wrong in [
        json,
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "",
    ] {
        let file = b"Handle,Title\na,A\n".to_vec();
        let answer = send(&acme, &Method::POST, &imports, wrong, file).await;
        answer.expect_problem(415, "unsupported_media_type");
    }
    for list in [
        "/products",
        "/categories",
        "/attribute-definitions",
        "/imports",
    ] {
        assert_eq!(all(&acme, &path(list)).await.len(), 0, "{list}");
    }
}

#[actix_web::test]
async fn an_id_that_nothing_can_have_is_not_found() {
    let (_platform, acme) = one_tenant().await;
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
        "';DROP%20TABLE%20products",
        "..%2F..%2Finternal",
        "%F0%9F%92%A9",
        &long,
    ];
    for operation in operations()
        .iter()
        .filter(|operation| operation.names_a_thing())
    {
        // A body that fits the operation, so that only the id is wrong.
        let body = match operation.path.rsplit('/').next() {
            Some("variants") => json!({"sku": "s"}),
            Some("media") => json!({"url": "https://x.example/"}),
            _ => json!({}),
        };
        for id in ids {
            let good = Uuid::now_v7().to_string();
            let both = operation.path.replace("{id}", id).replace("{key}", id);
            let mut addresses = vec![both.replace("{part_id}", &good)];
            if operation.path.contains("{part_id}") {
                let part = operation
                    .path
                    .replace("{id}", &good)
                    .replace("{part_id}", id);
                addresses.push(part);
            }
            for address in addresses {
                let body = body.to_string().into_bytes();
                let kind = "application/json";
                let answer = send(&acme, &operation.method, &address, kind, body).await;
                answer.expect_problem(404, "not_found");
            }
        }
    }
}

/// Texts that some part of a system could stumble over.
fn awkward_texts() -> Vec<String> {
    [
        "'; DROP TABLE products; --",
        "'; RESET ROLE; SET ROLE tenant_globex_product; --",
        "\" OR 1=1",
        "../../etc/passwd",
        "..\\..\\windows",
        "${jndi:ldap://x}",
        "{{7*7}}",
        "%s%n%00",
        "<script>alert(1)</script>",
        "=1+1",
        "\u{0}",
        "a\u{0}b",
        "a\u{1b}[31mb",
        "a\rb",
        "a\nb",
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
        "x".repeat(500),
        "💩".repeat(500),
        "x".repeat(501),
        "x".repeat(10_000),
    ])
    .collect()
}

#[actix_web::test]
async fn a_text_is_stored_exactly_as_sent_or_refused() {
    let (_platform, acme) = one_tenant().await;
    let made = draft(&acme, "p", json!({"variants": [{"sku": "sku"}]})).await;
    let address = product_path(&made.id());
    let variant = made.body["variants"][0]["id"].as_str().expect("an id");
    let variant = format!("{address}/variants/{variant}");
    let body = json!({"code": "note", "label": "L", "type": "text"});
    acme.post(&path("/attribute-definitions"), &body)
        .await
        .expect(201);
    let mut outcomes = [0, 0];
    for text in awkward_texts() {
        for (place, field, value) in [
            (&address, "name", json!(text)),
            (&address, "key", json!(text)),
            (&address, "description", json!(text)),
            (&address, "vendor", json!(text)),
            (&address, "product_type", json!(text)),
            (&address, "tags", json!([text])),
            (&address, "options", json!([text])),
            (&address, "attributes", json!({"note": text})),
            (&address, "attributes", json!({&text: "x"})),
            (&variant, "sku", json!(text)),
            (&variant, "barcode", json!(text)),
            (&variant, "option_values", json!([text])),
            (
                &variant,
                "image_url",
                json!(format!("https://x.example/{text}")),
            ),
        ] {
            let version = acme.get(place).await.expect(200).version();
            let answer = acme.patch(place, version, &json!({ field: value })).await;
            let read = acme.get(place).await.expect(200);
            match answer.status {
                200 => {
                    assert_eq!(read.body[field], value, "{field}");
                    assert!(!text.contains('\u{0}'), "{field} took a NUL");
                    outcomes[0] += 1;
                }
                409 => answer.expect_problem(409, "options_in_use"),
                _ => {
                    assert_eq!(answer.status, 422, "{field} {text:?}: {}", answer.text);
                    assert_eq!(read.version(), version);
                    outcomes[1] += 1;
                }
            }
        }
    }
    let [stored, refused] = outcomes;
    assert!(stored > 150 && refused > 100, "{outcomes:?}");
}
