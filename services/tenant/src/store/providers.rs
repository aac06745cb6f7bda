//! What is known of tenants and people at identity providers.

use averis_tenant_db::PlatformConn;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{provider_identities, provider_organizations};

/// A person as an issuer knows it.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = provider_identities, treat_none_as_default_value = false)]
pub struct IdentityRow {
    pub issuer: String,
    pub subject: String,
    pub user_id: Uuid,
    /// The tenant whose organization the subject belongs to; none for an issuer of the whole platform.
    pub tenant_id: Option<Uuid>,
}

/// Finds the tenant that an issuer's organization is.
pub async fn tenant_of(
    conn: &mut PlatformConn<'_>,
    issuer: &str,
    organization: &str,
) -> QueryResult<Option<Uuid>> {
    provider_organizations::table
        .filter(provider_organizations::issuer.eq(issuer))
        .filter(provider_organizations::organization.eq(organization))
        .select(provider_organizations::tenant_id)
        .first(conn)
        .await
        .optional()
}

/// Finds the organization that a tenant is: its issuer and its id there.
pub async fn organization_of(
    conn: &mut PlatformConn<'_>,
    tenant: Uuid,
) -> QueryResult<Option<(String, String)>> {
    provider_organizations::table
        .find(tenant)
        .select((
            provider_organizations::issuer,
            provider_organizations::organization,
        ))
        .first(conn)
        .await
        .optional()
}

/// Says that a tenant is that organization. `false` says that it is one already, or that another tenant is.
pub async fn connect(
    conn: &mut PlatformConn<'_>,
    tenant: Uuid,
    issuer: &str,
    organization: &str,
) -> QueryResult<bool> {
    let added = diesel::insert_into(provider_organizations::table)
        .values((
            provider_organizations::tenant_id.eq(tenant),
            provider_organizations::issuer.eq(issuer),
            provider_organizations::organization.eq(organization),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(added == 1)
}

/// Says that a tenant is no organization any more, and forgets who its members were there. `false` says that it was none.
pub async fn disconnect(conn: &mut PlatformConn<'_>, tenant: Uuid) -> QueryResult<bool> {
    let members =
        provider_identities::table.filter(provider_identities::tenant_id.eq(Some(tenant)));
    diesel::delete(members).execute(conn).await?;
    let row = provider_organizations::table.find(tenant);
    Ok(diesel::delete(row).execute(conn).await? == 1)
}

/// Finds whom an issuer means by a subject.
pub async fn find(
    conn: &mut PlatformConn<'_>,
    issuer: &str,
    subject: &str,
) -> QueryResult<Option<IdentityRow>> {
    provider_identities::table
        .find((issuer, subject))
        .select(IdentityRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// Finds what a member of a tenant is called at the tenant's provider.
pub async fn subject_of(
    conn: &mut PlatformConn<'_>,
    tenant: Uuid,
    user: Uuid,
) -> QueryResult<Option<String>> {
    provider_identities::table
        .filter(provider_identities::tenant_id.eq(Some(tenant)))
        .filter(provider_identities::user_id.eq(user))
        .select(provider_identities::subject)
        .first(conn)
        .await
        .optional()
}

/// Notes whom an issuer means by a subject. `false` says that the subject is somebody else, or that the issuer knows the
/// person under another one.
pub async fn link(conn: &mut PlatformConn<'_>, row: &IdentityRow) -> QueryResult<bool> {
    let added = diesel::insert_into(provider_identities::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(added == 1)
}

/// Notes whom a tenant's issuer means by a subject from now on, whatever it called the person before. `false` says that the
/// subject is somebody else.
pub async fn relink(conn: &mut PlatformConn<'_>, row: &IdentityRow) -> QueryResult<bool> {
    let before = provider_identities::table
        .filter(provider_identities::issuer.eq(&row.issuer))
        .filter(provider_identities::tenant_id.eq(row.tenant_id))
        .filter(provider_identities::user_id.eq(row.user_id));
    diesel::delete(before).execute(conn).await?;
    link(conn, row).await
}

/// Forgets whom the issuers of the whole platform mean by a person, so that the next sign-in goes by the address again.
pub async fn unlink(conn: &mut PlatformConn<'_>, user: Uuid) -> QueryResult<usize> {
    let rows = provider_identities::table
        .filter(provider_identities::user_id.eq(user))
        .filter(provider_identities::tenant_id.is_null());
    diesel::delete(rows).execute(conn).await
}
