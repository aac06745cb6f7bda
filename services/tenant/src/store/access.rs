//! What other services ask about callers: keys, and what was taken back.

use averis_tenant_db::PlatformConn;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{api_keys, revocations, tenant_users, tenants};

/// What is kept about revocations, in milliseconds: longer than any access token lives.
const KEPT_MS: i64 = 3_600_000;

/// A key as those who check it need it.
#[derive(Clone, Debug, Queryable)]
pub struct UsableKey {
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub scopes: Vec<String>,
    pub created_by: Uuid,
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether it was not used for an hour before.
    pub comes_in: bool,
}

/// Finds a key that was neither revoked nor has expired, and notes that it is used: in one statement, so that a
/// revocation under way is waited for and then seen.
pub async fn use_key(conn: &mut PlatformConn<'_>, digest: &[u8]) -> QueryResult<Option<UsableKey>> {
    let known: Option<Option<DateTime<Utc>>> = api_keys::table
        .filter(api_keys::digest.eq(digest))
        .select(api_keys::last_used_at)
        .first(conn)
        .await
        .optional()?;
    let lately = Utc::now() - TimeDelta::hours(1);
    let comes_in = known.flatten().is_none_or(|at| at < lately);
    let unexpired = api_keys::expires_at
        .is_null()
        .or(api_keys::expires_at.gt(diesel::dsl::now));
    let key: Option<UsableKey> = diesel::update(api_keys::table)
        .filter(api_keys::digest.eq(digest))
        .filter(api_keys::revoked_at.is_null())
        .filter(unexpired)
        .set(api_keys::last_used_at.eq(diesel::dsl::now))
        .returning((
            api_keys::id,
            api_keys::tenant_id,
            api_keys::scopes,
            api_keys::created_by,
            api_keys::expires_at,
            comes_in.into_sql::<Bool>(),
        ))
        .get_result(conn)
        .await
        .optional()?;
    let Some(key) = key else { return Ok(None) };
    let tenant = tenants::table.find(key.tenant_id).select(tenants::status);
    let status: String = tenant.first(conn).await?;
    Ok((status != "purged").then_some(key))
}

/// Finds the membership of who made a key: its status and roles. None for who never was a member, as the operator.
pub async fn maker(
    conn: &mut PlatformConn<'_>,
    key: &UsableKey,
) -> QueryResult<Option<(String, Vec<String>)>> {
    tenant_users::table
        .find((key.tenant_id, key.created_by))
        .select((tenant_users::status, tenant_users::roles))
        .for_share()
        .first(conn)
        .await
        .optional()
}

/// Takes back what somebody has, in a tenant or everywhere, and forgets what no token can remember.
pub async fn revoke(
    conn: &mut PlatformConn<'_>,
    tenant: Option<Uuid>,
    subject: Uuid,
) -> QueryResult<()> {
    diesel::insert_into(revocations::table)
        .values((
            revocations::tenant_id.eq(tenant),
            revocations::subject.eq(subject),
        ))
        .execute(conn)
        .await?;
    let past = now_ms(conn).await? - KEPT_MS;
    diesel::delete(revocations::table.filter(revocations::at_ms.lt(past)))
        .execute(conn)
        .await
        .map(drop)
}

/// Takes back what sessions have that have just ended.
pub async fn revoke_sessions(conn: &mut PlatformConn<'_>, ended: Vec<Uuid>) -> QueryResult<()> {
    for session in ended {
        revoke(conn, None, session).await?;
    }
    Ok(())
}

/// Lists what was taken back lately, each thing once: tenant, subject, milliseconds since 1970 of the last time.
pub async fn revocations(
    conn: &mut PlatformConn<'_>,
) -> QueryResult<Vec<(Option<Uuid>, Uuid, i64)>> {
    let past = now_ms(conn).await? - KEPT_MS;
    let rows: Vec<(Option<Uuid>, Uuid, Option<i64>)> = revocations::table
        .filter(revocations::at_ms.ge(past))
        .group_by((revocations::tenant_id, revocations::subject))
        .select((
            revocations::tenant_id,
            revocations::subject,
            diesel::dsl::max(revocations::at_ms),
        ))
        .load(conn)
        .await?;
    let rows = rows.into_iter();
    Ok(rows
        .map(|(tenant, subject, at)| (tenant, subject, at.unwrap_or(past)))
        .collect())
}

/// Returns this moment by the database's clock, which revocations go by, in milliseconds since 1970.
pub async fn now_ms(conn: &mut PlatformConn<'_>) -> QueryResult<i64> {
    let now =
        diesel::dsl::sql::<BigInt>("floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint");
    diesel::select(now).get_result(conn).await
}
