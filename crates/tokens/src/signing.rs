//! Keys that sign.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use sha2::Sha256;

use crate::verify::{Kind, TokenError};

/// How long a key signs, in seconds: 30 days.
const PERIOD: i64 = 30 * 24 * 3600;

/// What stands before the 32 bytes of an Ed25519 seed in PKCS#8 version 1 (RFC 8410, section 7).
const PKCS8_HEAD: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// What signing keys are derived from. Never shown.
#[derive(Clone)]
pub struct SigningSecret(String);

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret")
    }
}

impl FromStr for SigningSecret {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() >= 32 {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be at least 32 characters long")
        }
    }
}

/// The keys of one issuer. All instances with the same secret have the same keys, so nothing is stored and nothing
/// has to be agreed on; a new secret replaces them all at once.
#[derive(Clone, Debug)]
pub struct SigningKeys {
    secret: SigningSecret,
    /// Keeps the keys of two issuers with the same secret apart.
    issuer: String,
}

impl SigningKeys {
    /// Makes the keys of `issuer`.
    #[must_use]
    pub fn new(secret: SigningSecret, issuer: &str) -> Self {
        Self {
            secret,
            issuer: issuer.to_owned(),
        }
    }

    /// Signs claims with the key of `now`.
    ///
    /// # Errors
    /// When the claims cannot be written as JSON.
    pub fn sign(
        &self,
        kind: Kind,
        claims: &impl Serialize,
        now: DateTime<Utc>,
    ) -> Result<String, TokenError> {
        let period = now.timestamp().div_euclid(PERIOD);
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(kind.as_str().to_owned());
        header.kid = Some(key_id(period));
        jsonwebtoken::encode(&header, claims, &self.key(period)).map_err(TokenError::from)
    }

    /// Returns the public keys of the last, this and the next period: what was signed just before a change is still
    /// accepted, and nobody has to fetch a key at the very moment of the change.
    ///
    /// # Errors
    /// When a key cannot be made, which none can.
    pub fn published(&self, now: DateTime<Utc>) -> Result<JwkSet, TokenError> {
        let period = now.timestamp().div_euclid(PERIOD);
        let mut keys = Vec::new();
        for period in period - 1..=period + 1 {
            let mut key = Jwk::from_encoding_key(&self.key(period), Algorithm::EdDSA)?;
            key.common.key_id = Some(key_id(period));
            keys.push(key);
        }
        Ok(JwkSet { keys })
    }

    fn key(&self, period: i64) -> EncodingKey {
        derived_key(&self.secret, &self.issuer, &period.to_be_bytes())
    }
}

/// Derives the Ed25519 key that belongs to an owner and a purpose.
pub(crate) fn derived_key(secret: &SigningSecret, owner: &str, purpose: &[u8]) -> EncodingKey {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut derive = Hmac::<Sha256>::new_from_slice(secret.0.as_bytes()).expect("any length");
    derive.update(b"averis signing key\0");
    derive.update(owner.as_bytes());
    derive.update(b"\0");
    derive.update(purpose);
    let seed = derive.finalize().into_bytes();
    EncodingKey::from_ed_der(&[&PKCS8_HEAD[..], &seed[..]].concat())
}

fn key_id(period: i64) -> String {
    format!("p{period}")
}
