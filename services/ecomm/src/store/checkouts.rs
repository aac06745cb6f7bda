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
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_default_value = false, treat_none_as_null = true)]
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

/// Stores an attempt as it is now, if it is as `row` has seen it; whoever works on it with an older one stops. Raises its version.
pub async fn store(conn: &mut TenantConn, row: &CheckoutRow) -> QueryResult<Option<CheckoutRow>> {
    let seen = row.version;
    let mut row = row.clone();
    row.version += 1;
    row.updated_at = averis_service_kit::clock::now();
    let own = table::table
        .filter(table::id.eq(row.id))
        .filter(table::version.eq(seen));
    diesel::update(own)
        .set(&row)
        .returning(CheckoutRow::as_returning())
        .get_result(conn)
        .await
        .optional()
}

/// Takes an attempt that nobody works on for as long as that. Tells whether it was to be had.
pub async fn claim(
    conn: &mut TenantConn,
    id: Uuid,
    at: DateTime<Utc>,
    until: DateTime<Utc>,
) -> QueryResult<bool> {
    let free = table::table
        .filter(table::id.eq(id))
        .filter(table::status.ne_all([PLACED, FAILED]))
        .filter(table::next_at.le(at));
    let taken = diesel::update(free)
        .set((
            table::next_at.eq(until),
            table::version.eq(table::version + 1),
        ))
        .execute(conn)
        .await?;
    Ok(taken == 1)
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
