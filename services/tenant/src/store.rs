//! Rows and queries.

pub mod access;
pub mod api_keys;
pub mod grants;
pub mod members;
pub mod reference;
pub mod sessions;
pub mod sign_ins;
pub mod tenants;
pub mod users;
