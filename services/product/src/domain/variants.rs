//! What a variant may be.

use averis_service_kit::problem::FieldProblem;

/// Longest SKU, in characters.
pub const MAX_SKU: usize = 100;

/// Checks a SKU: printable, without white space at the ends.
pub fn check_sku(sku: &str) -> Result<(), FieldProblem> {
    let well_formed = (1..=MAX_SKU).contains(&sku.chars().count())
        && sku.trim() == sku
        && !sku.chars().any(char::is_control)
        && !sku.contains(',');
    if well_formed {
        return Ok(());
    }
    Err(FieldProblem::new(
        "/sku",
        "invalid",
        format!("must be 1 to {MAX_SKU} printable characters without comma or outer white space"),
    ))
}

/// Checks that a variant has a value for each option of its product and for no other.
pub fn check_option_values(options: &[String], values: &[String]) -> Result<(), FieldProblem> {
    let well_formed =
        |value: &String| !value.trim().is_empty() && !value.chars().any(char::is_control);
    if values.len() == options.len() && values.iter().all(well_formed) {
        return Ok(());
    }
    Err(FieldProblem::new(
        "/option_values",
        "invalid",
        format!(
            "must be one printable value for each option of the product ({})",
            options.join(", ")
        ),
    ))
}
