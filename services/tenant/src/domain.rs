//! Rules. Pure.

pub mod passwords;
pub mod secrets;
pub mod tenants;
pub mod webhooks;
