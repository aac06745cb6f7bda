//! What buyers send back.

mod receive;
mod refund;

use std::collections::BTreeMap;

use actix_web::web::Data;
use averis_contracts::oms::{Step, kinds};
use averis_money::Money;
use averis_outbox::publish;
use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Command, Post, once};
use averis_service_kit::openapi::MoneySchema;
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

pub use receive::*;
pub use refund::*;

use super::check_once;
use crate::State;
use crate::amounts::currency;
use crate::domain::returns::{REQUESTED, ReturnCommand, taken};
use crate::domain::{MAX_QUANTITY, now};
use crate::error::{OmsError, codes};
use crate::settle;
use crate::store::events::note;
use crate::store::orders::{self, OrderRow};
use crate::store::payments::PaymentRow;
use crate::store::returns::{self, ReturnFilter, ReturnLineRow, ReturnRow};
use crate::store::shipments::{self, ShipmentRow};

/// Goods of a shipment that come back.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReturnView {
    id: Uuid,
    order_id: Uuid,
    shipment_id: Uuid,
    /// `requested`, `approved`, `declined`, `cancelled`, `received` or `closed`.
    #[schema(example = "received")]
    status: String,
    #[schema(example = "Too small")]
    reason: String,
    /// Why it was declined or given up.
    comment: Option<String>,
    lines: Vec<ReturnLineView>,
    /// What the accepted pieces cost, with tax, once it is closed.
    #[schema(value_type = Option<MoneySchema>)]
    credited: Option<Money>,
    /// What of it goes back: nothing of what was not paid.
    #[schema(value_type = Option<MoneySchema>)]
    refunded: Option<Money>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// Pieces of a line of the order.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReturnLineView {
    line: i32,
    requested: i64,
    /// Counted when they came.
    received: i64,
    /// Of those, what is paid back.
    accepted: i64,
    /// Whether they can be sold again.
    restock: bool,
}

async fn views(conn: &mut TenantConn, rows: Vec<ReturnRow>) -> Result<Vec<ReturnView>, OmsError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut lines: BTreeMap<Uuid, Vec<ReturnLineRow>> = BTreeMap::new();
    for line in returns::lines_of(conn, &ids).await? {
        lines.entry(line.return_id).or_default().push(line);
    }
    let mut own: Vec<Uuid> = rows.iter().map(|row| row.order_id).collect();
    own.sort_unstable();
    own.dedup();
    let mut units: BTreeMap<Uuid, String> = BTreeMap::new();
    units.extend(orders::currencies(conn, &own).await?);
    let rows = rows.into_iter().map(|row| {
        let unit = units.get(&row.order_id).ok_or_else(Problem::not_found)?;
        let unit = currency(unit)?;
        let money = |amount: Option<i64>| amount.map(|amount| Money::new(amount, unit));
        Ok(ReturnView {
            lines: lines
                .remove(&row.id)
                .unwrap_or_default()
                .into_iter()
                .map(|line| ReturnLineView {
                    line: line.line,
                    requested: line.requested,
                    received: line.received,
                    accepted: line.accepted,
                    restock: line.restock,
                })
                .collect(),
            id: row.id,
            order_id: row.order_id,
            shipment_id: row.shipment_id,
            status: row.status,
            reason: row.reason,
            comment: row.comment,
            credited: money(row.credited),
            refunded: money(row.refunded),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    });
    rows.collect()
}

async fn shown(conn: &mut TenantConn, row: ReturnRow) -> Result<ReturnView, OmsError> {
    let view = views(conn, vec![row]).await?.pop();
    Ok(view.ok_or_else(Problem::not_found)?)
}

async fn answer(conn: &mut TenantConn, row: ReturnRow) -> Result<Reply, OmsError> {
    let view = shown(conn, row).await?;
    Ok(Reply::ok(&view).version(view.version))
}

/// Returns a return with its order, locked, and how that is paid.
async fn locked(
    conn: &mut TenantConn,
    id: Uuid,
) -> Result<(ReturnRow, OrderRow, PaymentRow), OmsError> {
    let found = returns::find(conn, id).await?;
    let order = found.ok_or_else(Problem::not_found)?.order_id;
    let (order, payment) = settle::locked(conn, order).await?;
    let row = returns::find(conn, id).await?;
    Ok((row.ok_or_else(Problem::not_found)?, order, payment))
}

/// Returns how many pieces of each line of a shipment returns keep from others.
async fn all_taken(conn: &mut TenantConn, shipment: Uuid) -> Result<BTreeMap<i32, i64>, OmsError> {
    let rows = returns::of_shipment(conn, shipment).await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut sums: BTreeMap<i32, i64> = BTreeMap::new();
    for line in returns::lines_of(conn, &ids).await? {
        let of = rows.iter().find(|row| row.id == line.return_id);
        let status = of.map_or("", |row| row.status.as_str());
        let own = taken(status, line.requested, line.received, line.accepted);
        *sums.entry(line.line).or_default() += own;
    }
    Ok(sums)
}

/// Pieces that are to come back.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestLine {
    /// The order's line.
    #[garde(range(min = 0))]
    line: i32,
    #[garde(range(min = 1, max = MAX_QUANTITY))]
    quantity: i64,
}

