//! Who gets which catalog.

use averis_service_kit::after_place;
use averis_tenant_db::{Reader, TenantConn};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::catalog_rules;

/// A rule's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = catalog_rules, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct RuleRow {
    pub id: Uuid,
    pub catalog_id: Uuid,
    pub priority: i32,
    pub locale: Option<String>,
    pub countries: Vec<String>,
    pub except_countries: Vec<String>,
    pub segments: Vec<String>,
    pub buyers: Vec<String>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Inserts a rule.
pub async fn insert(conn: &mut TenantConn, row: &RuleRow) -> QueryResult<()> {
    let added = diesel::insert_into(catalog_rules::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Finds a rule and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<RuleRow>> {
    let row = catalog_rules::table.find(id).select(RuleRow::as_select());
    row.for_update().first(conn).await.optional()
}

/// Finds a rule.
pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<RuleRow>> {
    let row = catalog_rules::table.find(id).select(RuleRow::as_select());
    row.first(conn).await.optional()
}

/// Lists rules by age.
pub async fn list(
    conn: &mut TenantConn,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<RuleRow>> {
    let rows = catalog_rules::table
        .select(RuleRow::as_select())
        .into_boxed();
    let rows = after_place!(rows, catalog_rules, after);
    let rows = rows.order((catalog_rules::created_at, catalog_rules::id));
    rows.limit(limit).load(conn).await
}

/// Lists all rules.
pub async fn all(conn: &mut impl Reader) -> QueryResult<Vec<RuleRow>> {
    catalog_rules::table
        .select(RuleRow::as_select())
        .load(conn)
        .await
}

/// Stores a rule as it is now and raises its version.
pub async fn update(conn: &mut TenantConn, row: &RuleRow) -> QueryResult<RuleRow> {
    let mut row = row.clone();
    row.version += 1;
    row.updated_at = averis_service_kit::clock::now();
    let stored = diesel::update(catalog_rules::table.find(row.id)).set(&row);
    stored
        .returning(RuleRow::as_returning())
        .get_result(conn)
        .await
}

/// Removes a rule.
pub async fn delete(conn: &mut TenantConn, id: Uuid) -> QueryResult<()> {
    let gone = diesel::delete(catalog_rules::table.find(id));
    gone.execute(conn).await.map(drop)
}
