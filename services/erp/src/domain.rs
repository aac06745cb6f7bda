//! Rules: pure, no I/O.

pub mod costs;
pub mod ledger;
pub mod moves;
pub mod purchasing;

pub use averis_service_kit::clock::now;

/// Most pieces of one line: sums of many lines are still far from where 64 bits end.
pub const MAX_QUANTITY: i64 = 1_000_000_000;
