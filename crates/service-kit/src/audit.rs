//! The audit trail as a tenant's admin reads it. The database writes it; nothing here can.

use averis_tenant_context::TenantId;
use averis_tenant_db::TenantDb;
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::{ExpressionMethods as _, QueryDsl as _, Queryable};
use diesel_async::{AsyncConnectionCore, RunQueryDsl as _};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::cursor::{CursorSecret, Page, limit};
use crate::hex::hex;
use crate::problem::ApiResult;
use crate::reply::Reply;

diesel::table! {
    audit_events (id) {
        id -> BigInt,
        scope -> Uuid,
        seq -> Nullable<BigInt>,
        at -> Timestamptz,
        caller -> Nullable<Uuid>,
        grant_id -> Nullable<Uuid>,
        request_id -> Nullable<Text>,
        table_name -> Text,
        action -> Text,
        entity_id -> Nullable<Text>,
        changed -> Array<Text>,
        before_digest -> Nullable<Binary>,
        after_digest -> Nullable<Binary>,
        previous -> Nullable<Binary>,
        hash -> Nullable<Binary>,
    }
}

/// A change of one thing.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEvent {
    /// Place in the chain, from 1 on.
    seq: i64,
    at: DateTime<Utc>,
    /// The person or key; absent for the platform's own work.
    caller: Option<Uuid>,
    /// The grant under which staff of the platform acted.
    support_grant: Option<Uuid>,
    request_id: Option<String>,
    /// What kind of thing, such as `products`.
    table: String,
    /// `insert`, `update` or `delete`.
    action: String,
    entity_id: Option<String>,
    /// Names of what changed.
    changed: Vec<String>,
    /// SHA-256 of the thing before, in hexadecimal digits.
    before: Option<String>,
    /// SHA-256 of the thing after.
    after: Option<String>,
    /// SHA-256 over this event and the hash before it.
    hash: String,
}

#[derive(Queryable)]
struct Row {
    seq: Option<i64>,
    at: DateTime<Utc>,
    caller: Option<Uuid>,
    grant_id: Option<Uuid>,
    request_id: Option<String>,
    table_name: String,
    action: String,
    entity_id: Option<String>,
    changed: Vec<String>,
    before_digest: Option<Vec<u8>>,
    after_digest: Option<Vec<u8>>,
    hash: Option<Vec<u8>>,
}

impl From<Row> for AuditEvent {
    fn from(row: Row) -> Self {
        Self {
            seq: row.seq.unwrap_or_default(),
            at: row.at,
            caller: row.caller,
            support_grant: row.grant_id,
            request_id: row.request_id,
            table: row.table_name,
            action: row.action,
            entity_id: row.entity_id,
            changed: row.changed,
            before: row.before_digest.as_deref().map(hex),
            after: row.after_digest.as_deref().map(hex),
            hash: row.hash.as_deref().map(hex).unwrap_or_default(),
        }
    }
}

/// Filters and page of the trail.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListAuditEvents {
    /// Only what was done to this thing.
    entity_id: Option<Uuid>,
    /// Only what this person or key did.
    caller: Option<Uuid>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Whose chain is read.
#[derive(Clone, Copy, Debug)]
pub enum Chain {
    /// That of the schema that the connection is bound to.
    OfSchema,
    /// That of the platform about one tenant.
    About(TenantId),
}

/// Reads a page of the trail of the tenant's schema, the latest change first.
///
/// # Errors
/// 400 for a cursor of another list; those of the database.
pub async fn page_of_schema(
    db: &TenantDb,
    query: &ListAuditEvents,
    cursors: &CursorSecret,
) -> ApiResult<Reply> {
    let list = db.tenant().as_str();
    db.read(async |conn| page(conn, Chain::OfSchema, query, cursors, list).await)
        .await
}

/// Reads a page of the trail, the latest change first.
///
/// # Errors
/// 400 for a cursor of another list; those of the database.
pub async fn page<C>(
    conn: &mut C,
    chain: Chain,
    query: &ListAuditEvents,
    cursors: &CursorSecret,
    list: &str,
) -> ApiResult<Reply>
where
    C: AsyncConnectionCore<Backend = Pg>,
{
    let limit = limit(query.limit)?;
    let list = format!(
        "audit {list} {chain:?} {:?} {:?}",
        query.entity_id, query.caller
    );
    let scope = match chain {
        Chain::OfSchema => Uuid::nil(),
        Chain::About(tenant) => tenant.0,
    };
    let mut rows = audit_events::table
        .filter(audit_events::scope.eq(scope))
        .select((
            audit_events::seq,
            audit_events::at,
            audit_events::caller,
            audit_events::grant_id,
            audit_events::request_id,
            audit_events::table_name,
            audit_events::action,
            audit_events::entity_id,
            audit_events::changed,
            audit_events::before_digest,
            audit_events::after_digest,
            audit_events::hash,
        ))
        .into_boxed();
    if let Some(entity) = query.entity_id {
        rows = rows.filter(audit_events::entity_id.eq(entity.to_string()));
    }
    if let Some(caller) = query.caller {
        rows = rows.filter(audit_events::caller.eq(caller));
    }
    if let Some(before) = cursors.open_asked::<i64>(&list, query.cursor.as_deref())? {
        rows = rows.filter(audit_events::seq.lt(before));
    }
    let rows: Vec<Row> = rows
        .order(audit_events::seq.desc())
        .limit(i64::from(limit) + 1)
        .load(conn)
        .await?;
    let page = Page::new(rows, limit, |row| {
        cursors.seal(&list, &row.seq.unwrap_or_default())
    });
    Ok(Reply::ok(&page.map(AuditEvent::from)))
}
