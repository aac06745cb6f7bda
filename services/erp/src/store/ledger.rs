//! The books.

use std::collections::BTreeMap;

use averis_service_kit::after_place;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{accounts, books, journal_entries as entries, journal_lines as lines, periods};

/// An account.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = accounts)]
pub struct AccountRow {
    pub code: String,
    pub name: String,
    pub kind: String,
}

/// An entry's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = entries, treat_none_as_default_value = false)]
pub struct EntryRow {
    pub id: Uuid,
    pub posted_on: NaiveDate,
    pub kind: String,
    pub cause: String,
    pub text: String,
    pub posted_by: Uuid,
    pub created_at: DateTime<Utc>,
}

/// A line of an entry.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = lines, treat_none_as_default_value = false)]
pub struct LineRow {
    pub entry_id: Uuid,
    pub line: i32,
    pub account: String,
    pub amount: i64,
    pub currency: String,
    pub book_amount: i64,
}

/// Returns the currency of the books, which stays as it is until the end of the transaction.
pub async fn currency(conn: &mut TenantConn) -> QueryResult<String> {
    let row = books::table.select(books::currency);
    row.for_share().first(conn).await
}

/// Keeps the books in another currency.
pub async fn put_currency(conn: &mut TenantConn, currency: &str) -> QueryResult<()> {
    let put = diesel::update(books::table).set(books::currency.eq(currency));
    put.execute(conn).await.map(drop)
}

/// Whether anything is posted.
pub async fn is_begun(conn: &mut TenantConn) -> QueryResult<bool> {
    let any = entries::table.select(entries::id);
    diesel::select(diesel::dsl::exists(any))
        .get_result(conn)
        .await
}

/// Lists accounts by code.
pub async fn list_accounts(conn: &mut TenantConn) -> QueryResult<Vec<AccountRow>> {
    let rows = accounts::table.order(accounts::code);
    rows.select(AccountRow::as_select()).load(conn).await
}

/// Returns whether a month is open, which it stays until the end of the transaction.
pub async fn is_open(conn: &mut TenantConn, period: &str) -> QueryResult<bool> {
    known(conn, period).await?;
    let row = periods::table.find(period).select(periods::closed_at);
    let closed: Option<DateTime<Utc>> = row.for_share().first(conn).await?;
    Ok(closed.is_none())
}

async fn known(conn: &mut TenantConn, period: &str) -> QueryResult<()> {
    diesel::insert_into(periods::table)
        .values(periods::period.eq(period))
        .on_conflict_do_nothing()
        .execute(conn)
        .await
        .map(drop)
}

/// Closes a month, once nobody posts into it any more. One that is closed stays as it is.
pub async fn close(
    conn: &mut TenantConn,
    period: &str,
    by: Uuid,
    at: DateTime<Utc>,
) -> QueryResult<DateTime<Utc>> {
    known(conn, period).await?;
    let open = periods::table
        .find(period)
        .filter(periods::closed_at.is_null());
    diesel::update(open)
        .set((periods::closed_at.eq(at), periods::closed_by.eq(by)))
        .execute(conn)
        .await?;
    let row = periods::table
        .find(period)
        .select(periods::closed_at.assume_not_null());
    row.first(conn).await
}

/// Inserts an entry with its lines.
pub async fn insert(conn: &mut TenantConn, entry: &EntryRow, own: &[LineRow]) -> QueryResult<()> {
    let added = diesel::insert_into(entries::table).values(entry);
    added.execute(conn).await?;
    let added = diesel::insert_into(lines::table).values(own);
    added.execute(conn).await.map(drop)
}

/// Finds an entry.
pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<EntryRow>> {
    let row = entries::table.find(id).select(EntryRow::as_select());
    row.first(conn).await.optional()
}

/// Lists the lines of entries, by entry and place.
pub async fn lines_of(conn: &mut TenantConn, ids: &[Uuid]) -> QueryResult<Vec<LineRow>> {
    let rows = lines::table.filter(lines::entry_id.eq_any(ids));
    let rows = rows.order((lines::entry_id, lines::line));
    rows.select(LineRow::as_select()).load(conn).await
}

/// Lists entries by age.
pub async fn list(
    conn: &mut TenantConn,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<EntryRow>> {
    let rows = entries::table.select(EntryRow::as_select()).into_boxed();
    let rows = after_place!(rows, entries, after);
    let rows = rows.order((entries::created_at, entries::id));
    rows.limit(limit).load(conn).await
}

/// Returns what each account comes to in the currency of the books, by the end of a day.
pub async fn balances(
    conn: &mut TenantConn,
    until: NaiveDate,
) -> QueryResult<BTreeMap<String, i64>> {
    let rows: Vec<(String, Option<i64>)> = lines::table
        .inner_join(entries::table)
        .filter(entries::posted_on.le(until))
        .group_by(lines::account)
        .select((
            lines::account,
            sql::<Nullable<BigInt>>("sum(book_amount)::bigint"),
        ))
        .load(conn)
        .await?;
    let rows = rows.into_iter();
    Ok(rows
        .map(|(account, sum)| (account, sum.unwrap_or_default()))
        .collect())
}
