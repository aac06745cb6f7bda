//! Identity providers and mail servers, each played by a stand-in that speaks over a real connection.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "the helpers of tests fail the test"
)]

mod mail;
mod oidc;
mod oidc_issuers;
mod raw;
mod stytch_calls;
mod stytch_failures;
mod stytch_sessions;
mod support;
