//! Prices as pure functions: the same inputs give the same outputs, whatever the day or the order of rows.

pub mod selection;
pub mod totals;
