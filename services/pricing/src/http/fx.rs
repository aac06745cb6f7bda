//! Rates of exchange. They help to draft prices; nothing that is sold is converted.

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::problem::{ApiResult, FieldProblem};
use averis_service_kit::query::Query;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use chrono::{DateTime, Utc};
use garde::Validate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::State;
use crate::domain::forms::check_window;
use crate::domain::now;
use crate::domain::prices::currency;
use crate::domain::taxes::{fx_rate, fx_stored};
use crate::error::PricingError;
use crate::store::taxes::{self, FxRateRow};

/// A rate of exchange: so much of `quote` for one of `base`.
#[derive(Debug, Serialize, ToSchema)]
pub struct FxRateView {
    id: Uuid,
    #[schema(example = "EUR")]
    base: String,
    #[schema(example = "USD")]
    quote: String,
    #[schema(value_type = String, example = "1.0875")]
    rate: Decimal,
    as_of: DateTime<Utc>,
    source: String,
    created_at: DateTime<Utc>,
}

impl From<FxRateRow> for FxRateView {
    fn from(row: FxRateRow) -> Self {
        Self {
            id: row.id,
            base: row.base,
            quote: row.quote,
            rate: fx_rate(row.rate),
            as_of: row.as_of,
            source: row.source,
            created_at: row.created_at,
        }
    }
}

/// A rate of exchange to be noted.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateFxRate {
    #[garde(skip)]
    #[schema(example = "EUR")]
    base: String,
    #[garde(skip)]
    #[schema(example = "USD")]
    quote: String,
    #[garde(skip)]
    #[schema(value_type = String, example = "1.0875")]
    #[serde(with = "rust_decimal::serde::str")]
    rate: Decimal,
    #[garde(skip)]
    as_of: DateTime<Utc>,
    /// Who says so.
    #[garde(length(chars, min = 1, max = 200), custom(one_line))]
    #[schema(example = "ECB")]
    source: String,
}

/// Notes a rate of exchange.
#[utoipa::path(post, path = "/api/pricing/v1/fx-rates", tag = "taxes", security(("token" = ["tax_rate:write"])), request_body = CreateFxRate,
    responses((status = 201, description = "The rate.", body = FxRateView)))]
pub async fn create_fx_rate(
    tenant: Tenant<may::TaxRateWrite>,
    post: Post<CreateFxRate>,
) -> ApiResult<Reply> {
    let body = post.body;
    for (pointer, code) in [("/base", &body.base), ("/quote", &body.quote)] {
        let known = currency(code);
        known.map_err(|_ignored| {
            let message = "must be a currency of ISO 4217 with minor units";
            PricingError::from(FieldProblem::new(pointer, "form", message))
        })?;
    }
    if body.base == body.quote {
        let problem = FieldProblem::new("/quote", "mismatch", "must be another than the base");
        return Err(PricingError::from(problem).into());
    }
    check_window(("/as_of", Some(body.as_of)), ("/as_of", None)).map_err(PricingError::from)?;
    let row = FxRateRow {
        id: Uuid::now_v7(),
        rate: fx_stored(body.rate).map_err(PricingError::from)?,
        base: body.base,
        quote: body.quote,
        as_of: body.as_of,
        source: body.source,
        created_at: now(),
    };
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, PricingError> {
            taxes::insert_fx(conn, &row).await?;
            Ok(Reply::created(
                "/api/pricing/v1/fx-rates",
                &FxRateView::from(row.clone()),
            ))
        },
    )
    .await
}

/// A page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListFxRates {
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists rates of exchange by age.
#[utoipa::path(get, path = "/api/pricing/v1/fx-rates", tag = "taxes", security(("token" = ["price:read"])), params(ListFxRates),
    responses((status = 200, description = "A page of rates.", body = Page<FxRateView>)))]
pub async fn list_fx_rates(
    tenant: Tenant<may::PriceRead>,
    state: Data<State>,
    query: Query<ListFxRates>,
) -> ApiResult<Reply> {
    let limit = limit(query.0.limit)?;
    let list = format!("{} fx rates", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.0.cursor.as_deref())?;
    let rows = tenant.db.read(async |conn| -> Result<_, PricingError> {
        Ok(taxes::list_fx(conn, after, i64::from(limit) + 1).await?)
    });
    let page = Page::new(rows.await?, limit, |row| {
        state.cursors.seal(&list, &(row.created_at, row.id))
    });
    Ok(Reply::ok(&page.map(FxRateView::from)))
}
