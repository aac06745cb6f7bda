//! What suppliers want for what has come: held against the order and the receipts, posted, and paid.
//!
//! ```text
//! open --payments--> partially_paid --> paid
//! ```

pub mod entering;
pub mod payments;

use std::collections::BTreeMap;

use actix_web::web::Data;
use averis_money::Money;
use averis_service_kit::Tenant;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::openapi::MoneySchema;
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::ledger::currency;
use crate::State;
use crate::error::ErpError;
use crate::store::ledger;
use crate::store::supplier_bills::{self as bills, BillRow};

/// What a supplier wants.
#[derive(Debug, Serialize, ToSchema)]
pub struct SupplierBillView {
    id: Uuid,
    supplier_id: Uuid,
    purchase_order_id: Uuid,
    /// The supplier's.
    #[schema(example = "R-4711")]
    number: String,
    /// `open`, `partially_paid` or `paid`.
    #[schema(example = "open")]
    status: String,
    lines: Vec<BillLineView>,
    #[schema(value_type = MoneySchema)]
    net: Money,
    #[schema(value_type = MoneySchema)]
    tax: Money,
    #[schema(value_type = MoneySchema)]
    total: Money,
    /// How much more was billed than it was to cost; less than nothing is less.
    #[schema(value_type = MoneySchema)]
    difference: Money,
    #[schema(value_type = MoneySchema)]
    paid: Money,
    /// Who has agreed to the difference, where it is more than the rules allow.
    accepted_by: Option<Uuid>,
    billed_on: NaiveDate,
    due_on: NaiveDate,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// A line of a bill.
#[derive(Debug, Serialize, ToSchema)]
pub struct BillLineView {
    /// The line of the order.
    line: i32,
    quantity: i64,
    /// Of all its pieces.
    #[schema(value_type = MoneySchema)]
    net: Money,
}

async fn views(
    conn: &mut TenantConn,
    rows: Vec<BillRow>,
) -> Result<Vec<SupplierBillView>, ErpError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let book = currency(&ledger::currency(conn).await?)?;
    let money = |amount| Money::new(amount, book);
    let mut own: BTreeMap<Uuid, Vec<BillLineView>> = BTreeMap::new();
    for line in bills::lines_of(conn, &ids).await? {
        own.entry(line.bill_id).or_default().push(BillLineView {
            line: line.line,
            quantity: line.quantity,
            net: money(line.net),
        });
    }
    let views = rows.into_iter().map(|row| SupplierBillView {
        lines: own.remove(&row.id).unwrap_or_default(),
        net: money(row.net),
        tax: money(row.tax),
        total: money(row.net.saturating_add(row.tax)),
        difference: money(row.difference),
        paid: money(row.paid),
        accepted_by: row.accepted_by,
        id: row.id,
        supplier_id: row.supplier_id,
        purchase_order_id: row.purchase_order_id,
        number: row.number,
        status: row.status,
        billed_on: row.billed_on,
        due_on: row.due_on,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    });
    Ok(views.collect())
}

async fn view(conn: &mut TenantConn, row: BillRow) -> Result<SupplierBillView, ErpError> {
    let view = views(conn, vec![row]).await?.pop();
    Ok(view.ok_or_else(Problem::not_found)?)
}

async fn created(conn: &mut TenantConn, row: BillRow) -> Result<Reply, ErpError> {
    let location = format!("/api/erp/v1/supplier-bills/{}", row.id);
    let version = row.version;
    Ok(Reply::created(location, &view(conn, row).await?).version(version))
}

async fn answer(conn: &mut TenantConn, row: BillRow) -> Result<Reply, ErpError> {
    let version = row.version;
    Ok(Reply::ok(&view(conn, row).await?).version(version))
}

/// Filters and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListSupplierBills {
    /// Of this order.
    purchase_order_id: Option<Uuid>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists bills by age.
#[utoipa::path(get, path = "/api/erp/v1/supplier-bills", tag = "purchasing", security(("token" = ["invoice:read"])),
    params(ListSupplierBills), responses((status = 200, description = "A page of bills.", body = Page<SupplierBillView>)))]
pub async fn list_supplier_bills(
    tenant: Tenant<may::InvoiceRead>,
    state: Data<State>,
    query: Query<ListSupplierBills>,
) -> ApiResult<Reply> {
    let query = query.0;
    let limit = limit(query.limit)?;
    let order = query.purchase_order_id;
    let list = format!("{} supplier-bills {order:?}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.cursor.as_deref())?;
    let page = tenant.db.read(async |conn| -> Result<_, ErpError> {
        let rows = bills::list(conn, order, after, i64::from(limit) + 1).await?;
        let Page { data, next_cursor } = Page::new(rows, limit, |row| {
            state.cursors.seal(&list, &(row.created_at, row.id))
        });
        let data = views(conn, data).await?;
        Ok(Page { data, next_cursor })
    });
    Ok(Reply::ok(&page.await?))
}

/// Reads a bill.
#[utoipa::path(get, path = "/api/erp/v1/supplier-bills/{id}", tag = "purchasing", security(("token" = ["invoice:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The bill.", body = SupplierBillView)))]
pub async fn get_supplier_bill(
    tenant: Tenant<may::InvoiceRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let found = tenant.db.read(async |conn| -> Result<Reply, ErpError> {
        let row = bills::find(conn, id).await?;
        answer(conn, row.ok_or_else(Problem::not_found)?).await
    });
    Ok(found.await?)
}
