//! API keys, without the keys.

use averis_tenant_db::PlatformConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::api_keys;

/// What is known of a key.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = api_keys, treat_none_as_default_value = false)]
pub struct ApiKeyRow {
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub name: String,
    pub prefix: String,
    pub digest: Vec<u8>,
    pub scopes: Vec<String>,
    pub created_by: Uuid,
    pub expires_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Stores a key.
pub async fn insert(conn: &mut PlatformConn<'_>, row: &ApiKeyRow) -> QueryResult<()> {
    let stored = diesel::insert_into(api_keys::table).values(row);
    stored.execute(conn).await.map(drop)
}

/// Finds a tenant's key.
pub async fn find(
    conn: &mut PlatformConn<'_>,
    tenant: Uuid,
    id: Uuid,
) -> QueryResult<Option<ApiKeyRow>> {
    let rows = api_keys::table
        .find(id)
        .filter(api_keys::tenant_id.eq(tenant));
    let row = rows.select(ApiKeyRow::as_select()).first(conn);
    row.await.optional()
}

/// Finds a tenant's key and keeps others from changing it until the end of the transaction.
pub async fn lock(
    conn: &mut PlatformConn<'_>,
    tenant: Uuid,
    id: Uuid,
) -> QueryResult<Option<ApiKeyRow>> {
    let rows = api_keys::table
        .find(id)
        .filter(api_keys::tenant_id.eq(tenant));
    let row = rows.select(ApiKeyRow::as_select()).for_update();
    row.first(conn).await.optional()
}

/// Revokes all keys that a person made in a tenant, and returns them.
pub async fn revoke_made_by(
    conn: &mut PlatformConn<'_>,
    tenant: Uuid,
    user: Uuid,
) -> QueryResult<Vec<Uuid>> {
    diesel::update(api_keys::table)
        .filter(api_keys::tenant_id.eq(tenant))
        .filter(api_keys::created_by.eq(user))
        .filter(api_keys::revoked_at.is_null())
        .set((
            api_keys::revoked_at.eq(diesel::dsl::now),
            api_keys::version.eq(api_keys::version + 1),
        ))
        .returning(api_keys::id)
        .get_results(conn)
        .await
}

/// Lists a tenant's keys by age.
pub async fn list(
    conn: &mut PlatformConn<'_>,
    tenant: Uuid,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<ApiKeyRow>> {
    let mut rows = api_keys::table
        .filter(api_keys::tenant_id.eq(tenant))
        .select(ApiKeyRow::as_select())
        .into_boxed();
    if let Some((created_at, id)) = after {
        rows = rows.filter(
            api_keys::created_at
                .gt(created_at)
                .or(api_keys::created_at.eq(created_at).and(api_keys::id.gt(id))),
        );
    }
    rows.order((api_keys::created_at, api_keys::id))
        .limit(limit)
        .load(conn)
        .await
}

/// What of a key may change.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = api_keys)]
pub struct ApiKeyChanges {
    pub expires_at: Option<Option<DateTime<Utc>>>,
    pub revoked_at: Option<Option<DateTime<Utc>>>,
}

/// Changes a key and raises its version.
pub async fn update(
    conn: &mut PlatformConn<'_>,
    id: Uuid,
    changes: &ApiKeyChanges,
) -> QueryResult<ApiKeyRow> {
    diesel::update(api_keys::table.find(id))
        .set((
            changes,
            api_keys::version.eq(api_keys::version + 1),
            api_keys::updated_at.eq(diesel::dsl::now),
        ))
        .returning(ApiKeyRow::as_returning())
        .get_result(conn)
        .await
}
