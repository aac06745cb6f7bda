//! What leaves, and what comes of it: money is taken for what has left, and no earlier.

use actix_web::web::Data;
use averis_contracts::oms::{Shipped, ShippedLine, Step, kinds};
use averis_money::{Currency, Money};
use averis_outbox::publish;
use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::cursor::Page;
use averis_service_kit::idempotency::{Command, Post, once};
use averis_service_kit::openapi::MoneySchema;
use averis_service_kit::problem::{ApiResult, Problem, codes as common};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::check_once;
use super::fulfilment::locked;
use crate::State;
use crate::amounts::{currency, share};
use crate::domain::fulfilment::{FulfilmentCommand, finished};
use crate::domain::orders::PLACED;
use crate::domain::{MAX_QUANTITY, now};
use crate::drive::drive_asked;
use crate::error::{OmsError, codes};
use crate::settle::{self, ask, owe};
use crate::states::complete_if_over;
use crate::store::events::note;
use crate::store::fulfilment::{self, FulfilmentLineRow, FulfilmentRow};
use crate::store::orders::{self, LineRow, OFFLINE, OrderRow};
use crate::store::payments::{self, CAPTURE};
use crate::store::shipments::{self, ShipmentLineRow, ShipmentRow};

/// A shipment.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShipmentView {
    id: Uuid,
    order_id: Uuid,
    fulfilment_order_id: Uuid,
    #[schema(example = "PS-4711")]
    slip: String,
    carrier: Option<String>,
    tracking: Option<String>,
    lines: Vec<ShipmentLineView>,
    shipped_at: DateTime<Utc>,
    delivered_at: Option<DateTime<Utc>>,
}

/// Pieces of a line of the order that have left, and what they cost.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShipmentLineView {
    line: i32,
    quantity: i64,
    #[schema(value_type = MoneySchema)]
    net: Money,
    #[schema(value_type = MoneySchema)]
    tax: Money,
}

async fn views(
    conn: &mut TenantConn,
    rows: Vec<ShipmentRow>,
    unit: Currency,
) -> Result<Vec<ShipmentView>, OmsError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let lines = shipments::lines_of(conn, &ids).await?;
    let rows = rows.into_iter().map(|row| ShipmentView {
        lines: lines
            .iter()
            .filter(|line| line.shipment_id == row.id)
            .map(|line| ShipmentLineView {
                line: line.line,
                quantity: line.quantity,
                net: Money::new(line.net, unit),
                tax: Money::new(line.tax, unit),
            })
            .collect(),
        id: row.id,
        order_id: row.order_id,
        fulfilment_order_id: row.fulfilment_id,
        slip: row.slip,
        carrier: row.carrier,
        tracking: row.tracking,
        shipped_at: row.shipped_at,
        delivered_at: row.delivered_at,
    });
    Ok(rows.collect())
}

async fn shown(conn: &mut TenantConn, row: ShipmentRow) -> Result<ShipmentView, OmsError> {
    let order = orders::find(conn, row.order_id).await?;
    let order = order.ok_or_else(Problem::not_found)?;
    let view = views(conn, vec![row], currency(&order.currency)?)
        .await?
        .pop();
    Ok(view.ok_or_else(Problem::not_found)?)
}

/// Pieces that leave.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShipLine {
    /// The order's line.
    #[garde(range(min = 0))]
    line: i32,
    #[garde(range(min = 1, max = MAX_QUANTITY))]
    quantity: i64,
}

/// What leaves.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShipOrder {
    /// The packing slip: each leaves once.
    #[garde(length(chars, min = 1, max = 100), custom(one_line))]
    #[schema(example = "PS-4711")]
    slip: String,
    #[garde(length(chars, min = 1, max = 100), inner(custom(one_line)))]
    #[schema(example = "DHL")]
    carrier: Option<String>,
    #[garde(length(chars, min = 1, max = 200), inner(custom(one_line)))]
    tracking: Option<String>,
    /// Each line once; all that is open there where absent.
    #[garde(length(min = 1, max = 500), dive)]
    lines: Option<Vec<ShipLine>>,
}

/// Ships pieces, and takes the money for them: their portion of the amounts agreed to, and with the first of an order what it costs
/// to send. They have left whatever becomes of the money: a capture that fails is told in the order's events. The same slip with
/// the same pieces again changes nothing.
#[utoipa::path(post, path = "/api/oms/v1/fulfilment-orders/{id}/ship", tag = "fulfilment", security(("token" = ["fulfilment:write"])),
    request_body = ShipOrder, params(("id" = Uuid, Path)),
    responses((status = 201, description = "The shipment.", body = ShipmentView)))]
