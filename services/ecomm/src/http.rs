//! Wire types and handlers.

pub mod audit;
pub mod carts;
pub mod checkouts;
pub mod complete;
pub mod lines;
pub mod merging;
pub mod shipping;
pub mod storefront;
pub mod totals;

use averis_money::Currency;
use averis_service_kit::problem::{Problem, codes};

use crate::error::EcommError;

/// Returns a stored currency. The service stores none but those of ISO 4217.
///
/// # Errors
/// When it is none any more.
pub fn currency(code: &str) -> Result<Currency, EcommError> {
    let unit = code.parse();
    Ok(unit
        .map_err(|error: averis_money::MoneyError| Problem::new(codes::INTERNAL).because(error))?)
}
