//! Prices.

use averis_service_kit::after_place;
use averis_tenant_db::{Reader, TenantConn};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::prices;

pub const DRAFT: &str = "draft";
pub const APPROVED: &str = "approved";

/// A price's row.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = prices, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct PriceRow {
    pub id: Uuid,
    pub sku: String,
    /// In small letters.
    pub folded: String,
    pub amount: i64,
    pub currency: String,
    pub per_quantity: i64,
    pub compare_at: Option<i64>,
    pub company_id: Option<Uuid>,
    pub segment: Option<String>,
    pub channel: Option<String>,
    pub country: Option<String>,
    pub catalog_id: Option<Uuid>,
    pub min_quantity: i64,
    pub valid_from: Option<DateTime<Utc>>,
    pub valid_until: Option<DateTime<Utc>>,
    /// Whether it was meant for a time.
    pub for_a_time: bool,
    pub kind: String,
    pub status: String,
    pub replaces: Option<Uuid>,
    pub created_by: Uuid,
    /// Whoever has written any of it.
    pub authors: Vec<Uuid>,
    pub approved_by: Option<Uuid>,
    pub approved_at: Option<DateTime<Utc>>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Inserts a price.
pub async fn insert(conn: &mut TenantConn, row: &PriceRow) -> QueryResult<()> {
    let added = diesel::insert_into(prices::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Finds a price.
pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<PriceRow>> {
    let row = prices::table.find(id).select(PriceRow::as_select());
    row.first(conn).await.optional()
}

/// Finds a price and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<PriceRow>> {
    let row = prices::table.find(id).select(PriceRow::as_select());
    row.for_update().first(conn).await.optional()
}

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct PriceFilter {
    /// In small letters.
    pub folded: Option<String>,
    pub status: Option<&'static str>,
    pub catalog_id: Option<Uuid>,
    /// Valid then.
    pub at: Option<DateTime<Utc>>,
}

/// Lists prices by age.
pub async fn list(
    conn: &mut TenantConn,
    filter: &PriceFilter,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<PriceRow>> {
    let mut rows = prices::table.select(PriceRow::as_select()).into_boxed();
    if let Some(folded) = &filter.folded {
        rows = rows.filter(prices::folded.eq(folded));
    }
    if let Some(status) = filter.status {
        rows = rows.filter(prices::status.eq(status));
    }
    if let Some(catalog) = filter.catalog_id {
        rows = rows.filter(prices::catalog_id.eq(catalog));
    }
    if let Some(at) = filter.at {
        rows = rows
            .filter(prices::valid_from.is_null().or(prices::valid_from.le(at)))
            .filter(prices::valid_until.is_null().or(prices::valid_until.gt(at)));
    }
    let rows = after_place!(rows, prices, after);
    let rows = rows.order((prices::created_at, prices::id));
    rows.limit(limit).load(conn).await
}

/// Returns all prices of SKUs, in small letters, drafts and those of other times too.
pub async fn of_skus(conn: &mut TenantConn, folded: &[String]) -> QueryResult<Vec<PriceRow>> {
    let rows = prices::table.filter(prices::folded.eq_any(folded));
    rows.select(PriceRow::as_select()).load(conn).await
}

/// Returns the prices of SKUs that could count for a buyer at a time.
pub async fn that_could_count(
    conn: &mut impl Reader,
    folded: &[String],
    currency: &str,
    company: Option<Uuid>,
    at: DateTime<Utc>,
) -> QueryResult<Vec<PriceRow>> {
    prices::table
        .filter(prices::folded.eq_any(folded))
        .filter(prices::status.eq(APPROVED))
        .filter(prices::currency.eq(currency))
        .filter(
            prices::company_id
                .is_null()
                .or(prices::company_id.eq(company)),
        )
        .filter(prices::valid_from.is_null().or(prices::valid_from.le(at)))
        .filter(prices::valid_until.is_null().or(prices::valid_until.gt(at)))
        .select(PriceRow::as_select())
        .load(conn)
        .await
}

/// Stores a price as it is now and raises its version.
pub async fn update(conn: &mut TenantConn, row: &PriceRow) -> QueryResult<PriceRow> {
    let mut row = row.clone();
    row.version += 1;
    row.updated_at = averis_service_kit::clock::now();
    let stored = diesel::update(prices::table.find(row.id)).set(&row);
    stored
        .returning(PriceRow::as_returning())
        .get_result(conn)
        .await
}

/// Removes a draft.
pub async fn delete(conn: &mut TenantConn, id: Uuid) -> QueryResult<()> {
    let gone = diesel::delete(prices::table.find(id));
    gone.execute(conn).await.map(drop)
}
