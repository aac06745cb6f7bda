//! What checkouts use of companies' credit.
//!
//! Whoever changes a hold has locked its checkout, then its company, then the hold: in this order, or two wait for each
//! other.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{companies, credit_holds as table, credit_settlements as settlements};

/// Its time runs.
pub const HELD: &str = "held";
/// The order is placed, and owed.
pub const CONFIRMED: &str = "confirmed";
/// All of it is paid.
pub const SETTLED: &str = "settled";
/// Given back, for good.
pub const RELEASED: &str = "released";

/// A hold's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_default_value = false, primary_key(checkout_id), treat_none_as_null = true)]
pub struct HoldRow {
    pub checkout_id: Uuid,
    /// None of what was given back before it was held.
    pub company_id: Option<Uuid>,
    pub amount: Option<i64>,
    pub currency: Option<String>,
    pub state: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// What of it is paid.
    pub settled: i64,
    pub expires_at: Option<DateTime<Utc>>,
}

/// Finds the hold of a checkout.
pub async fn find(conn: &mut TenantConn, checkout: Uuid) -> QueryResult<Option<HoldRow>> {
    let row = table::table.find(checkout).select(HoldRow::as_select());
    row.first(conn).await.optional()
}

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct HoldFilter {
    pub company: Option<Uuid>,
    pub state: Option<&'static str>,
}

/// Lists holds by age.
pub async fn list(
    conn: &mut TenantConn,
    filter: &HoldFilter,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<HoldRow>> {
    let mut rows = table::table.select(HoldRow::as_select()).into_boxed();
    if let Some(company) = filter.company {
        rows = rows.filter(table::company_id.eq(company));
    }
    if let Some(state) = filter.state {
        rows = rows.filter(table::state.eq(state));
    }
    if let Some((created_at, id)) = after {
        let later = table::created_at
            .gt(created_at)
            .or(table::checkout_id.gt(id));
        rows = rows.filter(table::created_at.ge(created_at)).filter(later);
    }
    let rows = rows.order((table::created_at, table::checkout_id));
    rows.limit(limit).load(conn).await
}

/// Gives back what a company's checkouts have held for too long. The transaction holds the company.
pub async fn expire(conn: &mut TenantConn, company: Uuid, at: DateTime<Utc>) -> QueryResult<()> {
    let over = table::table
        .filter(table::company_id.eq(company))
        .filter(table::state.eq(HELD))
        .filter(table::expires_at.le(at));
    let freed: Vec<Option<i64>> = diesel::update(over)
        .set((table::state.eq(RELEASED), table::updated_at.eq(at)))
        .returning(table::amount)
        .get_results(conn)
        .await?;
    match freed.iter().flatten().sum() {
        0 => Ok(()),
        sum => give(conn, company, sum).await,
    }
}

/// Takes so much of a company's credit, if there is so much left.
pub async fn take(
    conn: &mut TenantConn,
    company: Uuid,
    amount: i64,
    currency: &str,
) -> QueryResult<bool> {
    let free = companies::table
        .find(company)
        .filter(companies::status.eq("approved"))
        .filter(companies::credit_currency.eq(currency))
        // No sum, which might be too large.
        .filter(
            companies::credit_used
                .nullable()
                .le(companies::credit_limit - amount),
        );
    let taken =
        diesel::update(free).set(companies::credit_used.eq(companies::credit_used + amount));
    Ok(taken.execute(conn).await? == 1)
}

/// Gives so much of a company's credit back.
pub async fn give(conn: &mut TenantConn, company: Uuid, amount: i64) -> QueryResult<()> {
    let given = diesel::update(companies::table.find(company))
        .set(companies::credit_used.eq(companies::credit_used - amount));
    given.execute(conn).await.map(drop)
}

/// Inserts a hold.
pub async fn insert(conn: &mut TenantConn, row: &HoldRow) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Stores a hold as it is now.
pub async fn update(conn: &mut TenantConn, row: &HoldRow) -> QueryResult<()> {
    let changed = diesel::update(table::table.find(row.checkout_id)).set(row);
    changed.execute(conn).await.map(drop)
}

/// Returns what was paid of a checkout under that reference.
pub async fn settlement(
    conn: &mut TenantConn,
    checkout: Uuid,
    reference: &str,
) -> QueryResult<Option<i64>> {
    let row = settlements::table.find((checkout, reference));
    row.select(settlements::amount).first(conn).await.optional()
}

/// Notes what was paid of a checkout.
pub async fn note_settlement(
    conn: &mut TenantConn,
    checkout: Uuid,
    reference: &str,
    amount: i64,
    at: DateTime<Utc>,
) -> QueryResult<()> {
    let row = (
        settlements::checkout_id.eq(checkout),
        settlements::reference.eq(reference),
        settlements::amount.eq(amount),
        settlements::at.eq(at),
    );
    let noted = diesel::insert_into(settlements::table).values(row);
    noted.execute(conn).await.map(drop)
}
