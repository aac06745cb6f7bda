//! How types of the money crate look in the document.

use serde::Serialize;
use utoipa::ToSchema;

/// A whole number of minor units of one currency of ISO 4217.
#[derive(Serialize, ToSchema)]
#[schema(title = "Money")]
pub struct MoneySchema {
    /// Minor units: 1999 is 19.99 EUR, and 1999 JPY.
    #[schema(example = 1999)]
    amount: i64,
    /// Alphabetic code.
    #[schema(example = "EUR")]
    currency: String,
}

/// How a document is computed.
#[derive(Serialize, ToSchema)]
#[schema(title = "Terms")]
pub struct TermsSchema {
    /// The currency of all amounts.
    #[schema(example = "EUR")]
    currency: String,
    /// Whether prices include tax.
    tax_included: bool,
    /// `half_up` or `half_even`.
    #[schema(example = "half_up")]
    rounding: String,
    /// Of what tax is rounded: `unit`, `line` or `document`.
    #[schema(example = "line")]
    tax_level: String,
}
