//! Customers.

use averis_service_kit::after_place;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{
    addresses, approvals, company_members as members, consents, customer_numbers, customers,
    merges, visitor_events as events, visitors,
};

pub const WARM: &str = "warm";
pub const HOT: &str = "hot";
pub const ACTIVE: &str = "active";
pub const SUSPENDED: &str = "suspended";
pub const MERGED: &str = "merged";
pub const ERASED: &str = "erased";

/// A customer's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = customers, treat_none_as_default_value = false, treat_none_as_null = true)]
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
    /// Whether staff has vouched that an unproven address is this customer's.
    pub entered_by_staff: bool,
    /// Who it is to the identity provider of the shops.
    pub identity_issuer: Option<String>,
    pub identity_subject: Option<String>,
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

/// Returns the customers who were found to be this one.
pub async fn merged_into(conn: &mut TenantConn, id: Uuid) -> QueryResult<Vec<Uuid>> {
    let rows = customers::table.filter(customers::merged_into.eq(id));
    rows.select(customers::id).load(conn).await
}

/// Finds a customer.
pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<CustomerRow>> {
    let row = customers::table.find(id).select(CustomerRow::as_select());
    row.first(conn).await.optional()
}

/// Finds a customer, which stays as it is until the end of the transaction.
pub async fn lock_shared(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<CustomerRow>> {
    let row = customers::table.find(id).select(CustomerRow::as_select());
    row.for_share().first(conn).await.optional()
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

/// Finds the customer who signs in as that subject of an identity provider, and keeps others from changing it until the end of
/// the transaction.
pub async fn lock_identity(
    conn: &mut TenantConn,
    issuer: &str,
    subject: &str,
) -> QueryResult<Option<CustomerRow>> {
    customers::table
        .filter(customers::identity_issuer.eq(issuer))
        .filter(customers::identity_subject.eq(subject))
        .select(CustomerRow::as_select())
        .for_update()
        .first(conn)
        .await
        .optional()
}

/// Finds the customer for whom staff has entered an address that nobody has proven, the first if there are several, and
/// keeps others from changing it until the end of the transaction.
pub async fn lock_entered(conn: &mut TenantConn, email: &str) -> QueryResult<Option<CustomerRow>> {
    customers::table
        .filter(
            customers::email
                .eq(email)
                .and(customers::disclosure.eq(WARM)),
        )
        .filter(customers::entered_by_staff)
        .filter(customers::status.eq_any([ACTIVE, SUSPENDED]))
        .order((customers::created_at, customers::id))
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

/// Moves what belongs to one customer to another: addresses, consents, for which companies it acts, and what it has asked
/// others to approve. Visitors who were the one are nobody again.
pub async fn move_all(conn: &mut TenantConn, from: Uuid, into: Uuid) -> QueryResult<()> {
    let own = members::table.filter(members::customer_id.eq(into));
    let own: Vec<Uuid> = own.select(members::company_id).load(conn).await?;
    let moved = members::table
        .filter(members::customer_id.eq(from))
        .filter(members::company_id.ne_all(&own));
    diesel::update(moved)
        .set(members::customer_id.eq(into))
        .execute(conn)
        .await?;
    // Where the other acts too, it goes on as it did.
    diesel::delete(members::table.filter(members::customer_id.eq(from)))
        .execute(conn)
        .await?;
    // What is decided is decided; what waits must not be approved by its own buyer under another name.
    let waiting = approvals::table
        .filter(approvals::buyer_id.eq(from))
        .filter(approvals::status.eq("pending"));
    diesel::update(waiting)
        .set(approvals::buyer_id.eq(into))
        .execute(conn)
        .await?;
    diesel::update(addresses::table.filter(addresses::customer_id.eq(from)))
        .set(addresses::customer_id.eq(into))
        .execute(conn)
        .await?;
    diesel::update(events::table.filter(events::customer_id.eq(from)))
        .set(events::customer_id.eq(into))
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

/// Who was found to be whom, and by what.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = merges, treat_none_as_default_value = false)]
pub struct MergeRow {
    pub from_id: Uuid,
    pub into_id: Uuid,
    /// Who has proven it.
    pub visitor_id: Option<Uuid>,
    pub at: DateTime<Utc>,
    /// Which of the staff has said so, where nobody has proven it.
    pub merged_by: Option<Uuid>,
    pub reason: Option<String>,
}

/// Notes who was found to be whom.
pub async fn note_merge(conn: &mut TenantConn, row: &MergeRow) -> QueryResult<()> {
    let noted = diesel::insert_into(merges::table).values(row);
    noted.execute(conn).await.map(drop)
}

/// Lists who was found to be a customer.
pub async fn merges_into(conn: &mut TenantConn, into: Uuid) -> QueryResult<Vec<MergeRow>> {
    let rows = merges::table.filter(merges::into_id.eq(into));
    let rows = rows.order(merges::at).select(MergeRow::as_select());
    rows.load(conn).await
}
