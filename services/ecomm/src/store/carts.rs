//! Carts and what is in them.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::schema::{cart_lines as lines, carts as table};

pub const ACTIVE: &str = "active";
pub const LOCKED: &str = "locked";
pub const ORDERED: &str = "ordered";
/// It was put into another one of its customer.
pub const MERGED: &str = "merged";

/// Nobody has touched it for long.
pub const EXPIRED: &str = "expired";

/// A cart's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset, Serialize, Deserialize)]
#[diesel(table_name = table, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct CartRow {
    pub id: Uuid,
    /// Whose it is.
    pub session_id: Uuid,
    pub state: String,
    pub country: String,
    pub company_id: Option<Uuid>,
    /// Through which it is filled.
    pub channel: Option<String>,
    pub coupon_codes: Vec<String>,
    pub email: Option<String>,
    pub ship_to: Option<Value>,
    pub bill_to: Option<Value>,
    pub shipping_method: Option<String>,
    pub order_id: Option<Uuid>,
    /// Who has signed in with it.
    #[serde(default)]
    pub customer_id: Option<Uuid>,
    #[serde(default)]
    pub merged_into: Option<Uuid>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A line's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = lines, treat_none_as_default_value = false)]
pub struct CartLineRow {
    pub cart_id: Uuid,
    pub id: Uuid,
    /// As it is compared.
    pub folded: String,
    pub sku: String,
    pub quantity: i64,
    pub created_at: DateTime<Utc>,
}

/// Inserts a cart.
pub async fn insert(conn: &mut TenantConn, row: &CartRow) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Finds a cart of a session.
pub async fn find(conn: &mut TenantConn, id: Uuid, session: Uuid) -> QueryResult<Option<CartRow>> {
    let row = table::table.find(id).filter(table::session_id.eq(session));
    row.select(CartRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// Finds a cart of a session and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut TenantConn, id: Uuid, session: Uuid) -> QueryResult<Option<CartRow>> {
    let row = table::table.find(id).filter(table::session_id.eq(session));
    let row = row.select(CartRow::as_select());
    row.for_update().first(conn).await.optional()
}

/// Finds the cart that a session has now.
pub async fn current(conn: &mut TenantConn, session: Uuid) -> QueryResult<Option<CartRow>> {
    let row = table::table.filter(table::session_id.eq(session));
    let row = row.filter(table::state.eq_any([ACTIVE, LOCKED]));
    row.select(CartRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// Lists the carts of customers who are one that nobody buys at the moment.
pub async fn active_of(conn: &mut TenantConn, customers: &[Uuid]) -> QueryResult<Vec<CartRow>> {
    let rows = table::table.filter(
        table::customer_id
            .eq_any(customers)
            .and(table::state.eq(ACTIVE)),
    );
    let rows = rows.order(table::id).select(CartRow::as_select());
    rows.load(conn).await
}

/// Lists those but for one and keeps others from changing them until the end of the transaction.
pub async fn lock_active_of(
    conn: &mut TenantConn,
    customers: &[Uuid],
    but: Uuid,
) -> QueryResult<Vec<CartRow>> {
    let rows = table::table.filter(
        table::customer_id
            .eq_any(customers)
            .and(table::state.eq(ACTIVE)),
    );
    let rows = rows.filter(table::id.ne(but)).order(table::id);
    let rows = rows.select(CartRow::as_select());
    rows.for_update().load(conn).await
}

/// Returns carts that nobody has touched since.
pub async fn idle(
    conn: &mut TenantConn,
    since: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<Uuid>> {
    table::table
        .filter(table::state.eq(ACTIVE))
        .filter(table::created_at.lt(since).and(table::updated_at.lt(since)))
        .order(table::created_at)
        .select(table::id)
        .limit(limit)
        .load(conn)
        .await
}

/// Ends those of some carts that nobody has touched since, or touches now, and returns them with their versions.
pub async fn expire(
    conn: &mut TenantConn,
    ids: &[Uuid],
    since: DateTime<Utc>,
) -> QueryResult<Vec<(Uuid, i64)>> {
    let idle = table::table
        .filter(table::id.eq_any(ids).and(table::state.eq(ACTIVE)))
        .filter(table::updated_at.lt(since))
        .order(table::id)
        .select(table::id)
        .for_update()
        .skip_locked();
    let idle: Vec<Uuid> = idle.load(conn).await?;
    diesel::update(table::table.filter(table::id.eq_any(idle)))
        .set((
            table::state.eq(EXPIRED),
            table::version.eq(table::version + 1),
            table::updated_at.eq(averis_service_kit::clock::now()),
        ))
        .returning((table::id, table::version))
        .get_results(conn)
        .await
}

/// Stores a cart as it is now and raises its version.
pub async fn update(conn: &mut TenantConn, row: &CartRow) -> QueryResult<CartRow> {
    let mut row = row.clone();
    row.version += 1;
    row.updated_at = averis_service_kit::clock::now();
    let stored = diesel::update(table::table.find(row.id)).set(&row);
    stored
        .returning(CartRow::as_returning())
        .get_result(conn)
        .await
}

/// Returns what is in a cart, in the order in which it came.
pub async fn lines_of(conn: &mut TenantConn, cart: Uuid) -> QueryResult<Vec<CartLineRow>> {
    let rows = lines::table.filter(lines::cart_id.eq(cart));
    let rows = rows.order((lines::created_at, lines::id));
    rows.select(CartLineRow::as_select()).load(conn).await
}

/// Returns what is in carts, in the order in which it came.
pub async fn lines_of_all(conn: &mut TenantConn, carts: &[Uuid]) -> QueryResult<Vec<CartLineRow>> {
    let rows = lines::table.filter(lines::cart_id.eq_any(carts));
    let rows = rows.order((lines::created_at, lines::id));
    rows.select(CartLineRow::as_select()).load(conn).await
}

/// Puts something into a cart.
pub async fn insert_line(conn: &mut TenantConn, row: &CartLineRow) -> QueryResult<()> {
    let added = diesel::insert_into(lines::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Says how many pieces of a line there are; none at all removes it.
pub async fn put_quantity(
    conn: &mut TenantConn,
    cart: Uuid,
    line: Uuid,
    quantity: i64,
) -> QueryResult<()> {
    let own = lines::table.find((cart, line));
    if quantity == 0 {
        return diesel::delete(own).execute(conn).await.map(drop);
    }
    let changed = diesel::update(own).set(lines::quantity.eq(quantity));
    changed.execute(conn).await.map(drop)
}
