//! Any OpenID Connect issuer: its ID tokens, checked as OpenID Connect Core 1.0, section 3.1.3.7, says.
//!
//! A token's `nonce` is handed on and not looked at: whoever started the sign-in knows which one to expect.

use std::fmt;
use std::sync::Arc;

use averis_tokens::{Algorithm, Expected, FetchError, JwkSet, KeySet, Kind, verify};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::http;
use crate::session::{ConfigError, ProviderError, ProviderSession, normal_email};

const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::RS256,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::EdDSA,
];

/// Which issuer, and who we are to it.
#[derive(Clone, Debug)]
pub struct OidcConfig {
    /// The issuer's URL, to the letter as its tokens name it in `iss`.
    pub issuer: String,
    /// Our client id there; the audience of the tokens that are meant for us.
    pub client_id: String,
}

/// A reader of one issuer's ID tokens.
pub struct OidcClient {
    config: OidcConfig,
    keys: KeySet,
}

impl fmt::Debug for OidcClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcClient")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    /// A text or a list of them.
    aud: Value,
    azp: Option<String>,
    /// The specification allows fractions of seconds.
    exp: f64,
    nonce: Option<String>,
    email: Option<String>,
    email_verified: Option<Flag>,
}

/// Some issuers write the flag as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Flag {
    Bool(bool),
    Text(String),
}

impl Flag {
    fn is_set(&self) -> bool {
        match self {
            Self::Bool(value) => *value,
            Self::Text(text) => text == "true",
        }
    }
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl OidcClient {
    /// Makes a reader. Nothing is asked before the first token.
    ///
    /// # Errors
    /// When the issuer's URL is neither HTTPS nor this machine, when a setting is empty, or when the HTTP client
    /// cannot be built.
    pub fn new(config: OidcConfig) -> Result<Self, ConfigError> {
        let url = discovery_url(&config.issuer).ok_or(ConfigError::Invalid(
            "the issuer must be an https URL without user, query and fragment, or plain http to this machine",
        ))?;
        if config.client_id.is_empty() {
            return Err(ConfigError::Invalid("the client id must not be empty"));
        }
        let source = Arc::new(Source {
            http: http::client()?,
            issuer: config.issuer.clone(),
            url,
        });
        let keys = KeySet::new(move || {
            let source = Arc::clone(&source);
            Box::pin(async move {
                let keys = source.keys().await;
                keys.map_err(|error| FetchError(error.reason()))
            })
        });
        Ok(Self { config, keys })
    }

    /// Checks an ID token and returns whose it is. Tokens have to name their key.
    ///
    /// # Errors
    /// `Refused` when the token is not this issuer's, not for us, has expired, or shows no verified address;
    /// `Unavailable` when the issuer's keys are not to be had.
    pub async fn authenticate(&self, id_token: &str) -> Result<ProviderSession, ProviderError> {
        let expected = Expected {
            kind: Kind::Foreign,
            issuer: &self.config.issuer,
            audience: &self.config.client_id,
            algorithms: &ALGORITHMS,
        };
        let claims: Claims = verify(id_token, &expected, &self.keys)
            .await
            .map_err(ProviderError::from_token)?;
        let shared = claims.aud.as_array().is_some_and(|all| all.len() > 1);
        if shared && claims.azp.as_ref() != Some(&self.config.client_id) {
            return Err(ProviderError::refused(
                "the token was made for another client",
            ));
        }
        if claims.sub.is_empty() {
            return Err(ProviderError::refused("the token names nobody"));
        }
        let Some(email) = claims.email else {
            return Err(ProviderError::refused("the token has no e-mail address"));
        };
        if !claims.email_verified.is_some_and(|flag| flag.is_set()) {
            return Err(ProviderError::refused("the e-mail address is not verified"));
        }
        Ok(ProviderSession {
            provider: "oidc",
            issuer: self.config.issuer.clone(),
            subject: claims.sub,
            email: normal_email(&email)?,
            organization: None,
            nonce: claims.nonce,
            expires_at: claims.exp as i64,
        })
    }
}

/// Returns where an issuer describes itself; `None` if it is no URL to trust.
fn discovery_url(issuer: &str) -> Option<Url> {
    let url: Url = issuer.parse().ok()?;
    if !http::is_safe(&url) || url.query().is_some() || url.fragment().is_some() {
        return None;
    }
    let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
    format!("{issuer}/.well-known/openid-configuration")
        .parse()
        .ok()
}

/// Where an issuer's keys come from.
struct Source {
    http: reqwest::Client,
    issuer: String,
    url: Url,
}

impl Source {
    /// Asks for the description each time, so that keys may move.
    async fn keys(&self) -> Result<JwkSet, ProviderError> {
        let discovery: Discovery = http::get(|| self.http.get(self.url.clone())).await?;
        // Whoever can put a description there must not be able to speak for another issuer.
        if discovery.issuer != self.issuer {
            return Err(ProviderError::unavailable("it describes another issuer"));
        }
        match discovery.jwks_uri.parse::<Url>() {
            Ok(url) if http::is_safe(&url) => http::get(|| self.http.get(url.clone())).await,
            _ => Err(ProviderError::unavailable(
                "its keys are not at an https URL",
            )),
        }
    }
}
