//! Asked under one tenant's address, nothing of another can be reached.

use averis_test_kit::{Answer, Setup};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// Returns a body that the operation accepts, so that nothing but the id can be what it refuses.
fn body(path: &str) -> Value {
    match path.rsplit('/').next() {
        Some("change-subdomain") => json!({"subdomain": format!("x{}", Uuid::new_v4().simple())}),
        Some("purge") => json!({"confirm_key": "anything"}),
        _ => json!({}),
    }
}

#[actix_web::test]
async fn s30_no_operation_of_the_document_reaches_another_tenant() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let globex = platform.tenant("globex").await;
    let own = format!("/api/tenant/v1/tenants/{}", acme.id);
    let before = platform.client.get(&own).await.expect(200);
    let document = averis_tenant::document();
    let mut asked = 0;
    for (path, operations) in document["paths"].as_object().expect("paths") {
        if !path.contains("{id}") {
            continue;
        }
        for method in operations.as_object().expect("operations").keys() {
            let target = path.replace("{id}", &acme.id.to_string());
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let request = globex
                .client
                .request(method.clone(), &target)
                .header("idempotency-key", Uuid::new_v4().to_string())
                .header("if-match", "\"1\"")
                .json(&body(path));
            let answer = Answer::of(request).await;
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text);
            assert!(!answer.text.contains(acme.key.as_str()), "{}", answer.text);
            asked += 1;
        }
    }
    assert!(asked >= 8, "only {asked} operations were asked");
    assert_eq!(
        platform.client.get(&own).await.expect(200).text,
        before.text
    );
}
