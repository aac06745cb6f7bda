//! Warehouses, and the places inside and outside of them.

use averis_service_kit::after_place;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{locations, warehouses as table};

/// Goods for sale.
pub const STOCK: &str = "stock";
/// Goods that are looked at first.
pub const QUARANTINE: &str = "quarantine";
/// Where goods come from.
pub const SUPPLIER: &str = "supplier";
/// Where they go.
pub const CUSTOMER: &str = "customer";
/// Where what was lost is, and what was found comes from.
pub const LOSS: &str = "loss";

/// A warehouse's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct WarehouseRow {
    pub id: Uuid,
    pub code: String,
    pub name: String,
    pub country: String,
    pub priority: i32,
    pub active: bool,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A place.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = locations, treat_none_as_default_value = false)]
pub struct LocationRow {
    pub id: Uuid,
    pub warehouse_id: Option<Uuid>,
    pub kind: String,
}

/// Inserts a warehouse with its places.
pub async fn insert(conn: &mut TenantConn, row: &WarehouseRow) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(row);
    added.execute(conn).await?;
    let places = [STOCK, QUARANTINE].map(|kind| LocationRow {
        id: Uuid::now_v7(),
        warehouse_id: Some(row.id),
        kind: kind.to_owned(),
    });
    let added = diesel::insert_into(locations::table).values(places.as_slice());
    added.execute(conn).await.map(drop)
}

/// Finds a warehouse.
pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<WarehouseRow>> {
    let row = table::table.find(id).select(WarehouseRow::as_select());
    row.first(conn).await.optional()
}

/// Finds a warehouse and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<WarehouseRow>> {
    let row = table::table.find(id).select(WarehouseRow::as_select());
    row.for_update().first(conn).await.optional()
}

/// Lists warehouses by age.
pub async fn list(
    conn: &mut TenantConn,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<WarehouseRow>> {
    let rows = table::table.select(WarehouseRow::as_select()).into_boxed();
    let rows = after_place!(rows, table, after);
    let rows = rows.order((table::created_at, table::id));
    rows.limit(limit).load(conn).await
}

/// Stores a warehouse as it is now and raises its version.
pub async fn update(conn: &mut TenantConn, row: &WarehouseRow) -> QueryResult<WarehouseRow> {
    let mut row = row.clone();
    row.version += 1;
    row.updated_at = averis_service_kit::clock::now();
    let stored = diesel::update(table::table.find(row.id)).set(&row);
    stored
        .returning(WarehouseRow::as_returning())
        .get_result(conn)
        .await
}

/// Lists the places of warehouses.
pub async fn places_of(
    conn: &mut TenantConn,
    warehouses: &[Uuid],
) -> QueryResult<Vec<LocationRow>> {
    let rows = locations::table.filter(locations::warehouse_id.eq_any(warehouses));
    rows.select(LocationRow::as_select()).load(conn).await
}

/// Finds places inside warehouses.
pub async fn places(conn: &mut TenantConn, ids: &[Uuid]) -> QueryResult<Vec<LocationRow>> {
    let rows = locations::table
        .filter(locations::id.eq_any(ids))
        .filter(locations::warehouse_id.is_not_null());
    rows.select(LocationRow::as_select()).load(conn).await
}

/// Returns where goods of a place's warehouse stay that cannot be sold.
pub async fn quarantine_beside(conn: &mut TenantConn, place: Uuid) -> QueryResult<Option<Uuid>> {
    let own = locations::table.find(place).select(locations::warehouse_id);
    let own: Option<Option<Uuid>> = own.first(conn).await.optional()?;
    let Some(Some(warehouse)) = own else {
        return Ok(None);
    };
    let beside = locations::table.filter(locations::warehouse_id.eq(warehouse));
    let beside = beside.filter(locations::kind.eq(QUARANTINE));
    beside.select(locations::id).first(conn).await.optional()
}

/// Returns the place of a kind outside. Each tenant has one, from the beginning.
pub async fn outside(conn: &mut TenantConn, kind: &str) -> QueryResult<Uuid> {
    locations::table
        .filter(locations::kind.eq(kind))
        .filter(locations::warehouse_id.is_null())
        .select(locations::id)
        .first(conn)
        .await
}
