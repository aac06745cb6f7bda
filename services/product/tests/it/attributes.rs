//! Definitions of attributes, and the values that they admit.

use averis_test_kit::Client;
use serde_json::{Value, json};

use crate::setup::{draft, one_tenant, path, product_path};

async fn define(client: &Client, code: &str, kind: &str, constraints: Value) -> String {
    let body = json!({"code": code, "label": "L", "type": kind, "constraints": constraints});
    client
        .post(&path("/attribute-definitions"), &body)
        .await
        .expect(201)
        .id()
}

#[actix_web::test]
async fn each_type_admits_its_values_and_no_others() {
    let (_platform, acme) = one_tenant().await;
    for (code, kind, constraints) in [
        ("note", "text", json!({"max_length": 5})),
        ("weight", "number", json!({})),
        ("size", "integer", json!({"min": -3, "max": 9})),
        ("fragile", "boolean", json!({})),
        ("since", "date", json!({})),
        ("color", "choice", json!({"choices": ["red", "грн"]})),
    ] {
        define(&acme, code, kind, constraints).await;
    }
    let id = draft(&acme, "p", json!({})).await.id();
    let mut version = 1;
    for (code, good, bad) in [
        (
            "note",
            json!(["", "äöüß💩"]),
            json!([1, true, "123456", "a\u{0}", [], {}]),
        ),
        (
            "weight",
            json!(["0.75", "-1", "007.50", "123456789012345678"]),
            json!([
                0.75,
                1,
                "1e3",
                "",
                "+1",
                "1.",
                ".5",
                "1,5",
                "NaN",
                "1234567890123456789"
            ]),
        ),
        (
            "size",
            json!([-3, 9, 0]),
            json!([-4, 10, 1.5, "1", 9_223_372_036_854_775_808_u64, true]),
        ),
        ("fragile", json!([true, false]), json!(["true", 0, "yes"])),
        (
            "since",
            json!(["2026-02-28", "2024-02-29"]),
            json!([
                "2026-02-30",
                "28.02.2026",
                "",
                20260228,
                "2026-02-28T00:00:00Z"
            ]),
        ),
        (
            "color",
            json!(["red", "грн"]),
            json!(["Red", "", "blue", 1, ["red"]]),
        ),
    ] {
        for value in good.as_array().expect("values") {
            let patch = json!({"attributes": {code: value}});
            let after = acme
                .patch(&product_path(&id), version, &patch)
                .await
                .expect(200);
            assert_eq!(&after.body["attributes"][code], value);
            version += 1;
        }
        for value in bad.as_array().expect("values") {
            let patch = json!({"attributes": {code: value}});
            let answer = acme.patch(&product_path(&id), version, &patch).await;
            answer.expect_problem(422, "invalid");
            let pointer = format!("/attributes/{code}");
            assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{value}");
            let body = json!({"key": "never", "name": "n", "attributes": {code: value}});
            let answer = acme.post(&path("/products"), &body).await;
            answer.expect_problem(422, "invalid");
        }
    }
    for unknown in ["other", "", "a/b", "a\u{0}", "__proto__"] {
        let patch = json!({"attributes": {unknown: "x"}});
        let answer = acme.patch(&product_path(&id), version, &patch).await;
        answer.expect_problem(422, "invalid");
        assert_eq!(answer.body["errors"][0]["code"], "unknown_attribute");
    }
}

#[actix_web::test]
async fn bounds_must_fit_the_type_and_each_other() {
    let (_platform, acme) = one_tenant().await;
    for (kind, constraints) in [
        ("text", json!({"min": 1})),
        ("text", json!({"choices": ["a"]})),
        ("integer", json!({"min": 2, "max": 1})),
        ("integer", json!({"max_length": 1})),
        ("boolean", json!({"max": 1})),
        ("choice", json!({})),
        ("choice", json!({"choices": []})),
        ("choice", json!({"choices": ["a\u{0}b"]})),
    ] {
        let body = json!({"code": "c", "label": "L", "type": kind, "constraints": constraints});
        let answer = acme.post(&path("/attribute-definitions"), &body).await;
        answer.expect_problem(422, "invalid");
    }
    for (name, value) in [
        ("code", json!("Bad")),
        ("code", json!("1a")),
        ("label", json!("")),
        ("label", json!("a\u{0}")),
    ] {
        let mut body = json!({"code": "c", "label": "L", "type": "text"});
        body[name] = value;
        let answer = acme.post(&path("/attribute-definitions"), &body).await;
        answer.expect_problem(422, "invalid");
    }
    for (name, value) in [
        ("type", json!("money")),
        ("required", json!("yes")),
        ("constraints", json!({"min": "a"})),
    ] {
        let mut body = json!({"code": "c", "label": "L", "type": "text"});
        body[name] = value;
        let answer = acme.post(&path("/attribute-definitions"), &body).await;
        answer.expect_problem(400, "malformed_body");
    }
}

#[actix_web::test]
async fn a_definition_changes_in_all_but_code_and_type() {
    let (_platform, acme) = one_tenant().await;
    let id = define(&acme, "size", "integer", json!({"min": 1})).await;
    let place = path(&format!("/attribute-definitions/{id}"));
    let again = json!({"code": "size", "label": "L", "type": "text"});
    let answer = acme.post(&path("/attribute-definitions"), &again).await;
    answer.expect_problem(409, "code_taken");
    for fixed in [json!({"code": "x"}), json!({"type": "text"})] {
        acme.patch(&place, 1, &fixed)
            .await
            .expect_problem(400, "unknown_field");
    }
    let wrong = json!({"constraints": {"choices": ["a"]}});
    acme.patch(&place, 1, &wrong)
        .await
        .expect_problem(422, "invalid");
    let patch =
        json!({"label": "Size", "required": true, "facetable": true, "constraints": {"max": 5}});
    let after = acme.patch(&place, 1, &patch).await.expect(200);
    assert_eq!(after.version(), 2);
    assert_eq!(after.body["constraints"], json!({"max": 5}));
    assert_eq!(acme.get(&place).await.body, after.body);
    acme.patch(&place, 1, &patch)
        .await
        .expect_problem(412, "version_mismatch");
}
