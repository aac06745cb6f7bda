//! What the product service tells and is asked.

use averis_tenant_context::TenantKey;
use averis_tokens::ServiceIdentity;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::client::{CallError, Correlation, ServiceClient};

/// Kinds of the product service's events. The data of each is a [`ProductState`].
pub mod kinds {
    /// A revision is offered for sale.
    pub const LAUNCHED: &str = "product.launched";
    /// It is out of sale for a while.
    pub const SUSPENDED: &str = "product.suspended";
    /// It is offered again.
    pub const RESUMED: &str = "product.resumed";
    /// It is gone for good.
    pub const ARCHIVED: &str = "product.archived";
}

/// Where a launched product is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductState {
    /// The product.
    pub product_id: Uuid,
    /// Its version: what is said with a lower one is older.
    pub version: i64,
    /// `active`, `suspended` or `archived`.
    pub status: String,
    /// The launched revision.
    pub rev: i64,
    /// Its variants, if it was launched just now. Otherwise they are as they were.
    #[serde(default)]
    pub variants: Vec<LaunchedVariant>,
}

/// A variant that was launched, as other services need to know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchedVariant {
    /// As it was written by its stewards.
    pub sku: String,
    /// What its product is called.
    #[serde(default)]
    pub name: String,
    /// Its product.
    pub product_id: Uuid,
    /// The version of the product that says so.
    pub version: i64,
    /// Whether it may be sold now.
    pub active: bool,
    /// `physical`, `digital`, `service` or `bundle`.
    pub kind: String,
    /// Whether it is taxed at all.
    pub taxable: bool,
    /// Its tax category; the standard one if none.
    pub tax_category: Option<String>,
}

/// Asks for variants by SKU, of one product or of any.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindVariants {
    /// At most 250, in any case.
    pub skus: Vec<String>,
    /// At most 250; all variants of these.
    pub product_ids: Vec<Uuid>,
}

/// Returns where the product service finds launched variants. Never passes the ingress.
#[must_use]
pub fn variants_path(tenant: &TenantKey) -> String {
    format!("/internal/product/v1/tenants/{tenant}/launched-variants")
}

/// The product service's client.
pub struct ProductClient(ServiceClient);

impl ProductClient {
    /// Makes a client of the product service at `base`, for calls by the service `own`.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(base: Url, own: ServiceIdentity) -> Result<Self, CallError> {
        Ok(Self(ServiceClient::new("product", base, own)?))
    }

    /// Returns the launched variants of that tenant that are asked for and exist. `correlation` names the tenant.
    ///
    /// # Errors
    /// When the product service gave no usable answer.
    pub async fn find_variants(
        &self,
        tenant: &TenantKey,
        wanted: &FindVariants,
        correlation: &Correlation,
    ) -> Result<Vec<LaunchedVariant>, CallError> {
        let path = variants_path(tenant);
        let found = self.0.post(&path, wanted, correlation).await?;
        found.ok_or(CallError::Unavailable("product", None))
    }
}
