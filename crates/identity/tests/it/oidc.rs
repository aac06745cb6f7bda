//! ID tokens of any issuer.

use averis_identity::{ConfigError, OidcClient, OidcConfig};
use futures_util::future::join_all;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{
    RSA_PUBLIC_KEY, ec, ed, forge, now, published, refusal, rsa, sign, tamper, with,
};

pub const CLIENT: &str = "averis-client";
pub const DISCOVERY: &str = "/.well-known/openid-configuration";

struct Issuer {
    server: MockServer,
    client: OidcClient,
}

pub fn reader(issuer: &str) -> Result<OidcClient, ConfigError> {
    OidcClient::new(OidcConfig {
        issuer: issuer.to_owned(),
        client_id: CLIENT.to_owned(),
    })
}

pub async fn serve(server: &MockServer, at: &str, body: Value) {
    Mock::given(method("GET"))
        .and(path(at))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(server)
        .await;
}

pub fn keys() -> Value {
    json!({ "keys": [
        // Of kinds that nobody here can use; they must not spoil the others.
        { "kty": "EC", "crv": "secp256k1", "kid": "koblitz", "x": "AA", "y": "AA" },
        { "kty": "OKP", "crv": "X25519", "kid": "exchange", "x": "AA" },
        { "kty": "RSA", "kid": "broken" },
        published(&rsa(), Algorithm::RS256, "rsa"),
        published(&ec(), Algorithm::ES256, "ec"),
        published(&ed(), Algorithm::EdDSA, "ed"),
    ]})
}

impl Issuer {
    async fn start() -> Self {
        let server = MockServer::start().await;
        let uri = server.uri();
        let described = json!({ "issuer": uri, "jwks_uri": format!("{uri}/keys") });
        serve(&server, DISCOVERY, described).await;
        serve(&server, "/keys", keys()).await;
        let client = reader(&uri).expect("a client");
        Self { server, client }
    }

    fn claims(&self) -> Value {
        json!({
            "iss": self.server.uri(),
            "sub": "user-1",
            "aud": CLIENT,
            "iat": now(),
            "exp": now() + 3600,
            "email": "Ann@Example.com",
            "email_verified": true,
        })
    }
}

pub fn token(claims: &Value) -> String {
    sign(Algorithm::RS256, "rsa", &rsa(), claims)
}

#[tokio::test]
async fn a_token_says_who_and_until_when() {
    let issuer = Issuer::start().await;
    let claims = issuer.claims();
    let session = issuer
        .client
        .authenticate(&token(&claims))
        .await
        .expect("a session");
    assert_eq!(session.provider, "oidc");
    assert_eq!(session.issuer, issuer.server.uri());
    assert_eq!(session.subject, "user-1");
    assert_eq!(session.email, "ann@example.com");
    assert_eq!(session.organization, None);
    assert_eq!(session.expires_at, claims["exp"]);
}

#[tokio::test]
async fn four_algorithms_are_good() {
    let issuer = Issuer::start().await;
    let claims = issuer.claims();
    for (algorithm, kid, key) in [
        (Algorithm::RS256, "rsa", rsa()),
        (Algorithm::PS256, "rsa", rsa()),
        (Algorithm::ES256, "ec", ec()),
        (Algorithm::EdDSA, "ed", ed()),
    ] {
        let outcome = issuer
            .client
            .authenticate(&sign(algorithm, kid, &key, &claims))
            .await;
        assert_eq!(
            outcome.expect("a session").subject,
            "user-1",
            "{algorithm:?}"
        );
    }
}

#[tokio::test]
async fn other_ways_of_saying_the_same_are_good() {
    let issuer = Issuer::start().await;
    let claims = issuer.claims();
    let several = with(claims.clone(), "aud", json!([CLIENT, "other"]));
    for claims in [
        with(claims.clone(), "aud", json!([CLIENT])),
        with(several, "azp", json!(CLIENT)),
        with(claims.clone(), "email_verified", json!("true")),
        with(claims.clone(), "exp", json!(now() as f64 + 60.5)),
        with(claims.clone(), "nbf", json!(now())),
    ] {
        issuer
            .client
            .authenticate(&token(&claims))
            .await
            .expect("a session");
    }
}

