#![doc = include_str!("../README.md")]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test kit fails by panicking"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "the test kit sets up what services may not"
)]

mod client;
mod database;
mod platform;

pub use client::{Answer, Client};
pub use database::{Database, PREPARED};
pub use platform::{Setup, TestPlatform, TestTenant, unique_key};
