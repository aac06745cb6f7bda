//! Reference data: the same for all tenants, changed by migrations only.

use averis_tenant_db::PlatformConn;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;

use crate::schema::{countries, currencies, regions};

/// A currency of ISO 4217.
#[derive(Debug, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = currencies)]
pub struct Currency {
    /// Alphabetic code.
    #[schema(example = "EUR")]
    pub code: String,
    /// Numeric code, three digits.
    pub numeric_code: String,
    /// English name.
    pub name: String,
    /// Decimal digits of the minor unit; `null` for what is no money with a minor unit, such as gold.
    pub minor_units: Option<i16>,
}

/// A country of ISO 3166-1.
#[derive(Debug, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = countries)]
pub struct Country {
    /// Two-letter code.
    #[schema(example = "AT")]
    pub code: String,
    /// Three-letter code.
    pub alpha3: String,
    /// Numeric code, three digits.
    pub numeric_code: String,
    /// English short name.
    pub name: String,
    /// Dialling code with `+`.
    pub dialling_code: String,
    /// Main currency.
    pub currency: String,
    /// Continent: AF, AN, AS, EU, NA, OC or SA.
    pub continent: String,
    /// Business region.
    pub region: String,
}

/// A business region.
#[derive(Debug, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = regions)]
pub struct Region {
    /// AMER, EMEA, APAC or LATAM.
    pub code: String,
    /// Name.
    pub name: String,
}

/// Lists all currencies by code.
pub async fn list_currencies(conn: &mut PlatformConn<'_>) -> QueryResult<Vec<Currency>> {
    currencies::table
        .order(currencies::code)
        .select(Currency::as_select())
        .load(conn)
        .await
}

/// Lists all countries by code.
pub async fn list_countries(conn: &mut PlatformConn<'_>) -> QueryResult<Vec<Country>> {
    countries::table
        .order(countries::code)
        .select(Country::as_select())
        .load(conn)
        .await
}

/// Lists all regions by code.
pub async fn list_regions(conn: &mut PlatformConn<'_>) -> QueryResult<Vec<Region>> {
    regions::table
        .order(regions::code)
        .select(Region::as_select())
        .load(conn)
        .await
}
