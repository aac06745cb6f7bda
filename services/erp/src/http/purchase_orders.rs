//! What is ordered from suppliers.

pub mod commands;
pub mod receive;

use std::collections::BTreeMap;

use actix_web::web::Data;
use averis_money::Money;
use averis_service_kit::Tenant;
use averis_service_kit::body::{MergePatch, one_line};
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::forms::check_sku;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::openapi::{IfMatch, MoneySchema};
use averis_service_kit::patch::not_null;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::ledger::currency;
use super::suppliers::in_books;
use crate::State;
use crate::domain::purchasing::{
    APPROVED, CANCELLED, CLOSED, DRAFT, PARTIALLY_RECEIVED, PurchaseCommand, RECEIVED, SENT,
};
use crate::domain::{MAX_QUANTITY, book_day, now};
use crate::error::{ErpError, codes};
use crate::store::purchase_orders::{self as orders, PurchaseFilter, PurchaseLineRow, PurchaseRow};
use crate::store::{invoices, ledger, suppliers, warehouses};

/// What is ordered from a supplier.
#[derive(Debug, Serialize, ToSchema)]
pub struct PurchaseOrderView {
    id: Uuid,
    #[schema(example = "PO-2026-000001")]
    number: String,
    supplier_id: Uuid,
    /// `draft`, `approved`, `sent`, `partially_received`, `received`, `closed` or `cancelled`.
    #[schema(example = "sent")]
    status: String,
    /// Where it is to come.
    location_id: Uuid,
    expected_on: Option<NaiveDate>,
    note: Option<String>,
    lines: Vec<PurchaseLineView>,
    #[schema(value_type = MoneySchema)]
    total: Money,
    /// Whoever has written any of it, who has drafted it first.
    written_by: Vec<Uuid>,
    approved_by: Option<Uuid>,
    approved_at: Option<DateTime<Utc>>,
    sent_at: Option<DateTime<Utc>>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// A line of an order.
#[derive(Debug, Serialize, ToSchema)]
pub struct PurchaseLineView {
    line: i32,
    #[schema(example = "LAMP-1")]
    sku: String,
    quantity: i64,
    /// What each is to cost, without tax.
    #[schema(value_type = MoneySchema)]
    unit_cost: Money,
    /// Pieces that have come.
    received: i64,
    /// Pieces that the supplier has billed.
    billed: i64,
}

async fn views(
    conn: &mut TenantConn,
    rows: Vec<PurchaseRow>,
) -> Result<Vec<PurchaseOrderView>, ErpError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let book = currency(&ledger::currency(conn).await?)?;
    let mut own: BTreeMap<Uuid, Vec<PurchaseLineView>> = BTreeMap::new();
    for line in orders::lines_of(conn, &ids).await? {
        let lines = own.entry(line.purchase_order_id).or_default();
        lines.push(PurchaseLineView {
            line: line.line,
            sku: line.sku,
            quantity: line.quantity,
            unit_cost: Money::new(line.unit_cost, book),
            received: line.received,
            billed: line.billed,
        });
    }
    let views = rows.into_iter().map(|row| PurchaseOrderView {
        lines: own.remove(&row.id).unwrap_or_default(),
        total: Money::new(row.total, book),
        id: row.id,
        number: row.number,
        supplier_id: row.supplier_id,
        status: row.status,
        location_id: row.location_id,
        expected_on: row.expected_on,
        note: row.note,
        written_by: row.written_by,
        approved_by: row.approved_by,
        approved_at: row.approved_at,
        sent_at: row.sent_at,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    });
    Ok(views.collect())
}

async fn view(conn: &mut TenantConn, row: PurchaseRow) -> Result<PurchaseOrderView, ErpError> {
    let view = views(conn, vec![row]).await?.pop();
    Ok(view.ok_or_else(Problem::not_found)?)
}

async fn answer(conn: &mut TenantConn, row: PurchaseRow) -> Result<Reply, ErpError> {
    let version = row.version;
    Ok(Reply::ok(&view(conn, row).await?).version(version))
}

/// Pieces of a SKU to be ordered.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderedLine {
    #[garde(skip)]
    #[schema(example = "LAMP-1")]
    sku: String,
    #[garde(range(min = 1, max = MAX_QUANTITY))]
    quantity: i64,
    /// What each is to cost, without tax, in the books' currency.
    #[garde(skip)]
    #[schema(value_type = MoneySchema)]
    unit_cost: Money,
}

