//! The product service over HTTP.

mod setup;

mod products;
