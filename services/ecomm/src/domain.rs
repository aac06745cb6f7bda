//! Rules: pure, no I/O.

pub mod merging;

pub use averis_service_kit::clock::now;

/// Most pieces of one line of a cart.
pub const MAX_QUANTITY: i64 = 1_000_000;
/// Coupons of one cart.
pub const MAX_COUPONS: usize = 20;
/// Lines of one cart.
pub const MAX_LINES: usize = 200;
