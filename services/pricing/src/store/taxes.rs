//! Rates of tax and of exchange.

use averis_service_kit::after_place;
use averis_tenant_db::{Reader, TenantConn};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{fx_rates, tax_rates};

/// A rate of tax's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = tax_rates, treat_none_as_default_value = false)]
pub struct TaxRateRow {
    pub id: Uuid,
    pub category: String,
    pub country: String,
    pub postcodes: Option<String>,
    pub name: String,
    /// In millionths.
    pub rate: i32,
    pub valid_from: Option<DateTime<Utc>>,
    pub valid_until: Option<DateTime<Utc>>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Inserts rates.
pub async fn insert(conn: &mut TenantConn, rows: &[TaxRateRow]) -> QueryResult<()> {
    let added = diesel::insert_into(tax_rates::table).values(rows);
    added.execute(conn).await.map(drop)
}

/// Lists rates by age.
pub async fn list(
    conn: &mut TenantConn,
    country: Option<&str>,
    category: Option<&str>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<TaxRateRow>> {
    let mut rows = tax_rates::table
        .select(TaxRateRow::as_select())
        .into_boxed();
    if let Some(country) = country {
        rows = rows.filter(tax_rates::country.eq(country));
    }
    if let Some(category) = category {
        rows = rows.filter(tax_rates::category.eq(category));
    }
    let rows = after_place!(rows, tax_rates, after);
    let rows = rows.order((tax_rates::created_at, tax_rates::id));
    rows.limit(limit).load(conn).await
}

/// Returns all rates of a country that count at a time.
pub async fn of_country(
    conn: &mut impl Reader,
    country: &str,
    at: DateTime<Utc>,
) -> QueryResult<Vec<TaxRateRow>> {
    tax_rates::table
        .filter(tax_rates::country.eq(country))
        .filter(
            tax_rates::valid_from
                .is_null()
                .or(tax_rates::valid_from.le(at)),
        )
        .filter(
            tax_rates::valid_until
                .is_null()
                .or(tax_rates::valid_until.gt(at)),
        )
        .select(TaxRateRow::as_select())
        .load(conn)
        .await
}

/// Finds a rate and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<TaxRateRow>> {
    let row = tax_rates::table.find(id).select(TaxRateRow::as_select());
    row.for_update().first(conn).await.optional()
}

/// Removes a rate.
pub async fn delete(conn: &mut TenantConn, id: Uuid) -> QueryResult<()> {
    let gone = diesel::delete(tax_rates::table.find(id));
    gone.execute(conn).await.map(drop)
}

/// Removes all rates of countries.
pub async fn delete_of(conn: &mut TenantConn, countries: &[String]) -> QueryResult<()> {
    let gone = diesel::delete(tax_rates::table.filter(tax_rates::country.eq_any(countries)));
    gone.execute(conn).await.map(drop)
}

/// A rate of exchange's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = fx_rates, treat_none_as_default_value = false)]
pub struct FxRateRow {
    pub id: Uuid,
    pub base: String,
    pub quote: String,
    /// In ten-thousand-millionths.
    pub rate: i64,
    pub as_of: DateTime<Utc>,
    pub source: String,
    pub created_at: DateTime<Utc>,
}

/// Inserts a rate of exchange.
pub async fn insert_fx(conn: &mut TenantConn, row: &FxRateRow) -> QueryResult<()> {
    let added = diesel::insert_into(fx_rates::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Lists rates of exchange by age.
pub async fn list_fx(
    conn: &mut TenantConn,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<FxRateRow>> {
    let rows = fx_rates::table.select(FxRateRow::as_select()).into_boxed();
    let rows = after_place!(rows, fx_rates, after);
    let rows = rows.order((fx_rates::created_at, fx_rates::id));
    rows.limit(limit).load(conn).await
}

/// Returns the last rate of exchange that was known at a time.
pub async fn fx_at(
    conn: &mut TenantConn,
    base: &str,
    quote: &str,
    at: DateTime<Utc>,
) -> QueryResult<Option<FxRateRow>> {
    fx_rates::table
        .filter(fx_rates::base.eq(base).and(fx_rates::quote.eq(quote)))
        .filter(fx_rates::as_of.le(at))
        .order(fx_rates::as_of.desc())
        .select(FxRateRow::as_select())
        .first(conn)
        .await
        .optional()
}
