//! Calls to the tenant service.

use averis_tenant_context::{Clue, TenantContext, TenantKey};
use averis_tokens::{JwkSet, ServiceIdentity};
use reqwest::Url;

use crate::access::{InspectKey, KnownKey, Revocation};
use crate::client::{CallError, Correlation, ServiceClient};

/// Where the tenant service looks tenants up. Never passes the ingress.
pub const LOOKUP_PATH: &str = "/internal/tenant/v1/lookup";

/// Where the tenant service lists the tenants that requests may reach, by key.
pub const LIST_PATH: &str = "/internal/tenant/v1/tenants";

/// Where the tenant service publishes the keys that sign access tokens. Open to everybody.
pub const KEYS_PATH: &str = "/.well-known/jwks.json";

/// Where the tenant service tells whether an API key is good. Never passes the ingress.
pub const INSPECT_KEY_PATH: &str = "/internal/tenant/v1/api-keys/inspect";

/// Where the tenant service tells what was taken back lately. Never passes the ingress.
pub const REVOCATIONS_PATH: &str = "/internal/tenant/v1/revocations";

/// The tenant service's client.
pub struct TenantClient {
    calls: ServiceClient,
    /// With a breaker of its own: whoever shows invented keys keeps nobody from learning of tenants.
    inspections: ServiceClient,
}

impl TenantClient {
    /// Makes a client of the tenant service at `base`, for calls by the service `own`.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(base: Url, own: ServiceIdentity) -> Result<Self, CallError> {
        let calls = ServiceClient::new("tenant", base, own)?;
        let inspections = calls.apart();
        Ok(Self { calls, inspections })
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
        self.calls.get(LOOKUP_PATH, &query, correlation).await
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
            .calls
            .get(LIST_PATH, &[("after", after)], correlation)
            .await?;
        Ok(page.unwrap_or_default())
    }

    /// Returns the keys that sign access tokens.
    ///
    /// # Errors
    /// When the tenant service gave no usable answer.
    pub async fn keys(&self) -> Result<JwkSet, CallError> {
        let keys = self
            .calls
            .get(KEYS_PATH, &[], &Correlation::default())
            .await?;
        keys.ok_or(CallError::Unavailable("tenant", None))
    }

    /// Returns what is known of the API key with that SHA-256 in hex, if it is good.
    ///
    /// # Errors
    /// When the tenant service gave no usable answer.
    pub async fn inspect_key(
        &self,
        digest: String,
        correlation: &Correlation,
    ) -> Result<Option<KnownKey>, CallError> {
        let body = InspectKey { digest };
        self.inspections
            .post(INSPECT_KEY_PATH, &body, correlation)
            .await
    }

    /// Returns what was taken back within the life of an access token.
    ///
    /// # Errors
    /// When the tenant service gave no usable answer.
    pub async fn revocations(&self) -> Result<Vec<Revocation>, CallError> {
        let correlation = Correlation::default();
        let taken_back = self.calls.get(REVOCATIONS_PATH, &[], &correlation).await?;
        taken_back.ok_or(CallError::Unavailable("tenant", None))
    }
}
