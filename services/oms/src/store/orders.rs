//! Orders and their lines.

use averis_service_kit::after_place;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use super::payments::PaymentRow;
use crate::domain::orders::Pieces;
use crate::schema::{order_lines as lines, orders as table, payments};

pub const GOODS: &str = "goods";
pub const SHIPPING: &str = "shipping";
/// Paid by transfer, or on account: no provider is asked.
pub const OFFLINE: &str = "offline";

/// An order's row, but for its number, which the database gives.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct NewOrderRow {
    pub id: Uuid,
    pub checkout_id: Uuid,
    pub cart_id: Uuid,
    pub status: String,
    pub customer_id: Option<Uuid>,
    pub company_id: Option<Uuid>,
    pub currency: String,
    pub net: i64,
    pub tax: i64,
    pub provider: String,
    pub payment_token: Option<String>,
    pub payment_days: i32,
    pub snapshot: Value,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// An order's row.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = table)]
pub struct OrderRow {
    pub id: Uuid,
    pub number: i64,
    pub checkout_id: Uuid,
    pub cart_id: Uuid,
    pub status: String,
    pub customer_id: Option<Uuid>,
    pub company_id: Option<Uuid>,
    pub currency: String,
    pub net: i64,
    pub tax: i64,
    pub provider: String,
    pub payment_token: Option<String>,
    pub payment_days: i32,
    pub snapshot: Value,
    pub hold_reason: Option<String>,
    pub placed_at: Option<DateTime<Utc>>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl OrderRow {
    /// What it comes to, with tax. The sum was checked when it was drafted.
    pub const fn total(&self) -> i64 {
        self.net.saturating_add(self.tax)
    }
}

/// A line's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = lines, treat_none_as_default_value = false)]
pub struct LineRow {
    pub order_id: Uuid,
    pub line: i32,
    /// `goods`, or `shipping`: what it costs to send them.
    pub kind: String,
    pub sku: Option<String>,
    pub name: String,
    pub ordered: i64,
    pub cancelled: i64,
    pub shipped: i64,
    pub delivered: i64,
    pub returned: i64,
    pub refunded: i64,
    /// Of all its pieces.
    pub net: i64,
    pub tax: i64,
    /// What of it went with the cancelled pieces.
    pub cancelled_net: i64,
    pub cancelled_tax: i64,
    /// What of it was credited for pieces that came back.
    pub returned_net: i64,
    pub returned_tax: i64,
    /// In millionths.
    pub tax_rate: i64,
}

impl LineRow {
    /// Its pieces, and what became of them.
    pub const fn pieces(&self) -> Pieces {
        Pieces {
            ordered: self.ordered,
            cancelled: self.cancelled,
            shipped: self.shipped,
            delivered: self.delivered,
            returned: self.returned,
        }
    }

    /// What it costs, with tax, less what was cancelled and what came back.
    pub const fn due(&self) -> i64 {
        self.net + self.tax
            - (self.cancelled_net + self.cancelled_tax)
            - (self.returned_net + self.returned_tax)
    }

