//! What the ecomm service tells.

use serde::{Deserialize, Serialize};

/// Kinds of its events.
pub mod kinds {
    /// Nobody has touched a cart for long: it is over. The data is a [`CartState`](super::CartState).
    pub const EXPIRED: &str = "cart.expired";
}

/// Where a cart is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartState {
    /// Its version then.
    pub version: i64,
}
