//! Who came into a tenant.

use averis_tenant_db::PlatformConn;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::access_log;

/// How long it is kept, in days.
const DAYS: i64 = 90;

/// Somebody came in.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = access_log, treat_none_as_default_value = false)]
pub struct EntryRow {
    /// UUIDv7: the order in which they came.
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub at: DateTime<Utc>,
    pub caller: Uuid,
    pub via: String,
    pub session_id: Option<Uuid>,
    pub grant_id: Option<Uuid>,
    pub address: Option<String>,
    pub user_agent: String,
}

/// Notes an entry of a session, unless it came in, in the same way, within the last hour: who works has a new token every few
/// minutes.
pub async fn note_first(conn: &mut PlatformConn<'_>, row: &EntryRow) -> QueryResult<()> {
    let lately = access_log::table
        .filter(access_log::session_id.eq(row.session_id))
        .filter(access_log::at.gt(Utc::now() - TimeDelta::hours(1)))
        .filter(access_log::tenant_id.eq(row.tenant_id))
        .filter(access_log::grant_id.is_not_distinct_from(row.grant_id));
    let is_known: bool = diesel::select(diesel::dsl::exists(lately))
        .get_result(conn)
        .await?;
    if is_known {
        return Ok(());
    }
    note(conn, row).await
}

/// Notes an entry, and forgets some that are old.
pub async fn note(conn: &mut PlatformConn<'_>, row: &EntryRow) -> QueryResult<()> {
    let added = diesel::insert_into(access_log::table).values(row);
    added.execute(conn).await?;
    let old: Vec<Uuid> = access_log::table
        .filter(access_log::at.lt(Utc::now() - TimeDelta::days(DAYS)))
        .select(access_log::id)
        .limit(50)
        .load(conn)
        .await?;
    if old.is_empty() {
        return Ok(());
    }
    let old = access_log::table.filter(access_log::id.eq_any(old));
    diesel::delete(old).execute(conn).await.map(drop)
}

/// Lists a tenant's entries, the latest first.
pub async fn list(
    conn: &mut PlatformConn<'_>,
    tenant: Uuid,
    caller: Option<Uuid>,
    before: Option<Uuid>,
    limit: i64,
) -> QueryResult<Vec<EntryRow>> {
    let mut rows = access_log::table
        .filter(access_log::tenant_id.eq(tenant))
        .select(EntryRow::as_select())
        .into_boxed();
    if let Some(caller) = caller {
        rows = rows.filter(access_log::caller.eq(caller));
    }
    if let Some(before) = before {
        rows = rows.filter(access_log::id.lt(before));
    }
    let rows = rows.order(access_log::id.desc()).limit(limit);
    rows.load(conn).await
}
