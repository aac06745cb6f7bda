//! What the OMS service tells.

use averis_money::Money;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Kinds of the OMS service's events.
pub mod kinds {
    /// An order is placed. The data is an [`OrderState`](super::OrderState).
    pub const PLACED: &str = "order.placed";
    /// Pieces of an order will not be shipped. The data is [`Cancelled`](super::Cancelled).
    pub const CANCELLED: &str = "order.cancelled";
    /// All of an order has come, or is cancelled. The data is an [`OrderState`](super::OrderState).
    pub const COMPLETED: &str = "order.completed";
    /// Something has left. The data is [`Shipped`](super::Shipped).
    pub const SHIPPED: &str = "shipment.shipped";
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {
    /// The order.
    pub order_id: Uuid,
    /// What was reserved is under that name.
    pub checkout_id: Uuid,
    /// Whether nothing of the order is left.
    pub whole: bool,
    /// What is not needed any more, place by place.
    pub pieces: Vec<Pieces>,
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

/// Money that has come, or gone back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MoneyMoved {
    /// The order.
    pub order_id: Uuid,
    /// For which shipment, where it is for one.
    pub shipment_id: Option<Uuid>,
    /// How much.
    pub amount: Money,
    /// The transaction: each counts once.
    pub transaction_id: Uuid,
    /// Whether a provider has it, and the bank not yet.
    pub under_way: bool,
}
