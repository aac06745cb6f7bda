//! Rows and queries.

pub mod reference;
pub mod tenants;
