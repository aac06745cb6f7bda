//! What a request knows of its tenant.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::words::text_enum;
use crate::{Subdomain, TenantKey, TenantSettings};

/// A tenant's id (UUIDv7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantId(pub Uuid);

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_enum! {
    /// What a tenant has subscribed to. It decides the defaults of its settings.
    Tier {
        /// One small shop.
        Starter = "starter",
        /// A growing organisation.
        Professional = "professional",
        /// A large organisation with agreements of its own.
        Enterprise = "enterprise",
    }
}

text_enum! {
    /// Where a tenant is in its life: provisioning, active, suspended, closing, purged.
    TenantStatus {
        /// Being made. No request reaches it.
        Provisioning = "provisioning",
        /// In use.
        Active = "active",
        /// Reads and exports go on, writes are refused.
        Suspended = "suspended",
        /// The tenant leaves: reads and exports go on until it is purged.
        Closing = "closing",
        /// Its schemas and roles are gone. Its key is never used again.
        Purged = "purged",
    }
}

impl TenantStatus {
    /// Whether requests may reach a tenant in this state at all.
    #[must_use]
    pub const fn is_routable(self) -> bool {
        matches!(self, Self::Active | Self::Suspended | Self::Closing)
    }

    /// Whether requests may change anything of a tenant in this state.
    #[must_use]
    pub const fn is_writable(self) -> bool {
        matches!(self, Self::Active)
    }
}

/// What a request knows of its tenant, as the tenant service tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TenantContext {
    /// Identity.
    pub id: TenantId,
    /// Immutable key: schema names, cache keys and log lines carry it.
    pub key: TenantKey,
    /// Name for people.
    pub name: String,
    /// Label in front of the base domain.
    pub subdomain: Subdomain,
    /// Subscription.
    pub tier: Tier,
    /// State.
    pub status: TenantStatus,
    /// Branding, features, limits, compliance regions.
    pub settings: TenantSettings,
    /// Version of the tenant's row: a newer context has a higher one.
    pub version: i64,
}
