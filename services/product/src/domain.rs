//! Rules: pure, no I/O.

pub mod attributes;
pub mod content;
pub mod products;
pub mod sections;
pub mod shopify;
pub mod staging;
pub mod variants;

use chrono::{DateTime, SubsecRound as _, Utc};

/// Returns the time to the microsecond, which is what the database keeps: what is answered at once is what is read
/// later.
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
