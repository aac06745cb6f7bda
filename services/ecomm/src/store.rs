//! Rows and queries. Every function takes the connection that its caller has.

pub mod carts;
pub mod checkouts;
pub mod shipping;
