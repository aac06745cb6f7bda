//! What a failed checkout gives back: all of it, in reverse, whether it was taken or not. What is given back before it was taken is
//! not taken any more.

use averis_contracts::client::CallError;

use super::{Stop, Work, steps};
use crate::store::checkouts::CheckoutRow;

const REASON: &str = "The checkout has failed";

/// Gives back all that was held for an attempt. `false` says that its order was placed after all, and stays so.
pub async fn all(work: &Work, row: &mut CheckoutRow) -> Result<bool, Stop> {
    let calls = &work.state.calls;
    let (tenant, correlation) = (&work.tenant.key, &work.correlation);
    if row.order_id.is_none() && row.step == "credited" {
        // Whether it was drafted nobody knows. Drafted again it is the same, and can be cancelled.
        match steps::draft(work, row).await {
            Ok(()) => {}
            // It was refused, and is so still. Any other no is one of the moment.
            Err(Stop::Away(error)) if is_one_of(&error, REFUSES_DRAFT) => {}
            Err(Stop::Refused(_)) => {}
            Err(other) => return Err(other),
        }
    }
    if let Some(order) = row.order_id {
        let key = Work::key(row, "cancel");
        let cancelled = calls
            .oms
            .cancel_draft(tenant, &key, order, REASON, correlation);
        match cancelled.await {
            Ok(_) => {}
            // It is placed, and stays so.
            Err(error) if is_one_of(&error, &["invalid_transition"]) => return Ok(false),
            Err(error) => return Err(Stop::Away(error)),
        }
    }
    let undone = |done: Result<(), CallError>| match done {
        Ok(()) => Ok(()),
        // Of what was never held there is nothing to give back.
        Err(error) if is_one_of(&error, &["not_found", "invalid_transition"]) => Ok(()),
        Err(error) => Err(Stop::Away(error)),
    };
    let key = Work::key(row, "credit:undo");
    let credit = calls
        .customer
        .settle_credit(tenant, &key, row.id, "release", correlation);
    undone(credit.await)?;
    let key = Work::key(row, "redeem:undo");
    let promotions = calls
        .pricing
        .settle(tenant, &key, row.id, "release", correlation);
    undone(promotions.await)?;
    let key = Work::key(row, "reserve:undo");
    let stock = calls
        .erp
        .settle(tenant, &key, row.id, "release", correlation);
    undone(stock.await)?;
    Ok(true)
}

/// With what else a draft is refused for good.
const REFUSES_DRAFT: &[&str] = &["checkout_taken", "invalid", "money_overflow"];

fn is_one_of(error: &CallError, codes: &[&str]) -> bool {
    error.code().is_some_and(|code| codes.contains(&code))
}
