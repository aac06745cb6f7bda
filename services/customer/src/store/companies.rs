//! Companies and who acts for them.

use std::collections::BTreeMap;

use averis_service_kit::after_place;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use crate::schema::{companies, company_members as members};

/// A company's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = companies, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct CompanyRow {
    pub id: Uuid,
    pub name: String,
    pub registration_number: Option<String>,
    pub status: String,
    pub segment: Option<String>,
    pub payment_days: i32,
    pub credit_limit: Option<i64>,
    pub credit_currency: Option<String>,
    pub credit_used: i64,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub parent_id: Option<Uuid>,
    /// See `domain::tax_ids`.
    pub tax_ids: Value,
}

/// A member's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = members, treat_none_as_default_value = false, primary_key(company_id, customer_id), treat_none_as_null = true)]
pub struct MemberRow {
    pub company_id: Uuid,
    pub customer_id: Uuid,
    pub roles: Vec<String>,
    pub spend_limit: Option<i64>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub spend_currency: Option<String>,
}

/// Inserts a company.
pub async fn insert(conn: &mut TenantConn, row: &CompanyRow) -> QueryResult<()> {
    let added = diesel::insert_into(companies::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Finds a company.
pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<CompanyRow>> {
    let row = companies::table.find(id).select(CompanyRow::as_select());
    row.first(conn).await.optional()
}

/// Returns to which company one belongs.
pub async fn parent_of(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<Uuid>> {
    let row = companies::table.find(id).select(companies::parent_id);
    let parent: Option<Option<Uuid>> = row.first(conn).await.optional()?;
    Ok(parent.flatten())
}

/// Finds a company, which stays as it is until the end of the transaction.
pub async fn lock_shared(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<CompanyRow>> {
    let row = companies::table.find(id).select(CompanyRow::as_select());
    row.for_share().first(conn).await.optional()
}

/// Finds a company and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<CompanyRow>> {
    let row = companies::table.find(id).select(CompanyRow::as_select());
    row.for_update().first(conn).await.optional()
}

/// Lists companies by age.
pub async fn list(
    conn: &mut TenantConn,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<CompanyRow>> {
    let rows = companies::table
        .select(CompanyRow::as_select())
        .into_boxed();
    let rows = after_place!(rows, companies, after);
    let rows = rows.order((companies::created_at, companies::id));
    rows.limit(limit).load(conn).await
}

/// Stores a company as it is now and raises its version.
pub async fn update(conn: &mut TenantConn, row: &CompanyRow) -> QueryResult<CompanyRow> {
    let mut row = row.clone();
    row.version += 1;
    row.updated_at = averis_service_kit::clock::now();
    let stored = diesel::update(companies::table.find(row.id)).set(&row);
    stored
        .returning(CompanyRow::as_returning())
        .get_result(conn)
        .await
}

/// Adds a member.
pub async fn add_member(conn: &mut TenantConn, row: &MemberRow) -> QueryResult<()> {
    let added = diesel::insert_into(members::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Finds a member and keeps others from changing it until the end of the transaction.
pub async fn lock_member(
    conn: &mut TenantConn,
    company: Uuid,
    customer: Uuid,
) -> QueryResult<Option<MemberRow>> {
    let row = members::table
        .find((company, customer))
        .select(MemberRow::as_select());
    row.for_update().first(conn).await.optional()
}

/// Finds a member.
pub async fn find_member(
    conn: &mut TenantConn,
    company: Uuid,
    customer: Uuid,
) -> QueryResult<Option<MemberRow>> {
    let row = members::table
        .find((company, customer))
        .select(MemberRow::as_select());
    row.first(conn).await.optional()
}

/// Lists the members of a company by when they joined.
pub async fn list_members(conn: &mut TenantConn, company: Uuid) -> QueryResult<Vec<MemberRow>> {
    let rows = members::table.filter(members::company_id.eq(company));
    let rows = rows.order((members::created_at, members::customer_id));
    rows.select(MemberRow::as_select()).load(conn).await
}

/// Returns name and status of companies.
pub async fn names_of(
    conn: &mut TenantConn,
    ids: &[Uuid],
) -> QueryResult<BTreeMap<Uuid, (String, String)>> {
    let rows = companies::table.filter(companies::id.eq_any(ids));
    let rows: Vec<(Uuid, String, String)> = rows
        .select((companies::id, companies::name, companies::status))
        .load(conn)
        .await?;
    let rows = rows.into_iter();
    Ok(rows
        .map(|(id, name, status)| (id, (name, status)))
        .collect())
}

/// Lists for which companies a customer acts.
pub async fn memberships(conn: &mut TenantConn, customer: Uuid) -> QueryResult<Vec<MemberRow>> {
    let rows = members::table.filter(members::customer_id.eq(customer));
    let rows = rows.order((members::created_at, members::company_id));
    rows.select(MemberRow::as_select()).load(conn).await
}

/// Stores a member as it is now and raises its version.
pub async fn update_member(conn: &mut TenantConn, row: &MemberRow) -> QueryResult<MemberRow> {
    let mut row = row.clone();
    row.version += 1;
    row.updated_at = averis_service_kit::clock::now();
    let own = members::table.find((row.company_id, row.customer_id));
    let stored = diesel::update(own).set(&row);
    stored
        .returning(MemberRow::as_returning())
        .get_result(conn)
        .await
}

/// Removes a member.
pub async fn delete_member(
    conn: &mut TenantConn,
    company: Uuid,
    customer: Uuid,
) -> QueryResult<()> {
    let gone = diesel::delete(members::table.find((company, customer)));
    gone.execute(conn).await.map(drop)
}

/// Removes customers from all companies.
pub async fn leave_all(conn: &mut TenantConn, customers: &[Uuid]) -> QueryResult<()> {
    let gone = diesel::delete(members::table.filter(members::customer_id.eq_any(customers)));
    gone.execute(conn).await.map(drop)
}
