//! What can go wrong with money.

use crate::Currency;

/// Every failure of this crate. None of them is ever replaced by a default
/// amount: a caller that cannot compute a price has no price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Two amounts of different currencies met; there is no implicit conversion.
    #[error("cannot combine {left} with {right}")]
    CurrencyMismatch {
        /// The currency of the receiver, or of the whole.
        left: Currency,
        /// The currency of the argument.
        right: Currency,
    },
    /// The exact result does not fit the 64 bits of an amount, or an
    /// intermediate product does not fit 128 bits. Over HTTP this is a 422
    /// `money_overflow`.
    #[error("the amount is too large")]
    Overflow,
    /// A divisor, or a rate divided by, is zero.
    #[error("division by zero")]
    DivisionByZero,
    /// The number of pieces a unit price is for is not at least 1.
    #[error("a price must be for at least one piece, not for {per_quantity}")]
    InvalidPerQuantity {
        /// The refused number of pieces.
        per_quantity: i64,
    },
    /// Not an active ISO 4217 code: unknown, withdrawn, or not in capitals.
    #[error("{code:?} is not an active ISO 4217 currency code")]
    UnknownCurrency {
        /// The beginning of the refused text: at most 8 characters.
        code: String,
    },
    /// A code of ISO 4217 that has no minor unit (gold, testing, no currency,
    /// ...) and so cannot be the currency of an amount.
    #[error("{code} has no minor unit and cannot be the currency of an amount")]
    NoMinorUnit {
        /// The refused code.
        code: &'static str,
    },
    /// A decimal text is not of the form `-12.34`.
    #[error("not a decimal amount of the form -12.34")]
    InvalidAmount,
    /// A decimal text has more digits after the point than the currency has;
    /// it is refused, not rounded.
    #[error("{currency} has {} digits after the decimal point, not more", currency.exponent())]
    TooManyDigits {
        /// The currency the amount was read for.
        currency: Currency,
    },
    /// An amount other than zero is to be divided among no parts, or among
    /// parts that all weigh nothing.
    #[error("there is nothing to divide the amount among")]
    NothingToProrate,
}
