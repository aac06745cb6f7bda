//! What visitors have looked at.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::visitor_events as table;

/// An event's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct EventRow {
    pub id: Uuid,
    pub visitor_id: Uuid,
    /// Who the visitor has proven to be.
    pub customer_id: Option<Uuid>,
    pub kind: String,
    pub subject: Option<String>,
    pub at: DateTime<Utc>,
}

/// Inserts events.
pub async fn insert(conn: &mut TenantConn, rows: &[EventRow]) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(rows);
    added.execute(conn).await.map(drop)
}

/// Removes of a visitor what is older than that, and all but the latest so many.
pub async fn tidy(
    conn: &mut TenantConn,
    visitor: Uuid,
    oldest: DateTime<Utc>,
    most: i64,
) -> QueryResult<()> {
    let own = table::table.filter(table::visitor_id.eq(visitor));
    let first_beyond: Option<(DateTime<Utc>, Uuid)> = own
        .order((table::at.desc(), table::id.desc()))
        .offset(most)
        .select((table::at, table::id))
        .first(conn)
        .await
        .optional()?;
    let (at, id) = first_beyond.unwrap_or((oldest, Uuid::nil()));
    let old = table::at
        .lt(oldest.max(at))
        .or(table::at.eq(at).and(table::id.le(id)));
    let gone = diesel::delete(own.filter(old));
    gone.execute(conn).await.map(drop)
}

/// Makes what a visitor has done its customer's, now that it has proven who that is. What it did as another stays that one's.
pub async fn claim(conn: &mut TenantConn, visitor: Uuid, customer: Uuid) -> QueryResult<()> {
    let own = table::table.filter(table::visitor_id.eq(visitor));
    diesel::update(own.filter(table::customer_id.is_null()))
        .set(table::customer_id.eq(customer))
        .execute(conn)
        .await
        .map(drop)
}

/// Lists what a customer has done, the latest first.
pub async fn of(conn: &mut TenantConn, customer: Uuid, most: i64) -> QueryResult<Vec<EventRow>> {
    let rows = table::table.filter(table::customer_id.eq(customer));
    let rows = rows.order((table::at.desc(), table::id.desc())).limit(most);
    rows.select(EventRow::as_select()).load(conn).await
}

/// Removes what a visitor has done.
pub async fn delete_of_visitor(conn: &mut TenantConn, visitor: Uuid) -> QueryResult<()> {
    let gone = diesel::delete(table::table.filter(table::visitor_id.eq(visitor)));
    gone.execute(conn).await.map(drop)
}

/// Removes what customers have done.
pub async fn delete_of(conn: &mut TenantConn, customers: &[Uuid]) -> QueryResult<()> {
    let gone = diesel::delete(table::table.filter(table::customer_id.eq_any(customers)));
    gone.execute(conn).await.map(drop)
}
