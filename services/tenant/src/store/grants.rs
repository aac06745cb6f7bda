//! Grants under which staff of the platform looks into tenants.

use averis_tenant_db::PlatformConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{support_grants, tenants};

/// A grant.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = support_grants, treat_none_as_default_value = false)]
pub struct GrantRow {
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub user_id: Uuid,
    pub reason: String,
    pub expires_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
}

/// Finds a person's grant for the tenant of that key, if it is good now: the tenant, and until when.
pub async fn find_active(
    conn: &mut PlatformConn<'_>,
    id: Uuid,
    user: Uuid,
    key: &str,
) -> QueryResult<Option<(Uuid, DateTime<Utc>)>> {
    let tenant = tenants::table
        .filter(tenants::key.eq(key))
        .filter(tenants::status.ne("purged"))
        .select(tenants::id);
    let Some(tenant) = tenant.first::<Uuid>(conn).await.optional()? else {
        return Ok(None);
    };
    support_grants::table
        .find(id)
        .filter(support_grants::tenant_id.eq(tenant))
        .filter(support_grants::user_id.eq(user))
        .filter(support_grants::ended_at.is_null())
        .filter(support_grants::expires_at.gt(diesel::dsl::now))
        .select((support_grants::tenant_id, support_grants::expires_at))
        // Who ends the grant waits, and takes back what is made here.
        .for_share()
        .first(conn)
        .await
        .optional()
}

/// Opens a grant.
pub async fn insert(conn: &mut PlatformConn<'_>, row: &GrantRow) -> QueryResult<()> {
    let opened = diesel::insert_into(support_grants::table).values(row);
    opened.execute(conn).await.map(drop)
}

/// Finds a grant and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut PlatformConn<'_>, id: Uuid) -> QueryResult<Option<GrantRow>> {
    let row = support_grants::table.find(id).select(GrantRow::as_select());
    row.for_update().first(conn).await.optional()
}

/// Ends a grant.
pub async fn end(conn: &mut PlatformConn<'_>, id: Uuid) -> QueryResult<GrantRow> {
    diesel::update(support_grants::table.find(id))
        .set((
            support_grants::ended_at.eq(diesel::dsl::now),
            support_grants::version.eq(support_grants::version + 1),
        ))
        .returning(GrantRow::as_returning())
        .get_result(conn)
        .await
}

/// Lists grants by age, of one tenant or of all.
pub async fn list(
    conn: &mut PlatformConn<'_>,
    tenant: Option<Uuid>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<GrantRow>> {
    let mut rows = support_grants::table
        .select(GrantRow::as_select())
        .into_boxed();
    if let Some(tenant) = tenant {
        rows = rows.filter(support_grants::tenant_id.eq(tenant));
    }
    if let Some((created_at, id)) = after {
        rows = rows.filter(
            support_grants::created_at
                .gt(created_at)
                .or(support_grants::created_at
                    .eq(created_at)
                    .and(support_grants::id.gt(id))),
        );
    }
    rows.order((support_grants::created_at, support_grants::id))
        .limit(limit)
        .load(conn)
        .await
}
