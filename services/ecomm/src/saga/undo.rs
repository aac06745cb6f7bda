//! What a failed checkout gives back: all of it, in reverse, whether it was taken or not. What is given back before it was taken is
//! not taken any more.

use averis_contracts::client::CallError;

use super::steps::order_of;
use super::{Stop, Work};
use crate::store::checkouts::CheckoutRow;

const REASON: &str = "The checkout has failed";

/// Gives back all that was held for an attempt. `false` says that its order was placed after all.
pub async fn all(work: &Work<'_>, row: &CheckoutRow) -> Result<bool, Stop> {
    let calls = &work.state.calls;
    let (tenant, correlation) = (&work.tenant.key, &work.correlation);
    let mut order = row.order_id;
    if order.is_none() && row.step == "credited" {
        // Whether it was drafted nobody knows. Drafted again it is the same, and can be cancelled.
        let key = Work::key(row, "draft");
        let body = order_of(row)?;
        match calls.oms.draft(tenant, &key, &body, correlation).await {
            Ok(drafted) => order = Some(drafted.id),
            // It was refused, and is so still.
            Err(CallError::Refused(_)) => {}
            Err(error) => return Err(Stop::Away(error)),
        }
    }
    if let Some(order) = order {
        let key = Work::key(row, "cancel");
        let cancelled = calls.oms.cancel(tenant, &key, order, REASON, correlation);
        match cancelled.await {
            Ok(_) => {}
            // Only what has left is not cancelled, and only what is placed leaves.
            Err(CallError::Refused(_)) => return Ok(false),
            Err(error) => return Err(Stop::Away(error)),
        }
    }
    let undone = |done: Result<(), CallError>| match done {
        // Of what was never held there is nothing to give back.
        Ok(()) | Err(CallError::Refused(_)) => Ok(()),
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
