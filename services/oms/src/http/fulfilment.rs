//! What warehouses are to do.

use std::collections::BTreeMap;

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Command, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::State;
use crate::domain::fulfilment::FulfilmentCommand;
use crate::error::OmsError;
use crate::store::events::note;
use crate::store::fulfilment::{self, FulfilmentLineRow, FulfilmentRow};
use crate::store::orders;

/// What one warehouse is to do for an order.
#[derive(Debug, Serialize, ToSchema)]
pub struct FulfilmentOrderView {
    id: Uuid,
    order_id: Uuid,
    /// The place of the ERP service; null for what is in no stock.
    location_id: Option<Uuid>,
    /// `open`, `in_progress`, `on_hold`, `closed` or `cancelled`.
    #[schema(example = "open")]
    status: String,
    lines: Vec<FulfilmentLineView>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// Pieces of a line of the order.
#[derive(Debug, Serialize, ToSchema)]
pub struct FulfilmentLineView {
    /// The order's line.
    line: i32,
    quantity: i64,
    cancelled: i64,
    shipped: i64,
}

/// Shows what warehouses are to do.
///
/// # Errors
/// Those of the database.
pub async fn views(
    conn: &mut TenantConn,
    rows: Vec<FulfilmentRow>,
) -> Result<Vec<FulfilmentOrderView>, OmsError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut lines: BTreeMap<Uuid, Vec<FulfilmentLineRow>> = BTreeMap::new();
    for line in fulfilment::lines_of(conn, &ids).await? {
        lines.entry(line.fulfilment_id).or_default().push(line);
    }
    let rows = rows.into_iter().map(|row| FulfilmentOrderView {
        lines: lines
            .remove(&row.id)
            .unwrap_or_default()
            .into_iter()
            .map(|line| FulfilmentLineView {
                line: line.line,
                quantity: line.quantity,
                cancelled: line.cancelled,
                shipped: line.shipped,
            })
            .collect(),
        id: row.id,
        order_id: row.order_id,
        location_id: row.location_id,
        status: row.status,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    });
    Ok(rows.collect())
}

async fn answer(conn: &mut TenantConn, row: FulfilmentRow) -> Result<Reply, OmsError> {
    let version = row.version;
    let view = views(conn, vec![row]).await?.pop();
    let view = view.ok_or_else(Problem::not_found)?;
    Ok(Reply::ok(&view).version(version))
}

/// What work is, for those who ask for all that is.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FulfilmentStatus {
    Open,
    InProgress,
    OnHold,
    Closed,
    Cancelled,
}

impl FulfilmentStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InProgress => "in_progress",
            Self::OnHold => "on_hold",
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Filters and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListFulfilmentOrders {
    /// Of this order.
    order_id: Option<Uuid>,
    #[param(inline)]
    status: Option<FulfilmentStatus>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists what warehouses are to do for orders that are placed, by age.
#[utoipa::path(get, path = "/api/oms/v1/fulfilment-orders", tag = "fulfilment", security(("token" = ["order:read"])),
    params(ListFulfilmentOrders), responses((status = 200, description = "A page of it.", body = Page<FulfilmentOrderView>)))]
pub async fn list_fulfilment_orders(
    tenant: Tenant<may::OrderRead>,
    state: Data<State>,
    query: Query<ListFulfilmentOrders>,
) -> ApiResult<Reply> {
    let query = query.0;
    let limit = limit(query.limit)?;
    let (order, status) = (query.order_id, query.status.map(FulfilmentStatus::as_str));
    let list = format!("{} fulfilment {order:?} {status:?}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.cursor.as_deref())?;
    let page = tenant.db.read(async |conn| -> Result<_, OmsError> {
        let rows = fulfilment::list(conn, order, status, after, i64::from(limit) + 1).await?;
        let Page { data, next_cursor } = Page::new(rows, limit, |row| {
            state.cursors.seal(&list, &(row.created_at, row.id))
        });
        let data = views(conn, data).await?;
        Ok(Page { data, next_cursor })
    });
    Ok(Reply::ok(&page.await?))
}

/// Reads what one warehouse is to do.
#[utoipa::path(get, path = "/api/oms/v1/fulfilment-orders/{id}", tag = "fulfilment", security(("token" = ["order:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "It.", body = FulfilmentOrderView)))]
pub async fn get_fulfilment_order(
    tenant: Tenant<may::OrderRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let found = tenant.db.read(async |conn| -> Result<_, OmsError> {
        let row = fulfilment::find(conn, id).await?;
        answer(conn, row.ok_or_else(Problem::not_found)?).await
    });
    Ok(found.await?)
}

/// Says that the warehouse has begun.
#[utoipa::path(post, path = "/api/oms/v1/fulfilment-orders/{id}/accept", tag = "fulfilment", security(("token" = ["fulfilment:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 200, description = "It.", body = FulfilmentOrderView)))]
pub async fn accept_fulfilment(
    tenant: Tenant<may::FulfilmentWrite>,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(tenant, id, seen, command, FulfilmentCommand::Accept).await
}

/// Keeps the warehouse from shipping.
#[utoipa::path(post, path = "/api/oms/v1/fulfilment-orders/{id}/hold", tag = "fulfilment", security(("token" = ["fulfilment:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 200, description = "It.", body = FulfilmentOrderView)))]
pub async fn hold_fulfilment(
    tenant: Tenant<may::FulfilmentWrite>,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(tenant, id, seen, command, FulfilmentCommand::Hold).await
}

/// Lets the warehouse go on.
#[utoipa::path(post, path = "/api/oms/v1/fulfilment-orders/{id}/resume", tag = "fulfilment", security(("token" = ["fulfilment:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 200, description = "It.", body = FulfilmentOrderView)))]
pub async fn resume_fulfilment(
    tenant: Tenant<may::FulfilmentWrite>,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(tenant, id, seen, command, FulfilmentCommand::Resume).await
}

async fn move_on(
    tenant: Tenant<may::FulfilmentWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
    step: FulfilmentCommand,
) -> ApiResult<Reply> {
    let actor = tenant.caller.identity.subject;
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, OmsError> {
            let row = locked(conn, id).await?;
            seen.check(row.version)?;
            let status = step.apply(&row.status)?;
            let row = fulfilment::put_status(conn, id, status).await?;
            let data = json!({"fulfilment_order_id": id, "status": status});
            note(conn, row.order_id, "fulfilment.changed", Some(actor), data).await?;
            answer(conn, row).await
        },
    )
    .await
}

/// Finds what a warehouse is to do, with the lock of its order: nobody else changes either until the end of the transaction.
///
/// # Errors
/// 404 when there is none.
pub async fn locked(conn: &mut TenantConn, id: Uuid) -> Result<FulfilmentRow, OmsError> {
    let row = fulfilment::find(conn, id).await?;
    let row = row.ok_or_else(Problem::not_found)?;
    orders::lock(conn, row.order_id).await?;
    let row = fulfilment::find(conn, id).await?;
    Ok(row.ok_or_else(Problem::not_found)?)
}
