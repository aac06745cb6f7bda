//! What comes back.

use averis_service_kit::after_place;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{return_lines as lines, returns as table};

/// A return's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct ReturnRow {
    pub id: Uuid,
    pub order_id: Uuid,
    pub shipment_id: Uuid,
    pub status: String,
    pub reason: String,
    /// Why it was declined or given up.
    pub comment: Option<String>,
    /// What the accepted pieces cost, with tax.
    pub credited: Option<i64>,
    /// What of it went back.
    pub refunded: Option<i64>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Pieces of a line of the order that come back.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = lines, treat_none_as_default_value = false)]
pub struct ReturnLineRow {
    pub return_id: Uuid,
    pub line: i32,
    pub requested: i64,
    pub received: i64,
    pub accepted: i64,
    /// Whether they can be sold again.
    pub restock: bool,
}

/// Inserts a return.
pub async fn insert(
    conn: &mut TenantConn,
    row: &ReturnRow,
    own: &[ReturnLineRow],
) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(row);
    added.execute(conn).await?;
    insert_lines(conn, own).await
}

/// Inserts lines of a return.
pub async fn insert_lines(conn: &mut TenantConn, own: &[ReturnLineRow]) -> QueryResult<()> {
    let added = diesel::insert_into(lines::table).values(own);
    added.execute(conn).await.map(drop)
}

/// Finds a return. Its order's lock keeps others from changing it.
pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<ReturnRow>> {
    let row = table::table.find(id).select(ReturnRow::as_select());
    row.first(conn).await.optional()
}

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct ReturnFilter {
    pub order: Option<Uuid>,
    pub status: Option<&'static str>,
}

/// Lists returns by age.
pub async fn list(
    conn: &mut TenantConn,
    filter: &ReturnFilter,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<ReturnRow>> {
    let mut rows = table::table.select(ReturnRow::as_select()).into_boxed();
    if let Some(order) = filter.order {
        rows = rows.filter(table::order_id.eq(order));
    }
    if let Some(status) = filter.status {
        rows = rows.filter(table::status.eq(status));
    }
    let rows = after_place!(rows, table, after);
    let rows = rows.order((table::created_at, table::id));
    rows.limit(limit).load(conn).await
}

/// Returns what comes back, or came, of a shipment.
pub async fn of_shipment(conn: &mut TenantConn, shipment: Uuid) -> QueryResult<Vec<ReturnRow>> {
    let rows = table::table.filter(table::shipment_id.eq(shipment));
    rows.select(ReturnRow::as_select()).load(conn).await
}

/// Returns what was credited of shipments, with tax.
pub async fn credited_of(conn: &mut TenantConn, shipments: &[Uuid]) -> QueryResult<i64> {
    let rows = table::table.filter(table::shipment_id.eq_any(shipments));
    let amounts: Vec<Option<i64>> = rows.select(table::credited).load(conn).await?;
    Ok(amounts.into_iter().flatten().sum())
}

/// Returns the lines of returns.
pub async fn lines_of(conn: &mut TenantConn, returns: &[Uuid]) -> QueryResult<Vec<ReturnLineRow>> {
    let rows = lines::table.filter(lines::return_id.eq_any(returns));
    let rows = rows.order((lines::return_id, lines::line));
    rows.select(ReturnLineRow::as_select()).load(conn).await
}

/// Stores what came of lines that there are, with one statement however many they are.
pub async fn put_lines(conn: &mut TenantConn, rows: &[ReturnLineRow]) -> QueryResult<()> {
    let stored = diesel::insert_into(lines::table)
        .values(rows)
        .on_conflict((lines::return_id, lines::line))
        .do_update()
        .set((
            lines::received.eq(excluded(lines::received)),
            lines::accepted.eq(excluded(lines::accepted)),
            lines::restock.eq(excluded(lines::restock)),
        ));
    stored.execute(conn).await.map(drop)
}

/// Stores what was decided of a return, and raises its version.
pub async fn update(conn: &mut TenantConn, row: &ReturnRow) -> QueryResult<ReturnRow> {
    diesel::update(table::table.find(row.id))
        .set((
            table::status.eq(&row.status),
            table::comment.eq(&row.comment),
            table::credited.eq(row.credited),
            table::refunded.eq(row.refunded),
            table::version.eq(row.version + 1),
            table::updated_at.eq(averis_service_kit::clock::now()),
        ))
        .returning(ReturnRow::as_returning())
        .get_result(conn)
        .await
}
