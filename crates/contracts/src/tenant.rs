//! Calls to the tenant service.

use averis_tenant_context::{Clue, TenantContext};
use reqwest::Url;

use crate::client::{CallError, Correlation, ServiceClient};

/// Where the tenant service looks tenants up. Never passes the ingress.
pub const LOOKUP_PATH: &str = "/internal/tenant/v1/lookup";

/// The tenant service's client.
pub struct TenantClient(ServiceClient);

impl TenantClient {
    /// Makes a client of the tenant service at `base`.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(base: Url) -> Result<Self, CallError> {
        Ok(Self(ServiceClient::new("tenant", base)?))
    }

    /// Returns the tenant of that name, if there is one that requests may reach.
    ///
    /// # Errors
    /// When the tenant service gave no usable answer.
    pub async fn lookup(
        &self,
        clue: &Clue,
        correlation: &Correlation,
    ) -> Result<Option<TenantContext>, CallError> {
        let query = match clue {
            Clue::Subdomain(subdomain) => [("subdomain", subdomain.as_str())],
            Clue::Key(key) => [("key", key.as_str())],
        };
        self.0.get(LOOKUP_PATH, &query, correlation).await
    }
}
