//! What the customer service tells.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Kinds of the customer service's events.
pub mod kinds {
    /// Nothing may be known of a customer any more but what the law keeps. The data is [`Erased`](super::Erased).
    pub const ERASED: &str = "customer.erased";
}

/// Who was erased. Ids alone: an event must not keep what it tells others to forget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// The customer, and all others who were found to be it.
    pub customer_ids: Vec<Uuid>,
}
