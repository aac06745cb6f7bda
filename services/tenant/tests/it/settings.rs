//! Settings: defaults by tier, and merge patches.

use averis_test_kit::Setup;
use serde_json::{Value, json};

use crate::tools::path;

#[actix_web::test]
async fn each_tier_has_its_defaults() {
    let platform = Setup::new().await.start(vec![]);
    for (tier, paid, products, users, requests) in [
        ("starter", false, 1_000, 5, 20),
        ("professional", true, 50_000, 50, 100),
        ("enterprise", true, 1_000_000, 1_000, 1_000),
    ] {
        let tenant = platform.tenant_of_tier("tier", tier).await;
        let read = platform.client.get(&path(&tenant, "")).await.expect(200);
        assert_eq!(read.body["subscription_tier"], tier);
        let expected = json!({
            "branding": {},
            "features": {"bulk_import": true, "b2b": paid, "multiple_catalogs": paid, "webhooks": paid},
            "limits": {"max_products": products, "max_users": users, "requests_per_second": requests},
            "compliance_regions": [],
            "stewardship": {"four_eyes": true},
            "money": {"rounding": "half_up", "tax_level": "line"},
        });
        assert_eq!(read.body["settings"], expected, "{tier}");
    }
}

#[actix_web::test]
async fn a_patch_changes_what_it_names_and_nothing_else() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant_of_tier("patch", "starter").await;
    let address = path(&tenant, "");
    let mut expected = platform.client.get(&address).await.expect(200).body;
    let steps: [(Value, &[(&str, Value)]); 10] = [
        (json!({}), &[]),
        (
            json!({"name": "Neuer Name"}),
            &[("/name", json!("Neuer Name"))],
        ),
        (
            json!({"subscription_tier": "professional"}),
            &[("/subscription_tier", json!("professional"))],
        ),
        (
            json!({"settings": {"limits": {"max_users": 7}}}),
            &[("/settings/limits/max_users", json!(7))],
        ),
        (
            json!({"settings": {"money": {"tax_level": "document"}}}),
            &[("/settings/money/tax_level", json!("document"))],
        ),
        (
            json!({"settings": {"stewardship": {"four_eyes": false}}}),
            &[("/settings/stewardship/four_eyes", json!(false))],
        ),
        (
            json!({"settings": {"features": {"b2b": true}}, "name": "Both"}),
            &[
                ("/settings/features/b2b", json!(true)),
                ("/name", json!("Both")),
            ],
        ),
        (
            json!({"settings": {"compliance_regions": ["EMEA", "AMER", "EMEA"]}}),
            &[("/settings/compliance_regions", json!(["AMER", "EMEA"]))],
        ),
        (
            json!({"settings": {"compliance_regions": ["APAC"]}}),
            &[("/settings/compliance_regions", json!(["APAC"]))],
        ),
        (json!({"settings": {}}), &[]),
    ];
    for (version, (patch, changes)) in (1..).zip(steps) {
        let answer = platform
            .client
            .patch(&address, version, &patch)
            .await
            .expect(200);
        for (pointer, value) in changes {
            *expected.pointer_mut(pointer).expect("there") = value.clone();
        }
        expected["version"] = json!(version + 1);
        expected["updated_at"] = answer.body["updated_at"].clone();
        assert_eq!(answer.body, expected, "{patch}");
        let read = platform.client.get(&address).await.expect(200);
        assert_eq!(read.text, answer.text, "{patch}");
    }
}

#[actix_web::test]
async fn null_clears_what_may_be_absent() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("null").await;
    let address = path(&tenant, "");
    let branding = json!({
        "display_name": "Ärzte & Söhne", "logo_url": "https://cdn.example/logo.svg",
        "primary_color": "#00aaFF", "accent_color": "#123456"
    });
    let set = json!({"settings": {"branding": branding}});
    let set = platform.client.patch(&address, 1, &set).await.expect(200);
    assert_eq!(set.body["settings"]["branding"], branding);
    let clear = json!({"settings": {"branding": {"logo_url": null, "accent_color": null}}});
    let cleared = platform.client.patch(&address, 2, &clear).await.expect(200);
    let left = json!({"display_name": "Ärzte & Söhne", "primary_color": "#00aaFF"});
    assert_eq!(cleared.body["settings"]["branding"], left);
}

