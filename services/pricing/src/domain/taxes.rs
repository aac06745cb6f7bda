//! Rates of tax and exchange as they are kept, and files of them.

use std::collections::BTreeMap;

use averis_service_kit::problem::FieldProblem;
use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde::Deserialize;
use uuid::Uuid;

use super::forms::{is_code, is_country};
use crate::engine::selection::Window;
use crate::engine::taxes::{Postcodes, STANDARD, TaxRate};
use crate::store::taxes::TaxRateRow;

/// Millionths in one.
const MILLION: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);
/// Ten-thousand-millionths in one.
const FX_SCALE: Decimal = Decimal::from_parts(1_410_065_408, 2, 0, false, 0);

/// Returns a rate of tax in millionths: 0.19 is 190000.
///
/// # Errors
/// When it is not from 0 to 10, or has more than six digits.
pub fn millionths(rate: Decimal, pointer: &str) -> Result<i32, FieldProblem> {
    let scaled = rate
        .checked_mul(MILLION)
        .filter(|scaled| scaled.fract().is_zero());
    let fits = |scaled: &i32| (0..=10_000_000).contains(scaled);
    scaled
        .and_then(|scaled| scaled.to_i32())
        .filter(fits)
        .ok_or_else(|| {
            FieldProblem::new(
                pointer,
                "range",
                "must be from 0 to 10, with at most 6 digits after the point",
            )
        })
}

/// Returns the rate of stored millionths.
pub fn of_millionths(rate: i32) -> Decimal {
    Decimal::new(i64::from(rate), 6).normalize()
}

/// Returns a rate of exchange as it is stored: 1.25 is 12500000000.
///
/// # Errors
/// When it is not above 0 and below 900 million, or has more than ten digits.
pub fn fx_stored(rate: Decimal) -> Result<i64, FieldProblem> {
    let scaled = rate
        .checked_mul(FX_SCALE)
        .filter(|scaled| scaled.fract().is_zero());
    scaled
        .and_then(|scaled| scaled.to_i64())
        .filter(|scaled| *scaled > 0)
        .ok_or_else(|| {
            FieldProblem::new(
                "/rate",
                "range",
                "must be above 0, with at most 10 digits after the point",
            )
        })
}

/// Returns a stored rate of exchange.
pub fn fx_rate(stored: i64) -> Decimal {
    Decimal::new(stored, 10).normalize()
}

/// Returns what the engine needs of a rate. What is stored was read before.
pub fn rate(row: &TaxRateRow) -> Option<TaxRate> {
    let postcodes = match &row.postcodes {
        Some(pattern) => Some(Postcodes::new(pattern).ok()?),
        None => None,
    };
    Some(TaxRate {
        id: row.id,
        category: row.category.clone(),
        country: row.country.clone(),
        postcodes,
        rate: of_millionths(row.rate),
        valid: Window {
            from: row.valid_from,
            until: row.valid_until,
        },
    })
}

/// A file of rates in the form in which the rates of the EU are published by the ibericode/vat-rates project: by country,
/// periods with their rates in percent, and exceptions for postcodes.
#[derive(Debug, Deserialize)]
pub struct RatesFile {
    items: BTreeMap<String, Vec<Period>>,
}

#[derive(Debug, Deserialize)]
struct Period {
    effective_from: String,
    rates: BTreeMap<String, Decimal>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

#[derive(Debug, Deserialize)]
struct Exception {
    name: String,
    postcode: String,
    #[serde(flatten)]
    rates: BTreeMap<String, Decimal>,
}

impl RatesFile {
    /// Returns the countries that it is about.
    pub fn countries(&self) -> Vec<String> {
        self.items.keys().cloned().collect()
    }

