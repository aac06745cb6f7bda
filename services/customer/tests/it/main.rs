//! The customer service over HTTP.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod setup;

mod access;
mod approvals;
mod bad_input;
mod companies;
mod credit;
mod disclosure;
mod erasure;
mod merging;
mod sign_in;
mod telemetry;
mod told;
