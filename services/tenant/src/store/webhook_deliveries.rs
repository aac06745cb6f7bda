//! What endpoints are told, and what became of it.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::domain::webhooks::events::TEST;
use crate::schema::{
    webhook_attempts as attempts, webhook_deliveries as table, webhook_messages as messages,
};

/// It is to be told.
pub const PENDING: &str = "pending";
/// It was told, and heard.
pub const DELIVERED: &str = "delivered";
/// It is not tried any more.
pub const FAILED: &str = "failed";

/// A message's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = messages, treat_none_as_default_value = false)]
pub struct MessageRow {
    pub id: Uuid,
    pub event_type: String,
    pub body: String,
    pub at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
}

/// A message without what it says.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = messages)]
pub struct Told {
    pub id: Uuid,
    pub event_type: String,
    pub at: DateTime<Utc>,
}

/// A delivery's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct DeliveryRow {
    pub id: Uuid,
    pub endpoint_id: Uuid,
    pub message_id: Uuid,
    pub event_type: String,
    pub status: String,
    pub tries: i32,
    pub next_at: Option<DateTime<Utc>>,
    pub delivered_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

/// An attempt's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = attempts, treat_none_as_default_value = false)]
pub struct AttemptRow {
    pub id: Uuid,
    pub delivery_id: Uuid,
    pub at: DateTime<Utc>,
    pub milliseconds: i64,
    pub status_code: Option<i32>,
    pub failure: Option<String>,
    pub answer: String,
}

/// Returns a delivery that begins then.
fn begun(endpoint: Uuid, message: Uuid, event_type: &str, at: DateTime<Utc>) -> DeliveryRow {
    DeliveryRow {
        id: Uuid::now_v7(),
        endpoint_id: endpoint,
        message_id: message,
        event_type: event_type.to_owned(),
        status: PENDING.to_owned(),
        tries: 0,
        next_at: Some(at),
        delivered_at: None,
        created_at: at,
    }
}

/// Puts a message on its way to endpoints.
pub async fn send(
    conn: &mut TenantConn,
    message: &MessageRow,
    endpoints: &[Uuid],
) -> QueryResult<Vec<DeliveryRow>> {
    let added = diesel::insert_into(messages::table)
        .values(message)
        .on_conflict_do_nothing();
    added.execute(conn).await?;
    let (id, kind, at) = (message.id, &message.event_type, message.created_at);
    let rows = endpoints.iter().map(|own| begun(*own, id, kind, at));
    let rows: Vec<DeliveryRow> = rows.collect();
    let added = diesel::insert_into(table::table)
        .values(&rows)
        .on_conflict_do_nothing();
    added.execute(conn).await?;
    Ok(rows)
}

/// Takes deliveries that are due, the longest due first, and leaves them to the caller until `lease`.
pub async fn claim(
    conn: &mut TenantConn,
    endpoint: Uuid,
    due: DateTime<Utc>,
    lease: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<(DeliveryRow, MessageRow)>> {
    let ids: Vec<Uuid> = table::table
        .filter(table::endpoint_id.eq(endpoint))
        .filter(table::status.eq(PENDING))
        .filter(table::next_at.le(due))
        .order((table::next_at, table::id))
        .limit(limit)
        .select(table::id)
        .for_update()
        .skip_locked()
        .load(conn)
        .await?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let taken = diesel::update(table::table.filter(table::id.eq_any(&ids))).set((
        table::next_at.eq(Some(lease)),
        table::tries.eq(table::tries + 1),
    ));
    taken.execute(conn).await?;
    table::table
        .inner_join(messages::table)
        .filter(table::id.eq_any(&ids))
        .order((messages::at, table::id))
        .select((DeliveryRow::as_select(), MessageRow::as_select()))
        .load(conn)
        .await
}

/// Returns when something of an endpoint is due next, if anything is open.
pub async fn next_due(conn: &mut TenantConn, endpoint: Uuid) -> QueryResult<Option<DateTime<Utc>>> {
    let next: Option<Option<DateTime<Utc>>> = table::table
        .filter(table::endpoint_id.eq(endpoint))
        .filter(table::status.eq(PENDING))
        .order(table::next_at)
        .select(table::next_at)
        .first(conn)
        .await
        .optional()?;
    Ok(next.flatten())
}

/// Lists endpoints for which something is due since then.
pub async fn overdue(conn: &mut TenantConn, since: DateTime<Utc>) -> QueryResult<Vec<Uuid>> {
    let rows = table::table
        .filter(table::status.eq(PENDING))
        .filter(table::next_at.lt(since));
    let ids = rows.select(table::endpoint_id).distinct();
    ids.load(conn).await
}

pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<DeliveryRow>> {
    let row = table::table.find(id).select(DeliveryRow::as_select());
    row.first(conn).await.optional()
}

/// Finds a delivery and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<DeliveryRow>> {
    let row = table::table.find(id).select(DeliveryRow::as_select());
    row.for_no_key_update().first(conn).await.optional()
}

