//! How orders are paid, what providers are asked, and what they have told.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use super::orders::LineRow;
use crate::domain::payments::Sums;
use crate::schema::{
    payment_transactions as transactions, payments as table, provider_events as told,
};

pub const AUTHORISE: &str = "authorise";
pub const CAPTURE: &str = "capture";
pub const VOID: &str = "void";
pub const REFUND: &str = "refund";
pub const CHARGEBACK: &str = "chargeback";

pub const INITIAL: &str = "initial";
pub const PENDING: &str = "pending";
pub const SUCCESS: &str = "success";
pub const FAILURE: &str = "failure";

/// How an order is paid.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_default_value = false, primary_key(order_id), treat_none_as_null = true)]
pub struct PaymentRow {
    pub order_id: Uuid,
    pub provider: String,
    pub currency: String,
    /// The tenant's account there, as it was when the order was drafted.
    pub account: Option<String>,
    /// The provider's name for it, once it is known.
    pub reference: Option<String>,
    pub authorised: i64,
    pub captured: i64,
    /// What is being captured.
    pub capturing: i64,
    pub voided: i64,
    pub refunded: i64,
    /// What is being refunded.
    pub refunding: i64,
    pub charged_back: i64,
    /// What of the refunds, those under way too, is for goods that came back. The rest is goodwill.
    pub for_returns: i64,
    /// What of the refunds, those under way too, was paid above what the order comes to.
    pub excess: i64,
    /// When to look whether what is authorised still is.
    pub look_at: Option<DateTime<Utc>>,
}

impl PaymentRow {
    /// The sums of what has succeeded.
    pub const fn sums(&self) -> Sums {
        Sums {
            authorised: self.authorised,
            captured: self.captured,
            voided: self.voided,
            refunded: self.refunded,
            charged_back: self.charged_back,
        }
    }

    /// What of the authorised is neither captured nor given up.
    pub const fn open(&self) -> i64 {
        self.authorised - self.captured - self.capturing - self.voided
    }

    /// What has gone back, or is about to, for no goods that came back and no pieces that were cancelled.
    pub const fn goodwill(&self) -> i64 {
        self.refunded + self.refunding - self.for_returns - self.excess
    }

    /// What was paid above what the order comes to without the pieces that were cancelled and those that came back, and has not gone back
    /// as that.
    pub fn above(&self, lines: &[LineRow]) -> i64 {
        let due: i64 = lines.iter().map(LineRow::due).sum();
        (self.captured - self.charged_back - self.for_returns - self.excess - due).max(0)
    }

    /// What of the captured has not gone back.
    pub const fn refundable(&self) -> i64 {
        self.captured - self.refunded - self.refunding - self.charged_back
    }
}

/// What a provider is asked, or has done.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = transactions, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct TransactionRow {
    pub id: Uuid,
    pub order_id: Uuid,
    pub kind: String,
    pub cause: String,
    pub amount: i64,
    pub state: String,
    pub reference: Option<String>,
    pub failure: Option<String>,
    pub attempts: i32,
    pub next_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// What of a refund was paid above what the order comes to.
    pub excess: i64,
}

impl TransactionRow {
    /// Whether nothing becomes of it any more.
    pub fn is_final(&self) -> bool {
        self.state == SUCCESS || self.state == FAILURE
    }
}

/// Notes how an order is paid.
pub async fn insert(conn: &mut TenantConn, row: &PaymentRow) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Returns how an order is paid.
pub async fn find(conn: &mut TenantConn, order: Uuid) -> QueryResult<Option<PaymentRow>> {
    let row = table::table.find(order).select(PaymentRow::as_select());
    row.first(conn).await.optional()
}

/// Returns how orders are paid.
pub async fn of_orders(conn: &mut TenantConn, orders: &[Uuid]) -> QueryResult<Vec<PaymentRow>> {
    let rows = table::table.filter(table::order_id.eq_any(orders));
    rows.select(PaymentRow::as_select()).load(conn).await
}

/// Returns the order that a provider knows by that name.
pub async fn order_of(
    conn: &mut TenantConn,
    provider: &str,
    reference: &str,
) -> QueryResult<Option<Uuid>> {
    let row = table::table.filter(table::provider.eq(provider));
    let row = row.filter(table::reference.eq(reference));
    row.select(table::order_id).first(conn).await.optional()
}

/// Whether any order of the tenant is paid through that account.
pub async fn has_account(
    conn: &mut TenantConn,
    provider: &str,
    account: &str,
) -> QueryResult<bool> {
    let own = table::table
        .filter(table::provider.eq(provider))
        .filter(table::account.eq(account));
    diesel::select(diesel::dsl::exists(own))
        .get_result(conn)
        .await
}

/// Stores the sums.
pub async fn put(conn: &mut TenantConn, row: &PaymentRow) -> QueryResult<()> {
    let stored = diesel::update(table::table.find(row.order_id)).set(row);
    stored.execute(conn).await.map(drop)
}

