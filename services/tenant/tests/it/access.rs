//! Who may do what, and which credentials are none.

use averis_tenant::Grantee;
use averis_tenant_context::TenantRole;
use averis_test_kit::{
    Answer, Client, ISSUER, Setup, TestPlatform, TestTenant, ask_everything, assert_open, identity,
};
use averis_tokens::{AccessClaims, Kind, SigningKeys, now_ms};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::tools::TENANTS;

const ME: &str = "/api/tenant/v1/me";
const MEMBERS: &str = "/api/tenant/v1/members";

#[actix_web::test]
async fn every_operation_lets_in_who_may_and_nobody_else() {
    let platform = Setup::new().await.start(vec![]);
    let own = platform.tenant("own").await;
    let other = platform.tenant("other").await;
    let document = averis_tenant::document();
    assert_open(
        &document,
        &[
            (Method::POST, "/api/tenant/v1/sign-in"),
            (Method::POST, "/api/tenant/v1/sign-in/code"),
            (Method::POST, "/api/tenant/v1/sign-in/codes"),
            (Method::POST, "/api/tenant/v1/sign-in/provider"),
            (Method::POST, "/api/tenant/v1/reset-password"),
            (Method::POST, "/api/tenant/v1/shopper-sessions"),
            (Method::POST, "/api/tenant/v1/tokens"),
            (Method::POST, "/api/tenant/v1/invitations/accept"),
        ],
    );
    let asked = ask_everything(&platform, &own, &other, &document).await;
    eprintln!("{} requests, {} let in", asked.requests, asked.admitted);
    assert!(asked.requests > 3_000 && asked.admitted > 500, "{asked:?}");
}

/// The claims of an admin of that tenant, good for five minutes.
fn claims(platform: &TestPlatform, tenant: &TestTenant) -> AccessClaims {
    let grantee = Grantee {
        subject: Uuid::now_v7(),
        session: Uuid::now_v7(),
        tenant: Some(tenant.id),
        tenant_roles: vec![TenantRole::TenantAdmin],
        ..Grantee::default()
    };
    platform.tokens.claims(&grantee, now_ms())
}

