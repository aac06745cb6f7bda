//! Wire types and handlers.

pub mod attributes;
pub mod audit;
pub mod categories;
pub mod dictionary;
pub mod exports;
pub mod imports;
pub mod media;
pub mod products;
pub mod revisions;
pub mod search;
pub mod sections;
pub mod staging;
pub mod text;
pub mod variants;
