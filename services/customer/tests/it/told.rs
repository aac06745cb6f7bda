//! What a tenant's own systems are told of its customers: ids, and nothing personal.

use averis_test_kit::webhooks::Hearer;
use serde_json::json;

use crate::setup::{company, path, platform, prove, unique_email, visitor};

#[actix_web::test]
async fn who_proves_an_address_or_is_found_to_be_another_is_told() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let staff = &acme.client;
    let hearer = Hearer::start(staff).await;
    let ana = visitor(&platform, &acme);
    let email = unique_email("ana");
    let customer = prove(&platform, &ana, &email, 0).await["customer"]["id"].clone();
    let told = hearer.heard("customer.verified", 1).await;
    assert_eq!(told, [json!({"id": customer, "version": 2})]);
    // On another machine the same: nothing is new but what that one has said of itself before.
    let elsewhere = visitor(&platform, &acme);
    let said = json!({"given_name": "Ana"});
    let warm = elsewhere.post(&path("/visitor/contact"), &said).await;
    let warm = warm.expect(200).body["customer"]["id"].clone();
    let _ = prove(&platform, &elsewhere, &email, 1).await;
    let merged = hearer.heard("customer.merged", 1).await;
    assert_eq!(
        (&merged[0]["id"], &merged[0]["from_id"]),
        (&customer, &warm)
    );
    assert_eq!(hearer.heard("customer.verified", 1).await.len(), 1);
    assert!(!json!([told, merged]).to_string().contains('@'));
}

#[actix_web::test]
async fn that_a_company_may_buy_is_told() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let hearer = Hearer::start(&acme.client).await;
    let id = company(&acme.client, "First", 1).await;
    let told = hearer.heard("company.approved", 1).await;
    assert_eq!(told, [json!({"id": id, "version": 2})]);
}
