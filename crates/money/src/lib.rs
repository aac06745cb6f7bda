#![doc = include_str!("../README.md")]
#![forbid(clippy::float_arithmetic)]

mod amount;
mod currency;
mod error;
mod millionths;
mod proration;
mod rounding;
mod text;

pub use amount::Money;
pub use currency::Currency;
pub use error::MoneyError;
pub use millionths::{millionths, rate_of_millionths};
pub use proration::{portion, prorate, prorate_minor};
pub use rounding::Rounding;
// The type of every rate this crate takes: callers need no version of their own.
pub use rust_decimal::Decimal;
