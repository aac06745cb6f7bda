//! Wire types and handlers.

pub mod lookup;
pub mod reference;
pub mod scope;
pub mod tenants;
