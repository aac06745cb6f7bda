//! Rules: pure, no I/O.

pub mod causes;
pub mod fulfilment;
pub mod orders;
pub mod payments;
pub mod returns;

pub use averis_service_kit::clock::now;

/// Most pieces of one line: sums of many lines are still far from where 64 bits end.
pub const MAX_QUANTITY: i64 = 1_000_000_000;
