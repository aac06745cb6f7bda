//! What was erased, and what has to go with it.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Binary, Bool, Text};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{erasures as table, idempotency_keys, merges};

/// Notes that a customer was erased, by whom and why.
pub async fn insert(
    conn: &mut TenantConn,
    customer: Uuid,
    by: Uuid,
    reason: &str,
    at: DateTime<Utc>,
) -> QueryResult<()> {
    let row = (
        table::customer_id.eq(customer),
        table::requested_by.eq(by),
        table::reason.eq(reason),
        table::at.eq(at),
    );
    let noted = diesel::insert_into(table::table).values(row);
    noted.execute(conn).await.map(drop)
}

/// Returns all customers who were found to be this one, itself included.
pub async fn all_of(conn: &mut TenantConn, customer: Uuid) -> QueryResult<Vec<Uuid>> {
    let mut all = vec![customer];
    // A merge is into somebody proven, who is merged into nobody: there is one step.
    let rows = merges::table.filter(merges::into_id.eq(customer));
    let others: Vec<Uuid> = rows.select(merges::from_id).load(conn).await?;
    all.extend(others);
    Ok(all)
}

/// Removes kept answers that speak of a customer, by its id.
pub async fn forget_answers(conn: &mut TenantConn, customer: Uuid) -> QueryResult<()> {
    let speaks = diesel::dsl::sql::<Bool>("position(convert_to(")
        .bind::<Text, _>(customer.to_string())
        .sql(", 'UTF8') IN body) > 0");
    let gone = diesel::delete(idempotency_keys::table.filter(speaks));
    gone.execute(conn).await.map(drop)
}

/// Removes kept answers that hold an address of mail.
pub async fn forget_answers_to(conn: &mut TenantConn, email: &str) -> QueryResult<()> {
    let speaks = diesel::dsl::sql::<Bool>("position(")
        .bind::<Binary, _>(email.as_bytes())
        .sql(" IN body) > 0");
    let gone = diesel::delete(idempotency_keys::table.filter(speaks));
    gone.execute(conn).await.map(drop)
}
