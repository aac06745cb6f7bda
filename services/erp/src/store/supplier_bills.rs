//! What suppliers want, and what they were paid.

use averis_service_kit::after_place;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{
    bill_payments as payments, supplier_bill_lines as lines, supplier_bills as table,
};

/// Nothing of it is paid.
pub const OPEN: &str = "open";
pub const PARTIALLY_PAID: &str = "partially_paid";
pub const PAID: &str = "paid";

/// A bill's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct BillRow {
    pub id: Uuid,
    pub supplier_id: Uuid,
    pub purchase_order_id: Uuid,
    pub number: String,
    pub status: String,
    pub net: i64,
    pub tax: i64,
    pub difference: i64,
    pub accepted_by: Option<Uuid>,
    pub paid: i64,
    pub billed_on: NaiveDate,
    pub due_on: NaiveDate,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A bill's line.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = lines, treat_none_as_default_value = false)]
pub struct BillLineRow {
    pub bill_id: Uuid,
    pub line: i32,
    pub quantity: i64,
    pub net: i64,
}

/// A payment's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = payments, treat_none_as_default_value = false)]
pub struct BillPaymentRow {
    pub id: Uuid,
    pub bill_id: Uuid,
    pub reference: String,
    pub amount: i64,
    pub paid_on: NaiveDate,
    pub created_at: DateTime<Utc>,
}

/// Inserts a bill with its lines.
pub async fn insert(conn: &mut TenantConn, row: &BillRow, own: &[BillLineRow]) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(row);
    added.execute(conn).await?;
    let added = diesel::insert_into(lines::table).values(own);
    added.execute(conn).await.map(drop)
}

pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<BillRow>> {
    let row = table::table.find(id).select(BillRow::as_select());
    row.first(conn).await.optional()
}

/// Finds the bill of a supplier with that number.
pub async fn find_numbered(
    conn: &mut TenantConn,
    supplier: Uuid,
    number: &str,
) -> QueryResult<Option<BillRow>> {
    let row = table::table.filter(
        table::supplier_id
            .eq(supplier)
            .and(table::number.eq(number)),
    );
    let row = row.select(BillRow::as_select());
    row.first(conn).await.optional()
}

/// Finds a bill and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<BillRow>> {
    let row = table::table.find(id).select(BillRow::as_select());
    row.for_no_key_update().first(conn).await.optional()
}

/// Lists the lines of bills, by bill and place.
pub async fn lines_of(conn: &mut TenantConn, ids: &[Uuid]) -> QueryResult<Vec<BillLineRow>> {
    let rows = lines::table.filter(lines::bill_id.eq_any(ids));
    let rows = rows.order((lines::bill_id, lines::line));
    rows.select(BillLineRow::as_select()).load(conn).await
}

/// Lists bills by age, all or of one order.
pub async fn list(
    conn: &mut TenantConn,
    order: Option<Uuid>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<BillRow>> {
    let mut rows = table::table.select(BillRow::as_select()).into_boxed();
    if let Some(order) = order {
        rows = rows.filter(table::purchase_order_id.eq(order));
    }
    let rows = after_place!(rows, table, after);
    let rows = rows.order((table::created_at, table::id));
    rows.limit(limit).load(conn).await
}

/// Stores what is paid of a bill.
pub async fn update_paid(conn: &mut TenantConn, row: &BillRow) -> QueryResult<BillRow> {
    let stored = diesel::update(table::table.find(row.id)).set((
        table::status.eq(&row.status),
        table::paid.eq(row.paid),
        table::version.eq(row.version + 1),
        table::updated_at.eq(averis_service_kit::clock::now()),
    ));
    stored
        .returning(BillRow::as_returning())
        .get_result(conn)
        .await
}

pub async fn insert_payment(conn: &mut TenantConn, row: &BillPaymentRow) -> QueryResult<()> {
    let added = diesel::insert_into(payments::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Finds a payment by its reference.
pub async fn find_payment(
    conn: &mut TenantConn,
    reference: &str,
) -> QueryResult<Option<BillPaymentRow>> {
    let row = payments::table.filter(payments::reference.eq(reference));
    let row = row.select(BillPaymentRow::as_select());
    row.first(conn).await.optional()
}
