//! Prices and their lives.
//!
//! ```text
//! draft --approve (by another)--> approved: scheduled, then active, then expired, as time goes by
//! draft --delete--> gone                approved --revise--> a draft that ends it when it is approved
//!                                       approved --end--> expired at that time
//! ```

use averis_money::{Currency, Money};
use averis_service_kit::problem::FieldProblem;
use chrono::{DateTime, Utc};

use crate::engine::selection::{Price, PriceKind, Scope, Window};
use crate::error::PricingError;
use crate::store::prices::{APPROVED, PriceRow};

/// Returns what a price is at a time, as it is sent: `draft`, `scheduled`, `active` or `expired`.
pub fn status_at(row: &PriceRow, at: DateTime<Utc>) -> &'static str {
    if row.status != APPROVED {
        return "draft";
    }
    if row.valid_from.is_some_and(|from| at < from) {
        return "scheduled";
    }
    if row.valid_until.is_some_and(|until| until <= at) {
        return "expired";
    }
    "active"
}

/// Returns the currency of a stored code. The service stores none but such.
pub fn currency(code: &str) -> Result<Currency, PricingError> {
    code.parse().map_err(PricingError::from)
}

/// Returns the word of a kind as stored and sent.
pub const fn kind_word(kind: PriceKind) -> &'static str {
    match kind {
        PriceKind::List => "list",
        PriceKind::Sale => "sale",
        PriceKind::Contract => "contract",
    }
}

fn stored_kind(word: &str) -> PriceKind {
    match word {
        "sale" => PriceKind::Sale,
        "contract" => PriceKind::Contract,
        _ => PriceKind::List,
    }
}

/// Returns what the engine needs of a price.
///
/// # Errors
/// When its currency is none any more.
pub fn price(row: &PriceRow) -> Result<Price, PricingError> {
    Ok(Price {
        id: row.id,
        amount: Money::new(row.amount, currency(&row.currency)?),
        per_quantity: row.per_quantity,
        scope: Scope {
            company: row.company_id,
            segment: row.segment.clone(),
            channel: row.channel.clone(),
            country: row.country.clone(),
            catalog: row.catalog_id,
        },
        min_quantity: row.min_quantity,
        valid: Window {
            from: row.valid_from,
            until: row.valid_until,
        },
        is_for_a_time: row.for_a_time,
        kind: stored_kind(&row.kind),
        is_active: row.status == APPROVED,
    })
}

/// Checks an amount of a price, and what it is compared with.
///
/// # Errors
/// What is wrong.
pub fn check_amounts(amount: Money, compare_at: Option<Money>) -> Result<(), FieldProblem> {
    if amount.is_negative() {
        return Err(FieldProblem::new(
            "/amount",
            "range",
            "must not be negative",
        ));
    }
    let Some(compare_at) = compare_at else {
        return Ok(());
    };
    if compare_at.currency() != amount.currency() {
        return Err(FieldProblem::new(
            "/compare_at/currency",
            "mismatch",
            "must be that of the amount",
        ));
    }
    if compare_at.amount() <= amount.amount() {
        return Err(FieldProblem::new(
            "/compare_at",
            "range",
            "must be more than the amount",
        ));
    }
    Ok(())
}
