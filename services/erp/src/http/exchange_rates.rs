//! What other currencies are in that of the books. What is invoiced in one of them is posted at the rate of its day.

use actix_web::web::Data;
use averis_money::{Currency, Decimal};
use averis_service_kit::Tenant;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem, codes as common};
use averis_service_kit::query::Query;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, NaiveDate, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::State;
use crate::domain::{book_day, now};
use crate::error::{ErpError, codes};
use crate::store::exchange_rates::{self, ExchangeRateRow};
use crate::store::ledger;

/// What one unit of a currency is in that of the books, from a day on, until another rate begins.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExchangeRateView {
    id: Uuid,
    #[schema(example = "USD")]
    currency: String,
    #[schema(example = "0.9195")]
    rate: String,
    valid_from: NaiveDate,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<ExchangeRateRow> for ExchangeRateView {
    fn from(row: ExchangeRateRow) -> Self {
        Self {
            id: row.id,
            currency: row.currency,
            rate: row.rate,
            valid_from: row.valid_from,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A rate to be noted.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteExchangeRate {
    /// Another than that of the books.
    #[garde(skip)]
    #[schema(example = "USD")]
    currency: String,
    /// More than 0, with at most 10 digits after the point.
    #[garde(skip)]
    #[schema(value_type = String, example = "0.9195")]
    rate: Decimal,
    #[garde(custom(book_day))]
    #[schema(example = "2026-11-01")]
    valid_from: NaiveDate,
}

/// Checks a rate of exchange.
///
/// # Errors
/// When it is nothing, or has more digits than are kept.
pub fn checked_rate(rate: Decimal, place: &'static str) -> Result<Decimal, FieldProblem> {
    let rate = rate.normalize();
    let most = Decimal::from(1_000_000_000_u64);
    if rate <= Decimal::ZERO || rate > most || rate.scale() > 10 {
        let message = "must be more than 0, with at most 10 digits after the point";
        return Err(FieldProblem::new(place, "range", message));
    }
    Ok(rate)
}

/// Returns what one unit of a currency is in that of the books on a day, if that is known.
///
/// # Errors
/// Those of the database.
pub async fn rate_on(
    conn: &mut TenantConn,
    currency: &str,
    day: NaiveDate,
) -> Result<Option<Decimal>, ErpError> {
    if ledger::currency(conn).await? == currency {
        return Ok(Some(Decimal::ONE));
    }
    let rate = exchange_rates::on(conn, currency, day).await?;
    let rate = rate.map(|rate| rate.parse()).transpose();
    Ok(rate.map_err(|_unreadable| Problem::new(common::INTERNAL))?)
}

/// Says what a currency is in that of the books from a day on; in the place of what was said of the same day. What is issued keeps its
/// rate. The same again changes nothing.
#[utoipa::path(post, path = "/api/erp/v1/exchange-rates", tag = "ledger", security(("token" = ["ledger:write"])), request_body = NoteExchangeRate,
    responses((status = 200, description = "The rate.", body = ExchangeRateView)))]
pub async fn note_exchange_rate(
    tenant: Tenant<may::LedgerWrite>,
    post: Post<NoteExchangeRate>,
) -> ApiResult<Reply> {
    let body = &post.body;
    if body.currency.parse::<Currency>().is_err() {
        let message = "must be a currency of ISO 4217 with minor units";
        let problem = FieldProblem::new("/currency", "form", message);
        return Err(ErpError::from(problem).into());
    }
    let rate = checked_rate(body.rate, "/rate").map_err(ErpError::from)?;
    let by = tenant.caller.identity.subject;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, ErpError> {
            if ledger::currency(conn).await? == body.currency {
                let message = "must be another than that of the books";
                return Err(FieldProblem::new("/currency", "same", message).into());
            }
            let at = now();
            let row = ExchangeRateRow {
                id: Uuid::now_v7(),
                currency: body.currency.clone(),
                valid_from: body.valid_from,
                rate: rate.to_string(),
                noted_by: by,
                created_at: at,
                updated_at: at,
            };
            let row = exchange_rates::put(conn, &row).await?;
            Ok(Reply::ok(&ExchangeRateView::from(row)))
        },
    )
    .await
}

/// Filters and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListExchangeRates {
    /// Of this currency.
    currency: Option<String>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists what other currencies are in that of the books, by age.
#[utoipa::path(get, path = "/api/erp/v1/exchange-rates", tag = "ledger", security(("token" = ["ledger:read"])), params(ListExchangeRates),
    responses((status = 200, description = "A page of rates.", body = Page<ExchangeRateView>)))]
pub async fn list_exchange_rates(
    tenant: Tenant<may::LedgerRead>,
    state: Data<State>,
    query: Query<ListExchangeRates>,
) -> ApiResult<Reply> {
    let query = query.0;
    let limit = limit(query.limit)?;
    let of = query.currency.as_deref();
    if of.is_some_and(|code| code.parse::<Currency>().is_err()) {
        let problem = FieldProblem::new("/currency", "form", "must be a currency of ISO 4217");
        return Err(ErpError::from(problem).into());
    }
    let list = format!("{} exchange-rates {of:?}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.cursor.as_deref())?;
    let rows = tenant.db.read(async |conn| -> Result<_, ErpError> {
        Ok(exchange_rates::list(conn, of, after, i64::from(limit) + 1).await?)
    });
    let page = Page::new(rows.await?, limit, |row| {
        state.cursors.seal(&list, &(row.created_at, row.id))
    });
    Ok(Reply::ok(&page.map(ExchangeRateView::from)))
}

/// Why something cannot be posted in that currency.
pub fn unknown_rate(currency: &str) -> Problem {
    Problem::new(codes::UNKNOWN_RATE).with("currency", currency.to_owned())
}
