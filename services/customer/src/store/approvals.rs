//! Orders that somebody else has to approve.

use averis_service_kit::after_place;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::approvals;

/// An approval's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = approvals, treat_none_as_null = true)]
pub struct ApprovalRow {
    pub id: Uuid,
    pub company_id: Uuid,
    pub buyer_id: Uuid,
    pub order_hash: String,
    pub amount: i64,
    pub currency: String,
    pub status: String,
    pub decided_by: Option<Uuid>,
    pub decided_at: Option<DateTime<Utc>>,
    pub comment: Option<String>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Inserts an approval.
pub async fn insert(conn: &mut TenantConn, row: &ApprovalRow) -> QueryResult<()> {
    let added = diesel::insert_into(approvals::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Finds an approval.
pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<ApprovalRow>> {
    let row = approvals::table.find(id).select(ApprovalRow::as_select());
    row.first(conn).await.optional()
}

/// Finds an approval and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<ApprovalRow>> {
    let row = approvals::table.find(id).select(ApprovalRow::as_select());
    row.for_update().first(conn).await.optional()
}

/// Lists approvals by age, all or those of a company.
pub async fn list(
    conn: &mut TenantConn,
    company: Option<Uuid>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<ApprovalRow>> {
    let mut rows = approvals::table
        .select(ApprovalRow::as_select())
        .into_boxed();
    if let Some(company) = company {
        rows = rows.filter(approvals::company_id.eq(company));
    }
    let rows = after_place!(rows, approvals, after);
    let rows = rows.order((approvals::created_at, approvals::id));
    rows.limit(limit).load(conn).await
}

/// Stores an approval as it is now and raises its version.
pub async fn update(conn: &mut TenantConn, row: &ApprovalRow) -> QueryResult<ApprovalRow> {
    let mut row = row.clone();
    row.version += 1;
    row.updated_at = averis_service_kit::clock::now();
    let stored = diesel::update(approvals::table.find(row.id)).set(&row);
    stored
        .returning(ApprovalRow::as_returning())
        .get_result(conn)
        .await
}
