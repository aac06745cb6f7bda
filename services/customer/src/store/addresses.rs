//! Addresses of customers.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::addresses as table;

/// An address's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct AddressRow {
    pub id: Uuid,
    pub customer_id: Uuid,
    pub name: String,
    pub lines: Vec<String>,
    pub city: String,
    pub region: Option<String>,
    pub postal_code: Option<String>,
    pub country: String,
    pub is_shipping: bool,
    pub is_billing: bool,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// When somebody found that the post delivers there.
    pub validated_at: Option<DateTime<Utc>>,
}

/// Inserts an address.
pub async fn insert(conn: &mut TenantConn, row: &AddressRow) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Counts the addresses of a customer.
pub async fn count(conn: &mut TenantConn, customer: Uuid) -> QueryResult<i64> {
    let own = table::table.filter(table::customer_id.eq(customer));
    own.count().get_result(conn).await
}

/// Lists the addresses of a customer by age.
pub async fn list(conn: &mut TenantConn, customer: Uuid) -> QueryResult<Vec<AddressRow>> {
    let rows = table::table.filter(table::customer_id.eq(customer));
    let rows = rows.order((table::created_at, table::id));
    rows.select(AddressRow::as_select()).load(conn).await
}

/// Finds an address of a customer and keeps others from changing it until the end of the transaction.
pub async fn lock(
    conn: &mut TenantConn,
    customer: Uuid,
    id: Uuid,
) -> QueryResult<Option<AddressRow>> {
    let row = table::table
        .find(id)
        .filter(table::customer_id.eq(customer));
    row.select(AddressRow::as_select())
        .for_update()
        .first(conn)
        .await
        .optional()
}

/// Stores an address as it is now and raises its version.
pub async fn update(conn: &mut TenantConn, row: &AddressRow) -> QueryResult<AddressRow> {
    let mut row = row.clone();
    row.version += 1;
    row.updated_at = averis_service_kit::clock::now();
    let stored = diesel::update(table::table.find(row.id)).set(&row);
    stored
        .returning(AddressRow::as_returning())
        .get_result(conn)
        .await
}

/// Removes an address.
pub async fn delete(conn: &mut TenantConn, id: Uuid) -> QueryResult<()> {
    diesel::delete(table::table.find(id))
        .execute(conn)
        .await
        .map(drop)
}

/// Removes the addresses of a customer.
pub async fn delete_of(conn: &mut TenantConn, customer: Uuid) -> QueryResult<()> {
    let gone = diesel::delete(table::table.filter(table::customer_id.eq(customer)));
    gone.execute(conn).await.map(drop)
}
