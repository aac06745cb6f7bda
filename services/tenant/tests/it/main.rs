//! The tenant service over HTTP.

mod tenants;
