//! People, and the tenants that they belong to.

use averis_tenant_db::PlatformConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{tenant_users, tenants, users};

/// A person's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
pub struct UserRow {
    pub id: Uuid,
    pub email: String,
    pub name: String,
    pub password_hash: Option<String>,
    pub global_roles: Vec<String>,
    pub default_tenant: Option<Uuid>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A tenant that a person belongs to.
#[derive(Clone, Debug, Queryable)]
pub struct MembershipRow {
    pub tenant_id: Uuid,
    pub key: String,
    pub name: String,
    pub subdomain: String,
    pub tenant_status: String,
    pub roles: Vec<String>,
    pub status: String,
}

/// Finds a person by id.
pub async fn find(conn: &mut PlatformConn<'_>, id: Uuid) -> QueryResult<Option<UserRow>> {
    let rows = users::table.find(id).select(UserRow::as_select());
    rows.first(conn).await.optional()
}

/// Finds a person by address.
pub async fn find_by_email(
    conn: &mut PlatformConn<'_>,
    email: &str,
) -> QueryResult<Option<UserRow>> {
    let rows = users::table.filter(users::email.eq(email));
    rows.select(UserRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// Adds a person, unless the address is known already.
pub async fn insert(conn: &mut PlatformConn<'_>, row: &UserRow) -> QueryResult<bool> {
    let added = diesel::insert_into(users::table)
        .values(row)
        .on_conflict(users::email)
        .do_nothing()
        .execute(conn)
        .await?;
    Ok(added == 1)
}

/// Adds a person, or finds who has the address. It writes either way: how long it takes must not tell which it was.
pub async fn find_or_add(conn: &mut PlatformConn<'_>, row: &UserRow) -> QueryResult<Uuid> {
    diesel::insert_into(users::table)
        .values(row)
        .on_conflict(users::email)
        .do_update()
        .set(users::updated_at.eq(diesel::dsl::now))
        .returning(users::id)
        .get_result(conn)
        .await
}

/// What of a person may change.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = users)]
pub struct UserChanges {
    pub name: Option<String>,
    pub password_hash: Option<Option<String>>,
    pub global_roles: Option<Vec<String>>,
    pub default_tenant: Option<Option<Uuid>>,
}

/// Changes a person and raises its version.
pub async fn update(
    conn: &mut PlatformConn<'_>,
    id: Uuid,
    changes: &UserChanges,
) -> QueryResult<UserRow> {
    diesel::update(users::table.find(id))
        .set((
            changes,
            users::version.eq(users::version + 1),
            users::updated_at.eq(diesel::dsl::now),
        ))
        .returning(UserRow::as_returning())
        .get_result(conn)
        .await
}

/// Lists the tenants that a person belongs to and that requests may reach, by key.
pub async fn memberships(
    conn: &mut PlatformConn<'_>,
    user: Uuid,
) -> QueryResult<Vec<MembershipRow>> {
    tenant_users::table
        .inner_join(tenants::table)
        .filter(tenant_users::user_id.eq(user))
        .filter(tenants::status.eq_any(["active", "suspended", "closing"]))
        .order(tenants::key)
        .select((
            tenants::id,
            tenants::key,
            tenants::name,
            tenants::subdomain,
            tenants::status,
            tenant_users::roles,
            tenant_users::status,
        ))
        .load(conn)
        .await
}

/// Keeps a person's memberships from being changed until the end of the transaction: what a token says of them must be
/// either from before a revocation, or right.
pub async fn hold_memberships(conn: &mut PlatformConn<'_>, user: Uuid) -> QueryResult<()> {
    let held: Vec<Uuid> = tenant_users::table
        .filter(tenant_users::user_id.eq(user))
        .order(tenant_users::tenant_id)
        .select(tenant_users::tenant_id)
        .for_share()
        .load(conn)
        .await?;
    drop(held);
    Ok(())
}

/// Makes somebody an active member with those roles, or gives the roles to a member.
pub async fn put_member(
    conn: &mut PlatformConn<'_>,
    tenant: Uuid,
    user: Uuid,
    roles: &[&str],
) -> QueryResult<()> {
    diesel::insert_into(tenant_users::table)
        .values((
            tenant_users::tenant_id.eq(tenant),
            tenant_users::user_id.eq(user),
            tenant_users::roles.eq(roles),
            tenant_users::status.eq("active"),
        ))
        .on_conflict((tenant_users::tenant_id, tenant_users::user_id))
        .do_update()
        .set((
            tenant_users::roles.eq(roles),
            tenant_users::status.eq("active"),
            tenant_users::version.eq(tenant_users::version + 1),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// Finds a person and keeps others from changing the row until the end of the transaction.
pub async fn lock(conn: &mut PlatformConn<'_>, id: Uuid) -> QueryResult<UserRow> {
    let row = users::table.find(id).select(UserRow::as_select());
    row.for_update().first(conn).await
}

/// Whether a person still has that password's hash; it stays so until the end of the transaction.
pub async fn holds_password(
    conn: &mut PlatformConn<'_>,
    id: Uuid,
    hash: Option<&str>,
) -> QueryResult<bool> {
    let row = users::table.find(id).select(users::password_hash);
    let now: Option<String> = row.for_share().first(conn).await?;
    Ok(now.as_deref() == hash)
}
