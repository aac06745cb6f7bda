//! What a caller may get wrong. The operations come from the OpenAPI document, so a new one is tested without being
//! named here.

use averis_test_kit::{IMPOSSIBLE_IDS, Operation, awkward_texts};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::calls::operations;
use crate::setup::{all, draft, one_tenant, path, product_path};

/// The operation's address with ids that nothing has.
pub fn nowhere(operation: &Operation) -> String {
    let id = Uuid::now_v7().to_string();
    let path = operation
        .path
        .replace("{id}", &id)
        .replace("{part_id}", &id);
    path.replace("{key}", "none")
        .replace("sections/{part}", "sections/legal")
        .replace("revisions/{part}", "revisions/1")
}

#[actix_web::test]
async fn every_body_of_a_wrong_form_is_refused() {
    let (_platform, acme) = one_tenant().await;
    let at_first = all(&acme, &path("/attribute-definitions")).await;
    let json = "application/json";
    let mut tested = 0;
    for operation in operations() {
        let takes_json = operation.body_type() == Some(json);
        let is_command = operation.method == Method::POST && operation.body_type().is_none();
        if !takes_json && !is_command {
            continue;
        }
        let (method, path) = (&operation.method, nowhere(&operation));
        acme.expect_wrong_bodies_refused(method, &path).await;
        tested += 1;
    }
    assert_eq!(tested, 19, "POST, PUT and PATCH with JSON, and commands");
    let deep = format!(
        r#"{{"key":"k","name":"n","attributes":{{"a":{}}}}}"#,
        "[".repeat(10_000)
    );
    let answer = acme
        .send_bytes(&Method::POST, &path("/products"), json, deep.into_bytes())
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
        let answer = acme.send_bytes(&Method::POST, &imports, wrong, file).await;
        answer.expect_problem(415, "unsupported_media_type");
    }
    for list in ["/products", "/categories", "/imports"] {
        assert_eq!(all(&acme, &path(list)).await.len(), 0, "{list}");
    }
    let definitions = all(&acme, &path("/attribute-definitions")).await;
    assert_eq!(definitions, at_first);
}

#[actix_web::test]
async fn an_id_that_nothing_can_have_is_not_found() {
    let (_platform, acme) = one_tenant().await;
    let long = "a".repeat(4_000);
    let ids = IMPOSSIBLE_IDS.iter().copied().chain([long.as_str()]);
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
        for id in ids.clone() {
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
                let answer = acme
                    .send_bytes(&operation.method, &address, kind, body)
                    .await;
                answer.expect_problem(404, "not_found");
            }
        }
    }
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
    for text in awkward_texts(500) {
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

#[actix_web::test]
async fn every_example_is_understood() {
    let (_platform, acme) = one_tenant().await;
    for operation in operations() {
        acme.expect_example_understood(&operation).await;
    }
}