/// Checks lines, and returns them as rows and what they come to.
async fn planned(
    conn: &mut TenantConn,
    order: Uuid,
    lines: &[OrderedLine],
) -> Result<(Vec<PurchaseLineRow>, i64), ErpError> {
    let book = ledger::currency(conn).await?;
    let mut total = 0_i64;
    let mut rows = Vec::with_capacity(lines.len());
    for (place, (line, own)) in (0..).zip(lines).enumerate() {
        check_sku(&own.sku, format!("/lines/{place}/sku"))?;
        let pointer = format!("/lines/{place}/unit_cost");
        in_books(&book, own.unit_cost, format!("{pointer}/currency"))?;
        if own.unit_cost.is_negative() {
            let pointer = format!("{pointer}/amount");
            return Err(FieldProblem::new(pointer, "range", "must not be negative").into());
        }
        let cost = own.unit_cost.amount().checked_mul(own.quantity);
        let sum = cost.and_then(|cost| total.checked_add(cost));
        total = sum.ok_or_else(|| Problem::new(codes::MONEY_OVERFLOW))?;
        rows.push(PurchaseLineRow {
            purchase_order_id: order,
            line,
            sku: own.sku.clone(),
            quantity: own.quantity,
            unit_cost: own.unit_cost.amount(),
            at_most: own.quantity,
            received: 0,
            billed: 0,
        });
    }
    Ok((rows, total))
}

/// Checks that something may be ordered from a supplier.
async fn check_supplier(conn: &mut TenantConn, id: Uuid) -> Result<(), ErpError> {
    let supplier = suppliers::hold(conn, id).await?;
    if supplier.is_some_and(|supplier| supplier.active) {
        return Ok(());
    }
    Err(Problem::new(codes::UNKNOWN_SUPPLIER).into())
}

/// Checks that a place is one inside a warehouse.
async fn check_location(conn: &mut TenantConn, id: Uuid) -> Result<(), ErpError> {
    if warehouses::places(conn, &[id]).await?.is_empty() {
        return Err(Problem::new(codes::UNKNOWN_LOCATION).into());
    }
    Ok(())
}

/// An order to be drafted.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePurchaseOrder {
    #[garde(skip)]
    supplier_id: Uuid,
    /// Where it is to come.
    #[garde(skip)]
    location_id: Uuid,
    #[garde(inner(custom(book_day)))]
    #[schema(example = "2026-12-15")]
    expected_on: Option<NaiveDate>,
    #[garde(length(chars, min = 1, max = 500), inner(custom(one_line)))]
    #[schema(example = "Deliver to gate 2")]
    note: Option<String>,
    #[garde(length(min = 1, max = 250), dive)]
    lines: Vec<OrderedLine>,
}

/// Drafts an order.
#[utoipa::path(post, path = "/api/erp/v1/purchase-orders", tag = "purchasing", security(("token" = ["purchase:write"])),
    request_body = CreatePurchaseOrder, responses((status = 201, description = "The draft.", body = PurchaseOrderView)))]
pub async fn create_purchase_order(
    tenant: Tenant<may::PurchaseWrite>,
    post: Post<CreatePurchaseOrder>,
) -> ApiResult<Reply> {
    let body = &post.body;
    let by = tenant.caller.identity.subject;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, ErpError> {
            check_supplier(conn, body.supplier_id).await?;
            check_location(conn, body.location_id).await?;
            let id = Uuid::now_v7();
            let (lines, total) = planned(conn, id, &body.lines).await?;
            let at = now();
            // After all checks: whoever waits for a number does not wait for them.
            let series = format!("PO-{}", at.year());
            let number = invoices::next_number(conn, &series).await?;
            let row = PurchaseRow {
                id,
                number: format!("{series}-{number:06}"),
                supplier_id: body.supplier_id,
                status: DRAFT.to_owned(),
                location_id: body.location_id,
                expected_on: body.expected_on,
                note: body.note.clone(),
                total,
                written_by: vec![by],
                approved_by: None,
                approved_at: None,
                sent_at: None,
                version: 1,
                created_at: at,
                updated_at: at,
            };
            orders::insert(conn, &row, &lines).await?;
            let location = format!("/api/erp/v1/purchase-orders/{id}");
            Ok(Reply::created(location, &view(conn, row).await?).version(1))
        },
    )
    .await
}

/// Where an order may be.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PurchaseStatus {
    Draft,
    Approved,
    Sent,
    PartiallyReceived,
    Received,
    Closed,
    Cancelled,
}

