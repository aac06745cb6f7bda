//! Goods that have come back, counted and looked at.

use averis_contracts::oms::{Returned, ReturnedLine, kinds};
use averis_outbox::publish;
use averis_service_kit::Tenant;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use garde::Validate;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ReturnView, answer, locked};
use crate::domain::MAX_QUANTITY;
use crate::domain::returns::ReturnCommand;
use crate::error::{OmsError, codes};
use crate::http::check_once;
use crate::store::events::note;
use crate::store::orders::OrderRow;
use crate::store::returns::{self, ReturnLineRow, ReturnRow};
use crate::store::{fulfilment, orders, shipments};

/// What came of a line.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceivedLine {
    /// The order's line.
    #[garde(range(min = 0))]
    line: i32,
    /// As counted.
    #[garde(range(min = 0, max = MAX_QUANTITY))]
    received: i64,
    /// Of those, what is paid back.
    #[garde(range(min = 0, max = MAX_QUANTITY))]
    accepted: i64,
    /// Whether the accepted can be sold again; else they stay aside.
    #[garde(skip)]
    restock: bool,
}

/// What came.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiveReturn {
    /// Each line once; of a line that is not named nothing came. Where absent, all came as it was announced and is accepted.
    #[garde(length(min = 1, max = 500), dive)]
    lines: Option<Vec<ReceivedLine>>,
}

/// Counts what came back and says what of it is paid back. What is accepted goes to stock, or aside where it cannot be sold again, at
/// the warehouse that it had left from. The same again changes nothing.
#[utoipa::path(post, path = "/api/oms/v1/returns/{id}/receive", tag = "returns", security(("token" = ["fulfilment:write"])),
    request_body = ReceiveReturn, params(("id" = Uuid, Path)),
    responses((status = 200, description = "The return.", body = ReturnView)))]
pub async fn receive_return(
    tenant: Tenant<may::FulfilmentWrite>,
    PathId(id): PathId,
    post: Post<ReceiveReturn>,
) -> ApiResult<Reply> {
    let asked = post.body.lines.as_deref();
    check_once(asked.iter().copied().flatten().map(|line| line.line))?;
    let actor = tenant.caller.identity.subject;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, OmsError> {
            let (row, order, _) = locked(conn, id).await?;
            let mut lines = returns::lines_of(conn, &[id]).await?;
            let before = lines.clone();
            count(&mut lines, asked)?;
            if row.status == ReturnCommand::Receive.goal() {
                // Said before; but not something else.
                let told = |line: &ReturnLineRow| (line.received, line.accepted, line.restock);
                if before.iter().map(told).eq(lines.iter().map(told)) {
                    return answer(conn, row).await;
                }
            }
            let status = ReturnCommand::Receive.apply(&row.status)?;
            take_back(conn, &order, &row, &lines).await?;
            let received = ReturnRow {
                status: status.to_owned(),
                ..row
            };
            let received = returns::update(conn, &received).await?;
            let told = json!({"return_id": id, "accepted": lines.iter().map(|line| line.accepted).sum::<i64>()});
            note(conn, order.id, "return.received", Some(actor), told).await?;
            answer(conn, received).await
        },
    )
    .await
}

fn count(lines: &mut [ReturnLineRow], asked: Option<&[ReceivedLine]>) -> Result<(), OmsError> {
    let Some(asked) = asked else {
        for line in lines {
            (line.received, line.accepted, line.restock) = (line.requested, line.requested, true);
        }
        return Ok(());
    };
    for line in lines.iter_mut() {
        (line.received, line.accepted, line.restock) = (0, 0, true);
    }
    for (place, one) in asked.iter().enumerate() {
        let line = lines.iter_mut().find(|line| line.line == one.line);
        let line = line.ok_or_else(|| Problem::new(codes::UNKNOWN_LINE).with("line", one.line))?;
        for (name, count, most) in [
            ("received", one.received, line.requested),
            ("accepted", one.accepted, one.received),
        ] {
            if count > most {
                let place = format!("/lines/{place}/{name}");
                let message = format!("must be at most {most}");
                return Err(FieldProblem::new(place, "range", message).into());
            }
        }
        (line.received, line.accepted, line.restock) = (one.received, one.accepted, one.restock);
    }
    Ok(())
}

/// Notes what came, and tells where it goes.
async fn take_back(
    conn: &mut TenantConn,
    order: &OrderRow,
    row: &ReturnRow,
    lines: &[ReturnLineRow],
) -> Result<(), OmsError> {
    returns::put_lines(conn, lines).await?;
    let mut ordered = orders::lines_of(conn, &[row.order_id]).await?;
    ordered.retain_mut(|line| {
        let own = lines.iter().find(|one| one.line == line.line);
        line.returned += own.map_or(0, |own| own.accepted);
        own.is_some()
    });
    orders::put_lines(conn, &ordered).await?;
    let event = returned(conn, order, row, lines).await?;
    if event.lines.is_empty() {
        return Ok(());
    }
    Ok(publish(conn, kinds::RETURNED, row.id, &event).await?)
}

/// Returns what of a shipment has come back and was accepted.
///
/// # Errors
/// Those of the database.
pub async fn returned(
    conn: &mut TenantConn,
    order: &OrderRow,
    row: &ReturnRow,
    lines: &[ReturnLineRow],
) -> Result<Returned, OmsError> {
    let shipment = shipments::find(conn, row.shipment_id).await?;
    let shipment = shipment.ok_or_else(Problem::not_found)?;
    let work = fulfilment::find(conn, shipment.fulfilment_id).await?;
    let location_id: Option<Uuid> = work.and_then(|work| work.location_id);
    let ordered = orders::lines_of(conn, &[row.order_id]).await?;
    let left = shipments::lines_of(conn, &[shipment.id]).await?;
    let mut told = Vec::new();
    for (place, part) in (0..).zip(&left) {
        let own = lines.iter().find(|line| line.line == part.line);
        let Some(own) = own.filter(|line| line.accepted > 0) else {
            continue;
        };
        let sku = ordered.iter().find(|line| line.line == part.line);
        let sku = sku.and_then(|line| line.sku.clone());
        told.push(ReturnedLine {
            place,
            location_id: location_id.filter(|_| sku.is_some()),
            sku,
            quantity: own.accepted,
            restocked: if own.restock { own.accepted } else { 0 },
        });
    }
    Ok(Returned {
        return_id: row.id,
        order_id: order.id,
        checkout_id: order.checkout_id,
        shipment_id: row.shipment_id,
        lines: told,
        unpaid: None,
        given: None,
    })
}
