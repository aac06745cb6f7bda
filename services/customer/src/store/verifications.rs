//! Codes that were mailed, by which visitors prove an address.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::verifications as table;

/// Guesses of one code.
const MOST_ATTEMPTS: i16 = 5;

/// A verification's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct VerificationRow {
    pub id: Uuid,
    pub visitor_id: Uuid,
    pub email: String,
    pub code_digest: Vec<u8>,
    pub attempts: i16,
    pub expires_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    /// `sign_in` or `change_email`.
    pub purpose: String,
    /// From where it was asked for, as a digest.
    pub sender: Option<Vec<u8>>,
}

/// Rows that are tidied at once, so that nobody waits for all that a flood has left.
const TIDIED: i64 = 50;

/// Keeps a code, and forgets some of those that ended a day ago.
pub async fn insert(conn: &mut TenantConn, row: &VerificationRow) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(row);
    added.execute(conn).await?;
    let old = table::table
        .filter(table::expires_at.lt(Utc::now() - TimeDelta::days(1)))
        .order(table::expires_at)
        .limit(TIDIED)
        .select(table::id)
        .for_update()
        .skip_locked()
        .load::<Uuid>(conn)
        .await?;
    let gone = diesel::delete(table::table.filter(table::id.eq_any(old)));
    gone.execute(conn).await.map(drop)
}

/// How many codes were asked for since a time.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    /// By the visitor.
    pub by_visitor: i64,
    /// From where the visitor is.
    pub by_sender: i64,
    /// From there, for the address.
    pub by_sender_for_address: i64,
    /// By anybody for the address.
    pub for_address: i64,
}

/// Counts the codes that were asked for since a time.
pub async fn count_since(
    conn: &mut TenantConn,
    row: &VerificationRow,
    since: DateTime<Utc>,
) -> QueryResult<Counts> {
    let recent = || table::table.filter(table::created_at.gt(since)).count();
    let visitor = recent().filter(table::visitor_id.eq(row.visitor_id));
    let address = recent().filter(table::email.eq(&row.email));
    let sender = recent().filter(table::sender.is_not_distinct_from(&row.sender));
    let both = recent()
        .filter(table::sender.is_not_distinct_from(&row.sender))
        .filter(table::email.eq(&row.email));
    Ok(Counts {
        by_visitor: visitor.get_result(conn).await?,
        by_sender: sender.get_result(conn).await?,
        by_sender_for_address: both.get_result(conn).await?,
        for_address: address.get_result(conn).await?,
    })
}

/// Counts one more guess of a visitor's code, and returns it, if there may be one.
pub async fn guess(
    conn: &mut TenantConn,
    id: Uuid,
    visitor: Uuid,
) -> QueryResult<Option<VerificationRow>> {
    let open = table::table
        .find(id)
        .filter(table::visitor_id.eq(visitor))
        .filter(table::attempts.lt(MOST_ATTEMPTS))
        .filter(table::expires_at.gt(Utc::now()));
    diesel::update(open)
        .set(table::attempts.eq(table::attempts + 1))
        .returning(VerificationRow::as_returning())
        .get_result(conn)
        .await
        .optional()
}

/// Uses a code up. False says that it was used already.
pub async fn spend(conn: &mut TenantConn, id: Uuid) -> QueryResult<bool> {
    let gone = diesel::delete(table::table.find(id));
    Ok(gone.execute(conn).await? == 1)
}

/// Removes the codes for an address.
pub async fn delete_for(conn: &mut TenantConn, email: &str) -> QueryResult<()> {
    let gone = diesel::delete(table::table.filter(table::email.eq(email)));
    gone.execute(conn).await.map(drop)
}

/// Removes the codes that visitors have asked for.
pub async fn delete_of(conn: &mut TenantConn, visitors: &[Uuid]) -> QueryResult<()> {
    let gone = diesel::delete(table::table.filter(table::visitor_id.eq_any(visitors)));
    gone.execute(conn).await.map(drop)
}

/// Lists the codes that visitors have asked for and may still use, as (address, end).
pub async fn of(
    conn: &mut TenantConn,
    visitors: &[Uuid],
) -> QueryResult<Vec<(String, DateTime<Utc>)>> {
    let rows = table::table.filter(table::visitor_id.eq_any(visitors));
    let rows = rows.select((table::email, table::expires_at));
    rows.order(table::created_at).load(conn).await
}
