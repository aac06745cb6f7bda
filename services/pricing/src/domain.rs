//! Rules of what is kept: pure, no I/O.

pub mod catalogs;
pub mod forms;
pub mod market;
pub mod prices;
pub mod promotions;
pub mod taxes;

pub use averis_service_kit::clock::now;
pub use averis_service_kit::forms::fold;
