//! Rules of what is kept: pure, no I/O.

pub mod catalogs;
pub mod forms;
pub mod market;
pub mod prices;
pub mod promotions;
pub mod taxes;

pub use averis_service_kit::clock::now;

/// Returns a SKU as it is compared: people do not tell ab-1 from AB-1.
pub fn fold(sku: &str) -> String {
    sku.to_lowercase()
}
