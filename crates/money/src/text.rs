//! Amounts as decimal text, for people and for files.

use std::fmt;

use crate::{Currency, Money, MoneyError};

impl Money {
    /// Reads an amount in units of the currency, exactly: `12.34` EUR is 1234
    /// minor units, `12.3` EUR is 1230, `12` JPY is 12. The form is an optional
    /// minus, digits, and optionally a point with digits; no sign `+`, no
    /// spaces, no grouping, no exponent.
    ///
    /// # Errors
    /// [`MoneyError::InvalidAmount`] for any other form,
    /// [`MoneyError::TooManyDigits`] if there are more digits after the point
    /// than the currency has (nothing is rounded), [`MoneyError::Overflow`].
    pub fn parse_decimal(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, digits) = match unsigned.split_once('.') {
            Some((whole, digits)) if is_number(digits) => (whole, digits),
            Some(_) => return Err(MoneyError::InvalidAmount),
            None => (unsigned, ""),
        };
        if !is_number(whole) {
            return Err(MoneyError::InvalidAmount);
        }
        let exponent = usize::from(currency.exponent_u8());
        if digits.len() > exponent {
            return Err(MoneyError::TooManyDigits { currency });
        }
        let padding = std::iter::repeat_n(b'0', exponent - digits.len());
        let mut minor = 0_i128;
        for digit in whole.bytes().chain(digits.bytes()).chain(padding) {
            minor = minor
                .checked_mul(10)
                .and_then(|minor| minor.checked_add(i128::from(digit - b'0')))
                .ok_or(MoneyError::Overflow)?;
        }
        let minor = if negative { -minor } else { minor };
        match i64::try_from(minor) {
            Ok(minor) => Ok(Self::new(minor, currency)),
            Err(_) => Err(MoneyError::Overflow),
        }
    }

    /// The amount in units of the currency with all its digits, without the
    /// code: `-0.05` (EUR), `1999` (JPY), `1.000` (KWD). What
    /// [`Money::parse_decimal`] reads back unchanged.
    pub fn to_decimal_string(&self) -> String {
        let exponent = usize::from(self.currency().exponent_u8());
        let sign = if self.is_negative() { "-" } else { "" };
        let minor = self.amount().unsigned_abs();
        if exponent == 0 {
            return format!("{sign}{minor}");
        }
        let per_unit = self.currency().minor_per_unit();
        format!("{sign}{}.{:0exponent$}", minor / per_unit, minor % per_unit)
    }
}

/// The amount and its code, for messages: `19.99 EUR`. Not a localised format.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal_string(), self.currency())
    }
}

/// At least one digit and nothing but ASCII digits.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, code: &str) -> Result<i64, MoneyError> {
        Money::parse_decimal(text, code.parse().unwrap()).map(|money| money.amount())
    }

    #[test]
    fn the_exponent_decides_not_a_hundred() {
        for (text, code, minor) in [
            ("100", "JPY", 100),      // InvoicePlane 1677: yen were charged a hundredfold
            ("10000", "KRW", 10_000), // cal.diy 30048: won were charged a hundredth
            ("1.00", "USD", 100),
            ("1.000", "KWD", 1000),
            ("1.0000", "CLF", 10_000),
            ("-0.05", "EUR", -5),
            ("0.00", "EUR", 0),
            ("92233720368547758.07", "EUR", i64::MAX),
            ("-92233720368547758.08", "EUR", i64::MIN),
            ("-9223372036854775808", "JPY", i64::MIN),
        ] {
            assert_eq!(parse(text, code), Ok(minor));
            let money = Money::new(minor, code.parse().unwrap());
            assert_eq!(money.to_decimal_string(), text);
            assert_eq!(money.to_string(), format!("{text} {code}"));
        }
    }

    #[test]
    fn missing_digits_are_zeros() {
        for (text, minor) in [("12", 1200), ("12.3", 1230), ("007.10", 710), ("-0", 0)] {
            assert_eq!(parse(text, "EUR"), Ok(minor));
        }
    }

    #[test]
    fn more_digits_than_the_currency_has_are_refused() {
        for (text, code) in [
            ("12.345", "EUR"),
            ("12.340", "EUR"),
            ("1.0", "JPY"),
            ("1.0000", "KWD"),
            ("0.00001", "CLF"),
        ] {
            let currency = code.parse().unwrap();
            assert_eq!(
                parse(text, code),
                Err(MoneyError::TooManyDigits { currency })
            );
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "", "-", ".", "12.", ".5", "-.5", "+1", "--1", "1-", " 1", "1 ", "1,00", "1.000,00",
            "1_000", "1e3", "0x10", "NaN", "inf", "1.2.3", "1.-2", "١٢", "12.3٤", "−1",
        ] {
            assert_eq!(parse(text, "EUR"), Err(MoneyError::InvalidAmount), "{text}");
        }
    }

    #[test]
    fn too_large_is_refused() {
        let long = "9".repeat(100_000);
        for text in [
            "92233720368547758.08",
            "-92233720368547758.09",
            long.as_str(),
        ] {
            assert_eq!(parse(text, "EUR"), Err(MoneyError::Overflow));
        }
    }
}
