//! How goods are sent.

use averis_service_kit::after_place;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::shipping_methods as table;

/// A way of sending.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct ShippingRow {
    pub id: Uuid,
    pub code: String,
    pub name: String,
    pub countries: Vec<String>,
    pub amount: i64,
    pub currency: String,
    pub active: bool,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl ShippingRow {
    /// Whether it is offered there now.
    pub fn goes_to(&self, country: &str) -> bool {
        let mut countries = self.countries.iter();
        self.active && (self.countries.is_empty() || countries.any(|one| one == country))
    }
}

/// Inserts a way of sending.
pub async fn insert(conn: &mut TenantConn, row: &ShippingRow) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Finds a way of sending by its code.
pub async fn find_by_code(conn: &mut TenantConn, code: &str) -> QueryResult<Option<ShippingRow>> {
    let row = table::table.filter(table::code.eq(code));
    let row = row.select(ShippingRow::as_select());
    row.first(conn).await.optional()
}

/// Finds a way of sending and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<ShippingRow>> {
    let row = table::table.find(id).select(ShippingRow::as_select());
    row.for_update().first(conn).await.optional()
}

/// Lists all ways of sending, by age.
pub async fn list(
    conn: &mut TenantConn,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<ShippingRow>> {
    let rows = table::table.select(ShippingRow::as_select()).into_boxed();
    let rows = after_place!(rows, table, after);
    let rows = rows.order((table::created_at, table::id));
    rows.limit(limit).load(conn).await
}

/// Stores a way of sending as it is now and raises its version.
pub async fn update(conn: &mut TenantConn, row: &ShippingRow) -> QueryResult<ShippingRow> {
    let mut row = row.clone();
    row.version += 1;
    row.updated_at = averis_service_kit::clock::now();
    let stored = diesel::update(table::table.find(row.id)).set(&row);
    stored
        .returning(ShippingRow::as_returning())
        .get_result(conn)
        .await
}