#[actix_web::test]
async fn null_is_refused_where_there_must_be_a_value() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("null").await;
    for field in ["name", "subscription_tier", "settings"] {
        let patch = json!({field: null});
        let answer = platform.client.patch(&path(&tenant, ""), 1, &patch).await;
        answer.expect_problem(422, "invalid");
        assert_eq!(answer.body["errors"][0]["pointer"], format!("/{field}"));
    }
}

#[actix_web::test]
async fn a_patch_may_come_as_json_or_as_a_merge_patch() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("media").await;
    for (version, kind) in (1..).zip([
        "application/merge-patch+json",
        "application/json; charset=utf-8",
        "Application/JSON",
    ]) {
        let request = platform
            .client
            .request(reqwest::Method::PATCH, &path(&tenant, ""))
            .header("content-type", kind)
            .header("if-match", format!("\"{version}\""))
            .body(r#"{"name":"Media"}"#);
        let _ = averis_test_kit::Answer::of(request).await.expect(200);
    }
}

#[actix_web::test]
async fn wrong_values_are_named_by_their_place() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("wrong").await;
    let address = path(&tenant, "");
    let before = platform.client.get(&address).await.expect(200);
    let settings = |part: &str, field: &str, value: Value| {
        (
            json!({"settings": {part: {field: value}}}),
            vec![format!("/settings/{part}/{field}")],
        )
    };
    for (patch, pointers) in [
        (json!({"name": ""}), vec!["/name".to_owned()]),
        (json!({"name": " Acme"}), vec!["/name".to_owned()]),
        (json!({"name": "Ac\nme"}), vec!["/name".to_owned()]),
        (json!({"name": "x".repeat(201)}), vec!["/name".to_owned()]),
        settings("branding", "primary_color", json!("red")),
        settings("branding", "accent_color", json!("#12345g")),
        settings("branding", "logo_url", json!("javascript:alert(1)")),
        settings("branding", "logo_url", json!("http://cdn.example/x.png")),
        settings("branding", "display_name", json!("<script>")),
        settings("branding", "display_name", json!("a\u{0}b")),
        settings("branding", "display_name", json!("")),
        settings("limits", "max_users", json!(0)),
        settings("limits", "max_products", json!(10_000_001)),
        settings("limits", "requests_per_second", json!(u32::MAX)),
        (
            json!({"settings": {"limits": {"max_users": 0}, "branding": {"logo_url": "x"}}}),
            vec![
                "/settings/branding/logo_url".to_owned(),
                "/settings/limits/max_users".to_owned(),
            ],
        ),
    ] {
        let answer = platform.client.patch(&address, 1, &patch).await;
        answer.expect_problem(422, "invalid");
        let errors = answer.body["errors"].as_array().expect("errors");
        let found: Vec<_> = errors.iter().map(|error| &error["pointer"]).collect();
        assert_eq!(json!(found), json!(pointers), "{patch}");
    }
    for (patch, code, pointer) in [
        (json!({"colour": 1}), "unknown_field", "/colour"),
        (json!({"status": "purged"}), "unknown_field", "/status"),
        (
            json!({"settings": {"brandng": {}}}),
            "unknown_field",
            "/settings/brandng",
        ),
        (
            json!({"settings": {"limits": {"max": 1}}}),
            "unknown_field",
            "/settings/limits/max",
        ),
        (json!({"name": 7}), "malformed_body", "/name"),
        (
            json!({"subscription_tier": "gold"}),
            "malformed_body",
            "/subscription_tier",
        ),
        (
            json!({"settings": {"limits": {"max_users": -1}}}),
            "malformed_body",
            "/settings/limits/max_users",
        ),
        (
            json!({"settings": {"compliance_regions": ["EMEA", "MOON"]}}),
            "malformed_body",
            "/settings/compliance_regions/1",
        ),
    ] {
        let answer = platform.client.patch(&address, 1, &patch).await;
        answer.expect_problem(400, code);
        assert_eq!(answer.body["pointer"], pointer, "{}", answer.text);
    }
    let after = platform.client.get(&address).await.expect(200);
    assert_eq!(after.text, before.text);
}
