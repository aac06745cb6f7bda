//! What the ERP service is asked for checkouts.

use averis_money::Money;
use averis_tenant_context::TenantKey;
use averis_tokens::ServiceIdentity;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{CallError, Correlation, ServiceClient, internal_path};
use crate::pricing::BasketLine;

/// Kinds of the ERP service's events. The data of those of invoices is an [`InvoiceState`].
pub mod kinds {
    /// An invoice has its number, and never changes any more.
    pub const ISSUED: &str = "invoice.issued";
    /// Nothing of it is owed any more.
    pub const PAID: &str = "invoice.paid";
    /// What was taken back of an invoice has a number of its own.
    pub const CREDITED: &str = "credit_note.issued";
    /// Of a SKU there is so little to be sold at a place that more is to be ordered. The data of this kind and the next two names
    /// the `sku`, the `location_id`, how much is `available`, and the `reorder_point`.
    pub const LOW: &str = "inventory.low";
    /// Nothing of a SKU may be sold from a place any more.
    pub const OUT: &str = "inventory.out";
    /// Something of a SKU may be sold from a place again, or for the first time.
    pub const BACK: &str = "inventory.back";
}

/// Where an invoice is now, or a credit note.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InvoiceState {
    /// Such as `INV-2026-000001`.
    pub number: Option<String>,
    /// What a credit note takes back.
    pub invoice_id: Option<Uuid>,
    /// Whose goods it is for.
    pub order_id: Option<Uuid>,
    /// Who bought.
    pub customer_id: Option<Uuid>,
    /// For which company.
    pub company_id: Option<Uuid>,
    /// With tax.
    pub total: Money,
    /// `issued`, `partially_paid`, `paid` or `credited`.
    pub status: String,
}

/// What is reserved for a checkout.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reservation {
    /// SKU by place.
    pub lines: Vec<ReservedLine>,
}

/// What is reserved of a SKU at a place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReservedLine {
    /// As the warehouse writes it.
    pub sku: String,
    /// Where it is.
    pub location_id: Uuid,
    /// How many.
    pub open: i64,
}

/// What may be sold.
#[derive(Clone, Debug, Deserialize)]
pub struct Availability {
    /// In the order of the question.
    pub data: Vec<Available>,
}

/// What of a SKU may be sold.
#[derive(Clone, Debug, Deserialize)]
pub struct Available {
    /// As it was asked for.
    pub sku: String,
    /// How many.
    pub available: i64,
}

/// The ERP service's client.
pub struct ErpClient(ServiceClient);

impl ErpClient {
    /// Makes a client of the ERP service at `base`, for calls by the service `own`.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(base: Url, own: ServiceIdentity) -> Result<Self, CallError> {
        Ok(Self(ServiceClient::new("erp", base, own)?))
    }

    /// Returns what of at most 250 SKUs may be sold.
    ///
    /// # Errors
    /// When there was no usable answer.
    pub async fn availability(
        &self,
        tenant: &TenantKey,
        skus: &[&str],
        correlation: &Correlation,
    ) -> Result<Availability, CallError> {
        let path = internal_path("erp", tenant, "availability");
        let query = [("sku", skus.join(","))];
        let query = query
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let found = self.0.get(&path, &query, correlation).await?;
        found.ok_or(CallError::Unavailable("erp", None))
    }

    /// Reserves all of it for a checkout, or nothing.
    ///
    /// # Errors
    /// `Refused` when something is short, otherwise when there was no usable answer.
    pub async fn reserve(
        &self,
        tenant: &TenantKey,
        key: &str,
        checkout: Uuid,
        lines: &[BasketLine],
        correlation: &Correlation,
    ) -> Result<Reservation, CallError> {
        let path = internal_path("erp", tenant, "reservations");
        let body = json!({"owner_id": checkout, "lines": lines});
        self.0.command(&path, key, &body, correlation).await
    }

    /// Settles what is reserved for a checkout: `commit` or `release`.
    ///
    /// # Errors
    /// `Refused` when there is nothing to commit any more, otherwise when there was no usable answer.
    pub async fn settle(
        &self,
        tenant: &TenantKey,
        key: &str,
        checkout: Uuid,
        how: &'static str,
        correlation: &Correlation,
    ) -> Result<(), CallError> {
        let path = internal_path("erp", tenant, &format!("reservations/{checkout}/{how}"));
        let settled: Value = self.0.command(&path, key, &json!({}), correlation).await?;
        drop(settled);
        Ok(())
    }
}
