//! Rates of tax.

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::body::{one_line, printable};
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use chrono::{DateTime, Utc};
use garde::Validate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::assignment::check_country;
use crate::State;
use crate::domain::forms::{check_window, code_form, country_form};
use crate::domain::now;
use crate::domain::taxes::{RatesFile, millionths, of_millionths};
use crate::engine::taxes::Postcodes;
use crate::error::PricingError;
use crate::store::taxes::{self, TaxRateRow};

/// A rate of tax.
#[derive(Debug, Serialize, ToSchema)]
pub struct TaxRateView {
    id: Uuid,
    /// What it is for.
    #[schema(example = "standard")]
    category: String,
    #[schema(example = "DE")]
    country: String,
    /// A regular expression for a part of the country; all of it where null.
    postcodes: Option<String>,
    name: String,
    /// As a factor: 0.19 is 19 %.
    #[schema(value_type = String, example = "0.19")]
    rate: Decimal,
    valid_from: Option<DateTime<Utc>>,
    valid_until: Option<DateTime<Utc>>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<TaxRateRow> for TaxRateView {
    fn from(row: TaxRateRow) -> Self {
        Self {
            id: row.id,
            category: row.category,
            country: row.country,
            postcodes: row.postcodes,
            name: row.name,
            rate: of_millionths(row.rate),
            valid_from: row.valid_from,
            valid_until: row.valid_until,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A rate of tax to be set.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTaxRate {
    #[garde(custom(code_form))]
    #[schema(example = "standard")]
    category: String,
    #[garde(custom(country_form))]
    #[schema(example = "DE")]
    country: String,
    #[garde(length(chars, min = 1, max = 500), inner(custom(printable)))]
    postcodes: Option<String>,
    #[serde(default)]
    #[garde(length(chars, max = 200), custom(one_line))]
    name: String,
    #[garde(skip)]
    #[schema(value_type = String, example = "0.19")]
    #[serde(with = "rust_decimal::serde::str")]
    rate: Decimal,
    #[garde(skip)]
    valid_from: Option<DateTime<Utc>>,
    #[garde(skip)]
    valid_until: Option<DateTime<Utc>>,
}

/// Sets a rate of tax.
#[utoipa::path(post, path = "/api/pricing/v1/tax-rates", tag = "taxes", security(("token" = ["tax_rate:write"])), request_body = CreateTaxRate,
    responses((status = 201, description = "The rate.", body = TaxRateView)))]
pub async fn create_tax_rate(
    tenant: Tenant<may::TaxRateWrite>,
    post: Post<CreateTaxRate>,
) -> ApiResult<Reply> {
    let body = post.body;
    let checked = (|| -> Result<i32, FieldProblem> {
        if let Some(pattern) = &body.postcodes {
            Postcodes::new(pattern)
                .map_err(|error| FieldProblem::new("/postcodes", "form", error))?;
        }
        check_window(
            ("/valid_from", body.valid_from),
            ("/valid_until", body.valid_until),
        )?;
        millionths(body.rate, "/rate")
    })();
    let now = now();
    let row = TaxRateRow {
        id: Uuid::now_v7(),
        rate: checked.map_err(PricingError::from)?,
        category: body.category,
        country: body.country,
        postcodes: body.postcodes,
        name: body.name,
        valid_from: body.valid_from,
        valid_until: body.valid_until,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, PricingError> {
            taxes::insert(conn, std::slice::from_ref(&row)).await?;
            let location = format!("/api/pricing/v1/tax-rates?country={}", row.country);
            Ok(Reply::created(location, &TaxRateView::from(row.clone())).version(1))
        },
    )
    .await
}

/// Filters and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListTaxRates {
    /// Of this country.
    country: Option<String>,
    /// Of this category.
    category: Option<String>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists rates of tax by age.
#[utoipa::path(get, path = "/api/pricing/v1/tax-rates", tag = "taxes", security(("token" = ["price:read"])), params(ListTaxRates),
    responses((status = 200, description = "A page of rates.", body = Page<TaxRateView>)))]
pub async fn list_tax_rates(
    tenant: Tenant<may::PriceRead>,
    state: Data<State>,
    query: Query<ListTaxRates>,
) -> ApiResult<Reply> {
    let query = query.0;
    let limit = limit(query.limit)?;
    if let Some(country) = &query.country {
        check_country(country)?;
    }
    if let Some(category) = &query.category
        && code_form(category, &()).is_err()
    {
        let problem = FieldProblem::new("/category", "form", "is no category");
        return Err(PricingError::from(problem).into());
    }
    let (country, category) = (query.country.as_deref(), query.category.as_deref());
    let list = format!("{} tax rates {country:?} {category:?}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.cursor.as_deref())?;
    let rows = tenant.db.read(async |conn| -> Result<_, PricingError> {
        Ok(taxes::list(conn, country, category, after, i64::from(limit) + 1).await?)
    });
    let page = Page::new(rows.await?, limit, |row| {
        state.cursors.seal(&list, &(row.created_at, row.id))
    });
    Ok(Reply::ok(&page.map(TaxRateView::from)))
}

/// Removes a rate of tax. Quotes that were made keep it.
#[utoipa::path(delete, path = "/api/pricing/v1/tax-rates/{id}", tag = "taxes", security(("token" = ["tax_rate:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 204, description = "The rate is gone.")))]
pub async fn delete_tax_rate(
    tenant: Tenant<may::TaxRateWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
) -> ApiResult<Reply> {
    tenant
        .db
        .transaction(async |conn| -> Result<_, PricingError> {
            let row = taxes::lock(conn, id)
                .await?
                .ok_or_else(Problem::not_found)?;
            seen.check(row.version)?;
            Ok(taxes::delete(conn, id).await?)
        })
        .await?;
    Ok(Reply::no_content())
}

/// A file of rates.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"file": {"items": {"DE": [{"effective_from": "0000-01-01", "rates": {"standard": 19}}]}}}))]
pub struct ImportTaxRates {
    /// The file, in the form of the ibericode/vat-rates project: `items` by country, each a list of periods with
    /// `effective_from`, `rates` in percent by category, and `exceptions` for postcodes.
    #[garde(skip)]
    #[schema(value_type = Object)]
    file: RatesFile,
}

/// What a file has set.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportedTaxRates {
    countries: usize,
    rates: usize,
}

/// Sets the rates of the countries of a file, in place of all that these countries had.
#[utoipa::path(post, path = "/api/pricing/v1/tax-rates/import", tag = "taxes", security(("token" = ["tax_rate:write"])), request_body = ImportTaxRates,
    responses((status = 200, description = "What was set.", body = ImportedTaxRates)))]
pub async fn import_tax_rates(
    tenant: Tenant<may::TaxRateWrite>,
    post: Post<ImportTaxRates>,
) -> ApiResult<Reply> {
    let file = &post.body.file;
    let rows = file.rows(now()).map_err(|problem| {
        let pointer = format!("/file{}", problem.pointer);
        PricingError::from(FieldProblem { pointer, ..problem })
    })?;
    let countries = file.countries();
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, PricingError> {
            taxes::delete_of(conn, &countries).await?;
            for part in rows.chunks(500) {
                taxes::insert(conn, part).await?;
            }
            Ok(Reply::ok(&ImportedTaxRates {
                countries: countries.len(),
                rates: rows.len(),
            }))
        },
    )
    .await
}
