//! The rules by which every token is checked.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use serde::de::DeserializeOwned;

use crate::key_set::{FetchError, KeySet};

/// Longer tokens are not even looked at.
const MAX_LENGTH: usize = 16 * 1024;
/// How far two clocks may be apart, in seconds.
const LEEWAY: u64 = 5;

/// What a token is for. It stands in the header's `typ`, so that none is taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A caller's access to the API (RFC 9068).
    Access,
    /// A service's call of another.
    Service,
    /// What a local account's sign-in gives, to be exchanged for access.
    LocalSession,
    /// Any other issuer's, whose `typ` is not ours to decide.
    Foreign,
}

impl Kind {
    /// Returns the `typ`; empty for foreign tokens.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Service => "averis-service+jwt",
            Self::LocalSession => "averis-session+jwt",
            Self::Foreign => "",
        }
    }
}

/// What a token has to be.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Its kind.
    pub kind: Kind,
    /// Its `iss`, exactly.
    pub issuer: &'a str,
    /// One of its `aud`, exactly.
    pub audience: &'a str,
    /// Algorithms that may have signed it. Never a symmetric one: everybody knows the public key.
    pub algorithms: &'a [Algorithm],
}

/// Why a token is refused. For the log: callers are told no more than that it is.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It is no token, or not of this kind, issuer, audience, algorithm or signature.
    #[error("the token is not acceptable: {0}")]
    Invalid(String),
    /// Everything is right but the time.
    #[error("the token has expired")]
    Expired,
    /// The key that it names is none of the issuer's.
    #[error("the token names an unknown key")]
    UnknownKey,
    /// The issuer's keys cannot be had now.
    #[error(transparent)]
    KeysUnavailable(#[from] FetchError),
}

impl From<jsonwebtoken::errors::Error> for TokenError {
    fn from(error: jsonwebtoken::errors::Error) -> Self {
        match error.kind() {
            ErrorKind::ExpiredSignature => Self::Expired,
            _ => Self::Invalid(error.to_string()),
        }
    }
}

/// Checks a token against its issuer's keys and returns its claims. `exp`, `iss`, `aud` and `sub` are required, and
/// `nbf` counts where it is there.
///
/// # Errors
/// Why it is refused.
pub async fn verify<C: DeserializeOwned>(
    token: &str,
    expected: &Expected<'_>,
    keys: &KeySet,
) -> Result<C, TokenError> {
    if token.len() > MAX_LENGTH {
        return Err(TokenError::Invalid("too long".to_owned()));
    }
    let header = jsonwebtoken::decode_header(token)?;
    if !expected.algorithms.contains(&header.alg) {
        return Err(TokenError::Invalid(format!("signed by {:?}", header.alg)));
    }
    let kind = header.typ.as_deref().unwrap_or_default();
    if expected.kind != Kind::Foreign && kind != expected.kind.as_str() {
        return Err(TokenError::Invalid(format!("of type {kind:?}")));
    }
    let Some(id) = header.kid else {
        return Err(TokenError::Invalid("names no key".to_owned()));
    };
    let key = keys.find(&id).await?.ok_or(TokenError::UnknownKey)?;
    let mut rules = Validation::new(header.alg);
    rules.leeway = LEEWAY;
    rules.validate_nbf = true;
    rules.set_issuer(&[expected.issuer]);
    rules.set_audience(&[expected.audience]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    Ok(jsonwebtoken::decode(token, &key, &rules)?.claims)
}
