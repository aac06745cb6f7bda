//! The tokens that this service makes.

use averis_tenant_context::{GlobalRole, TenantRole};
use averis_tokens::{
    API_AUDIENCE, AccessClaims, Algorithm, Expected, JwkSet, KeySet, Kind, MembershipClaim,
    SigningKeys, SigningSecret, TokenError, now_ms, verify,
};
use chrono::Utc;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

/// How long an access token is good, in seconds.
pub const ACCESS_LIFETIME: i64 = 300;
/// How long a sign-in waits to be exchanged, in seconds.
pub const SIGN_IN_LIFETIME: i64 = 300;
/// How long a shopper's session lasts after its last access token, in seconds.
const SHOPPER_LIFETIME: i64 = 30 * 24 * 3600;
/// `aud` of what a sign-in gives.
const SIGN_IN_AUDIENCE: &str = "averis-sign-in";
/// `aud` of what a shopper keeps.
const SHOPPER_AUDIENCE: &str = "averis-shopper";

/// Makes and checks the platform's own tokens.
#[derive(Clone, Debug)]
pub struct AccessTokens {
    keys: SigningKeys,
    issuer: String,
    /// The same keys as those who check tokens see them.
    own: Arc<KeySet>,
}

/// Whom an access token is for.
#[derive(Clone, Debug, Default)]
pub struct Grantee {
    /// The person, or the shopper's session.
    pub subject: Uuid,
    /// The sign-in.
    pub session: Uuid,
    /// The tenant, none for the platform.
    pub tenant: Option<Uuid>,
    /// Roles there.
    pub tenant_roles: Vec<TenantRole>,
    /// Roles on the platform.
    pub global_roles: Vec<GlobalRole>,
    /// Where a sign-in without a choice leads to.
    pub default_tenant: Option<Uuid>,
    /// All tenants of the person.
    pub memberships: Vec<MembershipClaim>,
    /// The grant of staff inside a tenant.
    pub grant: Option<Uuid>,
    /// Not after, in seconds since 1970, when that is earlier than usual.
    pub until: Option<i64>,
    /// Whether it is a shopper, who is nobody yet.
    pub shopper: bool,
}

/// What a local account's sign-in gives.
#[derive(Debug, Serialize, Deserialize)]
pub struct SignInClaims {
    iss: String,
    aud: String,
    /// The person.
    pub sub: Uuid,
    /// The session.
    pub sid: Uuid,
    iat: i64,
    exp: i64,
}

/// What a shopper keeps.
#[derive(Debug, Serialize, Deserialize)]
pub struct ShopperClaims {
    iss: String,
    aud: String,
    /// The session.
    pub sub: Uuid,
    /// The one tenant that it is good for.
    pub tenant: Uuid,
    iat: i64,
    exp: i64,
}

impl AccessTokens {
    /// Makes the maker of an issuer's tokens.
    #[must_use]
    pub fn new(secret: SigningSecret, issuer: &str) -> Self {
        let keys = SigningKeys::new(secret, issuer);
        let published = keys.clone();
        let own = KeySet::new(move || {
            let keys = published.published(Utc::now());
            Box::pin(
                async move { keys.map_err(|error| averis_tokens::FetchError(error.to_string())) },
            )
        });
        Self {
            keys,
            issuer: issuer.to_owned(),
            own: Arc::new(own),
        }
    }

    /// Returns the keys that access tokens are checked with.
    ///
    /// # Errors
    /// When they cannot be made, which none can.
    pub fn published(&self) -> Result<JwkSet, TokenError> {
        self.keys.published(Utc::now())
    }

    /// Makes an access token as of this moment.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn access(&self, grantee: &Grantee) -> Result<String, TokenError> {
        self.access_at(grantee, now_ms())
    }

    /// Makes an access token as of a moment in milliseconds since 1970. Where revocations are kept in a database, the
    /// moment is by its clock.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn access_at(&self, grantee: &Grantee, at_ms: i64) -> Result<String, TokenError> {
        self.sign_access(&self.claims(grantee, at_ms))
    }

    /// Returns the claims of an access token.
    #[must_use]
    pub fn claims(&self, grantee: &Grantee, at_ms: i64) -> AccessClaims {
        let at = at_ms.div_euclid(1000);
        let exp = at + ACCESS_LIFETIME;
        AccessClaims {
            iss: self.issuer.clone(),
            aud: API_AUDIENCE.to_owned(),
            sub: grantee.subject,
            sid: grantee.session,
            jti: Uuid::now_v7(),
            iat: at,
            iat_ms: at_ms,
            nbf: at,
            exp: grantee.until.map_or(exp, |until| until.min(exp)),
            tenant: grantee.tenant,
            tenant_roles: grantee.tenant_roles.clone(),
            global_roles: grantee.global_roles.clone(),
            default_tenant: grantee.default_tenant,
            memberships: grantee.memberships.clone(),
            grant: grantee.grant,
            shopper: grantee.shopper,
        }
    }

    /// Signs the claims of an access token.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn sign_access(&self, claims: &AccessClaims) -> Result<String, TokenError> {
        self.keys.sign(Kind::Access, claims, Utc::now())
    }

    /// Makes what a sign-in gives, good for nothing but to be exchanged for access.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn sign_in(&self, user: Uuid, session: Uuid) -> Result<String, TokenError> {
        let now = Utc::now();
        let claims = SignInClaims {
            iss: self.issuer.clone(),
            aud: SIGN_IN_AUDIENCE.to_owned(),
            sub: user,
            sid: session,
            iat: now.timestamp(),
            exp: now.timestamp() + SIGN_IN_LIFETIME,
        };
        self.keys.sign(Kind::LocalSession, &claims, now)
    }

    /// Checks what a sign-in gave.
    ///
    /// # Errors
    /// Why it is refused.
    pub async fn verify_sign_in(&self, token: &str) -> Result<SignInClaims, TokenError> {
        self.verify_own(token, SIGN_IN_AUDIENCE).await
    }

    /// Makes an access token of a shopper's session in a tenant, and what the shopper keeps to have the next.
    ///
    /// # Errors
    /// When they cannot be signed.
    pub fn shopper(&self, session: Uuid, tenant: Uuid) -> Result<(String, String), TokenError> {
        let access = self.access(&Grantee {
            subject: session,
            session,
            tenant: Some(tenant),
            shopper: true,
            ..Grantee::default()
        })?;
        let now = Utc::now();
        let claims = ShopperClaims {
            iss: self.issuer.clone(),
            aud: SHOPPER_AUDIENCE.to_owned(),
            sub: session,
            tenant,
            iat: now.timestamp(),
            exp: now.timestamp() + SHOPPER_LIFETIME,
        };
        let kept = self.keys.sign(Kind::LocalSession, &claims, now)?;
        Ok((access, kept))
    }

    /// Checks what a shopper kept.
    ///
    /// # Errors
    /// Why it is refused.
    pub async fn verify_shopper(&self, token: &str) -> Result<ShopperClaims, TokenError> {
        self.verify_own(token, SHOPPER_AUDIENCE).await
    }

    /// Checks a token that nobody but this service reads.
    async fn verify_own<T: DeserializeOwned>(
        &self,
        token: &str,
        audience: &str,
    ) -> Result<T, TokenError> {
        let expected = Expected {
            kind: Kind::LocalSession,
            issuer: &self.issuer,
            audience,
            algorithms: &[Algorithm::EdDSA],
        };
        verify(token, &expected, &self.own).await
    }
}
