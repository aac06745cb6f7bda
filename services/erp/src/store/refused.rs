//! What others have told that could not have its effect.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use crate::schema::refused_events as table;

/// An event's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct RefusedRow {
    pub event_id: Uuid,
    pub kind: String,
    pub subject: Uuid,
    pub data: Value,
    /// The problem with which it was refused.
    pub code: String,
    pub at: DateTime<Utc>,
}

/// Keeps an event.
pub async fn insert(conn: &mut TenantConn, row: &RefusedRow) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Lists events, the earliest first.
pub async fn list(
    conn: &mut TenantConn,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<RefusedRow>> {
    let mut rows = table::table.select(RefusedRow::as_select()).into_boxed();
    if let Some((at, id)) = after {
        rows = rows.filter(
            table::at
                .gt(at)
                .or(table::at.eq(at).and(table::event_id.gt(id))),
        );
    }
    rows.order((table::at, table::event_id))
        .limit(limit)
        .load(conn)
        .await
}
