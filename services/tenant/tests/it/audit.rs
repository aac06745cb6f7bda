//! What is told of changes to a tenant, its members and keys.

use averis_test_kit::Setup;
use serde_json::{Value, json};

const TRAIL: &str = "/api/tenant/v1/audit-events";

#[actix_web::test]
async fn a_tenants_trail_tells_of_its_settings_members_and_keys() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let globex = platform.tenant("globex").await;
    let invite = json!({"email": "trail@people.example", "roles": ["user"]});
    let member = acme
        .client
        .post("/api/tenant/v1/members", &invite)
        .await
        .expect(201);
    let key = json!({"name": "Trail", "scopes": ["member:read"]});
    let key = acme
        .client
        .post("/api/tenant/v1/api-keys", &key)
        .await
        .expect(201);
    // That a key is used is no change.
    let machine = acme
        .client
        .with_token(key.body["key"].as_str().expect("a key"));
    let _ = machine.get("/api/tenant/v1/members").await.expect(200);
    let page = acme.client.get(TRAIL).await.expect(200);
    let events = page.body["data"].as_array().expect("a list");
    let told: Vec<(&str, &str)> = events
        .iter()
        .map(|event| {
            let word = |name: &str| event[name].as_str().expect("a text");
            (word("table"), word("action"))
        })
        .collect();
    let expected = [
        ("api_keys", "insert"),
        ("invitations", "insert"),
        ("tenant_users", "insert"),
        ("tenants", "insert"),
    ];
    assert_eq!(told, expected, "{}", page.text);
    assert_eq!(events[0]["entity_id"], json!(key.id()));
    assert_eq!(events[2]["entity_id"], json!(member.id()));
    assert_eq!(events[0]["caller"], events[2]["caller"]);
    assert_ne!(events[0]["caller"], Value::Null);
    let theirs = globex.client.get(TRAIL).await.expect(200);
    assert_eq!(theirs.body["data"].as_array().map(Vec::len), Some(1));
}