/// What is to come back, and why.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestReturn {
    /// What it left with.
    #[garde(skip)]
    shipment_id: Uuid,
    #[garde(length(min = 1, max = 500), dive)]
    lines: Vec<RequestLine>,
    #[garde(length(chars, min = 1, max = 500), custom(one_line))]
    #[schema(example = "Too small")]
    reason: String,
}

/// Announces that goods of a shipment come back: no more than have left with it and are not announced already.
#[utoipa::path(post, path = "/api/oms/v1/orders/{id}/returns", tag = "returns", security(("token" = ["order:write"])),
    request_body = RequestReturn, params(("id" = Uuid, Path)),
    responses((status = 201, description = "The return.", body = ReturnView)))]
pub async fn request_return(
    tenant: Tenant<may::OrderWrite>,
    PathId(id): PathId,
    post: Post<RequestReturn>,
) -> ApiResult<Reply> {
    let body = &post.body;
    check_once(body.lines.iter().map(|line| line.line))?;
    let actor = tenant.caller.identity.subject;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, OmsError> {
            let (order, _) = settle::locked(conn, id).await?;
            let shipment = shipments::find(conn, body.shipment_id).await?;
            let shipment = shipment.filter(|row| row.order_id == id);
            let shipment = shipment.ok_or_else(|| Problem::new(codes::UNKNOWN_SHIPMENT))?;
            check_returnable(conn, &shipment, &body.lines).await?;
            let at = now();
            let row = ReturnRow {
                id: Uuid::now_v7(),
                order_id: order.id,
                shipment_id: shipment.id,
                status: REQUESTED.to_owned(),
                reason: body.reason.clone(),
                comment: None,
                credited: None,
                refunded: None,
                version: 1,
                created_at: at,
                updated_at: at,
            };
            let lines = body.lines.iter().map(|line| ReturnLineRow {
                return_id: row.id,
                line: line.line,
                requested: line.quantity,
                received: 0,
                accepted: 0,
                restock: true,
            });
            returns::insert(conn, &row, &lines.collect::<Vec<_>>()).await?;
            let told = json!({"return_id": row.id, "reason": row.reason});
            note(conn, order.id, kinds::RETURN_REQUESTED, Some(actor), told).await?;
            let step = Step {
                order_id: order.id,
                shipment_id: shipment.id,
            };
            publish(conn, kinds::RETURN_REQUESTED, row.id, &step).await?;
            let location = format!("/api/oms/v1/returns/{}", row.id);
            Ok(Reply::created(location, &shown(conn, row).await?).version(1))
        },
    )
    .await
}

/// Checks that so many pieces have left with a shipment and are in no other return.
async fn check_returnable(
    conn: &mut TenantConn,
    shipment: &ShipmentRow,
    wanted: &[RequestLine],
) -> Result<(), OmsError> {
    let taken = all_taken(conn, shipment.id).await?;
    let goods = orders::lines_of(conn, &[shipment.order_id]).await?;
    let left = shipments::lines_of(conn, &[shipment.id]).await?;
    for one in wanted {
        let is_goods = goods
            .iter()
            .any(|line| line.line == one.line && line.is_goods());
        let own = left.iter().find(|line| line.line == one.line && is_goods);
        let own = own.ok_or_else(|| Problem::new(codes::UNKNOWN_LINE).with("line", one.line))?;
        let free = own.quantity - taken.get(&one.line).copied().unwrap_or_default();
        if one.quantity > free {
            return Err(Problem::new(codes::NOT_RETURNABLE)
                .with("line", one.line)
                .with("returnable", free)
                .into());
        }
    }
    Ok(())
}

/// Lets goods come back. The same again changes nothing.
#[utoipa::path(post, path = "/api/oms/v1/returns/{id}/approve", tag = "returns", security(("token" = ["order:write"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The return.", body = ReturnView)))]
pub async fn approve_return(
    tenant: Tenant<may::OrderWrite>,
    PathId(id): PathId,
    command: Command,
) -> ApiResult<Reply> {
    let actor = tenant.caller.identity.subject;
    once(&tenant.db, &command.key, async |conn| {
        decide(conn, id, ReturnCommand::Approve, None, actor).await
    })
    .await
}

