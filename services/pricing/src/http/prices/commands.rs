//! What moves prices through their lives.

use averis_money::Rounding;
use averis_service_kit::Tenant;
use averis_service_kit::idempotency::{Command, Post, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{PriceView, UpdatePrice, answer, created, locked, require_draft};
use crate::domain::forms::check_window;
use crate::domain::now;
use crate::domain::prices::{currency, price};
use crate::domain::taxes::fx_rate;
use crate::error::{PricingError, codes};
use crate::starting;
use crate::store::prices::{self, APPROVED, DRAFT, PriceRow};
use crate::store::taxes::fx_at;

/// Approves a draft. It counts from then on, or from its beginning; what it replaces ends there.
#[utoipa::path(post, path = "/api/pricing/v1/prices/{id}/approve", tag = "prices", security(("token" = ["price:approve"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 200, description = "The approved price.", body = PriceView)))]
pub async fn approve_price(
    tenant: Tenant<may::PriceApprove>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    let by = tenant.caller.identity.subject;
    let four_eyes = tenant.context.settings.stewardship.four_eyes;
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, PricingError> {
            let mut row = locked(conn, id, seen).await?;
            require_draft(&row)?;
            if four_eyes && row.authors.contains(&by) {
                return Err(Problem::new(codes::FOUR_EYES).into());
            }
            let now = now();
            if let Some(replaced) = row.replaces {
                let old = prices::lock(conn, replaced)
                    .await?
                    .ok_or_else(Problem::not_found)?;
                // One ends where the other begins, so that there is one price at any time.
                let from = row.valid_from.unwrap_or(now).max(now);
                row.valid_from = Some(from);
                check_window(
                    ("/valid_from", row.valid_from),
                    ("/valid_until", row.valid_until),
                )?;
                end(conn, old, from).await?;
            }
            APPROVED.clone_into(&mut row.status);
            row.approved_by = Some(by);
            row.approved_at = Some(now);
            let row = prices::update(conn, &row).await?;
            starting::approved(conn, &row, now).await?;
            answer(row)
        },
    )
    .await
}

/// Ends a price, unless it ends before anyway. One that has not begun ends where it begins.
async fn end(
    conn: &mut averis_tenant_db::TenantConn,
    mut row: PriceRow,
    at: DateTime<Utc>,
) -> Result<PriceRow, PricingError> {
    if row.valid_until.is_some_and(|until| until <= at) {
        return Ok(row);
    }
    let at = row.valid_from.map_or(at, |from| from.max(at));
    row.valid_until = Some(at);
    Ok(prices::update(conn, &row).await?)
}

/// When a price shall end.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndPrice {
    /// Now where absent; not before now.
    #[garde(skip)]
    at: Option<DateTime<Utc>>,
}

/// Ends an approved price.
#[utoipa::path(post, path = "/api/pricing/v1/prices/{id}/end", tag = "prices", security(("token" = ["price:write"])),
    request_body = EndPrice, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The price with its end.", body = PriceView)))]
pub async fn end_price(
    tenant: Tenant<may::PriceWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    post: Post<EndPrice>,
) -> ApiResult<Reply> {
    check_window(("/at", post.body.at), ("/at", None)).map_err(PricingError::from)?;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, PricingError> {
            let row = locked(conn, id, seen).await?;
            if row.status == DRAFT {
                return Err(transition("end"));
            }
            let now = now();
            let at = post.body.at.unwrap_or(now);
            if at < now && post.body.at.is_some() {
                // What was sold at the price stays sold at it.
                return Err(FieldProblem::new("/at", "range", "must not be in the past").into());
            }
            answer(end(conn, row, at).await?)
        },
    )
    .await
}

fn transition(command: &str) -> PricingError {
    use averis_service_kit::problem::codes::INVALID_TRANSITION;
    let problem = Problem::new(INVALID_TRANSITION);
    let problem = problem.detail(format!(
        "There is no {command} for a price that is {DRAFT}."
    ));
    problem
        .with("current_status", DRAFT)
        .with("allowed", ["approve", "delete"])
        .into()
}

