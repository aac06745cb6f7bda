//! What was launched.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use crate::schema::product_revisions as table;

/// A launched revision's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct RevisionRow {
    pub product_id: Uuid,
    pub rev: i64,
    pub hash: Vec<u8>,
    pub document: Value,
    pub launched_by: Uuid,
    pub launched_at: DateTime<Utc>,
}

/// Keeps a revision.
pub async fn insert(conn: &mut TenantConn, row: &RevisionRow) -> QueryResult<()> {
    let kept = diesel::insert_into(table::table).values(row);
    kept.execute(conn).await.map(drop)
}

/// Finds a revision.
pub async fn find(
    conn: &mut TenantConn,
    product: Uuid,
    rev: i64,
) -> QueryResult<Option<RevisionRow>> {
    let row = table::table.find((product, rev));
    row.select(RevisionRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// Lists the revisions of a product, the latest first.
pub async fn list(
    conn: &mut TenantConn,
    product: Uuid,
    before: Option<i64>,
    limit: i64,
) -> QueryResult<Vec<RevisionRow>> {
    let mut rows = table::table
        .filter(table::product_id.eq(product))
        .select(RevisionRow::as_select())
        .into_boxed();
    if let Some(before) = before {
        rows = rows.filter(table::rev.lt(before));
    }
    rows.order(table::rev.desc()).limit(limit).load(conn).await
}
