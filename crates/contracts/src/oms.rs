//! What the OMS service tells and is asked.

use averis_money::Money;
use averis_tenant_context::TenantKey;
use averis_tokens::ServiceIdentity;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{CallError, Correlation, ServiceClient, internal_path};

/// Kinds of the OMS service's events.
pub mod kinds {
    /// An order is placed. The data is an [`OrderState`](super::OrderState).
    pub const PLACED: &str = "order.placed";
    /// An order waits until somebody releases it. The data is an [`OrderState`](super::OrderState).
    pub const HELD: &str = "order.held";
    /// An order goes on. The data is an [`OrderState`](super::OrderState).
    pub const RELEASED: &str = "order.released";
    /// Pieces of an order will not be shipped. The data is [`Cancelled`](super::Cancelled).
    pub const CANCELLED: &str = "order.cancelled";
    /// All of an order has come, or is cancelled. The data is an [`OrderState`](super::OrderState).
    pub const COMPLETED: &str = "order.completed";
    /// Something has left. The data is [`Shipped`](super::Shipped).
    pub const SHIPPED: &str = "shipment.shipped";
    /// A shipment has come. The data is a [`Step`](super::Step).
    pub const DELIVERED: &str = "shipment.delivered";
    /// Goods of a shipment are to come back. The data is a [`Step`](super::Step).
    pub const RETURN_REQUESTED: &str = "return.requested";
    /// Goods have come back. The data is a [`Returned`](super::Returned).
    pub const RETURNED: &str = "return.received";
    /// What came back is credited. The data is a [`Returned`](super::Returned).
    pub const CREDITED: &str = "return.closed";
    /// Money is set aside for an order. The data is [`MoneyMoved`](super::MoneyMoved).
    pub const AUTHORISED: &str = "payment.authorised";
    /// Money could not be set aside, taken or given back. The data is a [`PaymentFailed`](super::PaymentFailed).
    pub const FAILED: &str = "payment.failed";
    /// Money has come. The data is [`MoneyMoved`](super::MoneyMoved).
    pub const CAPTURED: &str = "payment.captured";
    /// Money has gone back. The data is [`MoneyMoved`](super::MoneyMoved).
    pub const REFUNDED: &str = "payment.refunded";
}

/// Where an order is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderState {
    /// The order.
    pub order_id: Uuid,
    /// Which attempt to buy it came from; what was reserved is under that name.
    pub checkout_id: Uuid,
    /// Its number.
    pub number: i64,
    /// Its version: what is said with a lower one is older.
    pub version: i64,
    /// `placed`, `on_hold`, `completed` or `cancelled`.
    pub status: String,
}

/// Pieces of an order that will not be shipped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cancelled {
    /// The order.
    pub order_id: Uuid,
    /// What was reserved is under that name.
    pub checkout_id: Uuid,
    /// Whether nothing of the order is left.
    pub whole: bool,
    /// What is not needed any more, place by place.
    pub pieces: Vec<Pieces>,
    /// What they would have cost, with tax, and what it would have to send them.
    pub amount: Money,
    /// What went back as a gift before, and was paid for them.
    #[serde(default)]
    pub excess: Option<Money>,
}

/// Pieces of a SKU at a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pieces {
    /// The SKU.
    pub sku: String,
    /// Where they are; none for what is in no stock.
    pub location_id: Option<Uuid>,
    /// How many.
    pub quantity: i64,
}

/// Something that has left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shipped {
    /// The shipment: it leaves once, and is invoiced once.
    pub shipment_id: Uuid,
    /// The order.
    pub order_id: Uuid,
    /// What was reserved is under that name.
    pub checkout_id: Uuid,
    /// Who bought.
    pub customer_id: Option<Uuid>,
    /// For which company.
    pub company_id: Option<Uuid>,
    /// Days within which it is to be paid.
    pub payment_days: i32,
    /// What has left, and what it costs to send it.
    pub lines: Vec<ShippedLine>,
}

/// A line of a shipment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShippedLine {
    /// The order's line.
    pub line: i32,
    /// None for what it costs to send.
    pub sku: Option<String>,
    /// What it is called.
    pub name: String,
    /// Where it has left from; none for what is in no stock.
    pub location_id: Option<Uuid>,
    /// How many.
    pub quantity: i64,
    /// Of these pieces, without tax.
    pub net: Money,
    /// Of these pieces.
    pub tax: Money,
    /// In millionths.
    pub tax_rate: i64,
}

/// Something that has happened to a shipment, for those outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The order.
    pub order_id: Uuid,
    /// The shipment.
    pub shipment_id: Uuid,
}

/// What a provider refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentFailed {
    /// The order.
    pub order_id: Uuid,
    /// What it was asked.
    pub transaction_id: Uuid,
    /// `authorise`, `capture`, `void` or `refund`.
    pub kind: String,
    /// How much it is about.
    pub amount: Money,
    /// Why, in a word: the provider's, or `no_answer`, or `not_authorised`.
    pub failure: Option<String>,
}

