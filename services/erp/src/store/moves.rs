//! What was moved. Never changed.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::stock_moves as table;

/// A move's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct MoveRow {
    pub id: Uuid,
    pub folded: String,
    pub sku: String,
    pub from_id: Uuid,
    pub to_id: Uuid,
    pub quantity: i64,
    pub kind: String,
    pub cause: String,
    pub line: i32,
    pub note: Option<String>,
    pub at: DateTime<Utc>,
    pub moved_by: Uuid,
    /// What it was worth, in minor units of the books' currency.
    pub value: i64,
}

/// Inserts moves.
pub async fn insert(conn: &mut TenantConn, rows: &[MoveRow]) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(rows);
    added.execute(conn).await.map(drop)
}

/// Lists what was moved for a cause, by line.
pub async fn of_cause(conn: &mut TenantConn, kind: &str, cause: &str) -> QueryResult<Vec<MoveRow>> {
    let rows = table::table.filter(table::kind.eq(kind).and(table::cause.eq(cause)));
    let rows = rows.order(table::line).select(MoveRow::as_select());
    rows.load(conn).await
}

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct MoveFilter {
    pub folded: Option<String>,
    pub kind: Option<&'static str>,
    pub cause: Option<String>,
}

/// Lists moves by age.
pub async fn list(
    conn: &mut TenantConn,
    filter: &MoveFilter,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<MoveRow>> {
    let mut rows = table::table.select(MoveRow::as_select()).into_boxed();
    if let Some(folded) = &filter.folded {
        rows = rows.filter(table::folded.eq(folded));
    }
    if let Some(kind) = filter.kind {
        rows = rows.filter(table::kind.eq(kind));
    }
    if let Some(cause) = &filter.cause {
        rows = rows.filter(table::cause.eq(cause));
    }
    if let Some((at, id)) = after {
        let later = table::at.gt(at).or(table::id.gt(id));
        rows = rows.filter(table::at.ge(at)).filter(later);
    }
    let rows = rows.order((table::at, table::id));
    rows.limit(limit).load(conn).await
}