#[tokio::test]
async fn tokens_that_are_not_for_us_are_refused() {
    let issuer = Issuer::start().await;
    let good = issuer.claims();
    let signed = token(&good);
    let signature = signed.rsplit('.').next().expect("three parts");
    let by_public_key = EncodingKey::from_secret(RSA_PUBLIC_KEY.as_bytes());
    let changed = |name: &str, value: Value| token(&with(good.clone(), name, value));
    let several = with(good.clone(), "aud", json!([CLIENT, "other"]));
    let slash = format!("{}/", issuer.server.uri());
    let none = json!({ "alg": "none", "kid": "rsa" });
    let cases = [
        (
            "issuer",
            "InvalidIssuer",
            changed("iss", json!("https://issuer.example.com")),
        ),
        (
            "issuer with a slash",
            "InvalidIssuer",
            changed("iss", json!(slash)),
        ),
        ("no issuer", "iss", changed("iss", Value::Null)),
        (
            "audience",
            "InvalidAudience",
            changed("aud", json!("other")),
        ),
        (
            "audiences",
            "InvalidAudience",
            changed("aud", json!(["other", "another"])),
        ),
        ("no audience", "JSON", changed("aud", Value::Null)),
        ("azp missing", "another client", token(&several)),
        (
            "azp",
            "another client",
            token(&with(several, "azp", json!("other"))),
        ),
        ("expired", "expired", changed("exp", json!(now() - 60))),
        ("no end", "JSON", changed("exp", Value::Null)),
        (
            "not yet",
            "ImmatureSignature",
            changed("nbf", json!(now() + 60)),
        ),
        ("nobody", "JSON", changed("sub", Value::Null)),
        ("empty sub", "names nobody", changed("sub", json!(""))),
        ("no e-mail", "no e-mail", changed("email", Value::Null)),
        (
            "malformed e-mail",
            "malformed",
            changed("email", json!("ann")),
        ),
        (
            "unverified",
            "not verified",
            changed("email_verified", json!(false)),
        ),
        (
            "unverified text",
            "not verified",
            changed("email_verified", json!("false")),
        ),
        (
            "odd text",
            "not verified",
            changed("email_verified", json!("TRUE ")),
        ),
        (
            "verified by number",
            "JSON",
            changed("email_verified", json!(1)),
        ),
        (
            "silent on it",
            "not verified",
            changed("email_verified", Value::Null),
        ),
        ("none", "JSON", forge(&none, &good, "")),
        (
            "HS256",
            "HS256",
            sign(Algorithm::HS256, "rsa", &by_public_key, &good),
        ),
        (
            "RS384",
            "RS384",
            sign(Algorithm::RS384, "rsa", &rsa(), &good),
        ),
        (
            "key of another kind",
            "Invalid",
            sign(Algorithm::ES256, "rsa", &ec(), &good),
        ),
        (
            "another's key",
            "Invalid",
            sign(Algorithm::RS256, "ec", &rsa(), &good),
        ),
        (
            "kid",
            "unknown key",
            sign(Algorithm::RS256, "other", &rsa(), &good),
        ),
        (
            "unusable key",
            "unknown key",
            sign(Algorithm::ES256, "koblitz", &ec(), &good),
        ),
        (
            "no kid",
            "names no key",
            forge(&json!({ "alg": "RS256" }), &good, signature),
        ),
        (
            "tampered",
            "InvalidSignature",
            tamper(&signed, "email", json!("eve@example.com")),
        ),
        ("no token", "InvalidToken", "not-a-token".to_owned()),
    ];
    for (case, expected, token) in cases {
        let reason = refusal(issuer.client.authenticate(&token).await, &token);
        assert!(reason.contains(expected), "{case}: {reason}");
    }
}

#[tokio::test]
async fn unknown_keys_cause_no_storm() {
    let issuer = Issuer::start().await;
    let claims = issuer.claims();
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
    let all = tokens.iter().map(|token| issuer.client.authenticate(token));
    for (outcome, token) in join_all(all).await.into_iter().zip(&tokens) {
        assert!(refusal(outcome, token).contains("unknown key"));
    }
    let requests = issuer.server.received_requests().await.expect("recorded");
    let asked = requests
        .iter()
        .filter(|request| request.url.path() == "/keys")
        .count();
    assert!(asked <= 2, "keys were asked for {asked} times");
    issuer
        .client
        .authenticate(&token(&claims))
        .await
        .expect("a session, in spite of it");
}
