//! What checkouts and orders have reserved.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Jsonb, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use crate::schema::{reservation_lines as lines, reservations as table, stock_levels as levels};

/// Its time runs.
pub const HELD: &str = "held";
/// The order is placed.
pub const COMMITTED: &str = "committed";
/// All of it has left.
pub const CONSUMED: &str = "consumed";
/// Given back.
pub const RELEASED: &str = "released";
/// Held for too long.
pub const EXPIRED: &str = "expired";

diesel::define_sql_function! {
    /// Reserves all of some SKUs, or says which of them are short. Null says that the owner is known already.
    fn reserve_stock(
        owner: diesel::sql_types::Uuid,
        asked_for: Jsonb,
        wanted: Array<Text>,
        quantities: Array<BigInt>,
        until: Timestamptz,
        at: Timestamptz,
    ) -> Nullable<Jsonb>;
}

/// Somebody who has reserved something.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct ReservationRow {
    pub owner_id: Uuid,
    pub released: bool,
    pub asked: Option<Value>,
    pub created_at: DateTime<Utc>,
}

/// What is reserved of a SKU at one place.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = lines, treat_none_as_default_value = false, primary_key(owner_id, folded, location_id))]
pub struct LineRow {
    pub owner_id: Uuid,
    pub folded: String,
    pub location_id: Uuid,
    pub sku: String,
    /// Still reserved.
    pub open: i64,
    pub consumed: i64,
    pub state: String,
    pub expires_at: DateTime<Utc>,
}

/// Pieces of a SKU, as it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub folded: String,
    pub quantity: i64,
}

/// Reserves all of it, in one call. Returns what is short; none where the owner is known already.
pub async fn reserve(
    conn: &mut TenantConn,
    owner: Uuid,
    asked: &Value,
    wanted: &[Wanted],
    until: DateTime<Utc>,
    at: DateTime<Utc>,
) -> QueryResult<Option<Value>> {
    let folded: Vec<&str> = wanted.iter().map(|one| one.folded.as_str()).collect();
    let quantities: Vec<i64> = wanted.iter().map(|one| one.quantity).collect();
    let call = reserve_stock(owner, asked, folded, quantities, until, at);
    diesel::select(call).get_result(conn).await
}

/// Finds what an owner has done.
pub async fn find(conn: &mut TenantConn, owner: Uuid) -> QueryResult<Option<ReservationRow>> {
    let row = table::table.find(owner).select(ReservationRow::as_select());
    row.first(conn).await.optional()
}

/// Finds what an owner has done, made if it has done nothing yet, and keeps others from changing it until the end of the
/// transaction.
pub async fn lock(
    conn: &mut TenantConn,
    owner: Uuid,
    at: DateTime<Utc>,
) -> QueryResult<ReservationRow> {
    let none = ReservationRow {
        owner_id: owner,
        released: false,
        asked: None,
        created_at: at,
    };
    diesel::insert_into(table::table)
        .values(&none)
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    let row = lock_known(conn, owner).await?;
    row.ok_or(diesel::result::Error::NotFound)
}

/// Finds what an owner has done, if it has done anything, and keeps others from changing it until the end of the transaction.
pub async fn lock_known(conn: &mut TenantConn, owner: Uuid) -> QueryResult<Option<ReservationRow>> {
    let row = table::table.find(owner).select(ReservationRow::as_select());
    row.for_update().first(conn).await.optional()
}

/// Lists what an owner has reserved, by SKU and place.
pub async fn lines_of(conn: &mut TenantConn, owner: Uuid) -> QueryResult<Vec<LineRow>> {
    let rows = lines::table.filter(lines::owner_id.eq(owner));
    let rows = rows.order((lines::folded, lines::location_id));
    rows.select(LineRow::as_select()).load(conn).await
}

/// Lists what an owner has just reserved, by SKU and place, and sees to it that what has run low or out with it is told.
pub async fn reserved_now(conn: &mut TenantConn, owner: Uuid) -> QueryResult<Vec<LineRow>> {
    let free = levels::on_hand + levels::backorder_limit - levels::safety - levels::reserved;
    let own = levels::folded.eq(lines::folded);
    let own = own.and(levels::location_id.eq(lines::location_id));
    let rows: Vec<(LineRow, bool)> = lines::table
        .inner_join(levels::table.on(own))
        .filter(lines::owner_id.eq(owner))
        .order((lines::folded, lines::location_id))
        .select((LineRow::as_select(), free.le(levels::reorder_point)))
        .load(conn)
        .await?;
    if rows.iter().any(|(_, is_scarce)| *is_scarce) {
        conn.announce();
    }
    Ok(rows.into_iter().map(|(row, _)| row).collect())
}

/// Lists what an owner has reserved, and keeps others from changing it until the end of the transaction.
pub async fn lock_lines(conn: &mut TenantConn, owner: Uuid) -> QueryResult<Vec<LineRow>> {
    let rows = lines::table.filter(lines::owner_id.eq(owner));
    let rows = rows.order((lines::folded, lines::location_id));
    rows.select(LineRow::as_select())
        .for_update()
        .load(conn)
        .await
}

/// Puts all that an owner holds into the state of what is committed.
pub async fn commit(conn: &mut TenantConn, owner: Uuid) -> QueryResult<()> {
    let held = lines::table.filter(lines::owner_id.eq(owner).and(lines::state.eq(HELD)));
    let changed = diesel::update(held).set(lines::state.eq(COMMITTED));
    changed.execute(conn).await.map(drop)
}

/// Holds what an owner holds until a later time.
pub async fn extend(conn: &mut TenantConn, owner: Uuid, until: DateTime<Utc>) -> QueryResult<()> {
    let held = lines::table.filter(lines::owner_id.eq(owner).and(lines::state.eq(HELD)));
    let changed = diesel::update(held).set(lines::expires_at.eq(until));
    changed.execute(conn).await.map(drop)
}

/// Stores a line as it is now.
pub async fn put_line(conn: &mut TenantConn, row: &LineRow) -> QueryResult<()> {
    let own = lines::table.find((row.owner_id, &row.folded, row.location_id));
    let changed = diesel::update(own).set(row);
    changed.execute(conn).await.map(drop)
}

/// Notes that an owner has given back what it reserved, for good.
pub async fn note_released(conn: &mut TenantConn, owner: Uuid) -> QueryResult<()> {
    let changed = diesel::update(table::table.find(owner)).set(table::released.eq(true));
    changed.execute(conn).await.map(drop)
}
