//! Wire types and handlers.

pub mod audit;
pub mod availability;
pub mod reservations;
pub mod stock_levels;
pub mod stock_moves;
pub mod warehouses;
