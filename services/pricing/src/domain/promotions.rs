//! Promotions as they are kept.

use averis_money::Money;
use averis_service_kit::problem::FieldProblem;
use rust_decimal::Decimal;

use super::fold;
use super::forms::{check_sku, is_code, is_country};
use super::prices::currency;
use crate::engine::promotions::{Action, Conditions, Promotion, Target};
use crate::engine::selection::Window;
use crate::error::PricingError;
use crate::store::promotions::PromotionRow;

/// SKUs, products, countries and the like that one promotion may name.
const MOST_NAMES: usize = 1_000;

/// Checks what a promotion does.
///
/// # Errors
/// What is wrong.
pub fn check(
    action: &Action,
    target: &Target,
    conditions: &Conditions,
) -> Result<(), FieldProblem> {
    let rate = |rate: Decimal| {
        let digits = rate.normalize().scale() <= 6;
        if rate > Decimal::ZERO && rate <= Decimal::ONE && digits {
            return Ok(());
        }
        let message = "must be above 0 and at most 1, with at most 6 digits after the point";
        Err(FieldProblem::new("/action/rate", "range", message))
    };
    match action {
        Action::Percent { rate: part } => rate(*part)?,
        Action::Amount { amount, .. } if amount.amount() <= 0 => {
            return Err(FieldProblem::new(
                "/action/amount",
                "range",
                "must be more than nothing",
            ));
        }
        Action::FixedPrice { amount, .. } if amount.is_negative() => {
            return Err(FieldProblem::new(
                "/action/amount",
                "range",
                "must not be negative",
            ));
        }
        Action::BuyXGetY {
            buy,
            get,
            rate: part,
        } => {
            rate(*part)?;
            for (pointer, pieces) in [("/action/buy", buy), ("/action/get", get)] {
                if !(1..=1_000_000).contains(pieces) {
                    return Err(FieldProblem::new(
                        pointer,
                        "range",
                        "must be from 1 to 1000000",
                    ));
                }
            }
        }
        Action::Amount { .. } | Action::FixedPrice { .. } | Action::FreeShipping => {}
    }
    if matches!(target, Target::Document)
        && matches!(action, Action::FixedPrice { .. } | Action::BuyXGetY { .. })
    {
        return Err(FieldProblem::new(
            "/target",
            "mismatch",
            "must be lines for this action",
        ));
    }
    if let Target::Lines { skus, products } = target
        && skus.len() + products.len() > MOST_NAMES
    {
        return Err(FieldProblem::new(
            "/target",
            "too_many",
            "may name 1000 SKUs and products",
        ));
    }
    let names = conditions.countries.len() + conditions.segments.len() + conditions.channels.len();
    if names + conditions.companies.len() + conditions.catalogs.len() > MOST_NAMES {
        return Err(FieldProblem::new(
            "/conditions",
            "too_many",
            "may have 1000 names",
        ));
    }
    if let Target::Lines { skus, .. } = target {
        for sku in skus {
            check_sku(sku, "/target/skus")?;
        }
    }
    let mut codes = conditions.segments.iter().chain(&conditions.channels);
    if !codes.all(|code| is_code(code)) {
        let message = "names segments or channels that are no codes";
        return Err(FieldProblem::new("/conditions", "form", message));
    }
    if !conditions.countries.iter().all(|code| is_country(code)) {
        let message = "must be two capital letters each (ISO 3166-1 alpha-2)";
        return Err(FieldProblem::new("/conditions/countries", "form", message));
    }
    if conditions
        .min_subtotal
        .is_some_and(|least| least.amount() <= 0)
    {
        return Err(FieldProblem::new(
            "/conditions/min_subtotal",
            "range",
            "must be more than nothing",
        ));
    }
    if conditions.min_quantity.is_some_and(|least| least < 1) {
        return Err(FieldProblem::new(
            "/conditions/min_quantity",
            "range",
            "must be at least 1",
        ));
    }
    Ok(())
}

/// Returns a target whose SKUs are as they are compared.
pub fn folded(target: Target) -> Target {
    match target {
        Target::Document => Target::Document,
        Target::Lines { skus, products } => Target::Lines {
            skus: skus.iter().map(|sku| fold(sku)).collect(),
            products,
        },
    }
}

/// Returns what the engine needs of a promotion. `freed` uses and `returned` minor units are held and over; `is_used_up`
/// says that this buyer may not use it any more.
///
/// # Errors
/// When it is none that this service has written.
pub fn promotion(
    row: PromotionRow,
    (freed, returned): (i64, i64),
    is_used_up: bool,
) -> Result<Promotion, PricingError> {
    let used = row.used.saturating_sub(freed);
    let spent = row.spent.saturating_sub(returned);
    let budget = match (row.budget, &row.budget_currency) {
        (Some(budget), Some(code)) => {
            Some(Money::new(budget.saturating_sub(spent), currency(code)?))
        }
        _ => None,
    };
    Ok(Promotion {
        id: row.id,
        code: row.code,
        action: serde_json::from_value(row.action)?,
        target: serde_json::from_value(row.target)?,
        conditions: serde_json::from_value(row.conditions)?,
        group: row.stacking_group,
        is_exclusive: row.exclusive,
        priority: row.priority,
        window: Window {
            from: row.valid_from,
            until: row.valid_until,
        },
        remaining_budget: budget,
        is_used_up: is_used_up || row.usage_limit.is_some_and(|limit| used >= limit),
    })
}
