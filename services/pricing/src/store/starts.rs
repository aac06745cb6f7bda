//! Approved prices that have not begun yet.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::prices::PriceRow;
use crate::schema::{price_starts as table, prices};

/// Notes that a price begins then.
pub async fn insert(conn: &mut TenantConn, price: Uuid, at: DateTime<Utc>) -> QueryResult<()> {
    let row = (table::price_id.eq(price), table::starts_at.eq(at));
    let added = diesel::insert_into(table::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Tells whether the time of any has come.
pub async fn is_any_due(conn: &mut TenantConn, at: DateTime<Utc>) -> QueryResult<bool> {
    let due = table::table.filter(table::starts_at.le(at));
    diesel::select(exists(due)).get_result(conn).await
}

/// Takes those whose time has come, but for those that another process takes now.
pub async fn take_due(
    conn: &mut TenantConn,
    at: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<PriceRow>> {
    let due = table::table
        .filter(table::starts_at.le(at))
        .order((table::starts_at, table::price_id))
        .select(table::price_id)
        .limit(limit)
        .for_update()
        .skip_locked();
    let ids: Vec<Uuid> = due.load(conn).await?;
    let taken = diesel::delete(table::table.filter(table::price_id.eq_any(&ids)));
    taken.execute(conn).await?;
    let rows = prices::table.filter(prices::id.eq_any(ids));
    rows.select(PriceRow::as_select()).load(conn).await
}
