//! Rows and queries. Every function takes the connection that its caller has.

pub mod addresses;
pub mod approvals;
pub mod companies;
pub mod consents;
pub mod credit;
pub mod customers;
pub mod erasures;
pub mod locations;
pub mod rules;
pub mod telemetry;
pub mod verifications;
pub mod visitors;
