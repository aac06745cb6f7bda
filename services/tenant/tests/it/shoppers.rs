//! Anonymous shoppers.

use averis_test_kit::{Answer, Setup, TestTenant};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::sign_in::word;
use crate::tools::{command, path, within_a_second};

const SESSIONS: &str = "/api/tenant/v1/shopper-sessions";
const STOREFRONT: &str = "/api/tenant/v1/storefront";

async fn open(tenant: &TestTenant, body: &Value) -> Answer {
    tenant.client.anonymous().post(SESSIONS, body).await
}

#[actix_web::test]
async fn a_shopper_sees_the_storefront_of_one_tenant_and_nothing_else() {
    let platform = Setup::new().await.start(vec![]);
    let (acme, globex) = (
        platform.tenant("acme").await,
        platform.tenant("globex").await,
    );
    let version = platform
        .client
        .get(&path(&acme, ""))
        .await
        .expect(200)
        .version();
    let looks = json!({"settings": {"branding": {"display_name": "Acme Shop", "primary_color": "#112233"}}});
    let _ = platform
        .client
        .patch(&path(&acme, ""), version, &looks)
        .await
        .expect(200);
    let opened = open(&acme, &json!({})).await.expect(200);
    assert_eq!(opened.headers["cache-control"], "no-store");
    let token = word(&opened, "access_token");
    let shopper = acme.client.with_token(token);
    within_a_second("the looks are known", async || {
        shopper.get(STOREFRONT).await.expect(200).body["name"] == "Acme Shop"
    })
    .await;
    let seen = shopper.get(STOREFRONT).await.expect(200);
    assert_eq!(
        seen.body,
        json!({"name": "Acme Shop", "logo_url": null, "primary_color": "#112233", "accent_color": null})
    );
    // Nothing that people do, in no tenant, and not under the platform's address.
    for address in [
        "members",
        "me",
        "api-keys",
        "audit-events",
        "access-entries",
    ] {
        let address = format!("/api/tenant/v1/{address}");
        shopper.get(&address).await.expect_problem(403, "forbidden");
    }
    let elsewhere = globex.client.with_token(token);
    elsewhere
        .get(STOREFRONT)
        .await
        .expect_problem(403, "wrong_tenant");
    let outside = platform.client.with_token(token);
    outside
        .get(STOREFRONT)
        .await
        .expect_problem(403, "forbidden");
    // Without a session there is no storefront either.
    let nobody = acme.client.anonymous();
    nobody
        .get(STOREFRONT)
        .await
        .expect_problem(401, "unauthenticated");
}

#[actix_web::test]
async fn a_session_goes_on_in_its_own_tenant() {
    let platform = Setup::new().await.start(vec![]);
    let (acme, globex) = (
        platform.tenant("acme").await,
        platform.tenant("globex").await,
    );
    let first = open(&acme, &json!({})).await.expect(200);
    let kept = json!({"shopper_token": first.body["shopper_token"]});
    let second = open(&acme, &kept).await.expect(200);
    assert_eq!(first.body["id"], second.body["id"]);
    let other = open(&acme, &json!({})).await.expect(200);
    assert_ne!(first.body["id"], other.body["id"]);
    open(&globex, &kept)
        .await
        .expect_problem(403, "wrong_tenant");
    // What is kept is no access, and access is nothing to keep.
    let kept_as_access = acme.client.with_token(word(&first, "shopper_token"));
    kept_as_access
        .get(STOREFRONT)
        .await
        .expect_problem(401, "invalid_token");
    for wrong in [
        word(&first, "access_token").to_owned(),
        platform
            .tokens
            .sign_in(Uuid::now_v7(), Uuid::now_v7())
            .expect("a token"),
        "x".to_owned(),
    ] {
        let refused = open(&acme, &json!({"shopper_token": wrong})).await;
        refused.expect_problem(401, "invalid_token");
    }
    let exchanged = json!({"grant_type": "session", "session_token": first.body["shopper_token"]});
    let exchanged = acme
        .client
        .anonymous()
        .post("/api/tenant/v1/tokens", &exchanged)
        .await;
    exchanged.expect_problem(401, "invalid_token");
    // Only under a tenant's address, and only of one that is open.
    let outside = platform.client.anonymous().post(SESSIONS, &json!({})).await;
    outside.expect_problem(400, "invalid_tenant");
    let _ = command(&platform, &acme, "suspend").await.expect(200);
    within_a_second("the tenant is suspended", async || {
        open(&acme, &kept).await.body["code"] == "tenant_suspended"
    })
    .await;
}