    /// Returns its rates. A period ends where the next of its country begins. An exception has the rates that it names;
    /// where its standard rate is none, it has none of the others either (Canary Islands, Livigno), and otherwise the
    /// country's count for them.
    ///
    /// # Errors
    /// What cannot be read, by its place in the file.
    pub fn rows(&self, now: DateTime<Utc>) -> Result<Vec<TaxRateRow>, FieldProblem> {
        let mut rows = Vec::new();
        for (country, periods) in &self.items {
            let place = format!("/items/{country}");
            if !is_country(country) {
                return Err(FieldProblem::new(
                    place,
                    "form",
                    "must be two capital letters",
                ));
            }
            let mut begins = Vec::with_capacity(periods.len());
            for (number, period) in periods.iter().enumerate() {
                let pointer = format!("{place}/{number}/effective_from");
                begins.push((begin(&period.effective_from, &pointer)?, number));
            }
            begins.sort_unstable();
            if let Some([_, (_, number)]) =
                begins.array_windows().find(|[one, next]| one.0 == next.0)
            {
                let pointer = format!("{place}/{number}/effective_from");
                return Err(FieldProblem::new(
                    pointer,
                    "duplicate",
                    "begins when another period does",
                ));
            }
            for (at, (from, number)) in begins.iter().enumerate() {
                let Some(period) = periods.get(*number) else {
                    continue;
                };
                let until = begins.get(at + 1).and_then(|(next, _)| *next);
                let window = Window { from: *from, until };
                let place = format!("{place}/{number}");
                period_rows(country, period, window, &place, now, &mut rows)?;
            }
        }
        Ok(rows)
    }
}

fn period_rows(
    country: &str,
    period: &Period,
    valid: Window,
    place: &str,
    now: DateTime<Utc>,
    rows: &mut Vec<TaxRateRow>,
) -> Result<(), FieldProblem> {
    let row =
        |category: &str, postcodes: Option<String>, name: &str, percent: Decimal, pointer: &str| {
            if !is_code(category) {
                return Err(FieldProblem::new(
                    pointer,
                    "form",
                    "is no name of a category",
                ));
            }
            Ok(TaxRateRow {
                id: Uuid::now_v7(),
                category: category.to_owned(),
                country: country.to_owned(),
                postcodes,
                name: name.to_owned(),
                rate: millionths(percent / Decimal::ONE_HUNDRED, pointer)?,
                valid_from: valid.from,
                valid_until: valid.until,
                version: 1,
                created_at: now,
                updated_at: now,
            })
        };
    for (category, percent) in &period.rates {
        let pointer = format!("{place}/rates/{category}");
        rows.push(row(category, None, "", *percent, &pointer)?);
    }
    for (number, exception) in period.exceptions.iter().enumerate() {
        let pointer = format!("{place}/exceptions/{number}");
        let is_plain =
            |text: &str| text.chars().count() <= 200 && !text.chars().any(char::is_control);
        if !is_plain(&exception.name) {
            return Err(FieldProblem::new(
                format!("{pointer}/name"),
                "form",
                "is no name",
            ));
        }
        if exception.postcode.len() > 500 || exception.postcode.chars().any(char::is_control) {
            return Err(FieldProblem::new(
                pointer,
                "range",
                "must be at most 500 characters that can be shown",
            ));
        }
        Postcodes::new(&exception.postcode)
            .map_err(|error| FieldProblem::new(format!("{pointer}/postcode"), "form", error))?;
        let mut rates = exception.rates.clone();
        if rates.get(STANDARD).is_some_and(Decimal::is_zero) {
            for category in period.rates.keys() {
                rates.entry(category.clone()).or_insert(Decimal::ZERO);
            }
        }
        for (category, percent) in rates {
            let postcodes = Some(exception.postcode.clone());
            rows.push(row(
                &category,
                postcodes,
                &exception.name,
                percent,
                &pointer,
            )?);
        }
    }
    Ok(())
}

/// Reads the day on which a period begins; `0000-01-01` is always.
fn begin(text: &str, pointer: &str) -> Result<Option<DateTime<Utc>>, FieldProblem> {
    if text == "0000-01-01" {
        return Ok(None);
    }
    let day: NaiveDate = text.parse().map_err(|_ignored| {
        FieldProblem::new(pointer, "form", "must be a day, such as 2025-01-01")
    })?;
    Ok(day.and_hms_opt(0, 0, 0).map(|time| time.and_utc()))
}
