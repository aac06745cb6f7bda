//! What the pricing service is asked for checkouts, and what it tells.

use averis_money::Money;
use averis_tenant_context::TenantKey;
use averis_tokens::ServiceIdentity;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{CallError, Correlation, ServiceClient, internal_path};

/// Kinds of its events.
pub mod kinds {
    /// A price counts from now on. The data is a [`PriceState`](super::PriceState).
    pub const ACTIVATED: &str = "price.activated";
}

/// Where a price is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceState {
    /// What it is the price of.
    pub sku: String,
    /// Its version then.
    pub version: i64,
}

/// A basket to be priced.
#[derive(Clone, Debug, Serialize)]
pub struct Basket {
    /// Where the goods go.
    pub country: String,
    /// There.
    pub postcode: Option<String>,
    /// Whose prices the buyer gets.
    pub segment: Option<String>,
    /// Where it buys.
    pub channel: Option<String>,
    /// The company that buys.
    pub company_id: Option<Uuid>,
    /// The customer who buys.
    pub customer_id: Option<Uuid>,
    /// What the buyer has to show.
    pub coupon_codes: Vec<String>,
    /// Each SKU once.
    pub lines: Vec<BasketLine>,
    /// What it costs to send them, on the basis of the prices.
    pub shipping: Option<Money>,
    /// Why no tax is due.
    pub tax_exemption: Option<&'static str>,
}

/// Pieces of a SKU.
#[derive(Clone, Debug, Serialize)]
pub struct BasketLine {
    /// The SKU.
    pub sku: String,
    /// How many.
    pub quantity: i64,
}

/// What a basket comes to.
#[derive(Clone, Debug, Deserialize)]
pub struct Priced {
    /// The same for the same.
    pub hash: String,
    /// In the order of the basket.
    pub lines: Vec<PricedLine>,
    /// Tax on what it costs to send.
    pub shipping_tax: Money,
    /// What is to be paid.
    pub total: Money,
}

/// What a line comes to.
#[derive(Clone, Debug, Deserialize)]
pub struct PricedLine {
    /// The SKU.
    pub sku: String,
    /// How many.
    pub quantity: i64,
    /// Without tax, after all discounts.
    pub net: Money,
    /// The tax.
    pub tax: Money,
    /// As a factor.
    pub tax_rate: String,
}

/// Who looks at prices.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// Where the goods go.
    pub country: String,
    /// Whose prices it gets.
    pub segment: Option<String>,
    /// Where it buys.
    pub channel: Option<String>,
    /// The company that buys.
    pub company_id: Option<Uuid>,
    /// The customer who buys.
    pub customer_id: Option<Uuid>,
}

/// What pieces cost somebody.
#[derive(Clone, Debug, Deserialize)]
pub struct UnitPrices {
    /// Of the catalog.
    pub locale: String,
    /// Whether the prices include tax.
    pub tax_included: bool,
    /// Those that are sold to it now.
    pub data: Vec<UnitPrice>,
}

/// What a piece of a SKU costs.
#[derive(Clone, Debug, Deserialize)]
pub struct UnitPrice {
    /// As it was asked for, but for its case.
    pub sku: String,
    /// For `per_quantity` pieces.
    pub amount: Money,
    /// How many.
    pub per_quantity: i64,
    /// What it costs otherwise.
    pub list: Option<Money>,
}

/// The pricing service's client.
pub struct PricingClient(ServiceClient);

impl PricingClient {
    /// Makes a client of the pricing service at `base`, for calls by the service `own`.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(base: Url, own: ServiceIdentity) -> Result<Self, CallError> {
        Ok(Self(ServiceClient::new("pricing", base, own)?))
    }

    /// Returns what pieces of at most 250 SKUs cost somebody, of those that are sold to it.
    ///
    /// # Errors
    /// `Refused` when nothing is sold to it, otherwise when there was no usable answer.
    pub async fn unit_prices(
        &self,
        tenant: &TenantKey,
        viewer: &Viewer,
        skus: &[&str],
        correlation: &Correlation,
    ) -> Result<UnitPrices, CallError> {
        let path = internal_path("pricing", tenant, "unit-prices");
        let skus = skus.join(",");
        let (company, customer) = (
            viewer.company_id.map(|id| id.to_string()),
            viewer.customer_id.map(|id| id.to_string()),
        );
        let besides = [
            ("segment", viewer.segment.as_deref()),
            ("channel", viewer.channel.as_deref()),
            ("company_id", company.as_deref()),
            ("customer_id", customer.as_deref()),
        ];
        let mut query = vec![("sku", skus.as_str()), ("country", viewer.country.as_str())];
        query.extend(
            besides
                .iter()
                .filter_map(|(name, value)| Some((*name, (*value)?))),
        );
        let found = self.0.get(&path, &query, correlation).await?;
        found.ok_or(CallError::Unavailable("pricing", None))
    }

    /// Returns what a basket comes to now, whole; [`Priced`] reads what is in it.
    ///
    /// # Errors
    /// `Refused` when something of it has no price, otherwise when there was no usable answer.
    pub async fn preview(
        &self,
        tenant: &TenantKey,
        basket: &Basket,
        correlation: &Correlation,
    ) -> Result<Value, CallError> {
        let path = internal_path("pricing", tenant, "price-previews");
        let found = self.0.post(&path, basket, correlation).await?;
        found.ok_or(CallError::Unavailable("pricing", None))
    }

    /// Has a basket priced for a while. Returns all of the quote.
    ///
    /// # Errors
    /// `Refused` when something of it has no price, otherwise when there was no usable answer.
    pub async fn quote(
        &self,
        tenant: &TenantKey,
        key: &str,
        basket: &Basket,
        correlation: &Correlation,
    ) -> Result<Value, CallError> {
        let path = internal_path("pricing", tenant, "price-quotes");
        self.0.command(&path, key, basket, correlation).await
    }

    /// Holds the promotions of a quote for a checkout.
    ///
    /// # Errors
    /// `Refused` when they are used up, otherwise when there was no usable answer.
    pub async fn hold(
        &self,
        tenant: &TenantKey,
        key: &str,
        quote: Uuid,
        checkout: Uuid,
        correlation: &Correlation,
    ) -> Result<(), CallError> {
        let path = internal_path("pricing", tenant, "redemptions");
        let body = json!({"quote_id": quote, "checkout_id": checkout});
        let held: Value = self.0.command(&path, key, &body, correlation).await?;
        drop(held);
        Ok(())
    }

    /// Settles what a checkout holds: `confirm` or `release`.
    ///
    /// # Errors
    /// When there was no usable answer.
    pub async fn settle(
        &self,
        tenant: &TenantKey,
        key: &str,
        checkout: Uuid,
        how: &'static str,
        correlation: &Correlation,
    ) -> Result<(), CallError> {
        let path = internal_path("pricing", tenant, &format!("redemptions/{checkout}/{how}"));
        let settled: Value = self.0.command(&path, key, &json!({}), correlation).await?;
        drop(settled);
        Ok(())
    }
}
