//! Wire types and handlers.

pub mod accounts;
pub mod audit;
pub mod authorise;
pub mod cancel;
pub mod drafts;
pub mod fulfilment;
pub mod orders;
pub mod payments;
pub mod returns;
pub mod ship;
pub mod webhooks;

use averis_service_kit::problem::FieldProblem;

use crate::error::OmsError;

/// Checks that a list names each line of an order once.
///
/// # Errors
/// 422 at the second time.
pub fn check_once(lines: impl Iterator<Item = i32>) -> Result<(), OmsError> {
    let mut seen = std::collections::BTreeSet::new();
    for (place, line) in lines.enumerate() {
        if !seen.insert(line) {
            let pointer = format!("/lines/{place}/line");
            return Err(FieldProblem::new(pointer, "duplicate", "name each line once").into());
        }
    }
    Ok(())
}
