//! Rows and queries. Every function takes the connection that its caller has.

pub mod attributes;
pub mod categories;
pub mod imports;
pub mod media;
pub mod products;
pub mod revisions;
pub mod search;
pub mod staging;
pub mod variants;
