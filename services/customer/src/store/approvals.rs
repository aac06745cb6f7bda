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
#[diesel(table_name = approvals, treat_none_as_default_value = false, treat_none_as_null = true)]
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
    pub rule_ids: Vec<Uuid>,
    pub approver_role: String,
    pub expires_at: DateTime<Utc>,
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

/// Finds what somebody was asked for that order, and has approved or not decided yet, the latest first.
pub async fn find_asked(
    conn: &mut TenantConn,
    (company, buyer, hash): (Uuid, Uuid, &str),
    at: DateTime<Utc>,
) -> QueryResult<Option<ApprovalRow>> {
    let by_somebody = approvals::status.eq("pending").or(approvals::status
        .eq("approved")
        .and(approvals::decided_by.is_not_null()));
    approvals::table
        .filter(approvals::order_hash.eq(hash))
        .filter(
            approvals::company_id
                .eq(company)
                .and(approvals::buyer_id.eq(buyer)),
        )
        .filter(approvals::expires_at.gt(at))
        .filter(by_somebody)
        .order(approvals::created_at.desc())
        .select(ApprovalRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct ApprovalFilter {
    pub company: Option<Uuid>,
    pub status: Option<&'static str>,
    /// What a customer may see: what it has asked for, and what is asked of companies for which it approves.
    pub seen_by: Option<(Uuid, Vec<Uuid>)>,
}

/// Lists approvals by age.
pub async fn list(
    conn: &mut TenantConn,
    filter: &ApprovalFilter,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<ApprovalRow>> {
    let mut rows = approvals::table
        .select(ApprovalRow::as_select())
        .into_boxed();
    if let Some(company) = filter.company {
        rows = rows.filter(approvals::company_id.eq(company));
    }
    if let Some(status) = filter.status {
        rows = rows.filter(approvals::status.eq(status));
    }
    if let Some((buyer, companies)) = &filter.seen_by {
        let own = approvals::buyer_id.eq(*buyer);
        rows = rows.filter(own.or(approvals::company_id.eq_any(companies.clone())));
    }
    let rows = after_place!(rows, approvals, after);
    let rows = rows.order((approvals::created_at, approvals::id));
    rows.limit(limit).load(conn).await
}

/// Lists what a customer has asked others to approve, and what it has decided for others, by age.
pub async fn of(conn: &mut TenantConn, customer: Uuid) -> QueryResult<Vec<ApprovalRow>> {
    let own = approvals::buyer_id
        .eq(customer)
        .or(approvals::decided_by.is_not_distinct_from(customer));
    let rows = approvals::table
        .filter(own)
        .order((approvals::created_at, approvals::id));
    rows.select(ApprovalRow::as_select()).load(conn).await
}

/// Forgets what a customer has said with its decisions.
pub async fn forget_comments(conn: &mut TenantConn, customers: &[Uuid]) -> QueryResult<()> {
    let own = approvals::table.filter(approvals::decided_by.eq_any(customers));
    diesel::update(own)
        .set(approvals::comment.eq(None::<String>))
        .execute(conn)
        .await
        .map(drop)
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
