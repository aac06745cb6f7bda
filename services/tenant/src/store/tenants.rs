//! Tenants and certificates of purges.

use averis_tenant_context::{TenantContext, TenantId};
use averis_tenant_db::PlatformConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use crate::schema::{purge_certificates, released_subdomains, tenants};

/// A tenant's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = tenants, treat_none_as_default_value = false)]
pub struct TenantRow {
    pub id: Uuid,
    pub key: String,
    pub name: String,
    pub subdomain: String,
    pub subscription_tier: String,
    pub status: String,
    pub settings: Value,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub purged_at: Option<DateTime<Utc>>,
}

/// The row holds something that this version cannot read.
#[derive(Debug, thiserror::Error)]
#[error("the row of tenant {0} is not readable: {1}")]
pub struct UnreadableRow(String, String);

impl TryFrom<TenantRow> for TenantContext {
    type Error = UnreadableRow;

    fn try_from(row: TenantRow) -> Result<Self, UnreadableRow> {
        let TenantRow {
            id,
            key,
            name,
            subdomain,
            subscription_tier,
            status,
            settings,
            version,
            created_at: _,
            updated_at: _,
            purged_at: _,
        } = row;
        let unreadable = |what: String| UnreadableRow(key.clone(), what);
        Ok(Self {
            id: TenantId(id),
            name,
            subdomain: subdomain
                .parse()
                .map_err(|_ignored| unreadable("subdomain".to_owned()))?,
            tier: subscription_tier.parse().map_err(unreadable)?,
            status: status.parse().map_err(unreadable)?,
            settings: serde_json::from_value(settings)
                .map_err(|error| unreadable(error.to_string()))?,
            version,
            key: key
                .parse()
                .map_err(|_ignored| unreadable("key".to_owned()))?,
        })
    }
}

/// Which tenants a list shows.
#[derive(Clone, Debug, Default)]
pub struct TenantFilter {
    pub only: Option<Uuid>,
    pub key: Option<String>,
    pub status: Option<String>,
    pub tier: Option<String>,
    pub after: Option<(DateTime<Utc>, Uuid)>,
}

/// Inserts a tenant.
pub async fn insert(conn: &mut PlatformConn<'_>, row: &TenantRow) -> QueryResult<TenantRow> {
    diesel::insert_into(tenants::table)
        .values(row)
        .returning(TenantRow::as_returning())
        .get_result(conn)
        .await
}

