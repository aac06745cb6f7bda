//! The product service over HTTP.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod calls;
mod setup;

mod access;
mod attributes;
mod audit;
mod bad_input;
mod bad_queries;
mod cancellation;
mod categories;
mod dependencies;
mod dictionary;
mod exports;
mod import_files;
mod import_jobs;
mod imports;
mod isolation;
mod lists;
mod media;
mod openapi;
mod product_states;
mod products;
mod revisions;
mod search;
mod sections;
mod staging;
mod variants;
