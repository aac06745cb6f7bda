//! The document says what the service does, and the service does what the document says.

use averis_service_kit::problem::codes as common;
use averis_test_kit::{Answer, Operation, Setup, assert_described};

/// All operations of the document.
pub fn operations() -> Vec<Operation> {
    averis_test_kit::operations(&averis_tenant::document())
}

#[test]
fn the_document_says_what_every_services_has_to() {
    let document = averis_tenant::document();
    let routes = include_str!("../../src/routes.rs");
    assert_described(&document, routes, averis_tenant::codes::ALL);
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
        include_str!("webhook_endpoints.rs"),
        include_str!("webhooks.rs"),
    ]
    .concat();
    // Reached only through a tenant's own data, by a deadlock, by exhaustion, or by a fault of ours.
    let elsewhere = ["tenant_suspended", "conflict", "overloaded", "internal"];
    for code in common::ALL.iter().chain(averis_tenant::codes::ALL) {
        let constant = code.name.to_uppercase();
        let provoked = tests.contains(&format!("{}, \"{}\"", code.status, code.name))
            || tests.contains(&format!("\"{}\")", code.name))
            || tests.contains(&format!("codes::{constant}"));
        assert!(provoked != elsewhere.contains(&code.name), "{}", code.name);
    }
}
