//! Rules. Pure.

pub mod emails;
pub mod passwords;
pub mod secrets;
pub mod tenants;
