//! Attempts to buy carts.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use crate::schema::checkouts as table;

pub const RUNNING: &str = "running";
pub const PAYING: &str = "paying";
pub const FINALISING: &str = "finalising";
pub const COMPENSATING: &str = "compensating";
pub const PLACED: &str = "placed";
pub const FAILED: &str = "failed";

/// An attempt's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct CheckoutRow {
    pub id: Uuid,
    pub cart_id: Uuid,
    pub session_id: Uuid,
    pub status: String,
    /// The last step that is done.
    pub step: String,
    pub expected_total: i64,
    pub currency: String,
    pub provider: String,
    pub payment_token: Option<String>,
    /// Whether what is not there is left out, rather than nothing bought.
    pub short_ship: bool,
    /// What is bought.
    pub cart: Value,
    pub buyer: Option<Value>,
    pub quote: Option<Value>,
    pub reservation: Option<Value>,
    pub order_id: Option<Uuid>,
    pub order_number: Option<String>,
    pub problem: Option<Value>,
    pub problem_status: Option<i16>,
    pub attempts: i32,
    pub next_at: DateTime<Utc>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl CheckoutRow {
    /// Whether nothing becomes of it any more.
    pub fn is_over(&self) -> bool {
        self.status == PLACED || self.status == FAILED
    }
}

/// Inserts an attempt.
pub async fn insert(conn: &mut TenantConn, row: &CheckoutRow) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Finds an attempt.
pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<CheckoutRow>> {
    let row = table::table.find(id).select(CheckoutRow::as_select());
    row.first(conn).await.optional()
}

/// Counts the attempts that are not over, by their status.
pub async fn open_by_status(conn: &mut TenantConn) -> QueryResult<Vec<(String, i64)>> {
    table::table
        .filter(table::status.ne_all([PLACED, FAILED]))
        .group_by(table::status)
        .select((table::status, diesel::dsl::count_star()))
        .load(conn)
        .await
}

/// Finds the attempt at a cart that is under way.
pub async fn open_of(conn: &mut TenantConn, cart: Uuid) -> QueryResult<Option<CheckoutRow>> {
    let row = table::table.filter(table::cart_id.eq(cart));
    let row = row.filter(table::status.ne_all([PLACED, FAILED]));
    row.select(CheckoutRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// Finds the attempt at a cart that has made an order of it.
pub async fn placed_of(conn: &mut TenantConn, cart: Uuid) -> QueryResult<Option<CheckoutRow>> {
    let row = table::table.filter(table::cart_id.eq(cart));
    let row = row.filter(table::status.eq(PLACED));
    row.select(CheckoutRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// What a step changes of an attempt. The documents of steps before are not written again.
#[derive(AsChangeset)]
#[diesel(table_name = table)]
struct Change<'row> {
    status: &'row str,
    step: &'row str,
    cart: Option<&'row Value>,
    buyer: Option<&'row Value>,
    quote: Option<&'row Value>,
    reservation: Option<&'row Value>,
    order_id: Option<Uuid>,
    order_number: Option<&'row str>,
    problem: Option<Option<&'row Value>>,
    problem_status: Option<Option<i16>>,
    attempts: i32,
    next_at: DateTime<Utc>,
    version: i64,
    updated_at: DateTime<Utc>,
}

/// Stores an attempt as it is now, if it is as `before` has seen it; whoever works on it with an older one stops. Returns it with
/// its next version.
pub async fn store(
    conn: &mut TenantConn,
    before: &CheckoutRow,
    row: &CheckoutRow,
) -> QueryResult<Option<CheckoutRow>> {
    let mut row = row.clone();
    row.version = before.version + 1;
    row.updated_at = averis_service_kit::clock::now();
    let own = table::table
        .filter(table::id.eq(row.id))
        .filter(table::version.eq(before.version));
    let changed = diesel::update(own).set(Change {
        status: &row.status,
        step: &row.step,
        cart: (before.cart != row.cart).then_some(&row.cart),
        buyer: new(&before.buyer, &row.buyer),
        quote: new(&before.quote, &row.quote),
        reservation: new(&before.reservation, &row.reservation),
        order_id: row.order_id,
        order_number: row.order_number.as_deref(),
        problem: Some(row.problem.as_ref()),
        problem_status: Some(row.problem_status),
        attempts: row.attempts,
        next_at: row.next_at,
        version: row.version,
        updated_at: row.updated_at,
    });
    Ok((changed.execute(conn).await? == 1).then_some(row))
}

fn new<'row>(before: &Option<Value>, now: &'row Option<Value>) -> Option<&'row Value> {
    now.as_ref().filter(|_| before != now)
}

/// Takes an attempt that nobody works on for as long as that, if it is to be had. Returns it.
pub async fn claim(
    conn: &mut TenantConn,
    id: Uuid,
    at: DateTime<Utc>,
    until: DateTime<Utc>,
) -> QueryResult<Option<CheckoutRow>> {
    let free = table::table
        .filter(table::id.eq(id))
        .filter(table::status.ne_all([PLACED, FAILED]))
        .filter(table::next_at.le(at));
    diesel::update(free)
        .set((
            table::next_at.eq(until),
            table::version.eq(table::version + 1),
        ))
        .returning(CheckoutRow::as_returning())
        .get_result(conn)
        .await
        .optional()
}

/// Returns attempts that nobody works on and that somebody has to go on with by now.
pub async fn due(conn: &mut TenantConn, at: DateTime<Utc>, limit: i64) -> QueryResult<Vec<Uuid>> {
    table::table
        .filter(table::status.ne_all([PLACED, FAILED]))
        .filter(table::next_at.le(at))
        .order(table::next_at)
        .select(table::id)
        .limit(limit)
        .load(conn)
        .await
}

/// Lists attempts, the earliest first.
pub async fn list(
    conn: &mut TenantConn,
    status: Option<&'static str>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<CheckoutRow>> {
    let mut rows = table::table.select(CheckoutRow::as_select()).into_boxed();
    if let Some(status) = status {
        rows = rows.filter(table::status.eq(status));
    }
    let rows = averis_service_kit::after_place!(rows, table, after);
    let rows = rows.order((table::created_at, table::id));
    rows.limit(limit).load(conn).await
}
