//! Which rate of tax counts at a place and a time.
//!
//! Of the rates of a country and category that are valid at that time, one for the postcode wins over one for the whole
//! country. There is no rate by default: a place that nobody has named a rate for is an error, not a place without tax.

use chrono::{DateTime, Utc};
use regex_lite::Regex;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::selection::Window;

/// The category of what has none of its own.
pub const STANDARD: &str = "standard";

/// Postcodes that a pattern fits as a whole: a regular expression, which is matched in linear time.
#[derive(Clone, Debug)]
pub struct Postcodes(Regex);

impl Postcodes {
    /// Reads a pattern, such as `35\d{3}|38\d{3}`.
    ///
    /// # Errors
    /// Why it is none.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let whole = format!("^(?:{pattern})$");
        // What closes the group by itself would escape the anchors.
        Regex::new(pattern).map_err(|error| error.to_string())?;
        let regex = Regex::new(&whole).map_err(|error| error.to_string())?;
        Ok(Self(regex))
    }

    /// Whether it fits a postcode, spaces and hyphens aside.
    #[must_use]
    pub fn fits(&self, postcode: &str) -> bool {
        let plain: String = postcode
            .chars()
            .filter(|c| !matches!(c, ' ' | '-'))
            .collect();
        self.0.is_match(&plain)
    }
}

/// A rate of tax.
#[derive(Clone, Debug)]
pub struct TaxRate {
    /// The rate.
    pub id: Uuid,
    /// What it is for, such as `standard` or `reduced`.
    pub category: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// A part of the country; all of it where absent.
    pub postcodes: Option<Postcodes>,
    /// As a factor: 19 % is 0.19.
    pub rate: Decimal,
    /// When it counts.
    pub valid: Window,
}

/// A place that goods go to.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// ISO 3166-1 alpha-2.
    pub country: &'a str,
    /// As its post writes it.
    pub postcode: Option<&'a str>,
}

/// Returns the rate of a category at a place and a time, if there is one.
#[must_use]
pub fn rate_at<'a>(
    rates: &'a [TaxRate],
    category: &str,
    place: Place<'_>,
    at: DateTime<Utc>,
) -> Option<&'a TaxRate> {
    let fits = |rate: &&TaxRate| {
        rate.category == category && rate.country == place.country && rate.valid.contains(at)
    };
    let in_part = |rate: &&TaxRate| match (&rate.postcodes, place.postcode) {
        (Some(postcodes), Some(postcode)) => postcodes.fits(postcode),
        _ => false,
    };
    let own = rates.iter().filter(fits).filter(in_part);
    let whole = rates
        .iter()
        .filter(fits)
        .filter(|rate| rate.postcodes.is_none());
    // By id where somebody has named two: the same in any order of rows.
    own.min_by_key(|rate| rate.id)
        .or_else(|| whole.min_by_key(|rate| rate.id))
}
