//! Quotes.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::price_quotes as table;

/// How long a quote is kept after its end.
const KEPT: TimeDelta = TimeDelta::days(30);

/// A quote's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct QuoteRow {
    pub id: Uuid,
    /// What was asked for, as JSON.
    pub request: String,
    /// What it comes to, as JSON.
    pub document: String,
    pub hash: String,
    pub expires_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
}

/// Inserts a quote. One in 64 removes those that ended long ago.
pub async fn insert(conn: &mut TenantConn, row: &QuoteRow) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(row);
    added.execute(conn).await?;
    if row.id.as_bytes().last().is_some_and(|byte| byte % 64 != 0) {
        return Ok(());
    }
    let old = table::table.filter(table::expires_at.lt(Utc::now() - KEPT));
    diesel::delete(old).execute(conn).await.map(drop)
}

/// Finds a quote.
pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<QuoteRow>> {
    let row = table::table.find(id).select(QuoteRow::as_select());
    row.first(conn).await.optional()
}

/// Moves the end of a quote.
pub async fn extend(conn: &mut TenantConn, id: Uuid, until: DateTime<Utc>) -> QueryResult<()> {
    let moved = diesel::update(table::table.find(id)).set(table::expires_at.eq(until));
    moved.execute(conn).await.map(drop)
}

/// Removes the quotes of a customer, which say where it wanted things sent. All are looked through: nobody asks for quotes by
/// customer but here, and here rarely.
pub async fn forget(conn: &mut TenantConn, customer: Uuid) -> QueryResult<()> {
    let own = table::table.filter(table::request.like(format!("%{customer}%")));
    diesel::delete(own).execute(conn).await.map(drop)
}
