//! What came back is credited, and what was paid of it goes back.

use actix_web::web::Data;
use averis_contracts::oms::{Returned, kinds};
use averis_money::{Currency, Money};
use averis_outbox::publish;
use averis_service_kit::Tenant;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use garde::Validate;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ReturnView, answer, locked, returned};
use crate::State;
use crate::amounts::{currency, share};
use crate::domain::causes::{return_cause, return_of, shipment_of};
use crate::domain::returns::{CLOSED, ReturnCommand, refund_of};
use crate::drive::drive_asked;
use crate::error::{OmsError, codes};
use crate::provider::Outcome;
use crate::settle::{ask, settle};
use crate::store::events::note;
use crate::store::orders::{LineRow, OFFLINE, OrderRow};
use crate::store::payments::{self, CAPTURE, FAILURE, PaymentRow, REFUND, SUCCESS};
use crate::store::returns::{self, ReturnLineRow, ReturnRow};
use crate::store::{orders, shipments};

/// What goes back besides what the goods cost.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundReturn {
    /// Whether also what it cost to send them, where that was with this shipment and was not given back before.
    #[serde(default)]
    #[garde(skip)]
    with_shipping: bool,
}

/// Credits what was accepted, at what was agreed to, and refunds what of it was paid: however many returns there are of a shipment,
/// together they are what it came to, to the cent. What was given out of goodwill is not given twice. The same again changes nothing.
#[utoipa::path(post, path = "/api/oms/v1/returns/{id}/refund", tag = "returns", security(("token" = ["payment:write"])),
    request_body = RefundReturn, params(("id" = Uuid, Path)),
    responses((status = 200, description = "The return.", body = ReturnView)))]
pub async fn refund_return(
    tenant: Tenant<may::PaymentWrite>,
    state: Data<State>,
    PathId(id): PathId,
    post: Post<RefundReturn>,
) -> ApiResult<Reply> {
    let actor = tenant.caller.identity.subject;
    let reply = once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, OmsError> {
            let (row, order, mut payment) = locked(conn, id).await?;
            if row.status == CLOSED {
                return answer(conn, row).await;
            }
            let status = ReturnCommand::Refund.apply(&row.status)?;
            if payment.capturing > 0 {
                // Whether it was paid is not known, so what of it is to go back is not either.
                return Err(Problem::new(codes::MONEY_UNDER_WAY).retry_after(1).into());
            }
            let unit = currency(&order.currency)?;
            let mut ordered = orders::lines_of(conn, &[order.id]).await?;
            let mut own = returns::lines_of(conn, &[id]).await?;
            if post.body.with_shipping {
                own.extend(shipping(conn, &row, &ordered).await?);
            }
            let credited = credit(conn, &row, &own, &mut ordered, unit).await?;
            orders::put_lines(conn, &ordered).await?;
            let share = share_of(conn, &order, &payment, &row).await?;
            let (paid, due) = (share.paid, share.due - credited);
            let refunded = refund_of(credited, paid, due, payment.refundable());
            // What of it would go back, had it not been given before.
            let given = refund_of(credited, paid, due, credited) - refunded;
            let closed = ReturnRow {
                status: status.to_owned(),
                credited: Some(credited),
                refunded: Some(refunded),
                ..row
            };
            let closed = returns::update(conn, &closed).await?;
            let told = json!({"return_id": id, "credited": credited, "refunded": refunded});
            note(conn, order.id, "return.closed", Some(actor), told).await?;
            let event = Returned {
                unpaid: Some(Money::new(credited - refunded - given, unit)),
                given: Some(Money::new(given, unit)),
                ..returned(conn, &order, &closed, &own).await?
            };
            if !event.lines.is_empty() {
                publish(conn, kinds::CREDITED, id, &event).await?;
            }
            if refunded > 0 {
                payment.refunding += refunded;
                payment.for_returns += refunded;
                payments::put(conn, &payment).await?;
                let cause = return_cause(id, closed.shipment_id);
                let asked = ask(conn, order.id, REFUND, cause, refunded).await?;
                if order.provider == OFFLINE {
                    // Whoever grants it transfers it.
                    settle(
                        conn,
                        asked.order_id,
                        asked.id,
                        &Outcome::Success(format!("return {id}")),
                    )
                    .await?;
                }
            }
            answer(conn, closed).await
        },
    );
    let reply = reply.await?;
    let row = tenant
        .db
        .read(async |conn| -> Result<_, OmsError> { Ok(returns::find(conn, id).await?) });
    let row = row.await?.ok_or_else(Problem::not_found)?;
    let cause = return_cause(id, row.shipment_id);
    drive_asked(&state, &tenant.db, row.order_id, REFUND, &cause).await?;
    Ok(reply)
}

