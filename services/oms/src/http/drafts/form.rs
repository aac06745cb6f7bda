//! What an order is drafted from, and what is wrong with it.

use averis_money::{Decimal, Money, millionths};
use averis_service_kit::body::one_line;
use averis_service_kit::forms::check_sku;
use averis_service_kit::openapi::MoneySchema;
use averis_service_kit::problem::{FieldProblem, Problem};
use garde::Validate;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::MAX_QUANTITY;
use crate::error::{OmsError, codes};
use crate::store::orders::OFFLINE;

/// Largest snapshot, in bytes of JSON.
const MAX_SNAPSHOT: usize = 512 * 1024;

/// How an order is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentProvider {
    /// By transfer, or on account.
    Offline,
    Stripe,
    /// For development.
    Simulator,
}

impl PaymentProvider {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offline => OFFLINE,
            Self::Stripe => crate::provider::STRIPE,
            Self::Simulator => crate::provider::SIMULATOR,
        }
    }
}

/// Pieces at a place.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Allocation {
    /// The place of the ERP service; absent for what is in no stock.
    #[garde(skip)]
    pub location_id: Option<Uuid>,
    #[garde(range(min = 1, max = MAX_QUANTITY))]
    pub quantity: i64,
}

/// What a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderLineKind {
    Goods,
    /// What it costs to send them.
    Shipping,
}

/// A line of an order to be drafted.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrderLine {
    #[garde(skip)]
    pub kind: OrderLineKind,
    /// Of goods.
    #[garde(skip)]
    #[schema(example = "LAMP-1")]
    pub sku: Option<String>,
    #[garde(length(chars, min = 1, max = 500), custom(one_line))]
    #[schema(example = "Lamp")]
    pub name: String,
    #[garde(range(min = 1, max = MAX_QUANTITY))]
    pub quantity: i64,
    /// Of all its pieces, without tax.
    #[garde(skip)]
    #[schema(value_type = MoneySchema)]
    pub net: Money,
    /// Of all its pieces.
    #[garde(skip)]
    #[schema(value_type = MoneySchema)]
    pub tax: Money,
    /// As a factor: 0.19 is 19 %.
    #[garde(skip)]
    #[schema(value_type = String, example = "0.19")]
    pub tax_rate: Decimal,
    /// From where the goods leave, all of them.
    #[serde(default)]
    #[garde(length(max = 50), dive)]
    pub allocation: Vec<Allocation>,
}

/// How it is paid.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPayment {
    #[garde(skip)]
    pub provider: PaymentProvider,
    /// What the buyer has of the provider to pay with; none offline.
    #[garde(length(chars, min = 1, max = 255), inner(custom(one_line)))]
    pub token: Option<String>,
    /// Days within which it is paid offline.
    #[serde(default)]
    #[garde(range(min = 0, max = 365))]
    pub days: i32,
}

/// An order to be drafted. All amounts come from a quote: nothing is computed here.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "checkout_id": "0198c0de-0000-7000-8000-000000000001",
    "cart_id": "0198c0de-0000-7000-8000-000000000002",
    "lines": [{
        "kind": "goods", "sku": "LAMP-1", "name": "Lamp", "quantity": 2,
        "net": {"amount": 3361, "currency": "EUR"}, "tax": {"amount": 639, "currency": "EUR"}, "tax_rate": "0.19",
        "allocation": [{"location_id": "0198c0de-0000-7000-8000-000000000003", "quantity": 2}],
    }],
    "payment": {"provider": "offline", "days": 30},
    "snapshot": {"quote_id": "0198c0de-0000-7000-8000-000000000004"},
}))]
pub struct DraftOrder {
    /// One attempt to buy a cart: it drafts one order.
    #[garde(skip)]
    pub checkout_id: Uuid,
    /// Of a cart one order is placed, ever.
    #[garde(skip)]
    pub cart_id: Uuid,
    #[garde(skip)]
    pub customer_id: Option<Uuid>,
    #[garde(skip)]
    pub company_id: Option<Uuid>,
    #[garde(length(min = 1, max = 501), dive)]
    pub lines: Vec<NewOrderLine>,
    #[garde(dive)]
    pub payment: NewPayment,
    /// What the buyer saw and agreed to: an object. It never changes.
    #[garde(skip)]
    #[schema(value_type = Object)]
    pub snapshot: Value,
    /// Whether its payment is authorised at once, and the order placed with it, as `/orders/{id}/authorise` does.
    #[serde(default)]
    #[garde(skip)]
    pub authorise: bool,
}