fn encode(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

async fn members(client: &Client, token: &str) -> Answer {
    client.with_token(token).get(MEMBERS).await
}

#[actix_web::test]
async fn tokens_that_are_none_are_refused() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let good = claims(&platform, &acme);
    let sign = |claims: &AccessClaims| platform.tokens.sign_access(claims).expect("a token");
    let _ = members(&acme.client, &sign(&good)).await.expect(200);
    let changed = |change: &dyn Fn(&mut AccessClaims)| {
        let mut claims = good.clone();
        change(&mut claims);
        sign(&claims)
    };
    let now = Utc::now().timestamp();
    let body = serde_json::to_value(&good).expect("claims");
    let none = json!({"alg": "none", "typ": "at+jwt", "kid": "p1"});
    let unsigned = format!("{}.{}.", encode(&none), encode(&body));
    let signed = sign(&good);
    let (front, signature) = signed.rsplit_once('.').expect("a signature");
    let kid: Value = {
        let head = signed.split('.').next().expect("a header");
        let head = URL_SAFE_NO_PAD.decode(head).expect("base64");
        serde_json::from_slice(&head).expect("a header")
    };
    // The public key as a secret for HMAC: whoever takes the algorithm from the token falls for it.
    let keys = platform.tokens.published().expect("keys");
    let public = serde_json::to_value(&keys).expect("keys")["keys"][1]["x"].to_string();
    let confused = {
        let head = json!({"alg": "HS256", "typ": "at+jwt", "kid": kid["kid"]});
        let front = format!("{}.{}", encode(&head), encode(&body));
        let mut mac =
            <hmac::Hmac<sha2::Sha256> as hmac::KeyInit>::new_from_slice(public.as_bytes())
                .expect("any length");
        hmac::Mac::update(&mut mac, front.as_bytes());
        let tag = hmac::Mac::finalize(mac).into_bytes();
        format!("{front}.{}", URL_SAFE_NO_PAD.encode(tag))
    };
    let mut more = body.clone();
    more["tenant_roles"] = json!(["tenant_admin", "user_admin"]);
    let tampered = {
        let head = front.split('.').next().expect("a header");
        format!("{head}.{}.{signature}", encode(&more))
    };
    let stranger = SigningKeys::new(
        "another-secret-of-32-characters-or-more"
            .parse()
            .expect("a secret"),
        ISSUER,
    );
    let foreign_key = stranger
        .sign(Kind::Access, &good, Utc::now())
        .expect("a token");
    let service = identity("product")
        .sign("averis", Some(acme.id), None)
        .expect("a token");
    let session = platform
        .tokens
        .sign_in(good.sub, good.sid)
        .expect("a token");
    let refused = [
        ("alg none", unsigned.clone()),
        (
            "alg none, with a signature",
            format!("{unsigned}{signature}"),
        ),
        ("RS/HS confusion", confused),
        ("tampered", tampered),
        ("without signature", front.to_owned()),
        ("another key under the same name", foreign_key),
        (
            "wrong issuer",
            changed(&|claims| claims.iss = "elsewhere".to_owned()),
        ),
        (
            "wrong audience",
            changed(&|claims| claims.aud = "elsewhere".to_owned()),
        ),
        ("not yet valid", changed(&|claims| claims.nbf = now + 60)),
        (
            "without a tenant (S19)",
            changed(&|claims| claims.tenant = None),
        ),
        ("a service's token", service),
        ("a sign-in used directly", session),
        (
            "a key that nobody has",
            "avk_0000000000000000000000000000000000000000000".to_owned(),
        ),
        ("no token at all", "x".to_owned()),
        ("endless", "x".repeat(20_000)),
    ];
    for (what, token) in &refused {
        let answer = members(&acme.client, token).await;
        assert_eq!(
            (answer.status, answer.body["code"].as_str()),
            (401, Some("invalid_token")),
            "{what}: {}",
            answer.text
        );
        // Neither is one good where none is needed.
        let open = acme
            .client
            .with_token(token)
            .post("/api/tenant/v1/tokens", &json!({}))
            .await;
        assert_eq!(open.status, 401, "{what}");
    }
    let expired = changed(&|claims| claims.exp = now - 60);
    members(&acme.client, &expired)
        .await
        .expect_problem(401, "token_expired");
    let _ = members(&acme.client, &signed).await.expect(200);
}

#[actix_web::test]
async fn two_credentials_and_other_schemes_are_none() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let token = acme.client.token().to_owned();
    let send = async |values: &[String]| {
        let mut request = acme.client.anonymous().request(Method::GET, MEMBERS);
        for value in values {
            request = request.header("authorization", value);
        }
        Answer::of(request).await
    };
    let _ = send(&[format!("bearer {token}")]).await.expect(200);
    for wrong in [
        vec![format!("Bearer {token}"), format!("Bearer {token}")],
        vec![format!("Basic {token}")],
        vec![token.clone()],
        vec!["Bearer".to_owned()],
        vec!["Bearer ".to_owned()],
        vec![String::new()],
    ] {
        send(&wrong).await.expect_problem(401, "invalid_token");
    }
}

#[actix_web::test]
async fn s17_and_s18_a_credential_is_good_for_its_own_tenant_however_that_is_named() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let globex = platform.tenant("globex").await;
    let key = make_key(&acme, &["member:read"]).await;
    for credential in [acme.client.token(), key.as_str()] {
        let _ = acme
            .client
            .with_token(credential)
            .get(MEMBERS)
            .await
            .expect(200);
        let outside = platform.client.with_token(credential);
        let own = format!("/t/{}{MEMBERS}", acme.key);
        let _ = outside.get(&own).await.expect(200);
        let by_host = platform.under(globex.key.as_str()).with_token(credential);
        by_host
            .get(MEMBERS)
            .await
            .expect_problem(403, "wrong_tenant");
        let by_path = outside.get(&format!("/t/{}{MEMBERS}", globex.key)).await;
        by_path.expect_problem(403, "wrong_tenant");
        let by_header = outside
            .request(Method::GET, MEMBERS)
            .header("x-tenant-id", globex.key.as_str());
        Answer::of(by_header)
            .await
            .expect_problem(403, "wrong_tenant");
        // Two names that disagree are none, whoever asks.
        let both = acme
            .client
            .with_token(credential)
            .request(Method::GET, MEMBERS);
        let both = both.header("x-tenant-id", globex.key.as_str());
        Answer::of(both)
            .await
            .expect_problem(400, "tenant_mismatch");
    }
}

