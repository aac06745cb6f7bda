//! Wire types and handlers.

pub mod assignment;
pub mod audit;
pub mod catalogs;
pub mod entries;
pub mod explain;
pub mod fx;
pub mod internal;
pub mod market;
pub mod prices;
pub mod promotions;
pub mod quotes;
pub mod redemptions;
pub mod rules;
pub mod schemas;
pub mod taxes;
pub mod unit_prices;
