//! Where an order goes: placed, held, completed. Each is noted and told in the transaction of what it follows from.

use averis_contracts::oms::{OrderState, kinds};
use averis_outbox::publish;
use averis_tenant_db::TenantConn;
use serde_json::json;
use uuid::Uuid;

use crate::domain::now;
use crate::domain::orders::{OrderCommand, PLACED};
use crate::error::OmsError;
use crate::store::events::note;
use crate::store::orders::{self, LineRow, OrderRow};

/// Places a draft: nothing of it is undone from here on.
pub async fn place(conn: &mut TenantConn, order: OrderRow) -> Result<OrderRow, OmsError> {
    let status = OrderCommand::Place.apply(&order.status)?;
    let placed = OrderRow {
        status: status.to_owned(),
        placed_at: Some(now()),
        ..order
    };
    let placed = orders::update(conn, placed).await?;
    note(conn, placed.id, "order.placed", None, json!({})).await?;
    tell(conn, kinds::PLACED, &placed).await?;
    Ok(placed)
}

/// Tells where an order is now.
pub async fn tell(
    conn: &mut TenantConn,
    kind: &'static str,
    order: &OrderRow,
) -> Result<(), OmsError> {
    let state = OrderState {
        order_id: order.id,
        checkout_id: order.checkout_id,
        number: order.number,
        version: order.version,
        status: order.status.clone(),
    };
    Ok(publish(conn, kind, order.id, &state).await?)
}

/// Holds an order: nothing of it is shipped until it is released.
///
/// # Errors
/// 409 when it is not placed.
pub async fn hold(
    conn: &mut TenantConn,
    order: OrderRow,
    reason: String,
    actor: Option<Uuid>,
) -> Result<OrderRow, OmsError> {
    let status = OrderCommand::Hold.apply(&order.status)?.to_owned();
    put_held(conn, OrderRow { status, ..order }, reason, actor).await
}

/// Stores why an order is held, which it is.
pub async fn put_held(
    conn: &mut TenantConn,
    order: OrderRow,
    reason: String,
    actor: Option<Uuid>,
) -> Result<OrderRow, OmsError> {
    let told = json!({"reason": reason});
    let held = OrderRow {
        hold_reason: Some(reason),
        ..order
    };
    let held = orders::update(conn, held).await?;
    note(conn, held.id, kinds::HELD, actor, told).await?;
    tell(conn, kinds::HELD, &held).await?;
    Ok(held)
}

/// Completes an order of which all has come or is cancelled. Returns the order.
pub async fn complete_if_over(
    conn: &mut TenantConn,
    order: OrderRow,
    lines: &[LineRow],
) -> Result<OrderRow, OmsError> {
    let mut lines = lines.iter();
    let is_over = lines.all(|line| line.delivered + line.cancelled == line.ordered);
    if !is_over || order.status != PLACED {
        return Ok(order);
    }
    let status = OrderCommand::Complete.apply(&order.status)?.to_owned();
    let done = orders::update(conn, OrderRow { status, ..order }).await?;
    note(conn, done.id, "order.completed", None, json!({})).await?;
    tell(conn, kinds::COMPLETED, &done).await?;
    Ok(done)
}
