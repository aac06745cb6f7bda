//! The document says what the service does, and the service does what the document says.

use std::collections::{BTreeMap, BTreeSet};

use averis_service_kit::problem::codes as common;
use averis_tenant_context::Permission;
use averis_test_kit::{Answer, Operation, Setup};
use reqwest::Method;
use serde_json::Value;

/// All operations of the document.
pub fn operations() -> Vec<Operation> {
    averis_test_kit::operations(&averis_tenant::document())
}

#[test]
fn every_route_is_in_the_document_under_its_handlers_name_and_the_other_way_round() {
    let mut routes = averis_test_kit::routes(include_str!("../../src/routes.rs"));
    assert!(routes.len() > 10, "the form of routes.rs is another");
    // What never passes the ingress is no part of the public contract, and what a standard describes none of ours.
    routes
        .retain(|(_, path), _| !path.starts_with("/internal/") && path != "/.well-known/jwks.json");
    let documented: BTreeMap<(String, String), String> = operations()
        .into_iter()
        .map(|operation| {
            let id = operation.description["operationId"].as_str();
            let key = (operation.method.to_string(), operation.path);
            (key, id.expect("an operationId").to_owned())
        })
        .collect();
    assert_eq!(documented, routes);
}

#[test]
fn every_operation_says_what_it_takes_and_answers() {
    for operation in operations() {
        let Operation {
            method,
            path,
            description,
        } = &operation;
        let place = format!("{method} {path}");
        let said = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
        assert!(
            said(&description["summary"]) || said(&description["description"]),
            "{place}"
        );
        assert!(
            description["tags"]
                .as_array()
                .is_some_and(|tags| !tags.is_empty()),
            "{place}"
        );
        let responses = description["responses"].as_object().expect("responses");
        assert!(
            responses.keys().any(|status| status.starts_with('2')),
            "{place}"
        );
        assert!(responses.contains_key("default"), "{place}");
        for (status, response) in responses {
            assert!(said(&response["description"]), "{place} {status}");
            if status == "204" {
                assert_eq!(response["content"], Value::Null, "{place} {status}");
                continue;
            }
            let has_schema = response["content"]
                .as_object()
                .is_some_and(|content| content.values().all(|media| media["schema"].is_object()));
            assert!(has_schema, "{place} {status}");
        }
        let changes = *method == Method::PATCH || (*method != Method::GET && path.contains("{id}"));
        assert_eq!(operation.needs_header("If-Match"), changes, "{place}");
        // What has to do with signing in makes nothing that a repetition could make twice.
        assert_eq!(
            operation.needs_header("Idempotency-Key"),
            *method == Method::POST && !operation.signs_in(),
            "{place}"
        );
        let parameters = description["parameters"].as_array();
        let names_id = parameters.into_iter().flatten().any(|parameter| {
            parameter["name"] == "id" && parameter["in"] == "path" && parameter["required"] == true
        });
        assert_eq!(names_id, path.contains("{id}"), "{place}");
    }
}

#[test]
fn every_operation_says_who_may_ask_for_it() {
    for operation in operations() {
        let place = format!("{} {}", operation.method, operation.path);
        let alternatives = operation.description["security"].as_array();
        let alternatives = alternatives.unwrap_or_else(|| panic!("{place} says nothing"));
        assert!(!alternatives.is_empty(), "{place}");
        for alternative in alternatives {
            // Whoever signs in has no token yet.
            assert!(
                alternative["token"].is_array() || operation.signs_in(),
                "{place}: {alternative}"
            );
        }
        for name in operation.permissions() {
            assert!(name.parse::<Permission>().is_ok(), "{place}: {name}");
        }
    }
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    found.push(reference.clone());
                }
                members.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = averis_tenant::document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("inside the document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[actix_web::test]
async fn every_operation_of_the_document_is_routed() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("routed").await;
    for operation in operations() {
        let client = platform.admin_for(&operation, &tenant);
        let Operation { method, path, .. } = operation;
        let address = path.replace("{id}", &tenant.id.to_string());
        // Without body and headers nothing is changed.
        let answer = Answer::of(client.request(method.clone(), &address)).await;
        let code = answer.body["code"].as_str().unwrap_or("");
        assert!(
            !["no_such_route", "method_not_allowed", "forbidden"].contains(&code)
                && answer.status != 401
                && answer.status < 500,
            "{method} {path}: {}",
            answer.text
        );
    }
    let served = platform.client.get("/openapi.json").await.expect(200);
    assert_eq!(served.body, averis_tenant::document());
}

fn all_codes() -> Vec<averis_service_kit::Code> {
    common::ALL
        .iter()
        .chain(averis_tenant::codes::ALL)
        .copied()
        .collect()
}

#[test]
fn the_documents_list_of_codes_is_the_kits_and_the_services() {
    let document = averis_tenant::document();
    let listed = &document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"];
    let names: Vec<&str> = all_codes().iter().map(|code| code.name).collect();
    assert_eq!(*listed, serde_json::json!(names));
    let distinct: BTreeSet<&&str> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "a code stands there twice");
}

#[test]
fn every_code_is_provoked_by_some_test() {
    let tests = [
        // The bodies that every service refuses alike are sent from there.
        include_str!("../../../../crates/test-kit/src/wrong.rs"),
        include_str!("access.rs"),
        include_str!("api_keys.rs"),
        include_str!("bad_input.rs"),
        include_str!("capacity.rs"),
        include_str!("directory.rs"),
        include_str!("health.rs"),
        include_str!("idempotency.rs"),
        include_str!("limits.rs"),
        include_str!("lists.rs"),
        include_str!("members.rs"),
        include_str!("providers.rs"),
        include_str!("purge.rs"),
        include_str!("resolution.rs"),
        include_str!("secrecy.rs"),
        include_str!("settings.rs"),
        include_str!("sign_in.rs"),
        include_str!("tenants.rs"),
    ]
    .concat();
    // Reached only through a tenant's own data, by a deadlock, by exhaustion, or by a fault of ours.
    let elsewhere = ["tenant_suspended", "conflict", "overloaded", "internal"];
    for code in all_codes() {
        let constant = code.name.to_uppercase();
        let provoked = tests.contains(&format!("{}, \"{}\"", code.status, code.name))
            || tests.contains(&format!("\"{}\")", code.name))
            || tests.contains(&format!("codes::{constant}"));
        assert!(provoked != elsewhere.contains(&code.name), "{}", code.name);
    }
}
