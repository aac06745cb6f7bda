//! Where the tenant's own systems want to be told.

use averis_service_kit::{after_place, clock};
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{webhook_endpoints as table, webhook_health as health};

/// It is told what happens.
pub const ENABLED: &str = "enabled";
/// It is not.
pub const DISABLED: &str = "disabled";

/// An endpoint's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct EndpointRow {
    pub id: Uuid,
    pub url: String,
    pub description: String,
    pub event_types: Vec<String>,
    pub status: String,
    pub disabled_reason: Option<String>,
    pub secret: Vec<u8>,
    pub previous_secret: Option<Vec<u8>>,
    pub previous_until: Option<DateTime<Utc>>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl EndpointRow {
    pub fn is_enabled(&self) -> bool {
        self.status == ENABLED
    }

    /// Whether it wants to be told of that.
    pub fn wants(&self, event_type: &str) -> bool {
        self.event_types.is_empty() || self.event_types.iter().any(|wanted| wanted == event_type)
    }

    /// Returns what its messages are signed with at that time.
    pub fn secrets(&self, at: DateTime<Utc>) -> Vec<&[u8]> {
        let previous = self.previous_secret.as_deref();
        let previous = previous.filter(|_| self.previous_until.is_some_and(|until| at < until));
        [self.secret.as_slice()]
            .into_iter()
            .chain(previous)
            .collect()
    }
}

pub async fn insert(conn: &mut TenantConn, row: &EndpointRow) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(row);
    added.execute(conn).await.map(drop)
}

pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<EndpointRow>> {
    let row = table::table.find(id).select(EndpointRow::as_select());
    row.first(conn).await.optional()
}

/// Finds an endpoint and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<EndpointRow>> {
    let row = table::table.find(id).select(EndpointRow::as_select());
    row.for_no_key_update().first(conn).await.optional()
}

/// Counts all of them.
pub async fn count(conn: &mut TenantConn) -> QueryResult<i64> {
    table::table.count().get_result(conn).await
}

/// Lists all of them: a tenant has few.
pub async fn all(conn: &mut TenantConn) -> QueryResult<Vec<EndpointRow>> {
    let rows = table::table.select(EndpointRow::as_select());
    rows.order(table::id).load(conn).await
}

/// Lists endpoints by age.
pub async fn list(
    conn: &mut TenantConn,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<EndpointRow>> {
    let rows = table::table.select(EndpointRow::as_select()).into_boxed();
    let rows = after_place!(rows, table, after);
    let rows = rows.order((table::created_at, table::id));
    rows.limit(limit).load(conn).await
}

/// Stores an endpoint as it is now and raises its version.
pub async fn update(conn: &mut TenantConn, row: &EndpointRow) -> QueryResult<EndpointRow> {
    let mut row = row.clone();
    row.version += 1;
    row.updated_at = clock::now();
    let stored = diesel::update(table::table.find(row.id)).set(&row);
    stored
        .returning(EndpointRow::as_returning())
        .get_result(conn)
        .await
}

/// How well an endpoint hears that has not heard the last time.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = health, treat_none_as_default_value = false)]
pub struct HealthRow {
    pub endpoint_id: Uuid,
    pub failing_since: DateTime<Utc>,
    pub failed_at: DateTime<Utc>,
    pub failures: i32,
    pub not_before: DateTime<Utc>,
}

/// Returns how well endpoints hear, of those that have not heard the last time.
pub async fn health_of(conn: &mut TenantConn, ids: &[Uuid]) -> QueryResult<Vec<HealthRow>> {
    let rows = health::table.filter(health::endpoint_id.eq_any(ids));
    rows.select(HealthRow::as_select()).load(conn).await
}

/// Notes that an endpoint has not heard.
pub async fn note_failure(conn: &mut TenantConn, row: &HealthRow) -> QueryResult<()> {
    let noted = diesel::insert_into(health::table)
        .values(row)
        .on_conflict(health::endpoint_id)
        .do_update()
        .set(row);
    noted.execute(conn).await.map(drop)
}

/// Notes that an endpoint hears.
pub async fn forget_failures(conn: &mut TenantConn, id: Uuid) -> QueryResult<()> {
    let gone = diesel::delete(health::table.find(id));
    gone.execute(conn).await.map(drop)
}

/// Removes an endpoint with all that it was told.
pub async fn delete(conn: &mut TenantConn, id: Uuid) -> QueryResult<()> {
    let gone = diesel::delete(table::table.find(id));
    gone.execute(conn).await.map(drop)
}
