//! Wire types and handlers.

pub mod addresses;
pub mod approvals;
pub mod audit;
pub mod companies;
pub mod consents;
pub mod context;
pub mod credit;
pub mod customers;
pub mod erasure;
pub mod events;
pub mod locations;
pub mod members;
pub mod merging;
pub mod own;
pub mod rules;
pub mod sign_in;
pub mod tax_ids;
pub mod telemetry;
pub mod verifications;
pub mod visitors;
