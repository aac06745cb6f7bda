//! What has left.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{shipment_lines as lines, shipments as table};

/// A shipment's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct ShipmentRow {
    pub id: Uuid,
    pub order_id: Uuid,
    pub fulfilment_id: Uuid,
    pub slip: String,
    pub carrier: Option<String>,
    pub tracking: Option<String>,
    pub shipped_at: DateTime<Utc>,
    pub delivered_at: Option<DateTime<Utc>>,
}

/// Pieces of a line of the order that have left.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = lines, treat_none_as_default_value = false)]
pub struct ShipmentLineRow {
    pub shipment_id: Uuid,
    pub line: i32,
    pub quantity: i64,
    pub net: i64,
    pub tax: i64,
}

/// Inserts a shipment.
pub async fn insert(
    conn: &mut TenantConn,
    row: &ShipmentRow,
    own: &[ShipmentLineRow],
) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(row);
    added.execute(conn).await?;
    let added = diesel::insert_into(lines::table).values(own);
    added.execute(conn).await.map(drop)
}

/// Finds a shipment.
pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<ShipmentRow>> {
    let row = table::table.find(id).select(ShipmentRow::as_select());
    row.first(conn).await.optional()
}

/// Finds the shipment of a packing slip.
pub async fn find_by_slip(conn: &mut TenantConn, slip: &str) -> QueryResult<Option<ShipmentRow>> {
    let row = table::table.filter(table::slip.eq(slip));
    let row = row.select(ShipmentRow::as_select());
    row.first(conn).await.optional()
}

/// Returns what has left of an order, the first first.
pub async fn of_order(conn: &mut TenantConn, order: Uuid) -> QueryResult<Vec<ShipmentRow>> {
    let rows = table::table.filter(table::order_id.eq(order));
    let rows = rows.order((table::shipped_at, table::id));
    rows.select(ShipmentRow::as_select()).load(conn).await
}

/// Returns the lines of shipments.
pub async fn lines_of(
    conn: &mut TenantConn,
    shipments: &[Uuid],
) -> QueryResult<Vec<ShipmentLineRow>> {
    let rows = lines::table.filter(lines::shipment_id.eq_any(shipments));
    let rows = rows.order((lines::shipment_id, lines::line));
    rows.select(ShipmentLineRow::as_select()).load(conn).await
}

/// Says that a shipment has come.
pub async fn note_delivered(
    conn: &mut TenantConn,
    id: Uuid,
    at: DateTime<Utc>,
) -> QueryResult<ShipmentRow> {
    diesel::update(table::table.find(id))
        .set(table::delivered_at.eq(at))
        .returning(ShipmentRow::as_returning())
        .get_result(conn)
        .await
}
