//! The engine against what others got wrong and against what must hold for any input, and the service over HTTP.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod setup;

mod access;
mod assignment;
mod bad_input;
mod catalogs;
mod events;
mod golden;
mod prices;
mod promotions;
mod quotes;
mod redemptions;
mod selection;
mod starting;
mod taxes;
mod totals;
