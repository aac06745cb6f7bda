//! The life of a tenant.

use averis_test_kit::{Setup, unique_key};
use serde_json::json;

#[actix_web::test]
async fn a_tenant_is_provisioned_read_and_listed() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let path = format!("/api/tenant/v1/tenants/{}", acme.id);
    let answer = platform.client.get(&path).await.expect(200);
    assert_eq!(answer.body["status"], "active");
    assert_eq!(answer.version(), 1);
    let listed = acme.client.get("/api/tenant/v1/tenants").await.expect(200);
    assert_eq!(listed.body["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed.body["data"][0]["id"], acme.id.to_string());
}

#[actix_web::test]
async fn a_key_is_given_once() {
    let platform = Setup::new().await.start(vec![]);
    let key = unique_key("once");
    let body = json!({"key": key, "name": "Once"});
    let first = platform
        .client
        .post_as("k1", "/api/tenant/v1/tenants", &body)
        .await;
    let first = first.expect(201);
    let again = platform
        .client
        .post_as("k1", "/api/tenant/v1/tenants", &body)
        .await
        .expect(201);
    assert_eq!(again.body, first.body);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let other = platform.client.post("/api/tenant/v1/tenants", &body).await;
    other.expect_problem(409, "tenant_exists");
}