/// Makes an API key of a tenant.
async fn make_key(tenant: &TestTenant, scopes: &[&str]) -> String {
    let body = json!({"name": "For a test", "scopes": scopes});
    let made = tenant
        .client
        .post("/api/tenant/v1/api-keys", &body)
        .await
        .expect(201);
    made.body["key"].as_str().expect("a key").to_owned()
}

#[actix_web::test]
async fn a_suspended_tenants_people_read_and_its_keys_do_nothing() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let key = make_key(&acme, &["member:read"]).await;
    let machine = acme.client.with_token(&key);
    let _ = machine.get(MEMBERS).await.expect(200);
    let _ = crate::tools::command(&platform, &acme, "suspend")
        .await
        .expect(200);
    crate::tools::within_a_second("the key stops", async || {
        machine.get(MEMBERS).await.status == 401
    })
    .await;
    machine
        .get(MEMBERS)
        .await
        .expect_problem(401, "invalid_token");
    let _ = acme.client.get(MEMBERS).await.expect(200);
}

#[actix_web::test]
async fn services_take_calls_only_of_those_they_expect() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let lookup = format!("/internal/tenant/v1/lookup?key={}", acme.key);
    let ask = async |token: &str| platform.client.with_token(token).get(&lookup).await;
    let sign =
        |name: &str, audience: &str| identity(name).sign(audience, None, None).expect("a token");
    let _ = ask(&sign("product", "tenant")).await.expect(200);
    for (what, token) in [
        ("another audience", sign("product", "pricing")),
        ("an unknown service", sign("billing", "tenant")),
        ("a caller's token", platform.client.token().to_owned()),
        ("nonsense", "x".to_owned()),
    ] {
        let answer = ask(&token).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text);
    }
    let bare = platform.client.anonymous().get(&lookup).await;
    bare.expect_problem(401, "unauthenticated");
    // Nor is a service's token one for the API.
    let outside = platform.client.with_token(&sign("product", "tenant"));
    outside
        .get(TENANTS)
        .await
        .expect_problem(401, "invalid_token");
}

#[actix_web::test]
async fn a_token_of_nobody_says_who_it_is_and_no_more() {
    let platform = Setup::new().await.start(vec![]);
    // Signed well, but for a person that was never there.
    platform
        .client
        .get(ME)
        .await
        .expect_problem(404, "not_found");
}

#[actix_web::test]
async fn who_cannot_be_told_is_not_let_in() {
    let mut setup = Setup::new().await;
    // Nobody listens there: neither keys nor what was taken back are to be had.
    setup.tenant_url = Some("http://127.0.0.1:1/".parse().expect("an address"));
    let platform = setup.start(vec![]);
    let answer = platform.client.get(TENANTS).await;
    answer.expect_problem(503, "identity_unavailable");
    assert_eq!(answer.headers["retry-after"], "1");
}

#[actix_web::test]
async fn s19_a_token_without_a_tenant_is_no_key_to_any() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let grantee = Grantee {
        subject: Uuid::now_v7(),
        session: Uuid::now_v7(),
        // Roles without the tenant that they are in.
        tenant_roles: vec![TenantRole::TenantAdmin],
        ..Grantee::default()
    };
    let token = platform.tokens.access(&grantee).expect("a token");
    members(&acme.client, &token)
        .await
        .expect_problem(401, "invalid_token");
    let outside = platform.client.with_token(&token);
    outside.get(TENANTS).await.expect_problem(403, "forbidden");
    let by_path = outside.get(&format!("/t/{}{MEMBERS}", acme.key)).await;
    by_path.expect_problem(401, "invalid_token");
}
