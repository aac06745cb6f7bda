//! What services ask the tenant service about callers.

use averis_tenant_context::Permission;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An API key that is good, as the tenant service tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownKey {
    /// The key's id.
    pub id: Uuid,
    /// The tenant that it is for.
    pub tenant: Uuid,
    /// Who made it: what that one loses, the key loses.
    pub created_by: Uuid,
    /// When this was so, by the clock that revocations go by, in milliseconds since 1970.
    pub known_at_ms: i64,
    /// What it may do.
    pub scopes: Vec<Permission>,
    /// Not after, in milliseconds since 1970.
    pub expires_at_ms: Option<i64>,
}

/// The question for a key. It carries the digest, so that no key is ever sent on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InspectKey {
    /// SHA-256 of the whole key, in hex.
    pub digest: String,
}

/// Something that was taken back: whatever says that it is from before no longer counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// In this tenant alone, or everywhere.
    pub tenant: Option<Uuid>,
    /// A person, a session, a key or a grant.
    pub subject: Uuid,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}
