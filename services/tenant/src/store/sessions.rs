//! Sign-ins and their refresh tokens.

use averis_tenant_db::PlatformConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{refresh_tokens, sessions};

/// A sign-in.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions, treat_none_as_default_value = false)]
pub struct SessionRow {
    pub id: Uuid,
    pub user_id: Uuid,
    pub provider: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    /// The one tenant that it is good for; none where it is good for all of the person's.
    pub tenant_id: Option<Uuid>,
}

/// Begins a session.
pub async fn insert(conn: &mut PlatformConn<'_>, row: &SessionRow) -> QueryResult<()> {
    let begun = diesel::insert_into(sessions::table).values(row);
    begun.execute(conn).await.map(drop)
}

/// Finds a session that has not ended, and keeps it from ending until the end of the transaction.
pub async fn hold(conn: &mut PlatformConn<'_>, id: Uuid) -> QueryResult<Option<SessionRow>> {
    sessions::table
        .find(id)
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(diesel::dsl::now))
        .select(SessionRow::as_select())
        .for_update()
        .first(conn)
        .await
        .optional()
}

/// Finds a session, whether it has ended or not.
pub async fn find(conn: &mut PlatformConn<'_>, id: Uuid) -> QueryResult<Option<SessionRow>> {
    let row = sessions::table.find(id).select(SessionRow::as_select());
    row.first(conn).await.optional()
}

/// Ends all sessions of a person that began in one way, and returns them.
pub async fn end_of(
    conn: &mut PlatformConn<'_>,
    user: Uuid,
    provider: &str,
) -> QueryResult<Vec<Uuid>> {
    diesel::update(sessions::table)
        .filter(sessions::user_id.eq(user))
        .filter(sessions::provider.eq(provider))
        .filter(sessions::ended_at.is_null())
        .set(sessions::ended_at.eq(diesel::dsl::now))
        .returning(sessions::id)
        .get_results(conn)
        .await
}

/// Ends all sessions that are good for one tenant alone, and returns them.
pub async fn end_confined(conn: &mut PlatformConn<'_>, tenant: Uuid) -> QueryResult<Vec<Uuid>> {
    diesel::update(sessions::table)
        .filter(sessions::tenant_id.eq(Some(tenant)))
        .filter(sessions::ended_at.is_null())
        .set(sessions::ended_at.eq(diesel::dsl::now))
        .returning(sessions::id)
        .get_results(conn)
        .await
}

/// Ends a session. `false` says that it had ended.
pub async fn end(conn: &mut PlatformConn<'_>, id: Uuid) -> QueryResult<bool> {
    let ended = diesel::update(sessions::table.find(id))
        .filter(sessions::ended_at.is_null())
        .set(sessions::ended_at.eq(diesel::dsl::now));
    Ok(ended.execute(conn).await? == 1)
}

/// Whether a session has had a refresh token.
pub async fn is_exchanged(conn: &mut PlatformConn<'_>, id: Uuid) -> QueryResult<bool> {
    let tokens = refresh_tokens::table.filter(refresh_tokens::session_id.eq(id));
    diesel::select(diesel::dsl::exists(tokens))
        .get_result(conn)
        .await
}

/// Forgets some sessions that ended, or expired, more than a day ago, with their refresh tokens.
pub async fn forget_some(conn: &mut PlatformConn<'_>) -> QueryResult<()> {
    let past = Utc::now() - chrono::TimeDelta::days(1);
    let old: Vec<Uuid> = sessions::table
        .filter(
            sessions::expires_at
                .lt(past)
                .or(sessions::ended_at.lt(past)),
        )
        .select(sessions::id)
        .limit(50)
        .for_update()
        .skip_locked()
        .load(conn)
        .await?;
    let old = sessions::table.filter(sessions::id.eq_any(old));
    diesel::delete(old).execute(conn).await.map(drop)
}

/// Ends all sessions of a person but one, and returns them.
pub async fn end_others(
    conn: &mut PlatformConn<'_>,
    user: Uuid,
    but: Uuid,
) -> QueryResult<Vec<Uuid>> {
    diesel::update(sessions::table)
        .filter(sessions::user_id.eq(user))
        .filter(sessions::id.ne(but))
        .filter(sessions::ended_at.is_null())
        .set(sessions::ended_at.eq(diesel::dsl::now))
        .returning(sessions::id)
        .get_results(conn)
        .await
}

/// Stores a refresh token of a session.
pub async fn add_refresh(
    conn: &mut PlatformConn<'_>,
    session: Uuid,
    digest: &[u8],
) -> QueryResult<()> {
    diesel::insert_into(refresh_tokens::table)
        .values((
            refresh_tokens::digest.eq(digest),
            refresh_tokens::session_id.eq(session),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// Finds the session of a refresh token, and whether the token was used before.
pub async fn find_refresh(
    conn: &mut PlatformConn<'_>,
    digest: &[u8],
) -> QueryResult<Option<(Uuid, bool)>> {
    let found: Option<(Uuid, Option<DateTime<Utc>>)> = refresh_tokens::table
        .find(digest)
        .select((refresh_tokens::session_id, refresh_tokens::used_at))
        .for_update()
        .first(conn)
        .await
        .optional()?;
    Ok(found.map(|(session, used)| (session, used.is_some())))
}

/// Marks a refresh token as used.
pub async fn use_refresh(conn: &mut PlatformConn<'_>, digest: &[u8]) -> QueryResult<()> {
    diesel::update(refresh_tokens::table.find(digest))
        .set(refresh_tokens::used_at.eq(diesel::dsl::now))
        .execute(conn)
        .await
        .map(drop)
}
