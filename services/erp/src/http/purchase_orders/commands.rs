//! What becomes of an order before anything comes, and after.

use averis_service_kit::Tenant;
use averis_service_kit::idempotency::{Command, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use uuid::Uuid;

use super::{PurchaseOrderView, answer, check_supplier};
use crate::domain::now;
use crate::domain::purchasing::{PurchaseCommand, at_most};
use crate::error::{ErpError, codes};
use crate::store::purchase_orders::{self as orders, PurchaseRow};
use crate::store::suppliers;

/// Approves a draft. One above the approval limit is for somebody who has not written it.
#[utoipa::path(post, path = "/api/erp/v1/purchase-orders/{id}/approve", tag = "purchasing", security(("token" = ["purchase:approve"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 200, description = "The order.", body = PurchaseOrderView)))]
pub async fn approve_purchase_order(
    tenant: Tenant<may::PurchaseApprove>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    let by = tenant.caller.identity.subject;
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, ErpError> {
            let row = moved(conn, id, seen, PurchaseCommand::Approve).await?;
            check_supplier(conn, row.supplier_id).await?;
            let rules = suppliers::rules(conn).await?;
            // What may come is what is approved now, whatever the rules become: all of it counts.
            let mut most = Some(0_i64);
            for mut line in orders::lines_of(conn, &[id]).await? {
                line.at_most = at_most(line.quantity, rules.over_receipt);
                let cost = line.unit_cost.checked_mul(line.at_most);
                most = most
                    .zip(cost)
                    .and_then(|(most, cost)| most.checked_add(cost));
                orders::update_line(conn, &line).await?;
            }
            let most = most.ok_or_else(|| Problem::new(codes::MONEY_OVERFLOW))?;
            if most > rules.approval_limit && row.written_by.contains(&by) {
                return Err(Problem::new(codes::FOUR_EYES).into());
            }
            let row = PurchaseRow {
                approved_by: Some(by),
                approved_at: Some(now()),
                ..row
            };
            let row = orders::update(conn, &row).await?;
            answer(conn, row).await
        },
    )
    .await
}

/// Notes that the supplier has the order. From then on goods may come.
#[utoipa::path(post, path = "/api/erp/v1/purchase-orders/{id}/send", tag = "purchasing", security(("token" = ["purchase:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 200, description = "The order.", body = PurchaseOrderView)))]
pub async fn send_purchase_order(
    tenant: Tenant<may::PurchaseWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, ErpError> {
            let row = moved(conn, id, seen, PurchaseCommand::Send).await?;
            check_supplier(conn, row.supplier_id).await?;
            let row = PurchaseRow {
                sent_at: Some(now()),
                ..row
            };
            let row = orders::update(conn, &row).await?;
            answer(conn, row).await
        },
    )
    .await
}

/// Waits for nothing more of an order. What has come can still be billed.
#[utoipa::path(post, path = "/api/erp/v1/purchase-orders/{id}/close", tag = "purchasing", security(("token" = ["purchase:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 200, description = "The order.", body = PurchaseOrderView)))]
pub async fn close_purchase_order(
    tenant: Tenant<may::PurchaseWrite>,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    end(tenant, id, seen, command, PurchaseCommand::Close).await
}

/// Gives an order up of which nothing has come.
#[utoipa::path(post, path = "/api/erp/v1/purchase-orders/{id}/cancel", tag = "purchasing", security(("token" = ["purchase:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 200, description = "The order.", body = PurchaseOrderView)))]
pub async fn cancel_purchase_order(
    tenant: Tenant<may::PurchaseWrite>,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    end(tenant, id, seen, command, PurchaseCommand::Cancel).await
}

async fn end(
    tenant: Tenant<may::PurchaseWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
    end: PurchaseCommand,
) -> ApiResult<Reply> {
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, ErpError> {
            let row = moved(conn, id, seen, end).await?;
            let row = orders::update(conn, &row).await?;
            answer(conn, row).await
        },
    )
    .await
}

/// Locks an order as its caller has seen it, and moves it on.
async fn moved(
    conn: &mut TenantConn,
    id: Uuid,
    seen: SeenVersion,
    command: PurchaseCommand,
) -> Result<PurchaseRow, ErpError> {
    let row = orders::lock(conn, id).await?;
    let row = row.ok_or_else(Problem::not_found)?;
    seen.check(row.version)?;
    Ok(PurchaseRow {
        status: command.apply(&row.status)?.to_owned(),
        ..row
    })
}
