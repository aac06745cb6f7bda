//! Wire types and handlers.

pub mod attributes;
pub mod audit;
pub mod categories;
pub mod exports;
pub mod imports;
pub mod media;
pub mod products;
pub mod search;
pub mod text;
pub mod variants;
