//! Which catalog a visitor gets.

use averis_service_kit::Tenant;
use averis_service_kit::problem::ApiResult;
use averis_service_kit::query::Query;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::basket::{Market, assigned};
use crate::domain::forms::{check_window, is_country};
use crate::domain::now;
use crate::engine::assignment::Buyer;
use crate::error::PricingError;

/// Who asks.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AssignCatalog {
    /// ISO 3166-1 alpha-2.
    #[param(example = "DE")]
    country: String,
    segment: Option<String>,
    /// `anonymous` where absent.
    #[param(value_type = Option<String>)]
    buyer: Option<Buyer>,
    /// Now where absent.
    at: Option<DateTime<Utc>>,
}

/// What a visitor gets.
#[derive(Debug, Serialize, ToSchema)]
pub struct AssignmentView {
    catalog_id: Uuid,
    #[schema(example = "emea-web")]
    catalog_code: String,
    #[schema(example = "EUR")]
    currency: String,
    /// The language; there always is one.
    #[schema(example = "de_DE")]
    locale: String,
    /// The rule that decided; null for the default catalog.
    rule_id: Option<Uuid>,
}

/// Checks a country of a query.
///
/// # Errors
/// 422 when it is none.
pub fn check_country(country: &str) -> Result<(), PricingError> {
    use averis_service_kit::problem::FieldProblem;
    if is_country(country) {
        return Ok(());
    }
    Err(FieldProblem::new(
        "/country",
        "form",
        "must be two capital letters (ISO 3166-1 alpha-2)",
    )
    .into())
}

/// Tells which catalog and language a visitor gets, and why.
#[utoipa::path(get, path = "/api/pricing/v1/catalog-assignment", tag = "catalogs", security(("token" = ["storefront:read"])), params(AssignCatalog),
    responses((status = 200, description = "The catalog.", body = AssignmentView)))]
pub async fn get_catalog_assignment(
    tenant: Tenant<may::StorefrontRead>,
    query: Query<AssignCatalog>,
) -> ApiResult<Reply> {
    let query = query.0;
    check_country(&query.country)?;
    check_window(("/at", query.at), ("/at", None)).map_err(PricingError::from)?;
    let market = Market {
        country: query.country,
        segment: query.segment,
        channel: None,
        company: None,
        customer: None,
        buyer: query.buyer.unwrap_or(Buyer::Anonymous),
        catalog: None,
        at: query.at.unwrap_or_else(now),
    };
    let found = tenant
        .db
        .read(async |conn| -> Result<_, PricingError> { assigned(conn, &market).await });
    let found = found.await?;
    Ok(Reply::ok(&AssignmentView {
        catalog_id: found.catalog.id,
        catalog_code: found.catalog.code,
        currency: found.catalog.currency,
        locale: found.assignment.locale,
        rule_id: found.assignment.rule,
    }))
}
