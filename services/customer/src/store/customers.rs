//! Customers.

use averis_service_kit::after_place;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{addresses, consents, customer_numbers, customers, merges, visitors};

pub const WARM: &str = "warm";
pub const HOT: &str = "hot";
pub const ACTIVE: &str = "active";
pub const SUSPENDED: &str = "suspended";
pub const MERGED: &str = "merged";
pub const ERASED: &str = "erased";

/// A customer's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = customers, treat_none_as_null = true)]
pub struct CustomerRow {
    pub id: Uuid,
    pub number: i64,
    pub disclosure: String,
    pub status: String,
    pub email: Option<String>,
    pub email_verified_at: Option<DateTime<Utc>>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub phone: Option<String>,
    pub locale: Option<String>,
    pub segments: Vec<String>,
    pub merged_into: Option<Uuid>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Takes the next number.
pub async fn next_number(conn: &mut TenantConn) -> QueryResult<i64> {
    diesel::update(customer_numbers::table)
        .set(customer_numbers::last.eq(customer_numbers::last + 1))
        .returning(customer_numbers::last)
        .get_result(conn)
        .await
}

/// Inserts a customer.
pub async fn insert(conn: &mut TenantConn, row: &CustomerRow) -> QueryResult<()> {
    let added = diesel::insert_into(customers::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Finds a customer.
pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<CustomerRow>> {
    let row = customers::table.find(id).select(CustomerRow::as_select());
    row.first(conn).await.optional()
}

/// Finds a customer and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<CustomerRow>> {
    let row = customers::table.find(id).select(CustomerRow::as_select());
    row.for_update().first(conn).await.optional()
}

/// Finds the one customer who has proven an address, and keeps others from changing it until the end of the transaction.
pub async fn lock_proven(conn: &mut TenantConn, email: &str) -> QueryResult<Option<CustomerRow>> {
    customers::table
        .filter(
            customers::email
                .eq(email)
                .and(customers::disclosure.eq(HOT)),
        )
        .filter(customers::status.eq_any([ACTIVE, SUSPENDED]))
        .select(CustomerRow::as_select())
        .for_update()
        .first(conn)
        .await
        .optional()
}

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct CustomerFilter {
    pub email: Option<String>,
    pub status: Option<&'static str>,
    pub disclosure: Option<&'static str>,
}

/// Lists customers by age.
pub async fn list(
    conn: &mut TenantConn,
    filter: &CustomerFilter,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<CustomerRow>> {
    let mut rows = customers::table
        .select(CustomerRow::as_select())
        .into_boxed();
    if let Some(email) = &filter.email {
        rows = rows.filter(customers::email.eq(email));
    }
    if let Some(status) = filter.status {
        rows = rows.filter(customers::status.eq(status));
    }
    if let Some(disclosure) = filter.disclosure {
        rows = rows.filter(customers::disclosure.eq(disclosure));
    }
    let rows = after_place!(rows, customers, after);
    let rows = rows.order((customers::created_at, customers::id));
    rows.limit(limit).load(conn).await
}

/// Stores a customer as it is now and raises its version.
pub async fn update(conn: &mut TenantConn, row: &CustomerRow) -> QueryResult<CustomerRow> {
    let mut row = row.clone();
    row.version += 1;
    row.updated_at = averis_service_kit::clock::now();
    let stored = diesel::update(customers::table.find(row.id)).set(&row);
    stored
        .returning(CustomerRow::as_returning())
        .get_result(conn)
        .await
}

/// Moves what belongs to one customer to another: addresses, consents, and the visitors who are the one.
pub async fn move_all(conn: &mut TenantConn, from: Uuid, into: Uuid) -> QueryResult<()> {
    diesel::update(addresses::table.filter(addresses::customer_id.eq(from)))
        .set(addresses::customer_id.eq(into))
        .execute(conn)
        .await?;
    diesel::update(consents::table.filter(consents::customer_id.eq(from)))
        .set(consents::customer_id.eq(into))
        .execute(conn)
        .await?;
    // Another visitor who has said the same of itself has proven nothing by that.
    let others = visitors::table.filter(visitors::customer_id.eq(from));
    diesel::update(others)
        .set(visitors::customer_id.eq(None::<Uuid>))
        .execute(conn)
        .await
        .map(drop)
}

/// Notes who was found to be whom.
pub async fn note_merge(
    conn: &mut TenantConn,
    from: Uuid,
    into: Uuid,
    visitor: Uuid,
    at: DateTime<Utc>,
) -> QueryResult<()> {
    let row = (
        merges::from_id.eq(from),
        merges::into_id.eq(into),
        merges::visitor_id.eq(visitor),
        merges::at.eq(at),
    );
    let noted = diesel::insert_into(merges::table).values(row);
    noted.execute(conn).await.map(drop)
}

/// Lists who was found to be a customer, as (customer, visitor, time).
pub async fn merges_into(
    conn: &mut TenantConn,
    into: Uuid,
) -> QueryResult<Vec<(Uuid, Uuid, DateTime<Utc>)>> {
    let rows = merges::table
        .filter(merges::into_id.eq(into))
        .order(merges::at);
    rows.select((merges::from_id, merges::visitor_id, merges::at))
        .load(conn)
        .await
}
