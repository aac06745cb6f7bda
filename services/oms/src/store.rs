//! Rows and queries. Every function takes the connection that its caller has.

pub mod accounts;
pub mod events;
pub mod fulfilment;
pub mod orders;
pub mod payments;
pub mod returns;
pub mod shipments;