impl DraftOrder {
    /// Returns the sums of its lines.
    pub fn sums(&self) -> Result<(Money, Money), OmsError> {
        let unit = self.lines.first().map(|line| line.net.currency());
        let unit =
            unit.ok_or_else(|| FieldProblem::new("/lines", "missing", "must not be empty"))?;
        let (mut net, mut tax) = (Money::zero(unit), Money::zero(unit));
        let overflow = |_too_large| OmsError::from(Problem::new(codes::MONEY_OVERFLOW));
        for (place, line) in self.lines.iter().enumerate() {
            line.check(place)?;
            for (field, amount) in [("net", line.net), ("tax", line.tax)] {
                if amount.currency() != unit {
                    let pointer = format!("/lines/{place}/{field}");
                    let message = "must be that of the other lines";
                    return Err(FieldProblem::new(pointer, "other_currency", message).into());
                }
            }
            net = net.checked_add(line.net).map_err(overflow)?;
            tax = tax.checked_add(line.tax).map_err(overflow)?;
        }
        net.checked_add(tax).map_err(overflow)?;
        Ok((net, tax))
    }

    pub fn check(&self) -> Result<(), OmsError> {
        let wrong = |pointer: &str, code, message: &str| -> OmsError {
            FieldProblem::new(pointer, code, message).into()
        };
        if !self.snapshot.is_object() || self.snapshot.to_string().len() > MAX_SNAPSHOT {
            let message = "must be an object of at most 512 KiB";
            return Err(wrong("/snapshot", "form", message));
        }
        if !self
            .lines
            .iter()
            .any(|line| line.kind == OrderLineKind::Goods)
        {
            return Err(wrong("/lines", "missing", "must have goods"));
        }
        let offline = self.payment.provider == PaymentProvider::Offline;
        if offline == self.payment.token.is_some() {
            let message = "is needed, and by nobody but a provider that moves money";
            return Err(wrong("/payment/token", "form", message));
        }
        Ok(())
    }
}

impl NewOrderLine {
    fn check(&self, place: usize) -> Result<(), OmsError> {
        let wrong = |field: &str, code, message: &str| -> OmsError {
            FieldProblem::new(format!("/lines/{place}/{field}"), code, message).into()
        };
        for (field, amount) in [("net", self.net), ("tax", self.tax)] {
            if amount.is_negative() {
                return Err(wrong(field, "range", "must not be negative"));
            }
        }
        millionths(self.tax_rate).ok_or_else(|| {
            let message = "must be from 0 to 1, with at most 6 digits after the point";
            wrong("tax_rate", "range", message)
        })?;
        match (self.kind, &self.sku) {
            (OrderLineKind::Goods, Some(sku)) => {
                check_sku(sku, format!("/lines/{place}/sku"))?;
                let sum: i64 = self.allocation.iter().map(|part| part.quantity).sum();
                if sum != self.quantity {
                    return Err(wrong("allocation", "sum", "must be all of the pieces"));
                }
            }
            (OrderLineKind::Shipping, None) => {
                if self.quantity != 1 || !self.allocation.is_empty() {
                    return Err(wrong("quantity", "range", "must be 1, at no place"));
                }
            }
            _ => {
                return Err(wrong(
                    "sku",
                    "form",
                    "is needed of goods, and of nothing else",
                ));
            }
        }
        Ok(())
    }
}
