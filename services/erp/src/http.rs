//! Wire types and handlers.

pub mod audit;
pub mod availability;
pub mod entries;
pub mod events;
pub mod exchange_rates;
pub mod invoices;
pub mod ledger;
pub mod purchase_orders;
pub mod reservations;
pub mod stock_levels;
pub mod stock_moves;
pub mod stock_values;
pub mod supplier_bills;
pub mod suppliers;
pub mod warehouses;