/// Stores how far a delivery is.
pub async fn update(conn: &mut TenantConn, row: &DeliveryRow) -> QueryResult<()> {
    let stored = diesel::update(table::table.find(row.id)).set((
        table::status.eq(&row.status),
        table::tries.eq(row.tries),
        table::next_at.eq(row.next_at),
        table::delivered_at.eq(row.delivered_at),
    ));
    stored.execute(conn).await.map(drop)
}

/// Notes what became of calling somebody.
pub async fn note_attempt(conn: &mut TenantConn, row: &AttemptRow) -> QueryResult<()> {
    let noted = diesel::insert_into(attempts::table).values(row);
    noted.execute(conn).await.map(drop)
}

/// Which deliveries a list shows.
pub struct Wanted<'a> {
    pub endpoint_id: Option<Uuid>,
    pub status: Option<&'a str>,
    pub event_type: Option<&'a str>,
    /// The last one that was seen.
    pub before: Option<(DateTime<Utc>, Uuid)>,
}

/// Lists deliveries, the latest first.
pub async fn list(
    conn: &mut TenantConn,
    wanted: Wanted<'_>,
    limit: i64,
) -> QueryResult<Vec<DeliveryRow>> {
    let mut rows = table::table.select(DeliveryRow::as_select()).into_boxed();
    if let Some(endpoint) = wanted.endpoint_id {
        rows = rows.filter(table::endpoint_id.eq(endpoint));
    }
    if let Some(status) = wanted.status {
        rows = rows.filter(table::status.eq(status));
    }
    if let Some(kind) = wanted.event_type {
        rows = rows.filter(table::event_type.eq(kind));
    }
    if let Some((at, id)) = wanted.before {
        let earlier = table::created_at.lt(at);
        rows = rows.filter(earlier.or(table::created_at.eq(at).and(table::id.lt(id))));
    }
    let rows = rows.order((table::created_at.desc(), table::id.desc()));
    rows.limit(limit).load(conn).await
}

/// Returns what a delivery tells.
pub async fn message(conn: &mut TenantConn, id: Uuid) -> QueryResult<MessageRow> {
    let row = messages::table.find(id).select(MessageRow::as_select());
    row.first(conn).await
}

/// Returns the last attempts at a delivery, the latest first.
pub async fn attempts_of(conn: &mut TenantConn, id: Uuid) -> QueryResult<Vec<AttemptRow>> {
    let rows = attempts::table.filter(attempts::delivery_id.eq(id));
    let rows = rows.order((attempts::at.desc(), attempts::id.desc()));
    rows.limit(50)
        .select(AttemptRow::as_select())
        .load(conn)
        .await
}

/// Returns messages that happened from then on, of some kinds or of all, oldest first.
pub async fn messages_from(
    conn: &mut TenantConn,
    from: DateTime<Utc>,
    kinds: &[String],
    limit: usize,
) -> QueryResult<Vec<Told>> {
    // A test was of one endpoint.
    let mut rows = messages::table
        .filter(messages::at.ge(from))
        .filter(messages::event_type.ne(TEST.name))
        .into_boxed();
    if !kinds.is_empty() {
        rows = rows.filter(messages::event_type.eq_any(kinds));
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = rows.order((messages::at, messages::id)).limit(limit);
    rows.select(Told::as_select()).load(conn).await
}

/// Has messages told to an endpoint from the beginning, whether it was told or not.
pub async fn begin_anew(
    conn: &mut TenantConn,
    endpoint: Uuid,
    told: &[Told],
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    let rows = told
        .iter()
        .map(|own| begun(endpoint, own.id, &own.event_type, at));
    let rows: Vec<DeliveryRow> = rows.collect();
    let put = diesel::insert_into(table::table)
        .values(&rows)
        .on_conflict((table::endpoint_id, table::message_id))
        .do_update()
        .set((
            table::status.eq(PENDING),
            table::tries.eq(0),
            table::next_at.eq(Some(at)),
            table::delivered_at.eq(None::<DateTime<Utc>>),
        ));
    put.execute(conn).await
}

/// Forgets some of what was told long ago, and tells how much.
pub async fn discard(
    conn: &mut TenantConn,
    before: DateTime<Utc>,
    limit: i64,
) -> QueryResult<usize> {
    let old = messages::table.filter(messages::at.lt(before));
    let old: Vec<Uuid> = old.select(messages::id).limit(limit).load(conn).await?;
    if old.is_empty() {
        return Ok(0);
    }
    let gone = diesel::delete(messages::table.filter(messages::id.eq_any(old)));
    gone.execute(conn).await
}
