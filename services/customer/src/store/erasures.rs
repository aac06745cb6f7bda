//! What was erased, and what has to go with it.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Binary, Bool};
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

/// Returns all customers who were found to be this one, itself included, and the visitors by whom.
pub async fn all_of(conn: &mut TenantConn, customer: Uuid) -> QueryResult<(Vec<Uuid>, Vec<Uuid>)> {
    // A merge by hand may have come before one by proof: then there are several steps.
    let (mut all, mut visitors) = (vec![customer], Vec::new());
    let mut next = vec![customer];
    while !next.is_empty() {
        let rows = merges::table.filter(merges::into_id.eq_any(&next));
        let rows: Vec<(Uuid, Option<Uuid>)> = rows
            .select((merges::from_id, merges::visitor_id))
            .load(conn)
            .await?;
        next = rows.iter().map(|(from, _)| *from).collect();
        all.extend(&next);
        visitors.extend(rows.iter().filter_map(|(_, visitor)| *visitor));
    }
    Ok((all, visitors))
}

/// Removes kept answers that speak of any of these: ids of customers, and addresses of mail as they stand in JSON.
pub async fn forget_answers(conn: &mut TenantConn, words: &[String]) -> QueryResult<()> {
    // One pass over the answers, whoever many were merged.
    let words: Vec<Vec<u8>> = words.iter().map(|word| word.clone().into_bytes()).collect();
    let speaks = diesel::dsl::sql::<Bool>("EXISTS (SELECT FROM unnest(")
        .bind::<Array<Binary>, _>(words)
        .sql(") AS word WHERE position(word IN body) > 0)");
    let gone = diesel::delete(idempotency_keys::table.filter(speaks));
    gone.execute(conn).await.map(drop)
}
