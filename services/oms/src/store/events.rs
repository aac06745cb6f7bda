//! What happened to orders.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use crate::schema::order_events as table;

/// An event's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct EventRow {
    pub id: Uuid,
    pub order_id: Uuid,
    pub kind: String,
    /// Who did it; none for what providers and clocks do.
    pub actor: Option<Uuid>,
    pub data: Value,
    pub at: DateTime<Utc>,
}

/// Notes that something happened to an order.
pub async fn note(
    conn: &mut TenantConn,
    order: Uuid,
    kind: &str,
    actor: Option<Uuid>,
    data: Value,
) -> QueryResult<()> {
    let row = EventRow {
        id: Uuid::now_v7(),
        order_id: order,
        kind: kind.to_owned(),
        actor,
        data,
        at: averis_service_kit::clock::now(),
    };
    let added = diesel::insert_into(table::table).values(&row);
    added.execute(conn).await.map(drop)
}

/// Lists what happened to an order, the first first.
pub async fn of_order(
    conn: &mut TenantConn,
    order: Uuid,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<EventRow>> {
    let mut rows = table::table
        .filter(table::order_id.eq(order))
        .select(EventRow::as_select())
        .into_boxed();
    if let Some((at, id)) = after {
        rows = rows.filter(table::at.gt(at).or(table::at.eq(at).and(table::id.gt(id))));
    }
    rows.order((table::at, table::id))
        .limit(limit)
        .load(conn)
        .await
}
