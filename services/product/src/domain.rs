//! Rules: pure, no I/O.

pub mod attributes;
pub mod products;
pub mod shopify;
pub mod variants;
