//! The tenant service over HTTP.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod access;
mod access_entries;
mod api_keys;
mod audit;
mod bad_input;
mod capacity;
mod checklist;
mod codes;
mod directory;
mod health;
mod hearing;
mod idempotency;
mod isolation;
mod limits;
mod lists;
mod members;
mod membership_model;
mod metrics;
mod oidc;
mod openapi;
mod providers;
mod purge;
mod reference;
mod resolution;
mod secrecy;
mod settings;
mod shoppers;
mod sign_in;
mod tenants;
mod tools;
mod webhook_endpoints;
mod webhooks;
