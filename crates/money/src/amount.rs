//! Amounts of money and their arithmetic.

use std::cmp::Ordering;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::rounding::fraction;
use crate::{Currency, MoneyError, Rounding};

/// A whole number of minor units of one currency.
///
/// JSON: `{"amount": 1999, "currency": "EUR"}`, with an integer and nothing
/// else; a fraction, a text or an unknown field is refused. There are no
/// operators: every operation names its error. Amounts of different currencies
/// are neither equal nor ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    amount: i64,
    currency: Currency,
}

impl Money {
    /// An amount in minor units: `new(1999, EUR)` is 19.99 EUR, `new(1999, JPY)`
    /// is 1999 JPY.
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Nothing, in a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The amount in minor units.
    pub const fn amount(&self) -> i64 {
        self.amount
    }

    /// The currency.
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// Whether the amount is exactly zero.
    pub const fn is_zero(&self) -> bool {
        self.amount == 0
    }

    /// Whether the amount is below zero.
    pub const fn is_negative(&self) -> bool {
        self.amount < 0
    }

    /// The sum of two amounts.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.with(self.amount.checked_add(other.amount))
    }

    /// This amount less the other.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::Overflow`].
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.with(self.amount.checked_sub(other.amount))
    }

    /// The amount with the opposite sign.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] for the smallest amount there is.
    pub fn checked_neg(self) -> Result<Self, MoneyError> {
        self.with(self.amount.checked_neg())
    }

    /// A whole multiple of the amount; exact.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn checked_mul(self, factor: i64) -> Result<Self, MoneyError> {
        self.with(self.amount.checked_mul(factor))
    }

    /// The sum of any number of amounts; zero of `currency` if there are none.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`] if one of them is in another currency;
    /// [`MoneyError::Overflow`] if the sum, whatever the order, is too large.
    pub fn checked_sum(
        currency: Currency,
        amounts: impl IntoIterator<Item = Self>,
    ) -> Result<Self, MoneyError> {
        let zero = Self::zero(currency);
        let mut sum = 0_i128;
        for amount in amounts {
            zero.same_currency(amount)?;
            sum = sum
                .checked_add(i128::from(amount.amount))
                .ok_or(MoneyError::Overflow)?;
        }
        zero.with(i64::try_from(sum).ok())
    }

    /// The amount times a rate (a tax, a percentage),
    /// rounded once from the exact product. The rate is a factor: 19 % is 0.19.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] if the result does not fit, or if amount times
    /// the digits of the rate exceeds 128 bits: never for rates of up to 18
    /// significant digits.
    pub fn checked_mul_rate(self, rate: Decimal, rounding: Rounding) -> Result<Self, MoneyError> {
        let (numerator, denominator) = fraction(rate)?;
        self.checked_mul_ratio(numerator, denominator, rounding)
    }

    /// The amount divided by a rate, rounded once from the exact quotient: the
    /// net of a gross amount is `gross.checked_div_rate(1.19)`, with no rounded
    /// reciprocal in between.
    ///
    /// # Errors
    /// [`MoneyError::DivisionByZero`]; [`MoneyError::Overflow`] if the result
    /// does not fit, or for rates of more than 18 fraction digits.
    pub fn checked_div_rate(self, rate: Decimal, rounding: Rounding) -> Result<Self, MoneyError> {
        let (numerator, denominator) = fraction(rate)?;
        self.checked_mul_ratio(denominator, numerator, rounding)
    }

    /// The amount times `numerator / denominator`, rounded once from the exact
    /// value.
    ///
    /// # Errors
    /// [`MoneyError::DivisionByZero`]; [`MoneyError::Overflow`] if the product
    /// with the numerator exceeds 128 bits or the result 64.
    pub fn checked_mul_ratio(
        self,
        numerator: i128,
        denominator: i128,
        rounding: Rounding,
    ) -> Result<Self, MoneyError> {
        let product = i128::from(self.amount)
            .checked_mul(numerator)
            .ok_or(MoneyError::Overflow)?;
        let result = rounding.divide(product, denominator)?;
        self.with(i64::try_from(result).ok())
    }

    /// The total of a line: `unit × quantity / per_quantity`, rounded once. A
    /// price below the minor unit is a price for many pieces: 1.23 EUR per
    /// 1,000 is `unit` 123, `per_quantity` 1000. The quantity may be negative
    /// (a return).
    ///
    /// # Errors
    /// [`MoneyError::InvalidPerQuantity`] unless `per_quantity` is at least 1;
    /// [`MoneyError::Overflow`].
    pub fn line(
        unit: Self,
        quantity: i64,
        per_quantity: i64,
        rounding: Rounding,
    ) -> Result<Self, MoneyError> {
        if per_quantity < 1 {
            return Err(MoneyError::InvalidPerQuantity { per_quantity });
        }
        unit.checked_mul_ratio(i128::from(quantity), i128::from(per_quantity), rounding)
    }

    fn with(self, amount: Option<i64>) -> Result<Self, MoneyError> {
        amount
            .map(|amount| Self::new(amount, self.currency))
            .ok_or(MoneyError::Overflow)
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::CurrencyMismatch {
                left: self.currency,
                right: other.currency,
            })
        }
    }
}

