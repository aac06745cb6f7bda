//! Rows and queries.

pub mod access;
pub mod access_log;
pub mod api_keys;
pub mod codes;
pub mod grants;
pub mod mail_counts;
pub mod members;
pub mod providers;
pub mod reference;
pub mod sessions;
pub mod sign_ins;
pub mod tenants;
pub mod users;
pub mod webhook_deliveries;
pub mod webhook_endpoints;
