//! The ecomm service over HTTP, with all services that a checkout asks.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod setup;

mod access;
mod bad_input;
mod carts;
mod checkouts;
mod companies;
mod expired;
mod failures;
mod merging;
mod oversell;
mod short_ship;
mod storefront;
