//! What Averis' own tokens say.

use averis_tenant_context::{GlobalRole, TenantRole};
use chrono::Utc;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `aud` of access tokens: every Averis service.
pub const API_AUDIENCE: &str = "averis";

/// Who the caller of an API is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// Issuer: the tenant service.
    pub iss: String,
    /// Always `averis`.
    pub aud: String,
    /// The person, or the shopper's session.
    pub sub: Uuid,
    /// The session that this token was made in; ends with it.
    pub sid: Uuid,
    /// This token.
    pub jti: Uuid,
    /// Seconds since 1970.
    pub iat: i64,
    /// Milliseconds since 1970: what was revoked at a later moment is refused.
    pub iat_ms: i64,
    /// Not before, in seconds since 1970.
    pub nbf: i64,
    /// Not after, in seconds since 1970.
    pub exp: i64,
    /// The tenant that the token is good for; absent for the platform itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Uuid>,
    /// Roles in that tenant.
    #[serde(default)]
    pub tenant_roles: Vec<TenantRole>,
    /// Roles on the platform.
    #[serde(default)]
    pub global_roles: Vec<GlobalRole>,
    /// The tenant that a sign-in without a choice leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_tenant: Option<Uuid>,
    /// Every tenant that the person belongs to.
    #[serde(default)]
    pub memberships: Vec<MembershipClaim>,
    /// The grant under which staff of the platform acts inside the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Uuid>,
    /// An anonymous shopper rather than a person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shopper: bool,
}

/// A tenant that a person belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembershipClaim {
    /// The tenant.
    pub tenant: Uuid,
    /// Its key.
    pub key: String,
    /// Roles there.
    pub roles: Vec<TenantRole>,
    /// `invited`, `active` or `suspended`.
    pub status: String,
}

/// Which service calls another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceClaims {
    /// The calling service's name.
    pub iss: String,
    /// The called service's name.
    pub aud: String,
    /// The calling service's name again.
    pub sub: String,
    /// Seconds since 1970.
    pub iat: i64,
    /// A minute later.
    pub exp: i64,
    /// The tenant that the call is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Uuid>,
    /// The caller whose request made this call necessary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<Uuid>,
}

/// Returns this moment in milliseconds since 1970.
#[must_use]
pub fn now_ms() -> i64 {
    Utc::now().timestamp_millis()
}
