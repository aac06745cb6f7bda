//! Prices as pure functions: the same inputs give the same outputs, whatever the day or the order of rows.

pub mod assignment;
pub mod promotions;
pub mod quote;
pub mod selection;
pub mod taxes;
pub mod totals;
