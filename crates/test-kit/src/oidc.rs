//! An OpenID Connect issuer as tests play it: it describes itself, publishes a key, and signs ID tokens.

use averis_identity::OidcConfig;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::stytch::{now, published, rsa, sign, with};

/// An OpenID Connect issuer.
pub struct Issuer(MockServer);

impl Issuer {
    const CLIENT: &str = "averis-client";

    /// Starts it.
    pub async fn start() -> Self {
        let server = MockServer::start().await;
        let uri = server.uri();
        let described = json!({"issuer": uri, "jwks_uri": format!("{uri}/keys")});
        let keys = json!({"keys": [published(&rsa(), Algorithm::RS256, "rsa")]});
        for (place, body) in [
            ("/.well-known/openid-configuration", described),
            ("/keys", keys),
        ] {
            let answer = ResponseTemplate::new(200).set_body_json(body);
            let mock = Mock::given(method("GET"))
                .and(path(place))
                .respond_with(answer);
            mock.mount(&server).await;
        }
        Self(server)
    }

    /// How a service is set up that believes it.
    #[must_use]
    pub fn config(&self) -> OidcConfig {
        OidcConfig {
            issuer: self.0.uri(),
            client_id: Self::CLIENT.to_owned(),
        }
    }

    /// Signs an ID token of a subject with a verified address, good for an hour. `nonce` is null for none.
    #[must_use]
    pub fn token(&self, subject: &str, email: &str, nonce: Value) -> String {
        let claims = json!({
            "iss": self.0.uri(), "sub": subject, "aud": Self::CLIENT, "iat": now(), "exp": now() + 3600,
            "email": email, "email_verified": true,
        });
        let claims = with(claims, "nonce", nonce);
        sign(Algorithm::RS256, "rsa", &rsa(), &claims)
    }
}
