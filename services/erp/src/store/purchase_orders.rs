//! What is ordered from suppliers, and what has come of it.

use averis_service_kit::after_place;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{
    goods_receipt_lines as receipt_lines, goods_receipts as receipts,
    purchase_order_lines as lines, purchase_orders as table,
};

/// An order's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct PurchaseRow {
    pub id: Uuid,
    pub number: String,
    pub supplier_id: Uuid,
    pub status: String,
    pub location_id: Uuid,
    pub expected_on: Option<NaiveDate>,
    pub note: Option<String>,
    pub total: i64,
    /// Whoever has written any of it, who has drafted it first.
    pub written_by: Vec<Uuid>,
    pub approved_by: Option<Uuid>,
    pub approved_at: Option<DateTime<Utc>>,
    pub sent_at: Option<DateTime<Utc>>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A line's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = lines, treat_none_as_default_value = false)]
pub struct PurchaseLineRow {
    pub purchase_order_id: Uuid,
    pub line: i32,
    pub sku: String,
    pub quantity: i64,
    pub unit_cost: i64,
    pub at_most: i64,
    pub received: i64,
    pub billed: i64,
}

/// A receipt's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = receipts, treat_none_as_default_value = false)]
pub struct ReceiptRow {
    pub id: Uuid,
    pub purchase_order_id: Uuid,
    pub reference: String,
    pub location_id: Uuid,
    pub received_by: Uuid,
    pub created_at: DateTime<Utc>,
}

/// A receipt's line.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = receipt_lines, treat_none_as_default_value = false)]
pub struct ReceiptLineRow {
    pub receipt_id: Uuid,
    pub line: i32,
    pub quantity: i64,
}

/// Inserts an order with its lines.
pub async fn insert(
    conn: &mut TenantConn,
    row: &PurchaseRow,
    own: &[PurchaseLineRow],
) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(row);
    added.execute(conn).await?;
    let added = diesel::insert_into(lines::table).values(own);
    added.execute(conn).await.map(drop)
}

pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<PurchaseRow>> {
    let row = table::table.find(id).select(PurchaseRow::as_select());
    row.first(conn).await.optional()
}

/// Whether anything was ordered.
pub async fn is_begun(conn: &mut TenantConn) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(table::table.select(table::id)))
        .get_result(conn)
        .await
}

/// Finds an order and keeps others from changing it or its lines until the end of the transaction.
pub async fn lock(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<PurchaseRow>> {
    let row = table::table.find(id).select(PurchaseRow::as_select());
    row.for_no_key_update().first(conn).await.optional()
}

/// Lists the lines of orders, by order and place.
pub async fn lines_of(conn: &mut TenantConn, ids: &[Uuid]) -> QueryResult<Vec<PurchaseLineRow>> {
    let rows = lines::table.filter(lines::purchase_order_id.eq_any(ids));
    let rows = rows.order((lines::purchase_order_id, lines::line));
    rows.select(PurchaseLineRow::as_select()).load(conn).await
}

/// Which orders a list shows.
#[derive(Clone, Debug)]
pub struct PurchaseFilter {
    pub status: Option<&'static str>,
    pub supplier: Option<Uuid>,
}

/// Lists orders by age.
pub async fn list(
    conn: &mut TenantConn,
    filter: &PurchaseFilter,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<PurchaseRow>> {
    let mut rows = table::table.select(PurchaseRow::as_select()).into_boxed();
    if let Some(status) = filter.status {
        rows = rows.filter(table::status.eq(status));
    }
    if let Some(supplier) = filter.supplier {
        rows = rows.filter(table::supplier_id.eq(supplier));
    }
    let rows = after_place!(rows, table, after);
    let rows = rows.order((table::created_at, table::id));
    rows.limit(limit).load(conn).await
}

/// Stores an order as it is now and raises its version.
pub async fn update(conn: &mut TenantConn, row: &PurchaseRow) -> QueryResult<PurchaseRow> {
    let mut row = row.clone();
    row.version += 1;
    row.updated_at = averis_service_kit::clock::now();
    let stored = diesel::update(table::table.find(row.id)).set(&row);
    stored
        .returning(PurchaseRow::as_returning())
        .get_result(conn)
        .await
}

/// Puts other lines in place of an order's own.
pub async fn replace_lines(
    conn: &mut TenantConn,
    order: Uuid,
    own: &[PurchaseLineRow],
) -> QueryResult<()> {
    let old = diesel::delete(lines::table.filter(lines::purchase_order_id.eq(order)));
    old.execute(conn).await?;
    let added = diesel::insert_into(lines::table).values(own);
    added.execute(conn).await.map(drop)
}

/// Stores how far a line is.
pub async fn update_line(conn: &mut TenantConn, row: &PurchaseLineRow) -> QueryResult<()> {
    let own = lines::table.find((row.purchase_order_id, row.line));
    let stored = diesel::update(own).set((
        lines::at_most.eq(row.at_most),
        lines::received.eq(row.received),
        lines::billed.eq(row.billed),
    ));
    stored.execute(conn).await.map(drop)
}

/// Inserts what has come.
pub async fn insert_receipt(
    conn: &mut TenantConn,
    row: &ReceiptRow,
    own: &[ReceiptLineRow],
) -> QueryResult<()> {
    let added = diesel::insert_into(receipts::table).values(row);
    added.execute(conn).await?;
    let added = diesel::insert_into(receipt_lines::table).values(own);
    added.execute(conn).await.map(drop)
}

/// Finds what has come by a slip.
pub async fn find_receipt(
    conn: &mut TenantConn,
    order: Uuid,
    reference: &str,
) -> QueryResult<Option<ReceiptRow>> {
    let row = receipts::table
        .filter(receipts::purchase_order_id.eq(order))
        .filter(receipts::reference.eq(reference));
    let row = row.select(ReceiptRow::as_select());
    row.first(conn).await.optional()
}

/// Lists the lines of receipts, by receipt and place.
pub async fn receipt_lines_of(
    conn: &mut TenantConn,
    ids: &[Uuid],
) -> QueryResult<Vec<ReceiptLineRow>> {
    let rows = receipt_lines::table.filter(receipt_lines::receipt_id.eq_any(ids));
    let rows = rows.order((receipt_lines::receipt_id, receipt_lines::line));
    rows.select(ReceiptLineRow::as_select()).load(conn).await
}

/// Lists what has come by age, all or of one order.
pub async fn list_receipts(
    conn: &mut TenantConn,
    order: Option<Uuid>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<ReceiptRow>> {
    let mut rows = receipts::table.select(ReceiptRow::as_select()).into_boxed();
    if let Some(order) = order {
        rows = rows.filter(receipts::purchase_order_id.eq(order));
    }
    let rows = after_place!(rows, receipts, after);
    let rows = rows.order((receipts::created_at, receipts::id));
    rows.limit(limit).load(conn).await
}
