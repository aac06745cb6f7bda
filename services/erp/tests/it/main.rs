//! The ERP service over HTTP.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod setup;

mod access;
mod bad_input;
mod costs;
mod exchange_rates;
mod invoices;
mod ledger;
mod moves;
mod purchasing;
mod reservations;
mod stock_news;
mod warehouses;
