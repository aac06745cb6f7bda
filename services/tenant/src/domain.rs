//! Rules: pure, no I/O.

pub mod tenants;
