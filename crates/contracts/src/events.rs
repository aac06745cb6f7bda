//! Events, as one service pushes them to another.

use averis_tenant_context::TenantKey;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// Something that happened in a tenant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The same each time that it is delivered.
    pub id: Uuid,
    /// Place among the events of its tenant and service. Later ones have higher ones.
    pub seq: i64,
    /// What happened, such as `product.launched`.
    pub kind: String,
    /// What it happened to.
    pub subject: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// What is known of it; what is in it depends on the kind.
    pub data: Value,
    /// Within which recorded trace it happened: a W3C `traceparent`. It is told to services only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// Largest body of events, in bytes. A batch has less than one, and a product of thousands of variants is one event.
pub const MAX_EVENTS: usize = 16 * 1024 * 1024;

/// Events of one tenant, in their order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventBatch {
    /// At least one.
    pub events: Vec<Event>,
}

/// What a subscriber says once the events have had their effect.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Taken {
    /// How many of them it had not seen before.
    pub new: usize,
}

/// Returns where a service takes events of a tenant. Never passes the ingress.
#[must_use]
pub fn events_path(service: &str, tenant: &TenantKey) -> String {
    format!("/internal/{service}/v1/tenants/{tenant}/events")
}
