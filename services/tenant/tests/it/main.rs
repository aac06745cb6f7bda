//! The tenant service over HTTP.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod access;
mod api_keys;
mod audit;
mod bad_input;
mod capacity;
mod checklist;
mod directory;
mod health;
mod idempotency;
mod isolation;
mod limits;
mod lists;
mod members;
mod membership_model;
mod metrics;
mod openapi;
mod purge;
mod reference;
mod resolution;
mod secrecy;
mod settings;
mod sign_in;
mod tenants;
mod tools;
