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
pub mod members;
pub mod verifications;
pub mod visitors;
