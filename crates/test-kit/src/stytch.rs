//! Stytch as tests play it: its keys, the tokens that it signs, and a server that speaks its documented API.

use averis_identity::{StytchClient, StytchConfig};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{TimeDelta, Utc};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use url::Url;
use wiremock::matchers::{basic_auth, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// The project.
pub const PROJECT: &str = "project-test-11111111-1111-4111-8111-111111111111";
/// Its secret.
pub const SECRET: &str = "secret-test-do-not-show-me-0123456789=";
/// An organization.
pub const ORGANIZATION: &str = "organization-test-22222222-2222-4222-8222-222222222222";
/// A member of it.
pub const MEMBER: &str = "member-test-33333333-3333-4333-8333-333333333333";
/// The name of the key.
pub const KID: &str = "jwk-test-44444444-4444-4444-8444-444444444444";
/// What an answer is called.
pub const REQUEST_ID: &str = "request-id-test-55555555-5555-4555-8555-555555555555";

/// For tests alone: made for them, and used nowhere else.
const RSA_KEY: &str = include_str!("stytch/test_only_rsa_key.pem");
const EC_KEY: &str = include_str!("stytch/test_only_ec_key.pem");

fn der(pem: &str) -> Vec<u8> {
    let body: String = pem
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    STANDARD.decode(body).expect("base64")
}

/// Returns the key that Stytch signs with.
#[must_use]
pub fn rsa() -> EncodingKey {
    EncodingKey::from_rsa_der(&der(RSA_KEY))
}

/// Returns a key of another kind.
#[must_use]
pub fn ec() -> EncodingKey {
    EncodingKey::from_ec_der(&der(EC_KEY))
}

/// Returns a key of yet another kind.
#[must_use]
pub fn ed() -> EncodingKey {
    let head = "302e020100300506032b657004220420";
    let hex = |at: usize| u8::from_str_radix(&head[at..at + 2], 16).expect("hex");
    let mut der: Vec<u8> = (0..head.len()).step_by(2).map(hex).collect();
    der.extend([7; 32]);
    EncodingKey::from_ed_der(&der)
}

/// Returns a key as issuers publish it.
#[must_use]
pub fn published(key: &EncodingKey, algorithm: Algorithm, kid: &str) -> Value {
    let mut jwk = Jwk::from_encoding_key(key, algorithm).expect("a key pair");
    jwk.common.key_id = Some(kid.to_owned());
    jwk.common.key_algorithm = None;
    serde_json::to_value(jwk).expect("JSON")
}

/// Signs claims.
#[must_use]
pub fn sign(algorithm: Algorithm, kid: &str, key: &EncodingKey, claims: &Value) -> String {
    let mut header = Header::new(algorithm);
    header.kid = Some(kid.to_owned());
    jsonwebtoken::encode(&header, claims, key).expect("a token")
}

/// Returns claims with one more, changed, or (by `null`) one less.
#[must_use]
pub fn with(mut claims: Value, name: &str, value: Value) -> Value {
    let object = claims.as_object_mut().expect("claims");
    if value.is_null() {
        object.remove(name);
    } else {
        object.insert(name.to_owned(), value);
    }
    claims
}

/// Returns this moment in seconds since 1970.
#[must_use]
pub fn now() -> i64 {
    Utc::now().timestamp()
}

/// Returns the claims of a session that began with a link in a mail.
#[must_use]
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
#[must_use]
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
#[must_use]
pub fn password_factor() -> Value {
    json!({ "type": "password", "delivery_method": "knowledge" })
}

/// Signs a session's claims as Stytch does.
#[must_use]
pub fn session_jwt(claims: &Value) -> String {
    sign(Algorithm::RS256, KID, &rsa(), claims)
}

/// Stytch, played by a local server that knows its keys.
pub struct Stytch {
    /// The server.
    pub server: MockServer,
    /// A client of it.
    pub client: StytchClient,
}

impl Stytch {
    /// Starts it.
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

/// Where members are asked for.
#[must_use]
pub fn member_path() -> String {
    format!("/v1/b2b/organizations/{ORGANIZATION}/member")
}

/// Where keys are asked for.
#[must_use]
pub fn jwks_path() -> String {
    format!("/v1/b2b/sessions/jwks/{PROJECT}")
}

/// Returns how that server is reached.
#[must_use]
pub fn config(base_url: &Url) -> StytchConfig {
    StytchConfig {
        base_url: base_url.clone(),
        project_id: PROJECT.to_owned(),
        secret: SECRET.parse().expect("a secret"),
    }
}

/// Returns a client of that server.
#[must_use]
pub fn client(base_url: &Url) -> StytchClient {
    StytchClient::new(config(base_url)).expect("a client")
}
