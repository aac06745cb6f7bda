//! How types of the money crate look in the document.

pub use averis_service_kit::openapi::MoneySchema;
use serde::Serialize;
use utoipa::ToSchema;

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
