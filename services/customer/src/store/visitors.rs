//! Whoever visits a shop.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::visitors as table;

/// A visitor's row.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = table)]
pub struct VisitorRow {
    pub id: Uuid,
    pub customer_id: Option<Uuid>,
    /// Whether it has proven that it is that customer.
    pub proven: bool,
    pub first_seen: DateTime<Utc>,
    pub last_seen: DateTime<Utc>,
    /// Whether what it looks at may be kept.
    pub telemetry: bool,
}

/// Notes that a visitor is there, and keeps others from changing it until the end of the transaction.
pub async fn see(conn: &mut TenantConn, id: Uuid, at: DateTime<Utc>) -> QueryResult<VisitorRow> {
    diesel::insert_into(table::table)
        .values((
            table::id.eq(id),
            table::first_seen.eq(at),
            table::last_seen.eq(at),
        ))
        .on_conflict(table::id)
        .do_update()
        .set(table::last_seen.eq(at))
        .returning(VisitorRow::as_returning())
        .get_result(conn)
        .await
}

/// Finds a visitor.
pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<VisitorRow>> {
    let row = table::table.find(id).select(VisitorRow::as_select());
    row.first(conn).await.optional()
}

/// Says whether what a visitor looks at may be kept.
pub async fn allow_telemetry(conn: &mut TenantConn, id: Uuid, allowed: bool) -> QueryResult<()> {
    let said = diesel::update(table::table.find(id)).set(table::telemetry.eq(allowed));
    said.execute(conn).await.map(drop)
}

/// Says which customer a visitor is, and whether that is proven.
pub async fn link(
    conn: &mut TenantConn,
    id: Uuid,
    customer: Uuid,
    proven: bool,
) -> QueryResult<()> {
    let linked = diesel::update(table::table.find(id))
        .set((table::customer_id.eq(customer), table::proven.eq(proven)));
    linked.execute(conn).await.map(drop)
}

/// Says that a visitor is nobody again.
pub async fn unlink(conn: &mut TenantConn, id: Uuid) -> QueryResult<VisitorRow> {
    diesel::update(table::table.find(id))
        .set((table::customer_id.eq(None::<Uuid>), table::proven.eq(false)))
        .returning(VisitorRow::as_returning())
        .get_result(conn)
        .await
}

/// Says that all visitors who are a customer are nobody again, but for one.
pub async fn unlink_all(
    conn: &mut TenantConn,
    customer: Uuid,
    but: Option<Uuid>,
) -> QueryResult<()> {
    let all = table::table.filter(table::customer_id.eq(customer));
    let all = all.filter(table::id.ne(but.unwrap_or(Uuid::nil())));
    diesel::update(all)
        .set((table::customer_id.eq(None::<Uuid>), table::proven.eq(false)))
        .execute(conn)
        .await
        .map(drop)
}

/// Lists the visitors who are a customer.
pub async fn of(conn: &mut TenantConn, customer: Uuid) -> QueryResult<Vec<VisitorRow>> {
    let rows = table::table
        .filter(table::customer_id.eq(customer))
        .order(table::first_seen);
    rows.select(VisitorRow::as_select()).load(conn).await
}

/// Removes the visitors who are a customer.
pub async fn delete_of(conn: &mut TenantConn, customer: Uuid) -> QueryResult<()> {
    let gone = diesel::delete(table::table.filter(table::customer_id.eq(customer)));
    gone.execute(conn).await.map(drop)
}
