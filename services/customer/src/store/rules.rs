//! Which orders of companies somebody has to approve.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::approval_rules as table;

/// A rule's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct RuleRow {
    pub id: Uuid,
    pub company_id: Uuid,
    pub min_amount: Option<i64>,
    pub currency: Option<String>,
    pub category_id: Option<Uuid>,
    pub approver_role: String,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Inserts a rule.
pub async fn insert(conn: &mut TenantConn, row: &RuleRow) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Lists the rules of a company by age.
pub async fn of(conn: &mut TenantConn, company: Uuid) -> QueryResult<Vec<RuleRow>> {
    let rows = table::table.filter(table::company_id.eq(company));
    let rows = rows.order((table::created_at, table::id));
    rows.select(RuleRow::as_select()).load(conn).await
}

/// Finds a rule of a company and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut TenantConn, company: Uuid, id: Uuid) -> QueryResult<Option<RuleRow>> {
    let row = table::table.find(id).filter(table::company_id.eq(company));
    let row = row.select(RuleRow::as_select());
    row.for_update().first(conn).await.optional()
}

/// Removes a rule.
pub async fn delete(conn: &mut TenantConn, id: Uuid) -> QueryResult<()> {
    let gone = diesel::delete(table::table.find(id));
    gone.execute(conn).await.map(drop)
}