/// Notes what a provider is to be asked. Of one cause once: tells whether it is new.
pub async fn ask(conn: &mut TenantConn, row: &TransactionRow) -> QueryResult<bool> {
    let added = diesel::insert_into(transactions::table)
        .values(row)
        .on_conflict_do_nothing();
    Ok(added.execute(conn).await? == 1)
}

/// Finds a transaction.
pub async fn find_transaction(
    conn: &mut TenantConn,
    id: Uuid,
) -> QueryResult<Option<TransactionRow>> {
    let row = transactions::table.find(id);
    let row = row.select(TransactionRow::as_select());
    row.first(conn).await.optional()
}

/// Returns the transactions of an order, in the order in which they were written.
pub async fn transactions_of(
    conn: &mut TenantConn,
    order: Uuid,
) -> QueryResult<Vec<TransactionRow>> {
    let rows = transactions::table.filter(transactions::order_id.eq(order));
    let rows = rows.order((transactions::created_at, transactions::id));
    rows.select(TransactionRow::as_select()).load(conn).await
}

/// Returns those of the orders whose authorisation was refused.
pub async fn declined(conn: &mut TenantConn, orders: &[Uuid]) -> QueryResult<Vec<Uuid>> {
    transactions::table
        .filter(transactions::order_id.eq_any(orders))
        .filter(transactions::kind.eq(AUTHORISE))
        .filter(transactions::state.eq(FAILURE))
        .select(transactions::order_id)
        .load(conn)
        .await
}

/// Returns transactions that somebody has to ask for by now, those that wait longest first.
pub async fn due(conn: &mut TenantConn, at: DateTime<Utc>, limit: i64) -> QueryResult<Vec<Uuid>> {
    transactions::table
        .filter(transactions::state.eq_any([INITIAL, PENDING]))
        .filter(transactions::next_at.le(at))
        .order(transactions::next_at)
        .select(transactions::id)
        .limit(limit)
        .load(conn)
        .await
}

/// Returns when the next transaction has to be asked for.
pub async fn next_due(conn: &mut TenantConn) -> QueryResult<Option<DateTime<Utc>>> {
    transactions::table
        .filter(transactions::state.eq_any([INITIAL, PENDING]))
        .select(diesel::dsl::min(transactions::next_at))
        .first(conn)
        .await
}

/// Returns orders of which it has to be looked by now whether what is authorised still is.
pub async fn to_look_at(
    conn: &mut TenantConn,
    at: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<Uuid>> {
    table::table
        .filter(table::look_at.le(at))
        .order(table::look_at)
        .select(table::order_id)
        .limit(limit)
        .load(conn)
        .await
}

/// Stores what became of a transaction.
pub async fn put_transaction(conn: &mut TenantConn, row: &TransactionRow) -> QueryResult<()> {
    let stored = diesel::update(transactions::table.find(row.id)).set(row);
    stored.execute(conn).await.map(drop)
}

/// Keeps what a provider has told, each once. Tells whether it is new.
pub async fn hear(
    conn: &mut TenantConn,
    provider: &str,
    event: &str,
    body: &Value,
    at: DateTime<Utc>,
) -> QueryResult<bool> {
    let row = (
        told::provider.eq(provider),
        told::event_id.eq(event),
        told::body.eq(body),
        told::received_at.eq(at),
    );
    let added = diesel::insert_into(told::table).values(row);
    Ok(added.on_conflict_do_nothing().execute(conn).await? == 1)
}

/// Returns what was told and had no effect yet, the earliest first.
pub async fn waiting(
    conn: &mut TenantConn,
    limit: i64,
) -> QueryResult<Vec<(String, String, Value)>> {
    told::table
        .filter(told::processed_at.is_null())
        .order(told::received_at)
        .select((told::provider, told::event_id, told::body))
        .limit(limit)
        .load(conn)
        .await
}

/// Whether something was told before that moment and has had no effect yet.
pub async fn has_waited(conn: &mut TenantConn, since: DateTime<Utc>) -> QueryResult<bool> {
    let old = told::table
        .filter(told::processed_at.is_null())
        .filter(told::received_at.lt(since));
    diesel::select(diesel::dsl::exists(old))
        .get_result(conn)
        .await
}

/// Says that what was told has had its effect, or will never have one.
pub async fn note_processed(
    conn: &mut TenantConn,
    provider: &str,
    event: &str,
    at: DateTime<Utc>,
) -> QueryResult<()> {
    let own = told::table.find((provider, event));
    let noted = diesel::update(own).set(told::processed_at.eq(at));
    noted.execute(conn).await.map(drop)
}

/// Says that what was told and waits since before that moment will have no effect.
pub async fn give_up(
    conn: &mut TenantConn,
    before: DateTime<Utc>,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    let old = told::table
        .filter(told::processed_at.is_null())
        .filter(told::received_at.lt(before));
    diesel::update(old)
        .set(told::processed_at.eq(at))
        .execute(conn)
        .await
}
