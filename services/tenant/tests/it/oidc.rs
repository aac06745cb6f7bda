//! An OpenID Connect issuer that speaks for the whole installation.

use averis_identity::ProvidersConfig;
use averis_tenant::Accounts;
use averis_tenant_context::{GlobalRole, TenantRole};
use averis_tenant_db::LoginRole;
use averis_test_kit::oidc::Issuer;
use averis_test_kit::{Answer, Client, Setup, TestPlatform};
use reqwest::Method;
use serde_json::{Value, json};

use crate::members::{invitation, invite};
use crate::providers::{address, come, exchange, status_of};
use crate::sign_in::{PASSWORD, account, join, word};

const TOKENS: &str = "/api/tenant/v1/tokens";

async fn platform(issuer: &Issuer) -> TestPlatform {
    let mut setup = Setup::new().await;
    setup.providers = ProvidersConfig {
        oidc: Some(issuer.config()),
        ..ProvidersConfig::default()
    };
    setup.start(vec![])
}

fn id_token(issuer: &Issuer, subject: &str, email: &str) -> Value {
    json!({"id_token": issuer.token(subject, email, Value::Null)})
}

#[actix_web::test]
async fn an_issuer_of_the_platform_lets_members_in_and_nobody_else() {
    let issuer = Issuer::start().await;
    let platform = platform(&issuer).await;
    let (acme, globex) = (
        platform.tenant("acme").await,
        platform.tenant("globex").await,
    );
    let ana = account(&platform, &[GlobalRole::PlatformAdmin]).await;
    let token = id_token(&issuer, "ana", &ana.email);
    // S26: an address that belongs to no tenant opens nothing.
    come(&platform, &token)
        .await
        .expect_problem(401, "sign_in_refused");
    come(&platform, &id_token(&issuer, "eve", &address()))
        .await
        .expect_problem(401, "sign_in_refused");
    join(&platform, &acme, &ana, &[TenantRole::ProductView]).await;
    join(&platform, &globex, &ana, &[TenantRole::ProductView]).await;
    let signed_in = come(&platform, &token).await.expect(200);
    let inside = exchange(&platform, &signed_in, Some(&globex))
        .await
        .expect(200);
    let refresh = json!({"grant_type": "refresh", "refresh_token": inside.body["refresh_token"], "tenant": acme.key});
    let switched = platform
        .client
        .anonymous()
        .post(TOKENS, &refresh)
        .await
        .expect(200);
    assert_eq!(switched.body["tenant"], json!(acme.key));
    // No provider makes anybody staff of the platform.
    let signed_in = come(&platform, &token).await.expect(200);
    let outside = exchange(&platform, &signed_in, None).await.expect(200);
    let outside = platform.client.with_token(word(&outside, "access_token"));
    outside
        .get("/api/tenant/v1/tenants")
        .await
        .expect_problem(403, "forbidden");
    // Somebody else got the address: not in, until an operator says so.
    let heir = id_token(&issuer, "heir", &ana.email);
    come(&platform, &heir)
        .await
        .expect_problem(401, "sign_in_refused");
    let accounts = Accounts::new(&platform.database.url(LoginRole::Tenant)).expect("accounts");
    assert_eq!(
        accounts.unlink(&ana.email).await.expect("unlinked"),
        Some(true)
    );
    assert_eq!(
        accounts.unlink(&ana.email).await.expect("unlinked"),
        Some(false)
    );
    assert_eq!(accounts.unlink(&address()).await.expect("nobody"), None);
    let _ = come(&platform, &heir).await.expect(200);
    come(&platform, &token)
        .await
        .expect_problem(401, "sign_in_refused");
}

#[actix_web::test]
async fn an_invitation_is_accepted_by_whoever_signs_in_elsewhere() {
    let issuer = Issuer::start().await;
    let platform = platform(&issuer).await;
    let acme = platform.tenant("acme").await;
    let (email, other) = (address(), address());
    let invited = invite(&acme.client, &email, &["user"]).await.expect(201);
    let _ = invite(&acme.client, &other, &["user"]).await.expect(201);
    let signed_in = come(&platform, &id_token(&issuer, "ana", &email))
        .await
        .expect(200);
    // To be invited is not to be a member.
    exchange(&platform, &signed_in, Some(&acme))
        .await
        .expect_problem(403, "not_a_member");
    let accept = async |word: &str, signed_in: &Answer| {
        let body = json!({"invitation": word, "session_token": signed_in.body["session_token"], "name": "Ana"});
        anonymous_post(&platform.client, "/api/tenant/v1/invitations/accept", &body).await
    };
    let theirs = invitation(&platform, &other);
    accept(&theirs, &signed_in)
        .await
        .expect_problem(401, "invitation_refused");
    let own = invitation(&platform, &email);
    let both = json!({"invitation": own, "session_token": "x", "password": PASSWORD});
    let path = "/api/tenant/v1/invitations/accept";
    anonymous_post(&platform.client, path, &both)
        .await
        .expect_problem(422, "invalid");
    let forged = json!({"invitation": own, "session_token": "x"});
    anonymous_post(&platform.client, path, &forged)
        .await
        .expect_problem(401, "invitation_refused");
    let _ = accept(&own, &signed_in).await.expect(200);
    accept(&own, &signed_in)
        .await
        .expect_problem(401, "invitation_refused");
    assert_eq!(status_of(&acme, &invited.id()).await, "active");
    let _ = exchange(&platform, &signed_in, Some(&acme))
        .await
        .expect(200);
}

async fn anonymous_post(client: &Client, path: &str, body: &Value) -> Answer {
    Answer::of(client.anonymous().request(Method::POST, path).json(body)).await
}
