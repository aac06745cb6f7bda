//! Whom a tenant buys from, and how.

use averis_service_kit::after_place;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{purchasing_rules as rules, suppliers as table};

/// How a tenant buys.
#[derive(Clone, Debug, Queryable, Selectable, AsChangeset)]
#[diesel(table_name = rules)]
pub struct RulesRow {
    pub approval_limit: i64,
    /// In millionths.
    pub over_receipt: i64,
    /// In millionths.
    pub price_difference: i64,
}

/// A supplier's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct SupplierRow {
    pub id: Uuid,
    pub code: String,
    pub name: String,
    pub contact: Option<String>,
    pub payment_days: i32,
    pub active: bool,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Reads how the tenant buys.
pub async fn rules(conn: &mut TenantConn) -> QueryResult<RulesRow> {
    rules::table.select(RulesRow::as_select()).first(conn).await
}

/// Stores how the tenant buys.
pub async fn put_rules(conn: &mut TenantConn, row: &RulesRow) -> QueryResult<()> {
    let stored = diesel::update(rules::table).set(row);
    stored.execute(conn).await.map(drop)
}

/// Has every order approved by somebody who has not written it.
pub async fn forget_limit(conn: &mut TenantConn) -> QueryResult<()> {
    let stored = diesel::update(rules::table).set(rules::approval_limit.eq(0));
    stored.execute(conn).await.map(drop)
}

pub async fn insert(conn: &mut TenantConn, row: &SupplierRow) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(row);
    added.execute(conn).await.map(drop)
}

pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<SupplierRow>> {
    let row = table::table.find(id).select(SupplierRow::as_select());
    row.first(conn).await.optional()
}

/// Finds a supplier, which stays as it is until the end of the transaction.
pub async fn hold(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<SupplierRow>> {
    let row = table::table.find(id).select(SupplierRow::as_select());
    row.for_share().first(conn).await.optional()
}

/// Finds a supplier and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<SupplierRow>> {
    let row = table::table.find(id).select(SupplierRow::as_select());
    row.for_no_key_update().first(conn).await.optional()
}

/// Lists suppliers by age.
pub async fn list(
    conn: &mut TenantConn,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<SupplierRow>> {
    let rows = table::table.select(SupplierRow::as_select()).into_boxed();
    let rows = after_place!(rows, table, after);
    let rows = rows.order((table::created_at, table::id));
    rows.limit(limit).load(conn).await
}

/// Stores a supplier as it is now and raises its version.
pub async fn update(conn: &mut TenantConn, row: &SupplierRow) -> QueryResult<SupplierRow> {
    let mut row = row.clone();
    row.version += 1;
    row.updated_at = averis_service_kit::clock::now();
    let stored = diesel::update(table::table.find(row.id)).set(&row);
    stored
        .returning(SupplierRow::as_returning())
        .get_result(conn)
        .await
}
