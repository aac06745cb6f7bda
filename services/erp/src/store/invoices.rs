//! Invoices, credit notes, and what was paid.

use averis_service_kit::after_place;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{
    invoice_lines as lines, invoices as table, number_sequences as numbers,
    payments_received as payments,
};

pub const DRAFT: &str = "draft";
pub const ISSUED: &str = "issued";
pub const PARTIALLY_PAID: &str = "partially_paid";
pub const PAID: &str = "paid";
/// All of it was taken back.
pub const CREDITED: &str = "credited";

/// An invoice's row, or a credit note's.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct InvoiceRow {
    pub id: Uuid,
    pub kind: String,
    pub status: String,
    pub cause: String,
    pub invoice_id: Option<Uuid>,
    pub series: Option<String>,
    pub number: Option<i64>,
    pub order_id: Option<Uuid>,
    pub customer_id: Option<Uuid>,
    pub company_id: Option<Uuid>,
    pub currency: String,
    pub net: i64,
    pub tax: i64,
    pub paid: i64,
    pub credited: i64,
    pub refunded: i64,
    pub payment_days: i32,
    pub issued_on: Option<NaiveDate>,
    pub due_on: Option<NaiveDate>,
    pub fx_rate: String,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl InvoiceRow {
    /// What it comes to, with tax. Both parts are sums that were checked.
    pub const fn total(&self) -> i64 {
        self.net.saturating_add(self.tax)
    }

    /// What the customer still owes of it; less than nothing is owed to the customer.
    pub const fn open(&self) -> i64 {
        self.total()
            .saturating_sub(self.credited)
            .saturating_sub(self.paid)
            .saturating_add(self.refunded)
    }
}

/// A line's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = lines, treat_none_as_default_value = false)]
pub struct InvoiceLineRow {
    pub invoice_id: Uuid,
    pub line: i32,
    pub sku: Option<String>,
    pub text: String,
    pub quantity: i64,
    pub net: i64,
    pub tax: i64,
    /// In millionths.
    pub tax_rate: i64,
    /// Pieces that credit notes have taken back.
    pub credited: i64,
}

/// A payment's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = payments, treat_none_as_default_value = false)]
pub struct PaymentRow {
    pub id: Uuid,
    pub invoice_id: Uuid,
    pub reference: String,
    pub account: String,
    pub amount: i64,
    pub currency: String,
    pub received_on: NaiveDate,
    pub created_at: DateTime<Utc>,
}

/// Inserts an invoice with its lines.
pub async fn insert(
    conn: &mut TenantConn,
    row: &InvoiceRow,
    own: &[InvoiceLineRow],
) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(row);
    added.execute(conn).await?;
    let added = diesel::insert_into(lines::table).values(own);
    added.execute(conn).await.map(drop)
}

/// Finds an invoice.
pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<InvoiceRow>> {
    let row = table::table.find(id).select(InvoiceRow::as_select());
    row.first(conn).await.optional()
}

/// Finds the invoice for a cause.
pub async fn find_by_cause(
    conn: &mut TenantConn,
    kind: &str,
    cause: &str,
) -> QueryResult<Option<InvoiceRow>> {
    let row = table::table.filter(table::kind.eq(kind).and(table::cause.eq(cause)));
    let row = row.select(InvoiceRow::as_select());
    row.first(conn).await.optional()
}

/// Finds an invoice and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<InvoiceRow>> {
    let row = table::table.find(id).select(InvoiceRow::as_select());
    row.for_update().first(conn).await.optional()
}

/// Lists the lines of invoices, by invoice and place.
pub async fn lines_of(conn: &mut TenantConn, ids: &[Uuid]) -> QueryResult<Vec<InvoiceLineRow>> {
    let rows = lines::table.filter(lines::invoice_id.eq_any(ids));
    let rows = rows.order((lines::invoice_id, lines::line));
    rows.select(InvoiceLineRow::as_select()).load(conn).await
}

/// Lists invoices by age, all or those of an order.
pub async fn list(
    conn: &mut TenantConn,
    order: Option<Uuid>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<InvoiceRow>> {
    let mut rows = table::table.select(InvoiceRow::as_select()).into_boxed();
    if let Some(order) = order {
        rows = rows.filter(table::order_id.eq(order));
    }
    let rows = after_place!(rows, table, after);
    let rows = rows.order((table::created_at, table::id));
    rows.limit(limit).load(conn).await
}

/// Stores an invoice as it is now and raises its version.
pub async fn update(conn: &mut TenantConn, row: &InvoiceRow) -> QueryResult<InvoiceRow> {
    let mut row = row.clone();
    row.version += 1;
    row.updated_at = averis_service_kit::clock::now();
    let stored = diesel::update(table::table.find(row.id)).set(&row);
    stored
        .returning(InvoiceRow::as_returning())
        .get_result(conn)
        .await
}

/// Notes how many pieces of a line credit notes have taken back.
pub async fn put_credited(
    conn: &mut TenantConn,
    invoice: Uuid,
    line: i32,
    pieces: i64,
) -> QueryResult<()> {
    let put = diesel::update(lines::table.find((invoice, line))).set(lines::credited.eq(pieces));
    put.execute(conn).await.map(drop)
}

/// Takes the next number of a series. Whoever takes at the same time waits until it is decided, and a transaction that fails
/// gives its number back: there is no gap.
pub async fn next_number(conn: &mut TenantConn, series: &str) -> QueryResult<i64> {
    diesel::insert_into(numbers::table)
        .values((numbers::series.eq(series), numbers::last.eq(1)))
        .on_conflict(numbers::series)
        .do_update()
        .set(numbers::last.eq(numbers::last + excluded(numbers::last)))
        .returning(numbers::last)
        .get_result(conn)
        .await
}

/// Inserts a payment.
pub async fn insert_payment(conn: &mut TenantConn, row: &PaymentRow) -> QueryResult<()> {
    let added = diesel::insert_into(payments::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Finds a payment by its reference.
pub async fn find_payment(
    conn: &mut TenantConn,
    reference: &str,
) -> QueryResult<Option<PaymentRow>> {
    let row = payments::table.filter(payments::reference.eq(reference));
    let row = row.select(PaymentRow::as_select());
    row.first(conn).await.optional()
}

/// Whether any invoice is drafted.
pub async fn is_begun(conn: &mut TenantConn) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(table::table.select(table::id)))
        .get_result(conn)
        .await
}
