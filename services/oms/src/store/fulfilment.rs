//! What warehouses do for orders.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::domain::orders::DRAFT;
use crate::schema::{fulfilment_lines as lines, fulfilment_orders as table, orders};

/// What one warehouse does for an order.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct FulfilmentRow {
    pub id: Uuid,
    pub order_id: Uuid,
    pub location_id: Option<Uuid>,
    pub status: String,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Pieces of a line of the order that leave from there.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = lines, treat_none_as_default_value = false)]
pub struct FulfilmentLineRow {
    pub fulfilment_id: Uuid,
    pub line: i32,
    pub quantity: i64,
    pub cancelled: i64,
    pub shipped: i64,
}

impl FulfilmentLineRow {
    /// Those that are neither shipped nor cancelled.
    pub const fn open(&self) -> i64 {
        self.quantity - self.cancelled - self.shipped
    }
}

/// Inserts what warehouses are to do.
pub async fn insert(
    conn: &mut TenantConn,
    rows: &[FulfilmentRow],
    own: &[FulfilmentLineRow],
) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(rows);
    added.execute(conn).await?;
    let added = diesel::insert_into(lines::table).values(own);
    added.execute(conn).await.map(drop)
}

/// Finds it. What belongs to a draft is nobody's work yet.
pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<FulfilmentRow>> {
    table::table
        .inner_join(orders::table)
        .filter(table::id.eq(id))
        .filter(orders::placed_at.is_not_null())
        .select(FulfilmentRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// Returns what warehouses do for an order.
pub async fn of_order(conn: &mut TenantConn, order: Uuid) -> QueryResult<Vec<FulfilmentRow>> {
    let rows = table::table.filter(table::order_id.eq(order));
    let rows = rows.order((table::created_at, table::id));
    rows.select(FulfilmentRow::as_select()).load(conn).await
}

/// Lists the work of orders that are placed, by age.
pub async fn list(
    conn: &mut TenantConn,
    order: Option<Uuid>,
    status: Option<&'static str>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<FulfilmentRow>> {
    let mut rows = table::table
        .inner_join(orders::table)
        .filter(orders::status.ne(DRAFT))
        .filter(orders::placed_at.is_not_null())
        .select(FulfilmentRow::as_select())
        .into_boxed();
    if let Some(order) = order {
        rows = rows.filter(table::order_id.eq(order));
    }
    if let Some(status) = status {
        rows = rows.filter(table::status.eq(status));
    }
    if let Some((at, id)) = after {
        rows = rows.filter(
            table::created_at
                .gt(at)
                .or(table::created_at.eq(at).and(table::id.gt(id))),
        );
    }
    let rows = rows.order((table::created_at, table::id));
    rows.limit(limit).load(conn).await
}

/// Returns the lines of several.
pub async fn lines_of(
    conn: &mut TenantConn,
    fulfilments: &[Uuid],
) -> QueryResult<Vec<FulfilmentLineRow>> {
    let rows = lines::table.filter(lines::fulfilment_id.eq_any(fulfilments));
    let rows = rows.order((lines::fulfilment_id, lines::line));
    rows.select(FulfilmentLineRow::as_select()).load(conn).await
}

/// Stores what became of the pieces of lines that there are, with one statement however many they are.
pub async fn put_lines(conn: &mut TenantConn, rows: &[FulfilmentLineRow]) -> QueryResult<()> {
    let stored = diesel::insert_into(lines::table)
        .values(rows)
        .on_conflict((lines::fulfilment_id, lines::line))
        .do_update()
        .set((
            lines::cancelled.eq(excluded(lines::cancelled)),
            lines::shipped.eq(excluded(lines::shipped)),
        ));
    stored.execute(conn).await.map(drop)
}

/// Stores how far it is, and raises its version.
pub async fn put_status(
    conn: &mut TenantConn,
    id: Uuid,
    status: &str,
) -> QueryResult<FulfilmentRow> {
    diesel::update(table::table.find(id))
        .set((
            table::status.eq(status),
            table::version.eq(table::version + 1),
            table::updated_at.eq(averis_service_kit::clock::now()),
        ))
        .returning(FulfilmentRow::as_returning())
        .get_result(conn)
        .await
}
