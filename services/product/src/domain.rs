//! Rules: pure, no I/O.

pub mod attributes;
pub mod content;
pub mod dictionary;
pub mod products;
pub mod sections;
pub mod shopify;
pub mod staging;
pub mod variants;

pub use averis_service_kit::clock::now;
