//! Rows and queries. Every function takes the connection that its caller has.

pub mod costs;
pub mod deposits;
pub mod exchange_rates;
pub mod invoices;
pub mod ledger;
pub mod levels;
pub mod moves;
pub mod purchase_orders;
pub mod refused;
pub mod reservations;
pub mod supplier_bills;
pub mod suppliers;
pub mod warehouses;
