//! Where companies are.

use averis_service_kit::after_place;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use crate::schema::company_locations as table;

/// A location's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct LocationRow {
    pub id: Uuid,
    pub company_id: Uuid,
    pub name: String,
    pub address: Value,
    pub catalog: Option<String>,
    /// All three or none.
    pub exemption_certificate: Option<String>,
    pub exemption_from: Option<NaiveDate>,
    pub exemption_until: Option<NaiveDate>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Inserts a location.
pub async fn insert(conn: &mut TenantConn, row: &LocationRow) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Finds a location of a company.
pub async fn find(
    conn: &mut TenantConn,
    company: Uuid,
    id: Uuid,
) -> QueryResult<Option<LocationRow>> {
    let row = table::table.find(id).filter(table::company_id.eq(company));
    let row = row.select(LocationRow::as_select());
    row.first(conn).await.optional()
}

/// Finds a location of a company and keeps others from changing it until the end of the transaction.
pub async fn lock(
    conn: &mut TenantConn,
    company: Uuid,
    id: Uuid,
) -> QueryResult<Option<LocationRow>> {
    let row = table::table.find(id).filter(table::company_id.eq(company));
    let row = row.select(LocationRow::as_select());
    row.for_update().first(conn).await.optional()
}

/// Lists the locations of a company by age.
pub async fn list(
    conn: &mut TenantConn,
    company: Uuid,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<LocationRow>> {
    let rows = table::table.filter(table::company_id.eq(company));
    let rows = rows.select(LocationRow::as_select()).into_boxed();
    let rows = after_place!(rows, table, after);
    let rows = rows.order((table::created_at, table::id));
    rows.limit(limit).load(conn).await
}

/// Stores a location as it is now and raises its version.
pub async fn update(conn: &mut TenantConn, row: &LocationRow) -> QueryResult<LocationRow> {
    let mut row = row.clone();
    row.version += 1;
    row.updated_at = averis_service_kit::clock::now();
    let stored = diesel::update(table::table.find(row.id)).set(&row);
    stored
        .returning(LocationRow::as_returning())
        .get_result(conn)
        .await
}

/// Removes a location.
pub async fn delete(conn: &mut TenantConn, id: Uuid) -> QueryResult<()> {
    let gone = diesel::delete(table::table.find(id));
    gone.execute(conn).await.map(drop)
}
