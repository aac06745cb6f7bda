//! How many mails of one kind went to one address: a mailbox is not ours to fill.

use averis_tenant_db::PlatformConn;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::domain::secrets;
use crate::schema::mail_counts;

/// How many mails of a kind one address gets.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// In an hour.
    pub per_hour: i32,
    /// How long after one there is no other.
    pub pause: TimeDelta,
}

/// Counts a mail of that kind to an address, unless there were enough of them: then `false`. Whatever is counted, the
/// database does the same work.
pub async fn count(
    conn: &mut PlatformConn<'_>,
    kind: &str,
    email: &str,
    allowance: Allowance,
) -> QueryResult<bool> {
    let digest = secrets::digest(&format!("{kind} to {email}"));
    let now = Utc::now();
    let long_ago = now - TimeDelta::hours(2);
    // The row is made where there is none, and kept from others, so that parallel mails are counted one by one.
    let (counted, since, last_at): (i32, DateTime<Utc>, DateTime<Utc>) =
        diesel::insert_into(mail_counts::table)
            .values((
                mail_counts::digest.eq(&digest),
                mail_counts::count.eq(0),
                mail_counts::since.eq(long_ago),
                mail_counts::last_at.eq(long_ago),
            ))
            .on_conflict(mail_counts::digest)
            .do_update()
            .set(mail_counts::count.eq(mail_counts::count))
            .returning((mail_counts::count, mail_counts::since, mail_counts::last_at))
            .get_result(conn)
            .await?;
    let (counted, since) = if since < now - TimeDelta::hours(1) {
        (0, now)
    } else {
        (counted, since)
    };
    let Allowance { per_hour, pause } = allowance;
    let may = counted < per_hour && last_at <= now - pause;
    let last_at = if may { now } else { last_at };
    diesel::update(mail_counts::table.find(&digest))
        .set((
            mail_counts::count.eq(counted + i32::from(may)),
            mail_counts::since.eq(since),
            mail_counts::last_at.eq(last_at),
        ))
        .execute(conn)
        .await?;
    let old: Vec<Vec<u8>> = mail_counts::table
        .filter(mail_counts::last_at.lt(now - TimeDelta::hours(1)))
        .select(mail_counts::digest)
        .limit(50)
        .for_update()
        .skip_locked()
        .load(conn)
        .await?;
    let old = mail_counts::table.filter(mail_counts::digest.eq_any(old));
    diesel::delete(old).execute(conn).await?;
    Ok(may)
}
