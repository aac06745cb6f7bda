//! Members of a tenant and their invitations.

use averis_tenant_db::PlatformConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{invitations, tenant_users, tenants, users};

/// A member.
#[derive(Clone, Debug, Queryable)]
pub struct MemberRow {
    pub user_id: Uuid,
    pub email: String,
    pub name: String,
    pub roles: Vec<String>,
    pub status: String,
    /// Whether the person itself accepted, rather than the tenant's provider for it.
    pub accepted: bool,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

type Columns = (
    tenant_users::user_id,
    users::email,
    users::name,
    tenant_users::roles,
    tenant_users::status,
    tenant_users::accepted,
    tenant_users::version,
    tenant_users::created_at,
    tenant_users::updated_at,
);
const COLUMNS: Columns = (
    tenant_users::user_id,
    users::email,
    users::name,
    tenant_users::roles,
    tenant_users::status,
    tenant_users::accepted,
    tenant_users::version,
    tenant_users::created_at,
    tenant_users::updated_at,
);

/// Keeps all others from changing who belongs to the tenant until the end of the transaction: how many members and admins
/// there are is then what one has counted.
pub async fn hold_tenant(conn: &mut PlatformConn<'_>, tenant: Uuid) -> QueryResult<()> {
    let held = tenants::table.find(tenant).select(tenants::id);
    held.for_no_key_update().first::<Uuid>(conn).await.map(drop)
}

/// Finds a member.
pub async fn find(
    conn: &mut PlatformConn<'_>,
    tenant: Uuid,
    user: Uuid,
) -> QueryResult<Option<MemberRow>> {
    let rows = tenant_users::table.inner_join(users::table);
    rows.filter(tenant_users::tenant_id.eq(tenant))
        .filter(tenant_users::user_id.eq(user))
        .select(COLUMNS)
        .first(conn)
        .await
        .optional()
}

/// Lists members by age.
pub async fn list(
    conn: &mut PlatformConn<'_>,
    tenant: Uuid,
    status: Option<&str>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<MemberRow>> {
    let rows = tenant_users::table.inner_join(users::table);
    let mut rows = rows
        .filter(tenant_users::tenant_id.eq(tenant))
        .select(COLUMNS)
        .into_boxed();
    if let Some(status) = status {
        rows = rows.filter(tenant_users::status.eq(status.to_owned()));
    }
    if let Some((created_at, id)) = after {
        rows = rows.filter(
            tenant_users::created_at
                .gt(created_at)
                .or(tenant_users::created_at
                    .eq(created_at)
                    .and(tenant_users::user_id.gt(id))),
        );
    }
    rows.order((tenant_users::created_at, tenant_users::user_id))
        .limit(limit)
        .load(conn)
        .await
}

/// Counts members in any of those states, but for one person.
pub async fn count(
    conn: &mut PlatformConn<'_>,
    tenant: Uuid,
    statuses: &[&str],
    but: Uuid,
) -> QueryResult<i64> {
    tenant_users::table
        .filter(tenant_users::tenant_id.eq(tenant))
        .filter(tenant_users::status.eq_any(statuses))
        .filter(tenant_users::user_id.ne(but))
        .count()
        .get_result(conn)
        .await
}

/// Whether the tenant has an active admin other than that person.
pub async fn has_other_admin(
    conn: &mut PlatformConn<'_>,
    tenant: Uuid,
    but: Uuid,
) -> QueryResult<bool> {
    let admins = tenant_users::table
        .filter(tenant_users::tenant_id.eq(tenant))
        .filter(tenant_users::status.eq("active"))
        .filter(tenant_users::roles.contains(vec!["tenant_admin"]))
        .filter(tenant_users::user_id.ne(but));
    diesel::select(diesel::dsl::exists(admins))
        .get_result(conn)
        .await
}

/// Returns the addresses of the tenant's active admins.
pub async fn admins(conn: &mut PlatformConn<'_>, tenant: Uuid) -> QueryResult<Vec<String>> {
    let rows = tenant_users::table.inner_join(users::table);
    rows.filter(tenant_users::tenant_id.eq(tenant))
        .filter(tenant_users::status.eq("active"))
        .filter(tenant_users::roles.contains(vec!["tenant_admin"]))
        .select(users::email)
        .load(conn)
        .await
}

/// Adds a member who is invited, unless the person belongs to the tenant already.
pub async fn invite(
    conn: &mut PlatformConn<'_>,
    tenant: Uuid,
    user: Uuid,
    roles: &[&str],
) -> QueryResult<bool> {
    let added = diesel::insert_into(tenant_users::table)
        .values((
            tenant_users::tenant_id.eq(tenant),
            tenant_users::user_id.eq(user),
            tenant_users::roles.eq(roles),
            tenant_users::status.eq("invited"),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(added == 1)
}

/// What of a membership may change.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = tenant_users)]
pub struct MemberChanges {
    pub roles: Option<Vec<String>>,
    pub status: Option<String>,
    pub accepted: Option<bool>,
}

/// Changes a membership and raises its version.
pub async fn update(
    conn: &mut PlatformConn<'_>,
    tenant: Uuid,
    user: Uuid,
    changes: &MemberChanges,
) -> QueryResult<()> {
    diesel::update(tenant_users::table.find((tenant, user)))
        .set((
            changes,
            tenant_users::version.eq(tenant_users::version + 1),
            tenant_users::updated_at.eq(diesel::dsl::now),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// Ends a membership; an invitation goes with it.
pub async fn remove(conn: &mut PlatformConn<'_>, tenant: Uuid, user: Uuid) -> QueryResult<()> {
    let row = tenant_users::table.find((tenant, user));
    diesel::delete(row).execute(conn).await.map(drop)
}

/// An invitation's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = invitations, treat_none_as_default_value = false)]
pub struct InvitationRow {
    pub tenant_id: Uuid,
    pub user_id: Uuid,
    pub digest: Vec<u8>,
    pub invited_by: Option<Uuid>,
    pub expires_at: DateTime<Utc>,
}

/// Stores an invitation in place of an older one of the same person.
pub async fn put_invitation(conn: &mut PlatformConn<'_>, row: &InvitationRow) -> QueryResult<()> {
    diesel::insert_into(invitations::table)
        .values(row)
        .on_conflict((invitations::tenant_id, invitations::user_id))
        .do_update()
        .set((
            invitations::digest.eq(&row.digest),
            invitations::invited_by.eq(row.invited_by),
            invitations::expires_at.eq(row.expires_at),
            invitations::created_at.eq(diesel::dsl::now),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// Finds an invitation that has not expired.
pub async fn find_invitation(
    conn: &mut PlatformConn<'_>,
    digest: &[u8],
) -> QueryResult<Option<InvitationRow>> {
    invitations::table
        .filter(invitations::digest.eq(digest))
        .filter(invitations::expires_at.gt(diesel::dsl::now))
        .select(InvitationRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// Takes a person's invitation away.
pub async fn drop_invitation(
    conn: &mut PlatformConn<'_>,
    tenant: Uuid,
    user: Uuid,
) -> QueryResult<()> {
    let row = invitations::table.find((tenant, user));
    diesel::delete(row).execute(conn).await.map(drop)
}

/// Uses an invitation up. `false` says that somebody else was quicker.
pub async fn use_invitation(conn: &mut PlatformConn<'_>, digest: &[u8]) -> QueryResult<bool> {
    let row = invitations::table.filter(invitations::digest.eq(digest));
    Ok(diesel::delete(row).execute(conn).await? == 1)
}
