//! What a variant may be.

use averis_service_kit::forms;
pub use averis_service_kit::forms::MAX_SKU;
use averis_service_kit::problem::FieldProblem;
use serde_json::{Map, Value};

/// Checks a SKU: printable, without white space at the ends.
pub fn check_sku(sku: &str) -> Result<(), FieldProblem> {
    forms::check_sku(sku, "/sku")
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

/// Whether a column of an imported file says what a variant costs or is sold for: those are finance's, the others of a
/// variant are sales operations'. A market's own column has its name behind the column's: `Price / Canada`.
fn is_price_column(name: &str) -> bool {
    let column = name
        .split_once(" / ")
        .map_or(name, |(column, _market)| column);
    matches!(column, "Price" | "Compare-at price" | "Cost per item")
}

/// Divides the columns that a file had for a variant: into those that say prices and costs, and all others.
pub fn divide(columns: &Value) -> (Map<String, Value>, Map<String, Value>) {
    let columns = columns.as_object().cloned().unwrap_or_default();
    columns
        .into_iter()
        .partition(|(name, _)| is_price_column(name))
}
