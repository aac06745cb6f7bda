//! Amounts as they are stored.

use averis_money::Money;

use crate::error::CustomerError;

/// Returns a stored amount. The service stores no currency but those of ISO 4217.
pub fn stored(amount: i64, currency: &str) -> Result<Money, CustomerError> {
    use averis_service_kit::problem::{Problem, codes::INTERNAL};
    let currency = currency.parse();
    let currency = currency.map_err(|error: averis_money::MoneyError| {
        CustomerError::from(Problem::new(INTERNAL).because(error))
    })?;
    Ok(Money::new(amount, currency))
}

/// Returns a stored amount that may be absent, as its currency is then.
pub fn stored_if(
    amount: Option<i64>,
    currency: Option<&str>,
) -> Result<Option<Money>, CustomerError> {
    let both = amount.zip(currency);
    both.map(|(amount, currency)| stored(amount, currency))
        .transpose()
}
