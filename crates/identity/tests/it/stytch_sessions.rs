//! Sessions of Stytch: which are good, and whose they are.

use averis_identity::ProviderError;
use futures_util::future::join_all;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::support::{
    KID, MEMBER, ORGANIZATION, PROJECT, RSA_PUBLIC_KEY, Stytch, forge, jwks_path, member_path, now,
    password_factor, printed, refusal, rsa, session_claims, session_claims_of, session_jwt, sign,
    tamper, with,
};

const SESSION: &str = "https://stytch.com/session";
const ORG: &str = "https://stytch.com/organization";

fn member(change: &str, value: Value) -> ResponseTemplate {
    let member = json!({
        "member_id": MEMBER,
        "organization_id": ORGANIZATION,
        "email_address": "Bob@Example.com",
        "email_address_verified": true,
        "status": "active",
        "name": "Bob",
    });
    ResponseTemplate::new(200).set_body_json(json!({
        "member": with(member, change, value),
        "organization": { "organization_id": ORGANIZATION },
        "status_code": 200,
    }))
}

#[tokio::test]
async fn a_session_says_who_and_until_when() {
    let stytch = Stytch::start().await;
    let session = stytch
        .client
        .authenticate_session(&session_jwt(&session_claims()))
        .await;
    let session = session.expect("a session");
    assert_eq!(session.provider, "stytch");
    assert_eq!(session.issuer, format!("stytch.com/{PROJECT}"));
    assert_eq!(session.subject, MEMBER);
    assert_eq!(session.email, "ann@example.com");
    assert_eq!(session.organization.as_deref(), Some(ORGANIZATION));
    // The session's end, not the token's.
    let left = session.expires_at - now();
    assert!((3590..=3600).contains(&left), "{left} seconds are left");
    let requests = stytch.server.received_requests().await.expect("recorded");
    assert_eq!(requests.len(), 1, "only the keys are asked for");
}

#[tokio::test]
async fn keys_are_asked_for_once() {
    let stytch = Stytch::start().await;
    let token = session_jwt(&session_claims());
    for outcome in join_all((0..20).map(|_| stytch.client.authenticate_session(&token))).await {
        outcome.expect("a session");
    }
    assert_eq!(stytch.count(&jwks_path()).await, 1);
}

#[tokio::test]
async fn a_session_without_an_end_ends_with_its_token() {
    let stytch = Stytch::start().await;
    let mut claims = session_claims();
    claims[SESSION]["expires_at"] = Value::Null;
    let session = stytch
        .client
        .authenticate_session(&session_jwt(&claims))
        .await;
    assert_eq!(session.expect("a session").expires_at, claims["exp"]);
}

#[tokio::test]
async fn tokens_that_are_not_this_projects_are_refused() {
    let stytch = Stytch::start().await;
    let good = session_claims();
    let token = session_jwt(&good);
    let rs256 = |claims: &Value| session_jwt(claims);
    let by_public_key = EncodingKey::from_secret(RSA_PUBLIC_KEY.as_bytes());
    let by_lines = EncodingKey::from_secret(RSA_PUBLIC_KEY.trim().as_bytes());
    let signature = token.rsplit('.').next().expect("three parts");
    let header = |alg: &str| json!({ "alg": alg, "typ": "JWT", "kid": KID });
    let mut ended = good.clone();
    ended[SESSION]["expires_at"] = json!("2020-01-01T00:00:00Z");
    let cases = [
        (
            "issuer",
            "InvalidIssuer",
            rs256(&with(good.clone(), "iss", json!("stytch.com/other"))),
        ),
        (
            "no issuer",
            "iss",
            rs256(&with(good.clone(), "iss", Value::Null)),
        ),
        (
            "audience",
            "InvalidAudience",
            rs256(&with(good.clone(), "aud", json!(["project-other"]))),
        ),
        (
            "no audience",
            "aud",
            rs256(&with(good.clone(), "aud", Value::Null)),
        ),
        (
            "expired",
            "expired",
            rs256(&with(good.clone(), "exp", json!(now() - 60))),
        ),
        (
            "no end",
            "JSON",
            rs256(&with(good.clone(), "exp", Value::Null)),
        ),
        (
            "not yet",
            "ImmatureSignature",
            rs256(&with(good.clone(), "nbf", json!(now() + 60))),
        ),
        ("session over", "expired", rs256(&ended)),
        ("none", "JSON", forge(&header("none"), &good, "")),
        ("None", "JSON", forge(&header("None"), &good, signature)),
        (
            "HS256 by PEM",
            "HS256",
            sign(Algorithm::HS256, KID, &by_public_key, &good),
        ),
        (
            "HS256 by lines",
            "HS256",
            sign(Algorithm::HS256, KID, &by_lines, &good),
        ),
        ("PS256", "PS256", sign(Algorithm::PS256, KID, &rsa(), &good)),
        ("RS512", "RS512", sign(Algorithm::RS512, KID, &rsa(), &good)),
        (
            "kid",
            "unknown key",
            sign(Algorithm::RS256, "another", &rsa(), &good),
        ),
        (
            "no kid",
            "names no key",
            forge(&json!({ "alg": "RS256" }), &good, signature),
        ),
        (
            "tampered",
            "InvalidSignature",
            tamper(&token, "sub", json!("member-test-9")),
        ),
        (
            "no signature",
            "InvalidSignature",
            forge(&header("RS256"), &good, ""),
        ),
        (
            "no member",
            "JSON",
            rs256(&with(good.clone(), "sub", Value::Null)),
        ),
        (
            "empty member",
            "no member",
            rs256(&with(good.clone(), "sub", json!(""))),
        ),
        (
            "path as member",
            "no member",
            rs256(&with(good.clone(), "sub", json!("../x"))),
        ),
        (
            "no session",
            "no session",
            rs256(&with(good.clone(), SESSION, Value::Null)),
        ),
        (
            "no organization",
            "no organization",
            rs256(&with(good.clone(), ORG, Value::Null)),
        ),
        ("empty organization", "no organization", {
            rs256(&with(good.clone(), ORG, json!({ "organization_id": "" })))
        }),
        (
            "odd organization",
            "JSON",
            rs256(&with(good.clone(), ORG, json!({ "slug": "x" }))),
        ),
        ("nothing", "InvalidToken", String::new()),
        ("no token", "InvalidToken", "not-a-token".to_owned()),
        ("two parts", "InvalidToken", "0000.1111".to_owned()),
        ("long", "too long", "a".repeat(20_000)),
    ];
    for (case, expected, token) in cases {
        let reason = refusal(stytch.client.authenticate_session(&token).await, &token);
        assert!(reason.contains(expected), "{case}: {reason}");
    }
    stytch
        .client
        .authenticate_session(&token)
        .await
        .expect("the good one, still");
    assert_eq!(stytch.count(&member_path()).await, 0);
}

