//! What time it is.

use chrono::{DateTime, SubsecRound as _, Utc};

/// Returns the time to the microsecond, which is what the database keeps: what is answered at once is what is read
/// later.
#[must_use]
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