pub async fn ship(
    tenant: Tenant<may::FulfilmentWrite>,
    state: Data<State>,
    PathId(id): PathId,
    post: Post<ShipOrder>,
) -> ApiResult<Reply> {
    let body = &post.body;
    check_once(body.lines.iter().flatten().map(|line| line.line))?;
    let actor = tenant.caller.identity.subject;
    let reply = once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, OmsError> {
            let row = locked(conn, id).await?;
            let shipment = match shipments::find_by_slip(conn, &body.slip).await? {
                Some(there) => shipped_before(conn, there, &row, body).await?,
                None => leave(conn, row, body, actor).await?,
            };
            let location = format!("/api/oms/v1/orders/{}/shipments", shipment.order_id);
            Ok(Reply::created(location, &shown(conn, shipment).await?))
        },
    );
    let reply = reply.await?;
    capture(&state, &tenant.db, &body.slip).await?;
    Ok(reply)
}

/// Takes the money for a shipment. Should that fail, it is gone on with in the background.
async fn capture(
    state: &State,
    db: &averis_tenant_db::TenantDb,
    slip: &str,
) -> Result<(), OmsError> {
    let found = db.read(async |conn| -> Result<_, OmsError> {
        Ok(shipments::find_by_slip(conn, slip).await?)
    });
    let Some(shipment) = found.await? else {
        return Ok(());
    };
    let cause = format!("shipment {}", shipment.id);
    drive_asked(state, db, shipment.order_id, CAPTURE, &cause).await
}

async fn shipped_before(
    conn: &mut TenantConn,
    there: ShipmentRow,
    row: &FulfilmentRow,
    body: &ShipOrder,
) -> Result<ShipmentRow, OmsError> {
    let taken = Problem::new(codes::SLIP_TAKEN);
    if there.fulfilment_id != row.id {
        return Err(taken.into());
    }
    if let Some(asked) = &body.lines {
        let own = shipments::lines_of(conn, &[there.id]).await?;
        let has = |one: &ShipLine| {
            let mut own = own.iter();
            own.any(|line| (line.line, line.quantity) == (one.line, one.quantity))
        };
        if !asked.iter().all(has) {
            return Err(taken.into());
        }
    }
    Ok(there)
}

/// Lets pieces leave.
async fn leave(
    conn: &mut TenantConn,
    row: FulfilmentRow,
    body: &ShipOrder,
    actor: Uuid,
) -> Result<ShipmentRow, OmsError> {
    let (order, mut payment) = settle::locked(conn, row.order_id).await?;
    if order.status != PLACED {
        return Err(Problem::new(common::INVALID_TRANSITION)
            .detail("Nothing leaves of an order that is not placed.")
            .with("current_status", order.status)
            .with("allowed", ["release"])
            .into());
    }
    FulfilmentCommand::Ship.apply(&row.status)?;
    let mut parts = fulfilment::lines_of(conn, &[row.id]).await?;
    let wanted: Vec<ShipLine> = match &body.lines {
        Some(asked) => asked.clone(),
        None => parts
            .iter()
            .filter(|part| part.open() > 0)
            .map(|part| ShipLine {
                line: part.line,
                quantity: part.open(),
            })
            .collect(),
    };
    if wanted.is_empty() {
        return Err(Problem::new(codes::NOT_OPEN).into());
    }
    let shipment = ShipmentRow {
        id: Uuid::now_v7(),
        order_id: order.id,
        fulfilment_id: row.id,
        slip: body.slip.clone(),
        carrier: body.carrier.clone(),
        tracking: body.tracking.clone(),
        shipped_at: now(),
        delivered_at: None,
    };
    let mut lines = orders::lines_of(conn, &[order.id]).await?;
    let gone = take(&order, &row, &wanted, &mut parts, &mut lines)?;
    let own = gone.iter().map(|line| ShipmentLineRow {
        shipment_id: shipment.id,
        line: line.line,
        quantity: line.quantity,
        net: line.net.amount(),
        tax: line.tax.amount(),
    });
    shipments::insert(conn, &shipment, &own.collect::<Vec<_>>()).await?;
    orders::put_lines(conn, &lines).await?;
    fulfilment::put_lines(conn, &parts).await?;
    let status = finished(parts.iter().map(|part| (part.open(), part.shipped)));
    let status = status.unwrap_or(crate::domain::fulfilment::IN_PROGRESS);
    fulfilment::put_status(conn, row.id, status).await?;
    let order = orders::update(conn, order).await?;
    let sum: i64 = gone
        .iter()
        .map(|line| line.net.amount() + line.tax.amount())
        .sum();
    if order.provider != OFFLINE && sum > 0 {
        let cause = format!("shipment {}", shipment.id);
        if sum <= payment.open() {
            payment.capturing += sum;
            payments::put(conn, &payment).await?;
            ask(conn, order.id, CAPTURE, cause, sum).await?;
        } else {
            // Whoever has released it knows: it is owed, as after a capture that has failed.
            owe(conn, &order, cause, sum).await?;
        }
    }
    let told =
        json!({"shipment_id": shipment.id, "slip": shipment.slip, "tracking": shipment.tracking});
    note(conn, order.id, "shipment.shipped", Some(actor), told).await?;
    let event = Shipped {
        shipment_id: shipment.id,
        order_id: order.id,
        checkout_id: order.checkout_id,
        customer_id: order.customer_id,
        company_id: order.company_id,
        payment_days: order.payment_days,
        lines: gone,
    };
    publish(conn, kinds::SHIPPED, shipment.id, &event).await?;
    Ok(shipment)
}

