//! The order that an attempt drafts.

use std::collections::{BTreeMap, BTreeSet};

use averis_contracts::erp::ReservedLine;
use averis_contracts::pricing::Priced;
use averis_money::Money;
use averis_service_kit::forms::fold;
use averis_service_kit::problem::Problem;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Stop;
use super::bought::{BuyerParts, LockedCart};
use super::steps::{OFFLINE, stored};
use crate::error::codes;
use crate::store::checkouts::CheckoutRow;

/// What the step of the reservation has stored.
#[derive(Deserialize)]
pub struct Held {
    pub lines: Vec<ReservedLine>,
    #[serde(default)]
    names: BTreeMap<String, String>,
}

/// Returns the order of an attempt, the same each time.
pub fn order_of(row: &CheckoutRow) -> Result<Value, Stop> {
    let cart: LockedCart = stored(Some(&row.cart))?;
    let buyer: BuyerParts = stored(row.buyer.as_ref())?;
    let priced: Priced = stored(row.quote.as_ref())?;
    let held: Held = stored(row.reservation.as_ref())?;
    let mut lines = Vec::with_capacity(priced.lines.len() + 1);
    let mut goods = Money::zero(priced.total.currency());
    let overflow = |_too_large| Stop::Refused(Problem::new(codes::NO_PRICE));
    for line in &priced.lines {
        let folded = fold(&line.sku);
        let places: Vec<Value> = held
            .lines
            .iter()
            .filter(|one| fold(&one.sku) == folded)
            .map(|one| json!({"location_id": one.location_id, "quantity": one.open}))
            .collect();
        let places = if places.is_empty() {
            vec![json!({"location_id": null, "quantity": line.quantity})]
        } else {
            places
        };
        for part in [line.net, line.tax] {
            goods = goods.checked_add(part).map_err(overflow)?;
        }
        let name = held.names.get(&folded).filter(|name| !name.is_empty());
        lines.push(json!({
            "kind": "goods", "sku": line.sku, "name": name.unwrap_or(&line.sku), "quantity": line.quantity,
            "net": line.net, "tax": line.tax, "tax_rate": line.tax_rate, "allocation": places,
        }));
    }
    let sending = priced.total.checked_sub(goods).map_err(overflow)?;
    if !sending.is_zero() {
        let net = sending.checked_sub(priced.shipping_tax).map_err(overflow)?;
        let name = cart.shipping.as_ref().map_or("Shipping", |one| &one.name);
        // Sending is taxed as what is sent is. Of goods with several rates no one rate is the sending's: its amounts tell.
        let rates: BTreeSet<&str> = priced
            .lines
            .iter()
            .map(|line| line.tax_rate.as_str())
            .collect();
        let rate = match rates.first() {
            Some(rate) if rates.len() == 1 && !priced.shipping_tax.is_zero() => *rate,
            _ => "0",
        };
        lines.push(json!({
            "kind": "shipping", "name": name, "quantity": 1, "net": net, "tax": priced.shipping_tax, "tax_rate": rate,
        }));
    }
    let days = if row.provider == OFFLINE {
        buyer.payment_days
    } else {
        0
    };
    Ok(json!({
        "checkout_id": row.id, "cart_id": row.cart_id, "customer_id": buyer.customer_id,
        "company_id": cart.cart.company_id, "lines": lines,
        "payment": {"provider": row.provider, "token": row.payment_token, "days": days},
        "snapshot": {
            "quote": row.quote, "ship_to": cart.cart.ship_to, "bill_to": cart.cart.bill_to, "email": cart.cart.email,
            "shipping": cart.shipping, "buyer": buyer,
        },
    }))
}
