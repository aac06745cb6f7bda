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

mod address;
mod certificate;
mod client;
mod database;
mod described;
mod document;
pub mod edge;
pub mod fleet;
pub mod launch;
mod matrix;
pub mod oidc;
pub mod otlp;
mod platform;
pub mod shop;
pub mod stytch;
mod timing;
pub mod webhooks;
mod wrong;

pub use certificate::certificate;
pub use client::{Answer, Client};
pub use database::{Database, PREPARED, SECURED};
pub use described::{assert_described, assert_each_code_is_met};
pub use document::{Operation, operations, routes};
pub use matrix::{Asked, ask_everything, assert_open};
pub use platform::{ISSUER, Setup, TestPlatform, TestTenant, colleague_of, identity, unique_key};
pub use timing::told_apart;
pub use wrong::{IMPOSSIBLE_IDS, awkward_texts};