/// Goods of a shipment that have come back, or what is credited for them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Returned {
    /// The return: it comes once, and is credited once.
    pub return_id: Uuid,
    /// The order.
    pub order_id: Uuid,
    /// What was reserved was under that name.
    pub checkout_id: Uuid,
    /// What they left with.
    pub shipment_id: Uuid,
    /// What has come, or is credited.
    pub lines: Vec<ReturnedLine>,
    /// What of the credited does not go back since it was not paid, once it is credited.
    #[serde(default)]
    pub unpaid: Option<Money>,
    /// What of the credited does not go back since it was given out of goodwill before.
    #[serde(default)]
    pub given: Option<Money>,
}

/// Pieces of a line of a shipment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnedLine {
    /// Their line's place among those of the shipment, from 0.
    pub place: i32,
    /// None for what it cost to send.
    pub sku: Option<String>,
    /// Where they had left from; none for what is in no stock.
    pub location_id: Option<Uuid>,
    /// How many.
    pub quantity: i64,
    /// How many of them can be sold again.
    pub restocked: i64,
}

/// Money that has come, or gone back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MoneyMoved {
    /// The order.
    pub order_id: Uuid,
    /// Which attempt to buy it came from.
    pub checkout_id: Uuid,
    /// For which shipment, where it is for one: what was paid for it, or goes back for goods of it that came back.
    pub shipment_id: Option<Uuid>,
    /// How much.
    pub amount: Money,
    /// The transaction: each counts once.
    pub transaction_id: Uuid,
    /// Whether a provider has it, and the bank not yet.
    pub under_way: bool,
    /// What of a refund was paid above what the order comes to: for pieces that were cancelled, or by mistake.
    #[serde(default)]
    pub excess: Option<Money>,
}

/// An order, as far as a checkout has to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlacedOrder {
    /// The order.
    pub id: Uuid,
    /// Its number, such as `O-100001`.
    pub number: String,
    /// `draft`, `placed`, `on_hold`, `completed` or `cancelled`.
    pub status: String,
}

/// The OMS service's client.
pub struct OmsClient(ServiceClient);

impl OmsClient {
    /// Makes a client of the OMS service at `base`, for calls by the service `own`.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(base: Url, own: ServiceIdentity) -> Result<Self, CallError> {
        Ok(Self(ServiceClient::new("oms", base, own)?))
    }

    /// Drafts the order of a checkout, once.
    ///
    /// # Errors
    /// `Refused` when it cannot be, otherwise when there was no usable answer.
    pub async fn draft(
        &self,
        tenant: &TenantKey,
        key: &str,
        order: &Value,
        correlation: &Correlation,
    ) -> Result<PlacedOrder, CallError> {
        let path = internal_path("oms", tenant, "orders");
        self.0.command(&path, key, order, correlation).await
    }

    /// Drafts the order of a checkout, once, and has it paid and placed. One that is still a draft afterwards is placed by itself once its
    /// payment is known.
    ///
    /// # Errors
    /// `Refused` when it cannot be drafted, with `payment_declined`, or with `invalid_transition` when it was cancelled before; otherwise
    /// when there was no usable answer: then it may be placed, or will be.
    pub async fn place(
        &self,
        tenant: &TenantKey,
        key: &str,
        mut order: Value,
        correlation: &Correlation,
    ) -> Result<PlacedOrder, CallError> {
        let path = internal_path("oms", tenant, "orders");
        if let Some(order) = order.as_object_mut() {
            order.insert("authorise".to_owned(), Value::Bool(true));
        }
        self.0.slow_command(&path, key, &order, correlation).await
    }

    /// Has an order paid and placed. One that is still a draft afterwards is placed by itself once its payment is known.
    ///
    /// # Errors
    /// `Refused` with `payment_declined`, otherwise when there was no usable answer: then it may be placed, or will be.
    pub async fn authorise(
        &self,
        tenant: &TenantKey,
        key: &str,
        order: Uuid,
        correlation: &Correlation,
    ) -> Result<PlacedOrder, CallError> {
        let path = internal_path("oms", tenant, &format!("orders/{order}/authorise"));
        self.0
            .slow_command(&path, key, &json!({}), correlation)
            .await
    }

    /// Cancels an order, if it is a draft.
    ///
    /// # Errors
    /// `Refused` with `invalid_transition` when it was placed, otherwise when there was no usable answer.
    pub async fn cancel_draft(
        &self,
        tenant: &TenantKey,
        key: &str,
        order: Uuid,
        reason: &str,
        correlation: &Correlation,
    ) -> Result<PlacedOrder, CallError> {
        let path = internal_path("oms", tenant, &format!("orders/{order}/cancel"));
        let body = json!({"reason": reason, "draft_only": true});
        self.0.command(&path, key, &body, correlation).await
    }
}
