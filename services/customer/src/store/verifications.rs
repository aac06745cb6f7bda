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
#[diesel(table_name = table)]
pub struct VerificationRow {
    pub id: Uuid,
    pub visitor_id: Uuid,
    pub email: String,
    pub code_digest: Vec<u8>,
    pub attempts: i16,
    pub expires_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
}

/// Keeps a code, and forgets those that ended a day ago.
pub async fn insert(conn: &mut TenantConn, row: &VerificationRow) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(row);
    added.execute(conn).await?;
    let old = table::table.filter(table::expires_at.lt(Utc::now() - TimeDelta::days(1)));
    diesel::delete(old).execute(conn).await.map(drop)
}

/// Counts the codes that a visitor, or anybody for an address, has asked for since a time.
pub async fn count_since(
    conn: &mut TenantConn,
    visitor: Uuid,
    email: &str,
    since: DateTime<Utc>,
) -> QueryResult<i64> {
    let own = table::visitor_id.eq(visitor).or(table::email.eq(email));
    let recent = table::table.filter(own).filter(table::created_at.gt(since));
    recent.count().get_result(conn).await
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