impl PartialOrd for Money {
    /// By amount within a currency; `None` across currencies.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self.currency == other.currency).then(|| self.amount.cmp(&other.amount))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: i64, code: &str) -> Money {
        Money::new(amount, code.parse().unwrap())
    }

    fn rate(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    const BOTH: [Rounding; 2] = [Rounding::HalfUp, Rounding::HalfEven];

    #[test]
    fn currencies_never_mix() {
        let (eur, jpy) = (money(1, "EUR"), money(1, "JPY"));
        let mismatch = MoneyError::CurrencyMismatch {
            left: eur.currency,
            right: jpy.currency,
        };
        assert_eq!(eur.checked_add(jpy), Err(mismatch.clone()));
        assert_eq!(eur.checked_sub(jpy), Err(mismatch.clone()));
        assert_eq!(Money::checked_sum(eur.currency, [eur, jpy]), Err(mismatch));
        assert_eq!(eur.partial_cmp(&jpy), None);
        assert_ne!(eur, jpy);
        assert!(eur < money(2, "EUR"));
    }

    #[test]
    fn overflow_is_an_error() {
        let (max, min, one) = (
            money(i64::MAX, "EUR"),
            money(i64::MIN, "EUR"),
            money(1, "EUR"),
        );
        assert_eq!(max.checked_add(one), Err(MoneyError::Overflow));
        assert_eq!(min.checked_sub(one), Err(MoneyError::Overflow));
        assert_eq!(min.checked_neg(), Err(MoneyError::Overflow));
        assert_eq!(max.checked_mul(2), Err(MoneyError::Overflow));
        assert_eq!(min.checked_mul(-1), Err(MoneyError::Overflow));
        assert_eq!(
            Money::checked_sum(max.currency, [max, one]),
            Err(MoneyError::Overflow)
        );
        // the order of the terms does not decide
        let sum = Money::checked_sum(max.currency, [max, one, money(-1, "EUR")]);
        assert_eq!(sum, Ok(max));
        for mode in BOTH {
            assert_eq!(
                max.checked_mul_rate(rate("1.0000000001"), mode),
                Err(MoneyError::Overflow)
            );
            assert_eq!(
                max.checked_mul_rate(Decimal::MAX, mode),
                Err(MoneyError::Overflow)
            );
            assert_eq!(
                Money::line(max, i64::MAX, 1, mode),
                Err(MoneyError::Overflow)
            );
            // an intermediate product beyond 64 bits is no overflow
            assert_eq!(Money::line(max, i64::MAX, i64::MAX, mode), Ok(max));
            assert_eq!(max.checked_mul_rate(rate("1.000000"), mode), Ok(max));
            assert!(
                max.checked_mul_rate(rate("0.123456789012345678"), mode)
                    .is_ok()
            );
        }
    }

    #[test]
    fn division_by_nothing_is_an_error() {
        let eur = money(100, "EUR");
        for mode in BOTH {
            assert_eq!(
                eur.checked_div_rate(Decimal::ZERO, mode),
                Err(MoneyError::DivisionByZero)
            );
            for per_quantity in [0, -1] {
                assert_eq!(
                    Money::line(eur, 1, per_quantity, mode),
                    Err(MoneyError::InvalidPerQuantity { per_quantity })
                );
            }
        }
    }

    #[test]
    fn price_per_thousand_is_exact() {
        let unit = money(123, "EUR"); // 1.23 EUR per 1,000 pieces
        for (quantity, up, even) in [
            (1000, 123, 123),
            (1, 0, 0),
            (500, 62, 62),
            (1500, 185, 184),
            (-1500, -185, -184),
        ] {
            let line = |mode| Money::line(unit, quantity, 1000, mode).unwrap().amount();
            assert_eq!(
                (line(Rounding::HalfUp), line(Rounding::HalfEven)),
                (up, even),
                "{quantity}"
            );
        }
    }

    /// Public bug reports of other shops, recomputed by hand.
    #[test]
    fn tax_cases_of_public_bug_reports() {
        for mode in BOTH {
            // commercetools: 3 × 1.08 at 19 %: 3.86 by line, 3.87 by unit
            let line = money(324, "EUR").checked_mul_rate(rate("0.19"), mode);
            assert_eq!(line, Ok(money(62, "EUR")));
            let unit = money(108, "EUR").checked_mul_rate(rate("0.19"), mode);
            assert_eq!(unit, Ok(money(21, "EUR")));
            // vendure 3047: 2 × 399.00 gross at 9 %: 732.11 net by line, 732.12 by unit
            let line = money(79_800, "EUR").checked_div_rate(rate("1.09"), mode);
            assert_eq!(line, Ok(money(73_211, "EUR")));
            let unit = money(39_900, "EUR").checked_div_rate(rate("1.09"), mode);
            assert_eq!(unit, Ok(money(36_606, "EUR")));
            // vendure 2662: 164.02 net at 2.6 %
            let tax = money(16_402, "USD").checked_mul_rate(rate("0.026"), mode);
            assert_eq!(tax, Ok(money(426, "USD")));
            // woocommerce 19706: 0.913 tax a piece; one line of two is not two lines of one
            let unit = money(913, "USD");
            assert_eq!(Money::line(unit, 1, 10, mode), Ok(money(91, "USD")));
            assert_eq!(Money::line(unit, 2, 10, mode), Ok(money(183, "USD")));
            // medusa 12226: 399.00 gross at 19 % less 100 % leaves exactly nothing
            let gross = money(39_900, "EUR");
            let net = gross.checked_div_rate(rate("1.19"), mode);
            assert_eq!(net, Ok(money(33_529, "EUR")));
            let off = gross.checked_mul_rate(Decimal::ONE, mode).unwrap();
            assert!(gross.checked_sub(off).unwrap().is_zero());
            // medusa 13734: 0.06965 tax is 7 cents
            let tax = money(6965, "USD").checked_mul_rate(rate("0.001"), mode);
            assert_eq!(tax, Ok(money(7, "USD")));
        }
    }

    #[test]
    fn exchange_by_line_and_by_document_differ_as_reported() {
        // erpnext 50863: 15 and 155 pieces at 99.07, rate 89.7
        let convert = |amount, mode| {
            money(amount, "USD")
                .checked_mul_rate(rate("89.7"), mode)
                .unwrap()
                .amount()
        };
        for (mode, lines) in [
            (Rounding::HalfEven, 151_071_842),
            (Rounding::HalfUp, 151_071_844),
        ] {
            assert_eq!(convert(148_605, mode) + convert(1_535_585, mode), lines);
            assert_eq!(convert(148_605 + 1_535_585, mode), 151_071_843);
        }
    }

    #[test]
    fn rates_in_currencies_of_0_3_and_4_digits() {
        for (amount, code, percent, up, even) in [
            (105, "JPY", "0.10", 11, 10),       // 10.5 yen
            (-105, "JPY", "0.10", -11, -10),    // a refund mirrors the charge
            (1_250, "KWD", "0.05", 63, 62),     // 62.5 fils
            (12_345, "CLF", "0.1", 1235, 1234), // 1,234.5 ten-thousandths
        ] {
            let tax = |mode| {
                money(amount, code)
                    .checked_mul_rate(rate(percent), mode)
                    .unwrap()
            };
            assert_eq!(tax(Rounding::HalfUp), money(up, code));
            assert_eq!(tax(Rounding::HalfEven), money(even, code));
        }
    }

    #[test]
    fn json_is_strict() {
        let price: Money = serde_json::from_str(r#"{"amount":1999,"currency":"EUR"}"#).unwrap();
        assert_eq!(price, money(1999, "EUR"));
        assert_eq!(
            serde_json::to_string(&price).unwrap(),
            r#"{"amount":1999,"currency":"EUR"}"#
        );
        for refused in [
            r#"{"amount":19.99,"currency":"EUR"}"#,
            r#"{"amount":1999.0,"currency":"EUR"}"#,
            r#"{"amount":1e3,"currency":"EUR"}"#,
            r#"{"amount":"1999","currency":"EUR"}"#,
            r#"{"amount":9223372036854775808,"currency":"EUR"}"#,
            r#"{"amount":null,"currency":"EUR"}"#,
            r#"{"amount":1999}"#,
            r#"{"currency":"EUR"}"#,
            r#"{"amount":1999,"currency":"XXX"}"#,
            r#"{"amount":1999,"currency":"EUR","exponent":2}"#,
        ] {
            assert!(serde_json::from_str::<Money>(refused).is_err(), "{refused}");
        }
    }
}
