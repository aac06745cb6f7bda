//! Rows and queries. Every function takes the connection that its caller has.

pub mod catalogs;
pub mod market;
pub mod prices;
pub mod promotions;
pub mod quotes;
pub mod redemptions;
pub mod rules;
pub mod skus;
pub mod starts;
pub mod taxes;
