//! What becomes of an order, and of all that belongs to it, when pieces of it are cancelled.

use averis_contracts::oms::{Cancelled, Pieces, kinds};
use averis_money::{Currency, Money};
use averis_outbox::publish;
use averis_service_kit::problem::Problem;
use averis_tenant_db::TenantConn;
use serde_json::json;
use uuid::Uuid;

use crate::amounts::{currency, share};
use crate::domain::orders::OrderCommand;
use crate::error::{OmsError, codes};
use crate::settle::give_up_rest;
use crate::states::complete_if_over;
use crate::store::events::note;
use crate::store::orders::{LineRow, OrderRow};
use crate::store::payments::PaymentRow;
use crate::store::{fulfilment, orders, payments};

/// Pieces of a line that will not be shipped.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    pub line: i32,
    pub quantity: i64,
}

/// Cancels pieces that are not shipped: of the lines, of what warehouses are to do, of what is reserved, and of what is authorised.
/// What it costs to send goes with the last goods, if none was sent. Returns the order.
///
/// # Errors
/// 409 when fewer are left, or none.
pub async fn cancel_pieces(
    conn: &mut TenantConn,
    order: OrderRow,
    payment: &PaymentRow,
    given: &[Given],
    actor: Option<Uuid>,
    reason: &str,
) -> Result<OrderRow, OmsError> {
    let unit = currency(&order.currency)?;
    let mut lines = orders::lines_of(conn, &[order.id]).await?;
    let due = |lines: &[LineRow]| lines.iter().map(LineRow::due).sum::<i64>();
    let before = due(&lines);
    for one in given {
        let line = lines.iter_mut().find(|line| line.line == one.line);
        let line = line.ok_or_else(|| Problem::new(codes::UNKNOWN_LINE).with("line", one.line))?;
        let open = line.pieces().open();
        if one.quantity > open {
            return Err(Problem::new(codes::NOT_OPEN)
                .with("line", one.line)
                .with("open", open)
                .into());
        }
        give_up(line, one.quantity, unit)?;
    }
    let goods_left = lines
        .iter()
        .any(|line| line.is_goods() && line.cancelled < line.ordered);
    if !goods_left {
        for line in lines.iter_mut().filter(|line| !line.is_goods()) {
            give_up(line, line.pieces().open(), unit)?;
        }
    }
    orders::put_lines(conn, &lines).await?;
    // What went back before is part of what goes back for them, as for goods that come back.
    let mut payment = payment.clone();
    let excess = payment.above(&lines).min(payment.goodwill()).max(0);
    if excess > 0 {
        payment.excess += excess;
        payments::put(conn, &payment).await?;
    }
    let pieces = take_from_work(conn, order.id, &lines, given).await?;
    let whole = !goods_left;
    let order = if whole {
        let status = OrderCommand::Cancel.apply(&order.status)?;
        let cancelled = OrderRow {
            status: status.to_owned(),
            hold_reason: None,
            ..order
        };
        orders::update(conn, cancelled).await?
    } else {
        orders::update(conn, order).await?
    };
    let told = given
        .iter()
        .map(|one| json!({"line": one.line, "quantity": one.quantity}));
    let told = json!({"lines": told.collect::<Vec<_>>(), "reason": reason});
    note(conn, order.id, "order.cancelled", actor, told).await?;
    // What was reserved for a draft its checkout gives back.
    if order.placed_at.is_some() {
        let event = Cancelled {
            order_id: order.id,
            checkout_id: order.checkout_id,
            whole,
            pieces,
            amount: Money::new(before - due(&lines), unit),
            excess: (excess > 0).then_some(Money::new(excess, unit)),
        };
        publish(conn, kinds::CANCELLED, order.id, &event).await?;
    }
    give_up_rest(conn, &order, &payment, &lines).await?;
    complete_if_over(conn, order, &lines).await
}

/// Takes pieces of a line that will not be shipped, with their portion of its amounts.
fn give_up(line: &mut LineRow, quantity: i64, unit: Currency) -> Result<(), OmsError> {
    let before = line.shipped + line.cancelled;
    line.cancelled_net += share(line.net, unit, line.ordered, before, quantity)?;
    line.cancelled_tax += share(line.tax, unit, line.ordered, before, quantity)?;
    line.cancelled += quantity;
    Ok(())
}

/// Takes pieces from what warehouses are to do, where the order's lock keeps others from shipping them.
async fn take_from_work(
    conn: &mut TenantConn,
    order: Uuid,
    lines: &[LineRow],
    given: &[Given],
) -> Result<Vec<Pieces>, OmsError> {
    let work = fulfilment::of_order(conn, order).await?;
    let ids: Vec<Uuid> = work.iter().map(|row| row.id).collect();
    let mut parts = fulfilment::lines_of(conn, &ids).await?;
    let mut pieces = Vec::new();
    for one in given {
        let mut left = one.quantity;
        let sku = lines.iter().find(|line| line.line == one.line);
        let sku = sku.and_then(|line| line.sku.clone()).unwrap_or_default();
        for part in parts.iter_mut().filter(|part| part.line == one.line) {
            let taken = left.min(part.open());
            if taken == 0 {
                continue;
            }
            part.cancelled += taken;
            left -= taken;
            let place = work.iter().find(|row| row.id == part.fulfilment_id);
            pieces.push(Pieces {
                sku: sku.clone(),
                location_id: place.and_then(|row| row.location_id),
                quantity: taken,
            });
        }
    }
    fulfilment::put_lines(conn, &parts).await?;
    for row in &work {
        let own = parts.iter().filter(|part| part.fulfilment_id == row.id);
        let own = own.map(|part| (part.open(), part.shipped));
        if let Some(status) = crate::domain::fulfilment::finished(own)
            && row.status != status
        {
            fulfilment::put_status(conn, row.id, status).await?;
        }
    }
    Ok(pieces)
}
