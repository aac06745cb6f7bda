//! What checkouts use of companies' credit.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{companies, credit_holds as table};

/// A hold's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table)]
pub struct HoldRow {
    pub checkout_id: Uuid,
    pub company_id: Uuid,
    pub amount: i64,
    pub currency: String,
    /// `held`, `confirmed` or `released`.
    pub state: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Finds the hold of a checkout and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut TenantConn, checkout: Uuid) -> QueryResult<Option<HoldRow>> {
    let row = table::table.find(checkout).select(HoldRow::as_select());
    row.for_update().first(conn).await.optional()
}

/// Finds the hold of a checkout.
pub async fn find(conn: &mut TenantConn, checkout: Uuid) -> QueryResult<Option<HoldRow>> {
    let row = table::table.find(checkout).select(HoldRow::as_select());
    row.first(conn).await.optional()
}

/// Takes so much of a company's credit, if there is so much left. Whoever takes at the same time waits until it is decided.
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
        .filter(
            (companies::credit_used + amount)
                .nullable()
                .le(companies::credit_limit),
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

/// Puts a hold there, in place of one that was released.
pub async fn put(conn: &mut TenantConn, row: &HoldRow) -> QueryResult<()> {
    diesel::delete(
        table::table
            .find(row.checkout_id)
            .filter(table::state.eq("released")),
    )
    .execute(conn)
    .await?;
    let put = diesel::insert_into(table::table).values(row);
    put.execute(conn).await.map(drop)
}

/// Puts a hold into a state.
pub async fn put_state(conn: &mut TenantConn, checkout: Uuid, state: &str) -> QueryResult<HoldRow> {
    let changed = diesel::update(table::table.find(checkout))
        .set((table::state.eq(state), table::updated_at.eq(Utc::now())));
    changed
        .returning(HoldRow::as_returning())
        .get_result(conn)
        .await
}
