//! Rates of tax as they are stored: whole millionths.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

/// Returns a rate from 0 to 1 as whole millionths: 0.19 is 190,000. `None` for one outside of that, or with more than six digits
/// after the point.
#[must_use]
pub fn millionths(rate: Decimal) -> Option<i64> {
    let rate = rate.normalize();
    if rate.scale() > 6 || rate < Decimal::ZERO || rate > Decimal::ONE {
        return None;
    }
    (rate * Decimal::from(1_000_000)).to_i64()
}

/// Returns the rate that is stored as so many millionths.
#[must_use]
pub fn rate_of_millionths(stored: i64) -> Decimal {
    Decimal::new(stored, 6).normalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_stored_exactly_or_not_at_all() {
        let rate = |text: &str| text.parse::<Decimal>().expect("a decimal");
        for (text, stored) in [
            ("0", Some(0)),
            ("0.19", Some(190_000)),
            ("0.190000", Some(190_000)),
            ("0.077001", Some(77_001)),
            ("1", Some(1_000_000)),
            ("1.000001", None),
            ("-0.01", None),
            ("0.1234567", None),
        ] {
            assert_eq!(millionths(rate(text)), stored, "{text}");
            if let Some(stored) = stored {
                assert_eq!(rate_of_millionths(stored), rate(text).normalize());
            }
        }
    }
}
