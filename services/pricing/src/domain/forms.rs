//! Forms of what several things have.

pub use averis_service_kit::forms::{
    check_window, code_form, country_codes, country_form, is_code, is_country, optional_code,
};
use averis_service_kit::problem::FieldProblem;

/// Checks a SKU: 1 to 100 characters that can be shown, without comma and outer white space.
///
/// # Errors
/// When it is none.
pub fn check_sku(sku: &str, pointer: impl Into<String>) -> Result<(), FieldProblem> {
    let well_formed = (1..=100).contains(&sku.chars().count())
        && sku.trim() == sku
        && !sku.chars().any(char::is_control)
        && !sku.contains(',');
    if well_formed {
        return Ok(());
    }
    let message = "must be 1 to 100 printable characters without comma or outer white space";
    Err(FieldProblem::new(pointer, "form", message))
}
