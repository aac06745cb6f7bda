//! Isolation of tenants by the database. Each test is named after its item in the checklist (S1 to S44).

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "the helpers of tests fail the test"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "the tests say what no service may say, and look from many tasks at once"
)]

mod audit;
mod fleet;
mod injection;
mod names;
mod neighbours;
mod pipelines;
mod provisioning;
mod roles;
mod session;
mod support;
mod switching;
mod tls;