/// Finds a tenant by id.
pub async fn find(conn: &mut PlatformConn<'_>, id: Uuid) -> QueryResult<Option<TenantRow>> {
    tenants::table
        .find(id)
        .select(TenantRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// Finds a tenant by id and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut PlatformConn<'_>, id: Uuid) -> QueryResult<Option<TenantRow>> {
    tenants::table
        .find(id)
        .select(TenantRow::as_select())
        // Not more: whoever only names the tenant, as the log of those who come in, need not wait.
        .for_no_key_update()
        .first(conn)
        .await
        .optional()
}

/// Finds a tenant by key.
pub async fn find_by_key(conn: &mut PlatformConn<'_>, key: &str) -> QueryResult<Option<TenantRow>> {
    let rows = tenants::table.filter(tenants::key.eq(key));
    rows.select(TenantRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// Finds the tenant that has the subdomain now.
pub async fn find_by_subdomain(
    conn: &mut PlatformConn<'_>,
    subdomain: &str,
) -> QueryResult<Option<TenantRow>> {
    let rows = tenants::table
        .filter(tenants::subdomain.eq(subdomain))
        .filter(tenants::status.ne("purged"));
    rows.select(TenantRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// Lists tenants by age.
pub async fn list(
    conn: &mut PlatformConn<'_>,
    filter: &TenantFilter,
    limit: i64,
) -> QueryResult<Vec<TenantRow>> {
    let mut rows = tenants::table.select(TenantRow::as_select()).into_boxed();
    if let Some(only) = filter.only {
        rows = rows.filter(tenants::id.eq(only));
    }
    if let Some(key) = &filter.key {
        rows = rows.filter(tenants::key.eq(key));
    }
    if let Some(status) = &filter.status {
        rows = rows.filter(tenants::status.eq(status));
    }
    if let Some(tier) = &filter.tier {
        rows = rows.filter(tenants::subscription_tier.eq(tier));
    }
    if let Some((created_at, id)) = filter.after {
        rows = rows.filter(
            tenants::created_at
                .gt(created_at)
                .or(tenants::created_at.eq(created_at).and(tenants::id.gt(id))),
        );
    }
    rows.order((tenants::created_at, tenants::id))
        .limit(limit)
        .load(conn)
        .await
}

/// Lists tenants that requests may reach, by key.
pub async fn list_routable(
    conn: &mut PlatformConn<'_>,
    after: &str,
    limit: i64,
) -> QueryResult<Vec<TenantRow>> {
    tenants::table
        .filter(tenants::key.gt(after))
        .filter(tenants::status.eq_any(["active", "suspended", "closing"]))
        .order(tenants::key)
        .limit(limit)
        .select(TenantRow::as_select())
        .load(conn)
        .await
}

/// What of a tenant may change.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = tenants)]
pub struct TenantChanges {
    pub name: Option<String>,
    pub subdomain: Option<String>,
    pub subscription_tier: Option<String>,
    pub status: Option<String>,
    pub settings: Option<Value>,
    pub purged_at: Option<DateTime<Utc>>,
}

/// Changes a tenant and raises its version.
pub async fn update(
    conn: &mut PlatformConn<'_>,
    id: Uuid,
    changes: &TenantChanges,
) -> QueryResult<TenantRow> {
    diesel::update(tenants::table.find(id))
        .set((
            changes,
            tenants::version.eq(tenants::version + 1),
            tenants::updated_at.eq(diesel::dsl::now),
        ))
        .returning(TenantRow::as_returning())
        .get_result(conn)
        .await
}

/// Notes that a tenant gave a subdomain up.
pub async fn release_subdomain(
    conn: &mut PlatformConn<'_>,
    subdomain: &str,
    tenant: Uuid,
) -> QueryResult<()> {
    diesel::insert_into(released_subdomains::table)
        .values((
            released_subdomains::subdomain.eq(subdomain),
            released_subdomains::tenant_id.eq(tenant),
        ))
        .on_conflict(released_subdomains::subdomain)
        .do_update()
        .set((
            released_subdomains::tenant_id.eq(tenant),
            released_subdomains::released_at.eq(diesel::dsl::now),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// Whether a subdomain was another tenant's until lately. To be asked after the tenant has taken it: whoever gives it up
/// at the same moment is waited for there.
pub async fn is_in_quarantine(
    conn: &mut PlatformConn<'_>,
    subdomain: &str,
    tenant: Uuid,
    days: i64,
) -> QueryResult<bool> {
    let since = Utc::now() - chrono::TimeDelta::days(days);
    let released = released_subdomains::table
        .find(subdomain)
        .filter(released_subdomains::tenant_id.ne(tenant))
        .filter(released_subdomains::released_at.gt(since));
    diesel::select(diesel::dsl::exists(released))
        .get_result(conn)
        .await
}

/// Counts the subdomains that a tenant gave up lately.
pub async fn count_released(
    conn: &mut PlatformConn<'_>,
    tenant: Uuid,
    days: i64,
) -> QueryResult<i64> {
    let since = Utc::now() - chrono::TimeDelta::days(days);
    released_subdomains::table
        .filter(released_subdomains::tenant_id.eq(tenant))
        .filter(released_subdomains::released_at.gt(since))
        .count()
        .get_result(conn)
        .await
}

/// A purge's certificate.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = purge_certificates, treat_none_as_default_value = false)]
pub struct CertificateRow {
    pub tenant_id: Uuid,
    pub tenant_key: String,
    pub row_counts: Value,
    pub digest: Vec<u8>,
    pub purged_at: DateTime<Utc>,
}

/// Stores a certificate.
pub async fn insert_certificate(
    conn: &mut PlatformConn<'_>,
    row: &CertificateRow,
) -> QueryResult<()> {
    diesel::insert_into(purge_certificates::table)
        .values(row)
        .execute(conn)
        .await
        .map(drop)
}

/// Finds the certificate of a tenant's purge.
pub async fn find_certificate(
    conn: &mut PlatformConn<'_>,
    tenant: Uuid,
) -> QueryResult<Option<CertificateRow>> {
    let rows = purge_certificates::table.find(tenant);
    rows.select(CertificateRow::as_select())
        .first(conn)
        .await
        .optional()
}