#[tokio::test]
async fn unknown_keys_cause_no_storm() {
    let stytch = Stytch::start().await;
    let claims = session_claims();
    let tokens: Vec<String> = (0..100)
        .map(|number| {
            sign(
                Algorithm::RS256,
                &format!("unknown-{number}"),
                &rsa(),
                &claims,
            )
        })
        .collect();
    let all = tokens
        .iter()
        .map(|token| stytch.client.authenticate_session(token));
    for (outcome, token) in join_all(all).await.into_iter().zip(&tokens) {
        assert!(refusal(outcome, token).contains("unknown key"));
    }
    let asked = stytch.count(&jwks_path()).await;
    assert!(asked <= 2, "keys were asked for {asked} times");
    let good = stytch
        .client
        .authenticate_session(&session_jwt(&claims))
        .await;
    good.expect("a session, in spite of it");
}

#[tokio::test]
async fn keys_that_are_not_to_be_had_refuse_nobody() {
    let stytch = Stytch::start().await;
    stytch.server.reset().await;
    let token = session_jwt(&session_claims());
    for answer in [
        ResponseTemplate::new(500),
        ResponseTemplate::new(404),
        ResponseTemplate::new(200).set_body_string("<html>"),
        ResponseTemplate::new(200).set_body_json(json!({ "keys": "none" })),
    ] {
        stytch.server.reset().await;
        stytch.answer("GET", &jwks_path(), answer).await;
        let error = stytch
            .client
            .authenticate_session(&token)
            .await
            .expect_err("no keys");
        let _ = printed(&error, &[&token]);
        assert!(matches!(error, ProviderError::Unavailable(_)), "{error}");
    }
}

#[tokio::test]
async fn an_address_that_no_factor_proves_is_asked_for() {
    let stytch = Stytch::start().await;
    stytch
        .answer("GET", &member_path(), member("name", json!("Bob")))
        .await;
    let unproven = [
        vec![],
        vec![password_factor()],
        vec![json!({ "type": "otp", "delivery_method": "sms" })],
        // A factor that carries an address without having proven it.
        vec![json!({
            "type": "imported",
            "delivery_method": "imported_auth0",
            "email_factor": { "email_address": "eve@example.com" },
        })],
    ];
    let count = unproven.len();
    for factors in unproven {
        let token = session_jwt(&session_claims_of(&factors));
        let session = stytch
            .client
            .authenticate_session(&token)
            .await
            .expect("a session");
        assert_eq!(session.email, "bob@example.com");
    }
    let requests = stytch.server.received_requests().await.expect("recorded");
    let asked: Vec<_> = requests
        .iter()
        .filter(|r| r.url.path() == member_path())
        .collect();
    assert_eq!(asked.len(), count);
    for request in asked {
        assert_eq!(
            request.url.query(),
            Some(format!("member_id={MEMBER}").as_str())
        );
        assert!(request.body.is_empty());
    }
}

#[tokio::test]
async fn members_without_a_verified_address_are_refused() {
    let token = session_jwt(&session_claims_of(&[password_factor()]));
    let cases = [
        ("email_address_verified", json!(false), "not verified"),
        ("email_address_verified", Value::Null, "not verified"),
        ("status", json!("invited"), "not active"),
        ("status", json!("pending"), "not active"),
        ("status", json!("deleted"), "not active"),
        ("member_id", json!("member-test-9"), "another"),
        ("organization_id", json!("organization-test-9"), "another"),
        ("email_address", json!("nobody"), "malformed"),
        ("email_address", json!("a\r\nb@example.com"), "malformed"),
    ];
    let stytch = Stytch::start().await;
    for (field, value, expected) in cases {
        let again = Stytch::start().await;
        again
            .answer("GET", &member_path(), member(field, value.clone()))
            .await;
        let reason = refusal(again.client.authenticate_session(&token).await, &token);
        assert!(reason.contains(expected), "{field} {value}: {reason}");
    }
    let gone = crate::support::stytch_error(404, "member_not_found");
    stytch.answer("GET", &member_path(), gone).await;
    let reason = refusal(stytch.client.authenticate_session(&token).await, &token);
    assert!(reason.contains("gone"), "{reason}");
}