    /// Whether it is something that is sent.
    pub fn is_goods(&self) -> bool {
        self.kind == GOODS
    }
}

/// Inserts a draft with its lines. None says that its checkout has drafted one already, or that one of its cart is placed: whoever is
/// at it just now is waited for.
pub async fn insert(
    conn: &mut TenantConn,
    row: &NewOrderRow,
    own: &[LineRow],
) -> QueryResult<Option<OrderRow>> {
    let added = diesel::insert_into(table::table).values(row);
    let added = added.on_conflict_do_nothing();
    let added = added.returning(OrderRow::as_returning());
    let row: Option<OrderRow> = added.get_result(conn).await.optional()?;
    if row.is_some() {
        let added = diesel::insert_into(lines::table).values(own);
        added.execute(conn).await?;
    }
    Ok(row)
}

/// Finds an order.
pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<OrderRow>> {
    let row = table::table.find(id).select(OrderRow::as_select());
    row.first(conn).await.optional()
}

/// Returns in which currencies orders are.
pub async fn currencies(conn: &mut TenantConn, ids: &[Uuid]) -> QueryResult<Vec<(Uuid, String)>> {
    let rows = table::table.filter(table::id.eq_any(ids));
    rows.select((table::id, table::currency)).load(conn).await
}

/// Finds the order of a checkout.
pub async fn find_by_checkout(
    conn: &mut TenantConn,
    checkout: Uuid,
) -> QueryResult<Option<OrderRow>> {
    let row = table::table.filter(table::checkout_id.eq(checkout));
    let row = row.select(OrderRow::as_select());
    row.first(conn).await.optional()
}

/// Finds an order, with how it is paid, and keeps others from changing it, and all that belongs to it, until the end of the
/// transaction.
pub async fn lock(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<(OrderRow, PaymentRow)>> {
    let row = table::table.inner_join(payments::table);
    let row = row.filter(table::id.eq(id)).for_update();
    let columns = (OrderRow::as_select(), PaymentRow::as_select());
    row.select(columns).first(conn).await.optional()
}

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct OrderFilter {
    pub status: Option<&'static str>,
    pub customer: Option<Uuid>,
    pub placed_from: Option<DateTime<Utc>>,
}

/// Lists orders by age.
pub async fn list(
    conn: &mut TenantConn,
    filter: &OrderFilter,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<OrderRow>> {
    let mut rows = table::table.select(OrderRow::as_select()).into_boxed();
    if let Some(status) = filter.status {
        rows = rows.filter(table::status.eq(status));
    }
    if let Some(customer) = filter.customer {
        rows = rows.filter(table::customer_id.eq(customer));
    }
    if let Some(from) = filter.placed_from {
        rows = rows.filter(table::placed_at.ge(from));
    }
    let rows = after_place!(rows, table, after);
    let rows = rows.order((table::created_at, table::id));
    rows.limit(limit).load(conn).await
}

/// Returns the lines of orders.
pub async fn lines_of(conn: &mut TenantConn, orders: &[Uuid]) -> QueryResult<Vec<LineRow>> {
    let rows = lines::table.filter(lines::order_id.eq_any(orders));
    let rows = rows.order((lines::order_id, lines::line));
    rows.select(LineRow::as_select()).load(conn).await
}

/// Stores what became of the pieces of lines that there are, with one statement however many they are.
pub async fn put_lines(conn: &mut TenantConn, rows: &[LineRow]) -> QueryResult<()> {
    let stored = diesel::insert_into(lines::table)
        .values(rows)
        .on_conflict((lines::order_id, lines::line))
        .do_update()
        .set((
            lines::cancelled.eq(excluded(lines::cancelled)),
            lines::shipped.eq(excluded(lines::shipped)),
            lines::delivered.eq(excluded(lines::delivered)),
            lines::returned.eq(excluded(lines::returned)),
            lines::refunded.eq(excluded(lines::refunded)),
            lines::cancelled_net.eq(excluded(lines::cancelled_net)),
            lines::cancelled_tax.eq(excluded(lines::cancelled_tax)),
            lines::returned_net.eq(excluded(lines::returned_net)),
            lines::returned_tax.eq(excluded(lines::returned_tax)),
        ));
    stored.execute(conn).await.map(drop)
}

/// Stores what was decided of an order, and raises its version.
pub async fn update(conn: &mut TenantConn, row: OrderRow) -> QueryResult<OrderRow> {
    // It is locked: what is not set here stands in the row. Its snapshot need not travel back.
    let updated = OrderRow {
        version: row.version + 1,
        updated_at: averis_service_kit::clock::now(),
        ..row
    };
    diesel::update(table::table.find(updated.id))
        .set((
            table::status.eq(&updated.status),
            table::hold_reason.eq(&updated.hold_reason),
            table::placed_at.eq(updated.placed_at),
            table::version.eq(updated.version),
            table::updated_at.eq(updated.updated_at),
        ))
        .execute(conn)
        .await?;
    Ok(updated)
}
