//! Forms of codes, SKUs, countries and times that things of several services have.

use chrono::{DateTime, Datelike as _, Utc};

use crate::problem::FieldProblem;

/// Whether a text is a code: 1 to 63 letters, digits, hyphens and underscores.
#[must_use]
pub fn is_code(text: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=63).contains(&text.len()) && text.bytes().all(good)
}

/// For garde: see [`is_code`].
///
/// # Errors
/// When it is none.
pub fn code_form(text: &str, _: &()) -> garde::Result {
    if is_code(text) {
        Ok(())
    } else {
        Err(garde::Error::new(
            "must be 1 to 63 letters, digits, hyphens and underscores",
        ))
    }
}

/// Like [`code_form`], where there may be none.
///
/// # Errors
/// When it is none.
pub fn optional_code(text: &Option<String>, context: &()) -> garde::Result {
    text.as_ref()
        .map_or(Ok(()), |text| code_form(text, context))
}

/// Longest SKU, in characters.
pub const MAX_SKU: usize = 100;

/// Checks a SKU: 1 to 100 characters that can be shown, without comma and outer white space.
///
/// # Errors
/// When it is none, at the pointer of the field.
pub fn check_sku(sku: &str, pointer: impl Into<String>) -> Result<(), FieldProblem> {
    let well_formed = (1..=MAX_SKU).contains(&sku.chars().count())
        && sku.trim() == sku
        && !sku.chars().any(char::is_control)
        && !sku.contains(',');
    if well_formed {
        return Ok(());
    }
    let message =
        format!("must be 1 to {MAX_SKU} printable characters without comma or outer white space");
    Err(FieldProblem::new(pointer, "form", message))
}

/// Returns a SKU, or a code, as it is compared: people do not tell ab-1 from AB-1. Letters beyond ASCII stay as they are: no
/// two SKUs that the product service tells apart become one.
#[must_use]
pub fn fold(sku: &str) -> String {
    sku.to_ascii_lowercase()
}

/// Whether a text has the form of ISO 3166-1 alpha-2.
#[must_use]
pub fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase())
}

/// For garde: see [`is_country`].
///
/// # Errors
/// When it is none.
pub fn country_form(text: &str, _: &()) -> garde::Result {
    if is_country(text) {
        Ok(())
    } else {
        Err(garde::Error::new(
            "must be two capital letters (ISO 3166-1 alpha-2)",
        ))
    }
}

/// Like [`country_form`], for each of several.
///
/// # Errors
/// When it is none.
pub fn country_codes(list: &[String], context: &()) -> garde::Result {
    list.iter().try_for_each(|text| country_form(text, context))
}

/// Checks a window: times that the database holds, the end after the beginning.
///
/// # Errors
/// What is wrong, at the pointer of the field.
pub fn check_window(
    from: (&'static str, Option<DateTime<Utc>>),
    until: (&'static str, Option<DateTime<Utc>>),
) -> Result<(), FieldProblem> {
    for (pointer, time) in [from, until] {
        if time.is_some_and(|time| !(0..=9999).contains(&time.year())) {
            return Err(FieldProblem::new(
                pointer,
                "range",
                "must have a year from 0 to 9999",
            ));
        }
    }
    match (from.1, until.1) {
        (Some(begin), Some(end)) if end <= begin => Err(FieldProblem::new(
            until.0,
            "range",
            "must be after the beginning",
        )),
        _ => Ok(()),
    }
}
