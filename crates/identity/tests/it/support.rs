//! Keys, tokens, and a stand-in for Stytch.

use std::fmt::{Debug, Display};

use averis_identity::{ProviderError, StytchClient, StytchConfig};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{TimeDelta, Utc};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use url::Url;
use wiremock::matchers::{basic_auth, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

pub const PROJECT: &str = "project-test-11111111-1111-4111-8111-111111111111";
pub const SECRET: &str = "secret-test-do-not-show-me-0123456789=";
pub const ORGANIZATION: &str = "organization-test-22222222-2222-4222-8222-222222222222";
pub const MEMBER: &str = "member-test-33333333-3333-4333-8333-333333333333";
pub const KID: &str = "jwk-test-44444444-4444-4444-8444-444444444444";
pub const REQUEST_ID: &str = "request-id-test-55555555-5555-4555-8555-555555555555";

/// For tests alone: made for them, and used nowhere else.
const RSA_KEY: &str = include_str!("test_only_rsa_key.pem");
pub const RSA_PUBLIC_KEY: &str = include_str!("test_only_rsa_public_key.pem");
const EC_KEY: &str = include_str!("test_only_ec_key.pem");

fn der(pem: &str) -> Vec<u8> {
    let body: String = pem
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    STANDARD.decode(body).expect("base64")
}

pub fn rsa() -> EncodingKey {
    EncodingKey::from_rsa_der(&der(RSA_KEY))
}

pub fn ec() -> EncodingKey {
    EncodingKey::from_ec_der(&der(EC_KEY))
}

pub fn ed() -> EncodingKey {
    let head = "302e020100300506032b657004220420";
    let hex = |at: usize| u8::from_str_radix(&head[at..at + 2], 16).expect("hex");
    let mut der: Vec<u8> = (0..head.len()).step_by(2).map(hex).collect();
    der.extend([7; 32]);
    EncodingKey::from_ed_der(&der)
}

/// Returns a key as issuers publish it.
pub fn published(key: &EncodingKey, algorithm: Algorithm, kid: &str) -> Value {
    let mut jwk = Jwk::from_encoding_key(key, algorithm).expect("a key pair");
    jwk.common.key_id = Some(kid.to_owned());
    jwk.common.key_algorithm = None;
    serde_json::to_value(jwk).expect("JSON")
}

pub fn sign(algorithm: Algorithm, kid: &str, key: &EncodingKey, claims: &Value) -> String {
    let mut header = Header::new(algorithm);
    header.kid = Some(kid.to_owned());
    jsonwebtoken::encode(&header, claims, key).expect("a token")
}

/// Returns a token of any header, with a signature of someone's choice.
pub fn forge(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

/// Returns a token whose claims were changed after it was signed.
pub fn tamper(token: &str, name: &str, value: Value) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let bytes = URL_SAFE_NO_PAD.decode(parts[1]).expect("base64");
    let mut claims: Value = serde_json::from_slice(&bytes).expect("JSON");
    claims[name] = value;
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("{}.{claims}.{}", parts[0], parts[2])
}

/// Returns claims with one more, changed, or (by `null`) one less.
pub fn with(mut claims: Value, name: &str, value: Value) -> Value {
    let object = claims.as_object_mut().expect("claims");
    if value.is_null() {
        object.remove(name);
    } else {
        object.insert(name.to_owned(), value);
    }
    claims
}

pub fn now() -> i64 {
    Utc::now().timestamp()
}

/// Returns the claims of a session that began with a link in a mail.
pub fn session_claims() -> Value {
    let factor = json!({
        "type": "magic_link",
        "delivery_method": "email",
        "email_factor": { "email_id": "email-test-1", "email_address": "Ann@Example.com" },
        "last_authenticated_at": Utc::now().to_rfc3339(),
    });
    session_claims_of(&[factor])
}

/// Returns the claims of a session as Stytch writes them, good for an hour, in a token for five minutes.
pub fn session_claims_of(factors: &[Value]) -> Value {
    let at = Utc::now();
    json!({
        "iss": format!("stytch.com/{PROJECT}"),
        "aud": [PROJECT],
        "sub": MEMBER,
        "iat": at.timestamp(),
        "nbf": at.timestamp(),
        "exp": at.timestamp() + 300,
        "https://stytch.com/session": {
            "id": "session-test-1",
            "started_at": at.to_rfc3339(),
            "last_accessed_at": at.to_rfc3339(),
            "expires_at": (at + TimeDelta::hours(1)).to_rfc3339(),
            "attributes": { "ip_address": "", "user_agent": "" },
            "authentication_factors": factors,
            "roles": ["stytch_member"],
        },
        "https://stytch.com/organization": { "organization_id": ORGANIZATION, "slug": "acme" },
    })
}

/// Returns a factor that proves no address.
pub fn password_factor() -> Value {
    json!({ "type": "password", "delivery_method": "knowledge" })
}

pub fn session_jwt(claims: &Value) -> String {
    sign(Algorithm::RS256, KID, &rsa(), claims)
}

/// Stytch, played by a local server that knows its keys.
pub struct Stytch {
    pub server: MockServer,
    pub client: StytchClient,
}

impl Stytch {
    pub async fn start() -> Self {
        let server = MockServer::start().await;
        let keys = json!({
            "keys": [published(&rsa(), Algorithm::RS256, KID)],
            "request_id": REQUEST_ID,
            "status_code": 200,
        });
        Mock::given(method("GET"))
            .and(path(format!("/v1/b2b/sessions/jwks/{PROJECT}")))
            .and(basic_auth(PROJECT, SECRET))
            .respond_with(ResponseTemplate::new(200).set_body_json(keys))
            .mount(&server)
            .await;
        let client = client(&server.uri().parse().expect("a URL"));
        Self { server, client }
    }

    /// Has the server answer with this at this path.
    pub async fn answer(&self, verb: &str, at: &str, answer: ResponseTemplate) {
        Mock::given(method(verb))
            .and(path(at))
            .and(basic_auth(PROJECT, SECRET))
            .respond_with(answer)
            .mount(&self.server)
            .await;
    }

    /// Returns how often a path was asked for.
    pub async fn count(&self, at: &str) -> usize {
        let requests = self.server.received_requests().await.expect("recorded");
        requests
            .iter()
            .filter(|request| request.url.path() == at)
            .count()
    }
}

pub fn member_path() -> String {
    format!("/v1/b2b/organizations/{ORGANIZATION}/member")
}

pub fn jwks_path() -> String {
    format!("/v1/b2b/sessions/jwks/{PROJECT}")
}

pub fn config(base_url: &Url) -> StytchConfig {
    StytchConfig {
        base_url: base_url.clone(),
        project_id: PROJECT.to_owned(),
        secret: SECRET.parse().expect("a secret"),
    }
}

pub fn client(base_url: &Url) -> StytchClient {
    StytchClient::new(config(base_url)).expect("a client")
}

/// Returns an error as Stytch documents it. Its message repeats what it should not.
pub fn stytch_error(status: u16, error_type: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({
        "status_code": status,
        "request_id": REQUEST_ID,
        "error_type": error_type,
        "error_message": format!("you sent {SECRET}"),
        "error_url": "https://stytch.com/docs/api/errors",
    }))
}

/// Returns everything that can be printed of a thing, after looking for what must not be.
pub fn printed(thing: &(impl Debug + Display), hidden: &[&str]) -> String {
    let all = format!("{thing} {thing:?} {thing:#?}");
    hides(&all, hidden);
    all
}

/// Looks for the project's secret, in any form that it travels in, and for the parts of tokens.
pub fn hides(text: &str, hidden: &[&str]) {
    let basic = STANDARD.encode(format!("{PROJECT}:{SECRET}"));
    let parts = hidden.iter().flat_map(|token| token.split('.'));
    for part in [SECRET, basic.as_str()].into_iter().chain(parts) {
        assert!(
            part.is_empty() || !text.contains(part),
            "{part:?} is in {text}"
        );
    }
}

/// Returns why a token was refused.
pub fn refusal<T: Debug>(outcome: Result<T, ProviderError>, token: &str) -> String {
    let error = outcome.expect_err("a refusal");
    let _ = printed(&error, &[token]);
    match error {
        ProviderError::Refused(reason) => reason,
        other => panic!("not refused: {other}"),
    }
}
