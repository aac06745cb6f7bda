//! Calls to the tenant service.

use averis_tenant_context::{Clue, TenantContext, TenantKey};
use reqwest::Url;

use crate::client::{CallError, Correlation, ServiceClient};

/// Where the tenant service looks tenants up. Never passes the ingress.
pub const LOOKUP_PATH: &str = "/internal/tenant/v1/lookup";

/// Where the tenant service lists the tenants that requests may reach, by key.
pub const LIST_PATH: &str = "/internal/tenant/v1/tenants";

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

    /// Returns the next tenants after a key, by key; none after the last.
    ///
    /// # Errors
    /// When the tenant service gave no usable answer.
    pub async fn list(
        &self,
        after: Option<&TenantKey>,
        correlation: &Correlation,
    ) -> Result<Vec<TenantContext>, CallError> {
        let after = after.map_or("", TenantKey::as_str);
        let page = self
            .0
            .get(LIST_PATH, &[("after", after)], correlation)
            .await?;
        Ok(page.unwrap_or_default())
    }
}
