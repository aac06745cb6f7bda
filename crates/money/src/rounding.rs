//! Rounding of exact rationals to whole minor units.

use std::cmp::Ordering;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::MoneyError;

/// How a value between two minor units becomes one of them. The mode belongs
/// to the tenant and is copied onto carts and orders, so that a document is
/// always recomputed as it was first computed. JSON: `half_up`, `half_even`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// To the nearest; a half goes away from zero: 2.5 → 3, −2.5 → −3.
    #[default]
    HalfUp,
    /// To the nearest; a half goes to the even neighbour: 2.5 → 2, 3.5 → 4.
    HalfEven,
}

impl Rounding {
    /// `numerator / denominator`, rounded once from the exact quotient.
    ///
    /// # Errors
    /// [`MoneyError::DivisionByZero`]; [`MoneyError::Overflow`] only for
    /// operands at the very edge of 128 bits.
    pub fn divide(self, numerator: i128, denominator: i128) -> Result<i128, MoneyError> {
        let (numerator, denominator) = match denominator.signum() {
            0 => return Err(MoneyError::DivisionByZero),
            1 => (numerator, denominator),
            _ => (
                numerator.checked_neg().ok_or(MoneyError::Overflow)?,
                denominator.checked_neg().ok_or(MoneyError::Overflow)?,
            ),
        };
        let quotient = numerator / denominator;
        let remainder = (numerator % denominator).unsigned_abs();
        // Compared with what is missing to the next integer: nothing is doubled, nothing overflows.
        let away_from_zero = match remainder.cmp(&(denominator.unsigned_abs() - remainder)) {
            Ordering::Less => false,
            Ordering::Greater => true,
            Ordering::Equal => match self {
                Self::HalfUp => true,
                Self::HalfEven => quotient % 2 != 0,
            },
        };
        if away_from_zero {
            quotient
                .checked_add(numerator.signum())
                .ok_or(MoneyError::Overflow)
        } else {
            Ok(quotient)
        }
    }

    /// A decimal rounded to a whole number.
    ///
    /// # Errors
    /// None for any value `Decimal` can hold; the result is that of
    /// [`Rounding::divide`].
    pub fn round(self, value: Decimal) -> Result<i128, MoneyError> {
        let (mantissa, denominator) = fraction(value)?;
        self.divide(mantissa, denominator)
    }
}

/// A decimal as numerator and (positive) denominator, without trailing zeros.
pub(crate) fn fraction(value: Decimal) -> Result<(i128, i128), MoneyError> {
    let value = value.normalize();
    let denominator = 10_i128
        .checked_pow(value.scale())
        .ok_or(MoneyError::Overflow)?;
    Ok((value.mantissa(), denominator))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_differ_by_mode_and_mirror_at_zero() {
        // tenths, half up, half even
        for (tenths, up, even) in [
            (5, 1, 0),
            (15, 2, 2),
            (25, 3, 2),
            (35, 4, 4),
            (4, 0, 0),
            (6, 1, 1),
            (14, 1, 1),
            (16, 2, 2),
            (10, 1, 1),
            (0, 0, 0),
        ] {
            for sign in [1, -1] {
                let value = Decimal::new(sign * tenths, 1);
                let sign = i128::from(sign);
                assert_eq!(Rounding::HalfUp.round(value), Ok(sign * up), "{value}");
                assert_eq!(Rounding::HalfEven.round(value), Ok(sign * even), "{value}");
                // the same value with the signs in the other places
                let tenths = i128::from(tenths);
                assert_eq!(Rounding::HalfUp.divide(-sign * tenths, -10), Ok(sign * up));
                assert_eq!(
                    Rounding::HalfEven.divide(-sign * tenths, -10),
                    Ok(sign * even)
                );
            }
        }
    }

    #[test]
    fn odd_denominators_have_no_halves() {
        for mode in [Rounding::HalfUp, Rounding::HalfEven] {
            assert_eq!(mode.divide(1, 3), Ok(0));
            assert_eq!(mode.divide(2, 3), Ok(1));
            assert_eq!(mode.divide(-2, 3), Ok(-1));
            assert_eq!(mode.divide(1, 0), Err(MoneyError::DivisionByZero));
        }
    }

    #[test]
    fn the_edges_of_the_range_do_not_panic() {
        for mode in [Rounding::HalfUp, Rounding::HalfEven] {
            assert_eq!(mode.divide(i128::MIN, -1), Err(MoneyError::Overflow));
            assert_eq!(mode.divide(1, i128::MIN), Err(MoneyError::Overflow));
            assert_eq!(mode.divide(i128::MIN, 1), Ok(i128::MIN));
            assert_eq!(mode.divide(i128::MAX, i128::MAX), Ok(1));
            assert_eq!(mode.divide(i128::MIN, i128::MAX), Ok(-1));
            assert!(mode.round(Decimal::MAX).is_ok() && mode.round(Decimal::MIN).is_ok());
        }
    }

    #[test]
    fn json_names() {
        assert_eq!(
            serde_json::to_string(&Rounding::default()).unwrap(),
            "\"half_up\""
        );
        let even: Rounding = serde_json::from_str("\"half_even\"").unwrap();
        assert_eq!(even, Rounding::HalfEven);
        assert!(serde_json::from_str::<Rounding>("\"HalfUp\"").is_err());
    }
}
