//! Amounts of an order's lines, as they are stored: checked before they are computed with.

use averis_money::{Currency, Money, portion};
use averis_service_kit::problem::Problem;

use crate::error::{OmsError, codes};

/// Reads a stored currency.
pub fn currency(code: &str) -> Result<Currency, OmsError> {
    use averis_service_kit::problem::codes::INTERNAL;
    let unit = code.parse();
    Ok(unit.map_err(|error: averis_money::MoneyError| Problem::new(INTERNAL).because(error))?)
}

/// Returns what `taken` more of `pieces` pieces cost of an amount for all of them, after `before`.
pub fn share(
    amount: i64,
    unit: Currency,
    pieces: i64,
    before: i64,
    taken: i64,
) -> Result<i64, OmsError> {
    let [pieces, before, taken] =
        [pieces, before, taken].map(|count| u64::try_from(count).unwrap_or_default());
    let part = portion(Money::new(amount, unit), pieces, before, taken);
    let part = part.map_err(|_too_large| Problem::new(codes::MONEY_OVERFLOW))?;
    Ok(part.amount())
}