/// Takes pieces from what is to be done and what is ordered, with their portion of its amounts; with the first of an order also
/// what it costs to send.
fn take(
    order: &OrderRow,
    row: &FulfilmentRow,
    wanted: &[ShipLine],
    parts: &mut [FulfilmentLineRow],
    lines: &mut [LineRow],
) -> Result<Vec<ShippedLine>, OmsError> {
    let unit = currency(&order.currency)?;
    let mut gone = Vec::new();
    let unknown = |line: i32| Problem::new(codes::UNKNOWN_LINE).with("line", line);
    for one in wanted {
        let part = parts.iter_mut().find(|part| part.line == one.line);
        let part = part.ok_or_else(|| unknown(one.line))?;
        let open = part.open();
        if one.quantity > open {
            return Err(Problem::new(codes::NOT_OPEN)
                .with("line", one.line)
                .with("open", open)
                .into());
        }
        part.shipped += one.quantity;
        let line = lines.iter_mut().find(|line| line.line == one.line);
        let line = line.ok_or_else(|| unknown(one.line))?;
        gone.push(portion_of(line, one.quantity, row.location_id, unit)?);
        line.shipped += one.quantity;
    }
    for line in lines.iter_mut().filter(|line| !line.is_goods()) {
        if line.pieces().open() > 0 {
            let quantity = line.pieces().open();
            gone.push(portion_of(line, quantity, None, unit)?);
            line.shipped += quantity;
        }
    }
    // However it was asked for: what comes back is told by its place among these.
    gone.sort_by_key(|line| line.line);
    Ok(gone)
}

fn portion_of(
    line: &LineRow,
    quantity: i64,
    location_id: Option<Uuid>,
    unit: Currency,
) -> Result<ShippedLine, OmsError> {
    let before = line.shipped + line.cancelled;
    let part = |amount| share(amount, unit, line.ordered, before, quantity);
    Ok(ShippedLine {
        line: line.line,
        sku: line.sku.clone(),
        name: line.name.clone(),
        location_id,
        quantity,
        net: Money::new(part(line.net)?, unit),
        tax: Money::new(part(line.tax)?, unit),
        tax_rate: line.tax_rate,
    })
}

/// Lists what has left of an order, the first first.
#[utoipa::path(get, path = "/api/oms/v1/orders/{id}/shipments", tag = "fulfilment", security(("token" = ["order:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "All of it.", body = Page<ShipmentView>)))]
pub async fn list_shipments(
    tenant: Tenant<may::OrderRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let found = tenant.db.read(async |conn| -> Result<_, OmsError> {
        let order = orders::find(conn, id).await?;
        let order = order.ok_or_else(Problem::not_found)?;
        let rows = shipments::of_order(conn, id).await?;
        views(conn, rows, currency(&order.currency)?).await
    });
    Ok(Reply::ok(&Page {
        data: found.await?,
        next_cursor: None,
    }))
}

/// Says that a shipment has come. Once all of an order has come or is cancelled, the order is complete.
/// The same again changes nothing.
#[utoipa::path(post, path = "/api/oms/v1/shipments/{id}/delivered", tag = "fulfilment", security(("token" = ["fulfilment:write"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The shipment.", body = ShipmentView)))]
pub async fn note_delivered(
    tenant: Tenant<may::FulfilmentWrite>,
    PathId(id): PathId,
    command: Command,
) -> ApiResult<Reply> {
    let actor = tenant.caller.identity.subject;
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, OmsError> {
            let found = shipments::find(conn, id).await?;
            let found = found.ok_or_else(Problem::not_found)?;
            let (order, _) = settle::locked(conn, found.order_id).await?;
            let found = shipments::find(conn, id).await?;
            let mut row = found.ok_or_else(Problem::not_found)?;
            if row.delivered_at.is_none() {
                row = shipments::note_delivered(conn, id, now()).await?;
                let told = json!({"shipment_id": id});
                note(conn, order.id, kinds::DELIVERED, Some(actor), told).await?;
                let step = Step {
                    order_id: order.id,
                    shipment_id: id,
                };
                publish(conn, kinds::DELIVERED, id, &step).await?;
                arrived(conn, order, id).await?;
            }
            Ok(Reply::ok(&shown(conn, row).await?))
        },
    )
    .await
}

async fn arrived(conn: &mut TenantConn, order: OrderRow, shipment: Uuid) -> Result<(), OmsError> {
    let own = shipments::lines_of(conn, &[shipment]).await?;
    let mut lines = orders::lines_of(conn, &[order.id]).await?;
    for line in &mut lines {
        let come = own.iter().filter(|part| part.line == line.line);
        line.delivered += come.map(|part| part.quantity).sum::<i64>();
    }
    orders::put_lines(conn, &lines).await?;
    let order = orders::update(conn, order).await?;
    complete_if_over(conn, order, &lines).await?;
    Ok(())
}
