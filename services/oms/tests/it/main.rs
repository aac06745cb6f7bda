//! The OMS service over HTTP.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod setup;

mod access;
mod bad_input;
mod cancelling;
mod ended;
mod erp;
mod orders;
mod payments;
mod placing;
mod prepaid;
mod refunds;
mod replay;
mod returns;
mod shipping;
mod webhooks;
