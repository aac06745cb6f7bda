//! Rules of what is kept: pure, no I/O.

pub mod catalogs;
pub mod forms;
pub mod market;
pub mod prices;
pub mod promotions;
pub mod taxes;

pub use averis_service_kit::clock::now;

/// Returns a SKU, or a code, as it is compared: people do not tell ab-1 from AB-1. Letters beyond ASCII stay as they are: no
/// two SKUs that the product service tells apart become one.
pub fn fold(sku: &str) -> String {
    sku.to_ascii_lowercase()
}
