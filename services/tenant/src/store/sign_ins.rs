//! Wrong passwords in a row, by the digest of the address.

use averis_tenant_db::PlatformConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::schema::sign_in_failures;

/// How often was it wrong, and until when is nothing looked at? The row is made where there is none, and kept from others
/// until the end of the transaction, so that parallel attempts are counted one by one.
pub async fn hold(
    conn: &mut PlatformConn<'_>,
    email_digest: &[u8],
) -> QueryResult<(i32, Option<DateTime<Utc>>)> {
    diesel::insert_into(sign_in_failures::table)
        .values((
            sign_in_failures::email_digest.eq(email_digest),
            sign_in_failures::failures.eq(0),
        ))
        .on_conflict(sign_in_failures::email_digest)
        .do_update()
        .set(sign_in_failures::updated_at.eq(diesel::dsl::now))
        .returning((sign_in_failures::failures, sign_in_failures::locked_until))
        .get_result(conn)
        .await
}

/// Notes how often it was wrong, and forgets what is a day old.
pub async fn note(
    conn: &mut PlatformConn<'_>,
    email_digest: &[u8],
    failures: i32,
    locked_until: Option<DateTime<Utc>>,
) -> QueryResult<()> {
    diesel::update(sign_in_failures::table.find(email_digest))
        .set((
            sign_in_failures::failures.eq(failures),
            sign_in_failures::locked_until.eq(locked_until),
        ))
        .execute(conn)
        .await?;
    let past = Utc::now() - chrono::TimeDelta::days(1);
    // Some of them: nobody who signs in pays for a flood of others.
    let old: Vec<Vec<u8>> = sign_in_failures::table
        .filter(sign_in_failures::updated_at.lt(past))
        .select(sign_in_failures::email_digest)
        .limit(50)
        .for_update()
        .skip_locked()
        .load(conn)
        .await?;
    let old = sign_in_failures::table.filter(sign_in_failures::email_digest.eq_any(old));
    diesel::delete(old).execute(conn).await.map(drop)
}
