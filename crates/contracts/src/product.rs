//! What the product service tells and is asked.

use averis_tenant_context::TenantKey;
use averis_tokens::ServiceIdentity;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::client::{CallError, Correlation, ServiceClient, internal_path};

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

/// A product as shops may show it.
#[derive(Clone, Debug, Deserialize)]
pub struct StagedProduct {
    /// The product.
    pub id: Uuid,
    /// As it stands in a shop's addresses.
    pub key: String,
    /// `physical`, `digital`, `service` or `bundle`.
    pub kind: String,
    /// What it is called.
    pub name: String,
    /// Text or HTML, as it was given.
    pub description: String,
    /// Who makes it.
    pub vendor: String,
    /// What it is.
    pub product_type: String,
    /// Words for it.
    pub tags: Vec<String>,
    /// Names of the options for which each variant has a value.
    pub options: Vec<String>,
    /// Where it stands.
    pub category_ids: Vec<Uuid>,
    /// Values by code of their definition.
    pub attributes: Value,
    /// Pictures and films.
    pub media: Vec<Value>,
    /// All of them.
    pub variants: Vec<StagedVariant>,
}

/// A variant as shops may show it.
#[derive(Clone, Debug, Deserialize)]
pub struct StagedVariant {
    /// The variant.
    pub id: Uuid,
    /// The SKU.
    pub sku: String,
    /// One for each option of its product.
    pub option_values: Vec<String>,
    /// A picture of its own.
    pub image_url: Option<String>,
}

/// Products as shops may show them, or the hits of a search.
#[derive(Clone, Debug, Deserialize)]
pub struct StagedProducts {
    /// One page.
    pub data: Vec<StagedProduct>,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
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

    /// Returns a page of what is offered now, or of what a search finds of it where `query` has a `q`.
    ///
    /// # Errors
    /// `Refused` when the query is none, otherwise when there was no usable answer.
    pub async fn staged(
        &self,
        tenant: &TenantKey,
        query: &[(&str, &str)],
        correlation: &Correlation,
    ) -> Result<StagedProducts, CallError> {
        let searches = query.iter().any(|(name, _)| *name == "q");
        let list = if searches {
            "staging/search"
        } else {
            "staging/products"
        };
        let path = internal_path("product", tenant, list);
        let found = self.0.get(&path, query, correlation).await?;
        found.ok_or(CallError::Unavailable("product", None))
    }

    /// Returns a product that is offered now, by its id or by `key=` and its key.
    ///
    /// # Errors
    /// When the product service gave no usable answer.
    pub async fn staged_product(
        &self,
        tenant: &TenantKey,
        which: &str,
        correlation: &Correlation,
    ) -> Result<Option<StagedProduct>, CallError> {
        let path = internal_path("product", tenant, &format!("staging/products/{which}"));
        self.0.get(&path, &[], correlation).await
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
