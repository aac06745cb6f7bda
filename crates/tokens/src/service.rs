//! How services know each other: each has a key of its own, and the public halves of those whose calls it accepts.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::Utc;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use uuid::Uuid;

use crate::claims::ServiceClaims;
use crate::key_set::KeySet;
use crate::signing::{SigningSecret, derived_key};
use crate::verify::{Expected, Kind, TokenError, verify};

/// How long a service token is good, in seconds.
const LIFETIME: i64 = 60;

/// A service's name and the key with which it signs its calls.
#[derive(Clone)]
pub struct ServiceIdentity {
    name: String,
    key: EncodingKey,
}

impl fmt::Debug for ServiceIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceIdentity({})", self.name)
    }
}

impl ServiceIdentity {
    /// Makes the identity of the service `name`. Every service has a secret of its own.
    #[must_use]
    pub fn new(name: &str, secret: &SigningSecret) -> Self {
        Self {
            name: name.to_owned(),
            key: derived_key(secret, name, b"service"),
        }
    }

    /// Returns `name:x`, the public half, as those who trust this service are told.
    ///
    /// # Errors
    /// When the key cannot be written, which none can.
    pub fn public(&self) -> Result<String, TokenError> {
        let key = Jwk::from_encoding_key(&self.key, Algorithm::EdDSA)?;
        match key.algorithm {
            AlgorithmParameters::OctetKeyPair(parameters) => {
                Ok(format!("{}:{}", self.name, parameters.x))
            }
            _ => Err(TokenError::Invalid("no Ed25519 key".to_owned())),
        }
    }

    /// Signs a call of the service `audience`, for a tenant and on behalf of a caller where there are such.
    ///
    /// # Errors
    /// When the claims cannot be written as JSON.
    pub fn sign(
        &self,
        audience: &str,
        tenant: Option<Uuid>,
        caller: Option<Uuid>,
    ) -> Result<String, TokenError> {
        let now = Utc::now().timestamp();
        let claims = ServiceClaims {
            iss: self.name.clone(),
            aud: audience.to_owned(),
            sub: self.name.clone(),
            iat: now,
            exp: now + LIFETIME,
            tenant,
            caller,
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(Kind::Service.as_str().to_owned());
        header.kid = Some(self.name.clone());
        Ok(jsonwebtoken::encode(&header, &claims, &self.key)?)
    }
}

/// The services whose calls are accepted, with their public keys: while one is replaced by another, a service has two.
#[derive(Clone, Debug, Default)]
pub struct TrustedServices(HashMap<String, Vec<Arc<KeySet>>>);

impl FromStr for TrustedServices {
    type Err = String;

    /// Reads `name:x,name:x`, as [`ServiceIdentity::public`] writes each.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut trusted: HashMap<String, Vec<Arc<KeySet>>> = HashMap::new();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let Some((name, x)) = part.split_once(':') else {
                return Err(format!("{part:?} is not name:key"));
            };
            let key: Jwk =
                public_key(name, x).ok_or_else(|| format!("the key of {name:?} is none"))?;
            let keys = KeySet::fixed(JwkSet { keys: vec![key] });
            let of_service = trusted.entry(name.to_owned()).or_default();
            of_service.push(Arc::new(keys));
        }
        Ok(Self(trusted))
    }
}

fn public_key(name: &str, x: &str) -> Option<Jwk> {
    let shape = jsonwebtoken::DecodingKey::from_ed_components(x).ok()?;
    // 32 bytes: what is shorter or longer is no Ed25519 key.
    (shape.try_get_as_bytes().ok()?.len() == 32).then_some(())?;
    let key = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": name, "x": x});
    serde_json::from_value(key).ok()
}

impl TrustedServices {
    /// Checks a token of a call of the service `own` by one of `callers`.
    ///
    /// # Errors
    /// Why it is refused.
    pub async fn verify(
        &self,
        token: &str,
        own: &str,
        callers: &[&str],
    ) -> Result<ServiceClaims, TokenError> {
        let header = jsonwebtoken::decode_header(token)?;
        let name = header.kid.unwrap_or_default();
        let Some(keys) = self
            .0
            .get(&name)
            .filter(|_| callers.contains(&name.as_str()))
        else {
            return Err(TokenError::Invalid(format!("{name:?} may not call {own}")));
        };
        let expected = Expected {
            kind: Kind::Service,
            issuer: &name,
            audience: own,
            algorithms: &[Algorithm::EdDSA],
        };
        let mut refused = TokenError::Invalid(format!("{name:?} has no key"));
        for key in keys {
            match verify(token, &expected, key).await {
                Ok(claims) => return Ok(claims),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_service_whose_key_is_replaced_has_two_for_a_while() {
        let identity = |secret: &str| {
            let secret = secret.parse().expect("long enough");
            ServiceIdentity::new("oms", &secret)
        };
        let old = identity("what-the-service-signed-with-until-now");
        let new = identity("what-the-service-signs-with-from-now-on");
        let other = identity("what-somebody-else-signs-with-all-the-time");
        let of = |identity: &ServiceIdentity| identity.public().expect("a key");
        let both: TrustedServices = format!("{},{}", of(&old), of(&new)).parse().expect("keys");
        let one: TrustedServices = of(&new).parse().expect("a key");
        let may = async |trusted: &TrustedServices, caller: &ServiceIdentity| {
            let token = caller.sign("erp", None, None).expect("signed");
            trusted.verify(&token, "erp", &["oms"]).await.is_ok()
        };
        assert!(may(&both, &old).await && may(&both, &new).await);
        assert!(may(&one, &new).await && !may(&one, &old).await);
        assert!(!may(&both, &other).await);
        let token = old.sign("erp", None, None).expect("signed");
        assert!(both.verify(&token, "erp", &["ecomm"]).await.is_err());
        assert!(both.verify(&token, "oms", &["oms"]).await.is_err());
    }
}