/// Drafts what an approved price shall be instead. Once that is approved it ends the other.
#[utoipa::path(post, path = "/api/pricing/v1/prices/{id}/revise", tag = "prices", security(("token" = ["price:write"])),
    request_body = UpdatePrice, params(("id" = Uuid, Path), IfMatch),
    responses((status = 201, description = "The draft.", body = PriceView)))]
pub async fn revise_price(
    tenant: Tenant<may::PriceWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    post: Post<UpdatePrice>,
) -> ApiResult<Reply> {
    let by = tenant.caller.identity.subject;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, PricingError> {
            let old = locked(conn, id, seen).await?;
            if old.status == DRAFT {
                return Err(transition("revise"));
            }
            let mut row = copy(&old, by);
            // From its approval on, where nothing else is said; one that has not begun begins when the old one would.
            row.valid_from = old.valid_from.filter(|from| *from > now());
            row.replaces = Some(id);
            post.body.apply(&mut row)?;
            super::check_references(conn, &row).await?;
            prices::insert(conn, &row).await?;
            created(row)
        },
    )
    .await
}

fn copy(old: &PriceRow, by: Uuid) -> PriceRow {
    let now = now();
    PriceRow {
        id: Uuid::now_v7(),
        status: DRAFT.to_owned(),
        created_by: by,
        authors: vec![by],
        approved_by: None,
        approved_at: None,
        replaces: None,
        version: 1,
        created_at: now,
        updated_at: now,
        ..old.clone()
    }
}

/// Into which currency a price shall be converted.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConvertPrice {
    #[garde(skip)]
    #[schema(example = "USD")]
    currency: String,
    /// The catalog that it shall be for; every one in that currency where absent.
    #[garde(skip)]
    catalog_id: Option<Uuid>,
}

/// Drafts a price in another currency, by the last rate of exchange. The rate has no part in it afterwards.
#[utoipa::path(post, path = "/api/pricing/v1/prices/{id}/convert", tag = "prices", security(("token" = ["price:write"])),
    request_body = ConvertPrice, params(("id" = Uuid, Path)),
    responses((status = 201, description = "The draft.", body = PriceView)))]
pub async fn convert_price(
    tenant: Tenant<may::PriceWrite>,
    PathId(id): PathId,
    post: Post<ConvertPrice>,
) -> ApiResult<Reply> {
    let by = tenant.caller.identity.subject;
    let rounding = super::super::quotes::rounding(&tenant.context.settings.money);
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, PricingError> {
            let old = prices::find(conn, id)
                .await?
                .ok_or_else(Problem::not_found)?;
            let target = currency(&post.body.currency).map_err(|_ignored| {
                PricingError::from(FieldProblem::new(
                    "/currency",
                    "form",
                    "must be a currency of ISO 4217 with minor units",
                ))
            })?;
            let rate = fx_at(conn, &old.currency, &post.body.currency, now()).await?;
            let rate = rate.ok_or_else(|| Problem::new(codes::NO_FX_RATE))?;
            let mut row = copy(&old, by);
            row.amount = converted(&old, fx_rate(rate.rate), target, rounding)?;
            row.compare_at = None;
            row.currency.clone_from(&post.body.currency);
            row.catalog_id = post.body.catalog_id;
            super::check_references(conn, &row).await?;
            prices::insert(conn, &row).await?;
            created(row)
        },
    )
    .await
}

/// Returns an amount in minor units of another currency, whose minor units may be of another size.
fn converted(
    old: &PriceRow,
    rate: rust_decimal::Decimal,
    target: averis_money::Currency,
    rounding: Rounding,
) -> Result<i64, PricingError> {
    use rust_decimal::Decimal;
    let known = price(old)?;
    let scale = |exponent: u32| Decimal::from(10_u64.pow(exponent));
    let factor = rate
        .checked_mul(scale(target.exponent()))
        .and_then(|scaled| scaled.checked_div(scale(known.amount.currency().exponent())));
    let factor = factor.ok_or_else(|| Problem::new(codes::MONEY_OVERFLOW))?;
    let minor = averis_money::Money::new(old.amount, target).checked_mul_rate(factor, rounding)?;
    Ok(minor.amount())
}
