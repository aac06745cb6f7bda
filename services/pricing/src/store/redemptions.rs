//! Uses of promotions by checkouts.

use averis_tenant_db::{Reader, TenantConn};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{redemptions as table, released_checkouts as released};

/// How long it is known that a checkout has given back what it held.
const REMEMBERED: TimeDelta = TimeDelta::days(30);

/// A use's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct RedemptionRow {
    pub id: Uuid,
    pub promotion_id: Uuid,
    pub checkout_id: Uuid,
    pub quote_id: Uuid,
    pub customer_id: Option<Uuid>,
    pub amount: i64,
    pub currency: String,
    /// `held`, `confirmed` or `released`.
    pub state: String,
    pub expires_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Inserts uses.
pub async fn insert(conn: &mut TenantConn, rows: &[RedemptionRow]) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(rows);
    added.execute(conn).await.map(drop)
}

/// Lists the uses of a checkout by promotion, and keeps others from changing them until the end of the transaction.
pub async fn lock_of(conn: &mut TenantConn, checkout: Uuid) -> QueryResult<Vec<RedemptionRow>> {
    table::table
        .filter(table::checkout_id.eq(checkout))
        .order(table::promotion_id)
        .select(RedemptionRow::as_select())
        .for_update()
        .load(conn)
        .await
}

/// Lists the uses of a checkout by promotion.
pub async fn of(conn: &mut TenantConn, checkout: Uuid) -> QueryResult<Vec<RedemptionRow>> {
    let rows = table::table.filter(table::checkout_id.eq(checkout));
    rows.order(table::promotion_id)
        .select(RedemptionRow::as_select())
        .load(conn)
        .await
}

/// Lists held uses of promotions whose time is over, and keeps others from changing them until the end of the transaction.
/// Those that somebody else is changing just now are left out.
pub async fn lock_expired(
    conn: &mut TenantConn,
    promotions: &[Uuid],
) -> QueryResult<Vec<RedemptionRow>> {
    table::table
        .filter(table::promotion_id.eq_any(promotions))
        .filter(
            table::state
                .eq("held")
                .and(table::expires_at.le(Utc::now())),
        )
        .order((table::promotion_id, table::id))
        .select(RedemptionRow::as_select())
        .for_update()
        .skip_locked()
        .load(conn)
        .await
}

/// A held use that does not count: its time is over, or it is the quote's own.
#[derive(Clone, Copy, Debug, Queryable)]
pub struct FreeUse {
    pub promotion: Uuid,
    pub amount: i64,
    pub customer: Option<Uuid>,
}

/// Lists held uses of promotions whose time is over, and those of a quote, which do not stand in its own way.
pub async fn free(
    conn: &mut impl Reader,
    promotions: &[Uuid],
    quote: Option<Uuid>,
) -> QueryResult<Vec<FreeUse>> {
    let is_over = table::expires_at.le(Utc::now());
    let is_own = table::quote_id.nullable().eq(quote);
    table::table
        .filter(table::promotion_id.eq_any(promotions))
        .filter(table::state.eq("held"))
        .filter(is_over.or(is_own.assume_not_null()))
        .select((table::promotion_id, table::amount, table::customer_id))
        .load(conn)
        .await
}

/// Puts uses into a state.
pub async fn put_state(conn: &mut TenantConn, ids: &[Uuid], state: &str) -> QueryResult<()> {
    let changed = diesel::update(table::table.filter(table::id.eq_any(ids)))
        .set((table::state.eq(state), table::updated_at.eq(Utc::now())));
    changed.execute(conn).await.map(drop)
}

/// Tells whether a checkout has given back what it held, for good.
pub async fn is_released(conn: &mut TenantConn, checkout: Uuid) -> QueryResult<bool> {
    let row = released::table.find(checkout);
    diesel::select(exists(row)).get_result(conn).await
}

/// Notes that a checkout has given back what it held, for good: for longer than anything of it may be under way.
pub async fn note_released(
    conn: &mut TenantConn,
    checkout: Uuid,
    at: DateTime<Utc>,
) -> QueryResult<()> {
    let row = (released::checkout_id.eq(checkout), released::at.eq(at));
    let added = diesel::insert_into(released::table).values(row);
    let added = added.on_conflict_do_nothing();
    added.execute(conn).await?;
    // One in 16 tidies up for the rest: the last bits of their ids are random.
    if checkout.as_u128().is_multiple_of(16) {
        let old = released::table.filter(released::at.lt(at - REMEMBERED));
        diesel::delete(old).execute(conn).await?;
    }
    Ok(())
}

/// Removes uses that were given back, so that their checkout may use the promotions again.
pub async fn delete(conn: &mut TenantConn, ids: &[Uuid]) -> QueryResult<()> {
    let gone = diesel::delete(table::table.filter(table::id.eq_any(ids)));
    gone.execute(conn).await.map(drop)
}

/// Takes customers' names off their uses.
pub async fn forget(conn: &mut TenantConn, gone: &[Uuid]) -> QueryResult<()> {
    let own = table::table.filter(table::customer_id.eq_any(gone));
    diesel::update(own)
        .set(table::customer_id.eq(None::<Uuid>))
        .execute(conn)
        .await
        .map(drop)
}
