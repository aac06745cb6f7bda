//! What the customer service tells and is asked.

use averis_money::Money;
use averis_tenant_context::TenantKey;
use averis_tokens::ServiceIdentity;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{CallError, Correlation, ServiceClient, internal_path};

/// Kinds of the customer service's events.
pub mod kinds {
    /// Nothing may be known of a customer any more but what the law keeps. The data is [`Erased`](super::Erased).
    pub const ERASED: &str = "customer.erased";
    /// A customer has proven an address. The data is a [`CustomerState`](super::CustomerState).
    pub const VERIFIED: &str = "customer.verified";
    /// Another customer was found to be this one. The data is a [`CustomerState`](super::CustomerState).
    pub const MERGED: &str = "customer.merged";
    /// A company may buy. The data is a [`CustomerState`](super::CustomerState), of the company.
    pub const COMPANY_APPROVED: &str = "company.approved";
}

/// Where a customer is now, or a company, without anything personal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerState {
    /// Its version then.
    pub version: i64,
    /// Who was found to be it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_id: Option<Uuid>,
}

/// Who was erased. Ids alone: an event must not keep what it tells others to forget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// The customer, and all others who were found to be it.
    pub customer_ids: Vec<Uuid>,
}

/// What a checkout has to know of a visitor.
#[derive(Clone, Debug, Deserialize)]
pub struct VisitorContext {
    /// Whether it has proven who it is.
    pub proven: bool,
    /// Of the customer that it is, or says it is.
    pub context: Option<BuyerContext>,
    /// Customers who were found to be that one.
    #[serde(default)]
    pub former_ids: Vec<Uuid>,
}

/// What a checkout has to know of its buyer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BuyerContext {
    /// The customer.
    pub customer: Buyer,
    /// Whether it may order, for itself or for the company.
    pub may_order: bool,
    /// Whose prices it gets.
    pub segment: Option<String>,
    /// For which company it buys.
    pub company: Option<BuyingCompany>,
    /// Whether no tax is due there.
    pub tax_exempt: bool,
}

/// A customer who buys.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Buyer {
    /// The customer.
    pub id: Uuid,
}

/// A company that buys.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BuyingCompany {
    /// The company.
    pub id: Uuid,
    /// Days within which it pays.
    pub payment_days: i32,
}

/// Whether a buyer may order for its company.
#[derive(Clone, Debug, Deserialize)]
pub struct Approval {
    /// The approval that waits, or was given.
    pub id: Uuid,
    /// `approved`, `pending` or `rejected`.
    pub status: String,
}

/// The customer service's client.
pub struct CustomerClient(ServiceClient);

impl CustomerClient {
    /// Makes a client of the customer service at `base`, for calls by the service `own`.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(base: Url, own: ServiceIdentity) -> Result<Self, CallError> {
        Ok(Self(ServiceClient::new("customer", base, own)?))
    }

    /// Returns what a checkout has to know of a visitor, who buys for a company where one is named.
    ///
    /// # Errors
    /// `Refused` when it does not act for that company, otherwise when there was no usable answer.
    pub async fn visitor(
        &self,
        tenant: &TenantKey,
        visitor: Uuid,
        company: Option<Uuid>,
        correlation: &Correlation,
    ) -> Result<VisitorContext, CallError> {
        let path = internal_path("customer", tenant, &format!("visitors/{visitor}/context"));
        let company = company.map(|id| id.to_string());
        let query: Vec<(&str, &str)> = company
            .iter()
            .map(|id| ("company_id", id.as_str()))
            .collect();
        let found = self.0.get(&path, &query, correlation).await?;
        found.ok_or(CallError::Unavailable("customer", None))
    }

    /// Asks whether a buyer may order that for its company.
    ///
    /// # Errors
    /// `Refused` when it may not buy for it at all, otherwise when there was no usable answer.
    pub async fn approval(
        &self,
        tenant: &TenantKey,
        key: &str,
        order: &Value,
        correlation: &Correlation,
    ) -> Result<Approval, CallError> {
        let path = internal_path("customer", tenant, "approvals");
        self.0.command(&path, key, order, correlation).await
    }

    /// Holds so much of a company's credit for a checkout.
    ///
    /// # Errors
    /// `Refused` when it does not suffice, otherwise when there was no usable answer.
    pub async fn hold_credit(
        &self,
        tenant: &TenantKey,
        key: &str,
        company: Uuid,
        checkout: Uuid,
        amount: Money,
        correlation: &Correlation,
    ) -> Result<(), CallError> {
        let path = internal_path("customer", tenant, "credit-holds");
        let body = json!({"company_id": company, "checkout_id": checkout, "amount": amount});
        let held: Value = self.0.command(&path, key, &body, correlation).await?;
        drop(held);
        Ok(())
    }

    /// Settles what a checkout holds of credit: `confirm` or `release`.
    ///
    /// # Errors
    /// `Refused` when there is nothing to confirm any more, otherwise when there was no usable answer.
    pub async fn settle_credit(
        &self,
        tenant: &TenantKey,
        key: &str,
        checkout: Uuid,
        how: &'static str,
        correlation: &Correlation,
    ) -> Result<(), CallError> {
        let path = internal_path(
            "customer",
            tenant,
            &format!("credit-holds/{checkout}/{how}"),
        );
        let settled: Value = self.0.command(&path, key, &json!({}), correlation).await?;
        drop(settled);
        Ok(())
    }
}
