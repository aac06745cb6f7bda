//! Codes that people sign in with, by the digest of the address that they were mailed to.

use averis_tenant_db::PlatformConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::schema::sign_in_codes;

/// A code as it is kept.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = sign_in_codes, treat_none_as_default_value = false)]
pub struct CodeRow {
    pub email_digest: Vec<u8>,
    pub code_hash: String,
    pub expires_at: DateTime<Utc>,
}

/// Stores a code in place of an older one, and forgets some that have expired.
pub async fn put(conn: &mut PlatformConn<'_>, row: &CodeRow) -> QueryResult<()> {
    diesel::insert_into(sign_in_codes::table)
        .values(row)
        .on_conflict(sign_in_codes::email_digest)
        .do_update()
        .set((
            sign_in_codes::code_hash.eq(&row.code_hash),
            sign_in_codes::expires_at.eq(row.expires_at),
        ))
        .execute(conn)
        .await?;
    let old: Vec<Vec<u8>> = sign_in_codes::table
        .filter(sign_in_codes::expires_at.lt(diesel::dsl::now))
        .select(sign_in_codes::email_digest)
        .limit(50)
        .for_update()
        .skip_locked()
        .load(conn)
        .await?;
    let old = sign_in_codes::table.filter(sign_in_codes::email_digest.eq_any(old));
    diesel::delete(old).execute(conn).await.map(drop)
}

/// Finds the hash of a code that has not expired.
pub async fn find(conn: &mut PlatformConn<'_>, email_digest: &[u8]) -> QueryResult<Option<String>> {
    sign_in_codes::table
        .find(email_digest)
        .filter(sign_in_codes::expires_at.gt(diesel::dsl::now))
        .select(sign_in_codes::code_hash)
        .first(conn)
        .await
        .optional()
}

/// Uses a code up. `false` says that somebody else was quicker, or that another one has taken its place.
pub async fn spend(
    conn: &mut PlatformConn<'_>,
    email_digest: &[u8],
    code_hash: &str,
) -> QueryResult<bool> {
    let row = sign_in_codes::table
        .find(email_digest)
        .filter(sign_in_codes::code_hash.eq(code_hash));
    Ok(diesel::delete(row).execute(conn).await? == 1)
}
