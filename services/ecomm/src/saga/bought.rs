//! What is bought, by whom, and how it is sent.

use std::collections::BTreeMap;

use averis_contracts::customer::VisitorContext;
use averis_contracts::pricing::{Basket, BasketLine};
use averis_money::Money;
use averis_service_kit::forms::fold;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::error::EcommError;
use crate::store::carts::{CartLineRow, CartRow};
use crate::store::shipping::ShippingRow;

/// A cart as it was locked: what is bought, and how it is sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LockedCart {
    pub cart: CartRow,
    pub lines: Vec<CartLineRow>,
    pub shipping: Option<Sending>,
    /// Pieces that are not there, by SKU: their shopper has the rest.
    #[serde(default)]
    pub left_out: BTreeMap<String, i64>,
    /// How often something was left out.
    #[serde(default)]
    pub cuts: u32,
    /// What was short when it was, as it was told.
    #[serde(default)]
    pub short: Value,
}

/// What there is less of than is wanted.
#[derive(Debug, Deserialize)]
pub struct Short {
    sku: String,
    available: i64,
}

/// How it is sent, and what that costs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sending {
    pub code: String,
    pub name: String,
    pub price: Money,
}

impl LockedCart {
    /// Takes what is bought, with how it is sent.
    ///
    /// # Errors
    /// When the currency of the way of sending is none any more.
    pub fn of(
        cart: CartRow,
        lines: Vec<CartLineRow>,
        shipping: Option<ShippingRow>,
    ) -> Result<Self, EcommError> {
        let shipping = match shipping {
            Some(row) => Some(Sending {
                price: Money::new(row.amount, crate::http::currency(&row.currency)?),
                code: row.code,
                name: row.name,
            }),
            None => None,
        };
        Ok(Self {
            cart,
            lines,
            shipping,
            left_out: BTreeMap::new(),
            cuts: 0,
            short: Value::Null,
        })
    }

    /// Leaves out what is not there. `false` says that nothing would be left.
    pub fn leave_out(&mut self, short: &[Short]) -> bool {
        for one in short {
            let folded = fold(&one.sku);
            if let Some(line) = self.lines.iter_mut().find(|line| line.folded == folded) {
                let there = one.available.clamp(0, line.quantity);
                *self.left_out.entry(line.sku.clone()).or_default() += line.quantity - there;
                line.quantity = there;
            }
        }
        self.lines.retain(|line| line.quantity > 0);
        self.cuts += 1;
        !self.lines.is_empty()
    }

    /// The basket to be priced, for that buyer.
    pub fn basket(&self, buyer: &BuyerParts) -> Basket {
        let postcode = self
            .cart
            .ship_to
            .as_ref()
            .and_then(|address| address.get("postal_code")?.as_str())
            .map(str::to_owned);
        Basket {
            country: self.cart.country.clone(),
            postcode,
            segment: buyer.segment.clone(),
            channel: self.cart.channel.clone(),
            company_id: self.cart.company_id,
            customer_id: buyer.customer_id,
            coupon_codes: self.cart.coupon_codes.clone(),
            lines: self
                .lines
                .iter()
                .map(|line| BasketLine {
                    sku: line.sku.clone(),
                    quantity: line.quantity,
                })
                .collect(),
            shipping: self.shipping.as_ref().map(|sending| sending.price),
            tax_exemption: buyer.tax_exempt.then_some("exempt_certificate"),
        }
    }
}

/// What of a buyer a checkout goes by.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct BuyerParts {
    pub proven: bool,
    pub customer_id: Option<Uuid>,
    pub segment: Option<String>,
    pub payment_days: i32,
    pub tax_exempt: bool,
    pub may_order: bool,
    /// Customers who were found to be this one.
    #[serde(default)]
    pub former_ids: Vec<Uuid>,
}

impl BuyerParts {
    /// The customer that it has proven to be.
    pub fn customer(&self) -> Option<Uuid> {
        self.customer_id.filter(|_| self.proven)
    }

    /// Whether it has proven to be that customer, or one who was found to be that one.
    pub fn is(&self, customer: Uuid) -> bool {
        self.proven && (self.customer_id == Some(customer) || self.former_ids.contains(&customer))
    }
}

impl From<VisitorContext> for BuyerParts {
    fn from(found: VisitorContext) -> Self {
        let proven = found.proven;
        match found.context {
            // What somebody says of itself brings it nobody's prices.
            Some(context) if proven => Self {
                proven,
                customer_id: Some(context.customer.id),
                segment: context.segment,
                payment_days: context.company.map_or(0, |company| company.payment_days),
                tax_exempt: context.tax_exempt,
                may_order: context.may_order,
                former_ids: found.former_ids,
            },
            Some(context) => Self {
                customer_id: Some(context.customer.id),
                may_order: context.may_order,
                ..Self::default()
            },
            None => Self {
                may_order: true,
                ..Self::default()
            },
        }
    }
}
