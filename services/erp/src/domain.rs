//! Rules: pure, no I/O.

pub mod costs;
pub mod ledger;
pub mod moves;
pub mod purchasing;

pub use averis_service_kit::clock::now;

use chrono::{Datelike as _, NaiveDate};

/// Most pieces of one line: sums of many lines are still far from where 64 bits end.
pub const MAX_QUANTITY: i64 = 1_000_000_000;

/// Checks that a day may stand in the books: their months are written with four digits of a year.
///
/// # Errors
/// When it is before 1900 or after 9999.
pub fn book_day(day: &NaiveDate, _: &()) -> garde::Result {
    if (1900..=9999).contains(&day.year()) {
        return Ok(());
    }
    Err(garde::Error::new("must be from 1900 to 9999"))
}