/// Why not.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GiveUpReturn {
    #[garde(length(chars, min = 1, max = 500), custom(one_line))]
    #[schema(example = "Worn")]
    comment: String,
}

/// Declines what was announced. The same again changes nothing.
#[utoipa::path(post, path = "/api/oms/v1/returns/{id}/decline", tag = "returns", security(("token" = ["order:write"])),
    request_body = GiveUpReturn, params(("id" = Uuid, Path)),
    responses((status = 200, description = "The return.", body = ReturnView)))]
pub async fn decline_return(
    tenant: Tenant<may::OrderWrite>,
    PathId(id): PathId,
    post: Post<GiveUpReturn>,
) -> ApiResult<Reply> {
    let (actor, why) = (tenant.caller.identity.subject, &post.body.comment);
    once(&tenant.db, &post.key, async |conn| {
        decide(conn, id, ReturnCommand::Decline, Some(why), actor).await
    })
    .await
}

/// Gives up what was announced and has not come. The same again changes nothing.
#[utoipa::path(post, path = "/api/oms/v1/returns/{id}/cancel", tag = "returns", security(("token" = ["order:write"])),
    request_body = GiveUpReturn, params(("id" = Uuid, Path)),
    responses((status = 200, description = "The return.", body = ReturnView)))]
pub async fn cancel_return(
    tenant: Tenant<may::OrderWrite>,
    PathId(id): PathId,
    post: Post<GiveUpReturn>,
) -> ApiResult<Reply> {
    let (actor, why) = (tenant.caller.identity.subject, &post.body.comment);
    once(&tenant.db, &post.key, async |conn| {
        decide(conn, id, ReturnCommand::Cancel, Some(why), actor).await
    })
    .await
}

async fn decide(
    conn: &mut TenantConn,
    id: Uuid,
    command: ReturnCommand,
    comment: Option<&String>,
    actor: Uuid,
) -> Result<Reply, OmsError> {
    let (row, order, _) = locked(conn, id).await?;
    if row.status == command.goal() {
        return answer(conn, row).await;
    }
    let status = command.apply(&row.status)?;
    let decided = ReturnRow {
        status: status.to_owned(),
        comment: comment.cloned(),
        ..row
    };
    let decided = returns::update(conn, &decided).await?;
    let told = json!({"return_id": id, "comment": decided.comment});
    note(
        conn,
        order.id,
        &format!("return.{status}"),
        Some(actor),
        told,
    )
    .await?;
    answer(conn, decided).await
}

/// What a return is, for those who ask for all that are.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReturnStatus {
    Requested,
    Approved,
    Declined,
    Cancelled,
    Received,
    Closed,
}

impl ReturnStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => REQUESTED,
            Self::Approved => ReturnCommand::Approve.goal(),
            Self::Declined => ReturnCommand::Decline.goal(),
            Self::Cancelled => ReturnCommand::Cancel.goal(),
            Self::Received => ReturnCommand::Receive.goal(),
            Self::Closed => ReturnCommand::Refund.goal(),
        }
    }
}

/// Filters and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListReturns {
    /// Of this order.
    order_id: Option<Uuid>,
    #[param(inline)]
    status: Option<ReturnStatus>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists returns, by age.
#[utoipa::path(get, path = "/api/oms/v1/returns", tag = "returns", security(("token" = ["order:read"])), params(ListReturns),
    responses((status = 200, description = "A page of them.", body = Page<ReturnView>)))]
pub async fn list_returns(
    tenant: Tenant<may::OrderRead>,
    state: Data<State>,
    query: Query<ListReturns>,
) -> ApiResult<Reply> {
    let query = query.0;
    let limit = limit(query.limit)?;
    let filter = ReturnFilter {
        order: query.order_id,
        status: query.status.map(ReturnStatus::as_str),
    };
    let list = format!("{} returns {filter:?}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.cursor.as_deref())?;
    let found = tenant.db.read(async |conn| -> Result<_, OmsError> {
        let rows = returns::list(conn, &filter, after, i64::from(limit) + 1).await?;
        views(conn, rows).await
    });
    let page = Page::new(found.await?, limit, |view| {
        state.cursors.seal(&list, &(view.created_at, view.id))
    });
    Ok(Reply::ok(&page))
}

/// Reads a return.
#[utoipa::path(get, path = "/api/oms/v1/returns/{id}", tag = "returns", security(("token" = ["order:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The return.", body = ReturnView)))]
pub async fn get_return(tenant: Tenant<may::OrderRead>, PathId(id): PathId) -> ApiResult<Reply> {
    let found = tenant.db.read(async |conn| -> Result<_, OmsError> {
        let row = returns::find(conn, id).await?;
        answer(conn, row.ok_or_else(Problem::not_found)?).await
    });
    Ok(found.await?)
}