impl PurchaseStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => DRAFT,
            Self::Approved => APPROVED,
            Self::Sent => SENT,
            Self::PartiallyReceived => PARTIALLY_RECEIVED,
            Self::Received => RECEIVED,
            Self::Closed => CLOSED,
            Self::Cancelled => CANCELLED,
        }
    }
}

/// Filters and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListPurchaseOrders {
    #[param(inline)]
    status: Option<PurchaseStatus>,
    supplier_id: Option<Uuid>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists orders by age.
#[utoipa::path(get, path = "/api/erp/v1/purchase-orders", tag = "purchasing", security(("token" = ["purchase:read"])),
    params(ListPurchaseOrders), responses((status = 200, description = "A page of orders.", body = Page<PurchaseOrderView>)))]
pub async fn list_purchase_orders(
    tenant: Tenant<may::PurchaseRead>,
    state: Data<State>,
    query: Query<ListPurchaseOrders>,
) -> ApiResult<Reply> {
    let query = query.0;
    let limit = limit(query.limit)?;
    let filter = PurchaseFilter {
        status: query.status.map(PurchaseStatus::as_str),
        supplier: query.supplier_id,
    };
    let list = format!("{} purchase-orders {filter:?}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.cursor.as_deref())?;
    let page = tenant.db.read(async |conn| -> Result<_, ErpError> {
        let rows = orders::list(conn, &filter, after, i64::from(limit) + 1).await?;
        let Page { data, next_cursor } = Page::new(rows, limit, |row| {
            state.cursors.seal(&list, &(row.created_at, row.id))
        });
        let data = views(conn, data).await?;
        Ok(Page { data, next_cursor })
    });
    Ok(Reply::ok(&page.await?))
}

/// Reads an order.
#[utoipa::path(get, path = "/api/erp/v1/purchase-orders/{id}", tag = "purchasing", security(("token" = ["purchase:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The order.", body = PurchaseOrderView)))]
pub async fn get_purchase_order(
    tenant: Tenant<may::PurchaseRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let found = tenant.db.read(async |conn| -> Result<Reply, ErpError> {
        let row = orders::find(conn, id).await?;
        answer(conn, row.ok_or_else(Problem::not_found)?).await
    });
    Ok(found.await?)
}

/// What of a draft may be changed: a merge patch.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdatePurchaseOrder {
    #[garde(skip)]
    #[serde(default, deserialize_with = "not_null")]
    location_id: Option<Uuid>,
    #[garde(inner(custom(book_day)))]
    #[serde(default, deserialize_with = "not_null")]
    #[schema(example = "2026-12-15")]
    expected_on: Option<NaiveDate>,
    #[garde(inner(length(chars, min = 1, max = 500), custom(one_line)))]
    #[serde(default, deserialize_with = "not_null")]
    #[schema(example = "Deliver to gate 2")]
    note: Option<String>,
    /// All of them anew.
    #[garde(length(min = 1, max = 250), dive)]
    #[serde(default, deserialize_with = "not_null")]
    lines: Option<Vec<OrderedLine>>,
}

/// Changes a draft. Whoever does has written it too, and is not the one who approves it.
#[utoipa::path(patch, path = "/api/erp/v1/purchase-orders/{id}", tag = "purchasing", security(("token" = ["purchase:write"])),
    request_body = UpdatePurchaseOrder, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The changed draft.", body = PurchaseOrderView)))]
pub async fn update_purchase_order(
    tenant: Tenant<may::PurchaseWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    patch: MergePatch<UpdatePurchaseOrder>,
) -> ApiResult<Reply> {
    let patch = &patch.0;
    let by = tenant.caller.identity.subject;
    let changed = tenant
        .db
        .transaction(async |conn| -> Result<Reply, ErpError> {
            let row = orders::lock(conn, id).await?;
            let mut row = row.ok_or_else(Problem::not_found)?;
            seen.check(row.version)?;
            PurchaseCommand::Change.apply(&row.status)?;
            if let Some(location) = patch.location_id {
                check_location(conn, location).await?;
                row.location_id = location;
            }
            if let Some(lines) = &patch.lines {
                let (lines, total) = planned(conn, id, lines).await?;
                orders::replace_lines(conn, id, &lines).await?;
                row.total = total;
            }
            row.expected_on = patch.expected_on.or(row.expected_on);
            row.note = patch.note.clone().or(row.note);
            if !row.written_by.contains(&by) {
                row.written_by.push(by);
            }
            let row = orders::update(conn, &row).await?;
            answer(conn, row).await
        });
    Ok(changed.await?)
}
