//! The tables of deliveries.

use averis_contracts::events::Event;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::dsl::{IntervalDsl as _, now};
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

diesel::table! {
    outbox_events (id) {
        id -> Uuid,
        seq -> Nullable<BigInt>,
        kind -> Text,
        subject -> Uuid,
        data -> Jsonb,
        at -> Timestamptz,
        trace -> Nullable<Text>,
    }
}

diesel::table! {
    outbox_cursors (subscriber) {
        subscriber -> Text,
        seq -> BigInt,
        holder -> Nullable<Uuid>,
        held_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    inbox_events (id) {
        id -> Uuid,
        at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(outbox_events, outbox_cursors);

/// How long what was delivered is kept, and what was received is known again.
const KEPT_DAYS: i32 = 7;
/// How long a process may leave a delivery alone before another takes it over. Longer than one takes.
const HELD_SECONDS: i32 = 4;

/// Adds an event.
pub async fn insert(
    conn: &mut TenantConn,
    kind: &str,
    subject: Uuid,
    data: &Value,
) -> QueryResult<()> {
    let event = (
        outbox_events::id.eq(Uuid::now_v7()),
        outbox_events::kind.eq(kind),
        outbox_events::subject.eq(subject),
        outbox_events::data.eq(data),
        outbox_events::trace.eq(averis_trace::recorded()),
    );
    let added = diesel::insert_into(outbox_events::table).values(event);
    added.execute(conn).await.map(drop)
}

/// Removes old events that every subscriber has.
pub async fn discard_delivered(conn: &mut TenantConn) -> QueryResult<()> {
    let least = outbox_cursors::table.select(diesel::dsl::min(outbox_cursors::seq));
    let old = outbox_events::table
        .filter(outbox_events::at.lt(now.into_sql::<Timestamptz>() - KEPT_DAYS.days()))
        .filter(outbox_events::seq.le(least.single_value()));
    diesel::delete(old).execute(conn).await.map(drop)
}

/// Takes the right to deliver to a subscriber for a while, and returns how far it has got. `None` says that another process
/// has that right.
pub async fn hold(
    conn: &mut TenantConn,
    subscriber: &str,
    holder: Uuid,
) -> QueryResult<Option<i64>> {
    let until = (now.into_sql::<Timestamptz>() + HELD_SECONDS.seconds()).nullable();
    let free = outbox_cursors::held_until
        .is_null()
        .or(outbox_cursors::held_until.lt(now.into_sql::<Timestamptz>().nullable()))
        .or(outbox_cursors::holder.eq(excluded(outbox_cursors::holder)));
    let held = diesel::insert_into(outbox_cursors::table)
        .values((
            outbox_cursors::subscriber.eq(subscriber),
            outbox_cursors::holder.eq(holder),
            outbox_cursors::held_until.eq(until),
        ))
        .on_conflict(outbox_cursors::subscriber)
        .do_update()
        .set((
            outbox_cursors::holder.eq(excluded(outbox_cursors::holder)),
            outbox_cursors::held_until.eq(excluded(outbox_cursors::held_until)),
        ));
    let held = diesel::query_dsl::methods::FilterDsl::filter(held, free.assume_not_null());
    held.returning(outbox_cursors::seq)
        .get_result(conn)
        .await
        .optional()
}

#[derive(Queryable)]
struct EventRow {
    id: Uuid,
    seq: Option<i64>,
    kind: String,
    subject: Uuid,
    at: DateTime<Utc>,
    data: Value,
    trace: Option<String>,
}

/// Returns the events after a place, in their order.
pub async fn after(conn: &mut TenantConn, seq: i64, limit: i64) -> QueryResult<Vec<Event>> {
    let rows: Vec<EventRow> = outbox_events::table
        .filter(outbox_events::seq.gt(seq))
        .order(outbox_events::seq)
        .limit(limit)
        .select((
            outbox_events::id,
            outbox_events::seq,
            outbox_events::kind,
            outbox_events::subject,
            outbox_events::at,
            outbox_events::data,
            outbox_events::trace,
        ))
        .load(conn)
        .await?;
    let events = rows.into_iter().map(|row| Event {
        id: row.id,
        seq: row.seq.unwrap_or_default(),
        kind: row.kind,
        subject: row.subject,
        at: row.at,
        data: row.data,
        trace: row.trace,
    });
    Ok(events.collect())
}

/// Notes how far a subscriber has got, and gives the right to deliver back. Never backwards, and not for a process whose
/// right another has taken over.
pub async fn advance(
    conn: &mut TenantConn,
    subscriber: &str,
    holder: Uuid,
    seq: i64,
) -> QueryResult<()> {
    let own = outbox_cursors::table
        .find(subscriber)
        .filter(outbox_cursors::holder.eq(holder))
        .filter(outbox_cursors::seq.le(seq));
    let advanced = diesel::update(own).set((
        outbox_cursors::seq.eq(seq),
        outbox_cursors::holder.eq(None::<Uuid>),
        outbox_cursors::held_until.eq(None::<DateTime<Utc>>),
    ));
    advanced.execute(conn).await.map(drop)
}

/// Returns since when a subscriber lacks an event, if it does.
pub async fn behind_since(
    conn: &mut TenantConn,
    subscriber: &str,
) -> QueryResult<Option<DateTime<Utc>>> {
    let has: Option<i64> = outbox_cursors::table
        .find(subscriber)
        .select(outbox_cursors::seq)
        .first(conn)
        .await
        .optional()?;
    outbox_events::table
        .filter(outbox_events::seq.gt(has.unwrap_or_default()))
        .order(outbox_events::seq)
        .select(outbox_events::at)
        .first(conn)
        .await
        .optional()
}

/// Notes that events were received, and returns those that were not noted yet.
pub async fn receive(conn: &mut TenantConn, events: &[Uuid]) -> QueryResult<Vec<Uuid>> {
    let events: Vec<_> = events.iter().map(|id| inbox_events::id.eq(id)).collect();
    let noted = diesel::insert_into(inbox_events::table)
        .values(events)
        .on_conflict_do_nothing();
    noted.returning(inbox_events::id).get_results(conn).await
}

/// Forgets events that were received long ago.
pub async fn discard_received(conn: &mut TenantConn) -> QueryResult<()> {
    let old = inbox_events::table
        .filter(inbox_events::at.lt(now.into_sql::<Timestamptz>() - (4 * KEPT_DAYS).days()));
    diesel::delete(old).execute(conn).await.map(drop)
}
