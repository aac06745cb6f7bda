//! What is bought, by whom, and how it is sent.

use averis_contracts::customer::VisitorContext;
use averis_contracts::pricing::{Basket, BasketLine};
use averis_money::Money;
use serde::{Deserialize, Serialize};
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
        })
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