/// What of an order's money a return is about.
struct Share {
    paid: i64,
    /// What is to be paid of it, less what was credited before.
    due: i64,
}

/// Returns what was paid and is due for what has left. A provider's captures are each for a shipment, so of those only its own count:
/// what is owed for another, or not sent yet, keeps nobody from its money. A transfer is for all that has left.
async fn share_of(
    conn: &mut TenantConn,
    order: &OrderRow,
    payment: &PaymentRow,
    row: &ReturnRow,
) -> Result<Share, OmsError> {
    let is_own = |shipment: Uuid| order.provider == OFFLINE || shipment == row.shipment_id;
    let left = shipments::of_order(conn, order.id).await?;
    let left: Vec<Uuid> = left
        .iter()
        .map(|one| one.id)
        .filter(|id| is_own(*id))
        .collect();
    let cost = shipments::lines_of(conn, &left).await?;
    let cost: i64 = cost.iter().map(|line| line.net + line.tax).sum();
    let due = cost - returns::credited_of(conn, &left).await?;
    if order.provider == OFFLINE {
        let paid = payment.captured - payment.charged_back - payment.for_returns - payment.excess;
        return Ok(Share { paid, due });
    }
    let mut paid = 0;
    for one in payments::transactions_of(conn, order.id).await? {
        let returned = return_of(&one.cause).map(|(_, shipment)| shipment);
        match one.kind.as_str() {
            CAPTURE if one.state == SUCCESS && shipment_of(&one.cause) == Some(row.shipment_id) => {
                paid += one.amount;
            }
            REFUND if one.state != FAILURE && returned == Some(row.shipment_id) => {
                paid -= one.amount;
            }
            _ => {}
        }
    }
    Ok(Share { paid, due })
}

/// Adds what it cost to send a shipment to what comes back of it, if that was with this one and no return had it before.
async fn shipping(
    conn: &mut TenantConn,
    row: &ReturnRow,
    ordered: &[LineRow],
) -> Result<Vec<ReturnLineRow>, OmsError> {
    let left = shipments::lines_of(conn, &[row.shipment_id]).await?;
    let sent = ordered
        .iter()
        .filter(|line| !line.is_goods() && line.returned == 0);
    let sent = sent.filter(|line| left.iter().any(|part| part.line == line.line));
    let lines: Vec<ReturnLineRow> = sent
        .map(|line| ReturnLineRow {
            return_id: row.id,
            line: line.line,
            requested: line.shipped,
            received: line.shipped,
            accepted: line.shipped,
            restock: false,
        })
        .collect();
    returns::insert_lines(conn, &lines).await?;
    Ok(lines)
}

/// Takes the portion of the accepted pieces from what lines come to. Returns what it is, with tax.
async fn credit(
    conn: &mut TenantConn,
    row: &ReturnRow,
    own: &[ReturnLineRow],
    ordered: &mut [LineRow],
    unit: Currency,
) -> Result<i64, OmsError> {
    let left = shipments::lines_of(conn, &[row.shipment_id]).await?;
    let others = returns::of_shipment(conn, row.shipment_id).await?;
    let others = others.iter().filter(|other| other.status == CLOSED);
    let others: Vec<Uuid> = others.map(|other| other.id).collect();
    let credited = returns::lines_of(conn, &others).await?;
    let mut sum = 0;
    for one in own {
        let Some(part) = left.iter().find(|part| part.line == one.line) else {
            continue;
        };
        let before = credited.iter().filter(|other| other.line == one.line);
        let before: i64 = before.map(|other| other.accepted).sum();
        let share = |amount| share(amount, unit, part.quantity, before, one.accepted);
        let (net, tax) = (share(part.net)?, share(part.tax)?);
        for line in ordered.iter_mut().filter(|line| line.line == one.line) {
            line.returned_net += net;
            line.returned_tax += tax;
            line.refunded += one.accepted;
            if !line.is_goods() {
                line.returned += one.accepted;
            }
        }
        sum += net + tax;
    }
    Ok(sum)
}
