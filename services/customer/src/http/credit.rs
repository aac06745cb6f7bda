//! What checkouts use of companies' credit.
//!
//! ```text
//! held --confirm (the order is placed)--> confirmed
//! held|confirmed --release (the checkout failed; it is paid)--> released: given back, once
//! ```

use averis_money::Money;
use averis_service_kit::Tenant;
use averis_service_kit::idempotency::{Command, Post, once};
use averis_service_kit::openapi::MoneySchema;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem, codes as common};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::money::stored;
use crate::domain::now;
use crate::error::{CustomerError, codes};
use crate::store::companies;
use crate::store::credit::{self, HoldRow};

/// What a checkout uses of a company's credit.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreditHoldView {
    checkout_id: Uuid,
    company_id: Uuid,
    #[schema(value_type = MoneySchema)]
    amount: Money,
    /// `held`, `confirmed` or `released`.
    state: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

fn view(row: HoldRow) -> Result<CreditHoldView, CustomerError> {
    Ok(CreditHoldView {
        amount: stored(row.amount, &row.currency)?,
        checkout_id: row.checkout_id,
        company_id: row.company_id,
        state: row.state,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// Credit to be held.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldCredit {
    #[garde(skip)]
    company_id: Uuid,
    #[garde(skip)]
    checkout_id: Uuid,
    #[garde(skip)]
    #[schema(value_type = MoneySchema)]
    amount: Money,
}

/// Holds so much of a company's credit for a checkout, if there is so much left. The same again gives the same.
#[utoipa::path(post, path = "/api/customer/v1/credit-holds", tag = "companies", security(("token" = ["credit:write"])), request_body = HoldCredit,
    responses((status = 200, description = "What is held.", body = CreditHoldView)))]
pub async fn hold_credit(
    tenant: Tenant<may::CreditWrite>,
    post: Post<HoldCredit>,
) -> ApiResult<Reply> {
    let body = &post.body;
    if body.amount.amount() < 1 {
        let problem = FieldProblem::new("/amount", "range", "must be more than nothing");
        return Err(CustomerError::from(problem).into());
    }
    let (amount, currency) = (body.amount.amount(), body.amount.currency());
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            let there = credit::lock(conn, body.checkout_id).await?;
            if let Some(there) = there.filter(|row| row.state != "released") {
                let is_same = there.company_id == body.company_id
                    && (there.amount, there.currency.as_str()) == (amount, currency.code());
                if !is_same {
                    return Err(Problem::new(codes::CHECKOUT_TAKEN).into());
                }
                return Ok(Reply::ok(&view(there)?));
            }
            let company = companies::find(conn, body.company_id).await?;
            let company = company.ok_or_else(|| Problem::new(codes::UNKNOWN_COMPANY))?;
            if company.status != "approved" {
                return Err(Problem::new(codes::COMPANY_NOT_APPROVED).into());
            }
            if !credit::take(conn, body.company_id, amount, currency.code()).await? {
                return Err(Problem::new(codes::CREDIT_EXCEEDED).into());
            }
            let at = now();
            let row = HoldRow {
                checkout_id: body.checkout_id,
                company_id: body.company_id,
                amount,
                currency: currency.code().to_owned(),
                state: "held".to_owned(),
                created_at: at,
                updated_at: at,
            };
            credit::put(conn, &row).await?;
            Ok(Reply::ok(&view(row)?))
        },
    )
    .await
}

/// Reads what a checkout uses.
#[utoipa::path(get, path = "/api/customer/v1/credit-holds/{id}", tag = "companies", security(("token" = ["customer:read"])),
    params(("id" = Uuid, Path, description = "The checkout.")),
    responses((status = 200, description = "What it uses.", body = CreditHoldView)))]
pub async fn get_credit_hold(
    tenant: Tenant<may::CustomerRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let row = tenant
        .db
        .read(async |conn| -> Result<_, CustomerError> { Ok(credit::find(conn, id).await?) });
    let row = row.await?.ok_or_else(Problem::not_found)?;
    Ok(Reply::ok(&view(row)?))
}

/// Confirms what a checkout holds: the order is placed, and owed. The same again changes nothing.
#[utoipa::path(post, path = "/api/customer/v1/credit-holds/{id}/confirm", tag = "companies", security(("token" = ["credit:write"])),
    params(("id" = Uuid, Path, description = "The checkout.")),
    responses((status = 200, description = "What is owed.", body = CreditHoldView)))]
pub async fn confirm_credit(
    tenant: Tenant<may::CreditWrite>,
    id: PathId,
    command: Command,
) -> ApiResult<Reply> {
    settle(tenant, id, command, "confirmed").await
}

/// Gives back what a checkout uses: it has failed, or is paid. The same again changes nothing.
#[utoipa::path(post, path = "/api/customer/v1/credit-holds/{id}/release", tag = "companies", security(("token" = ["credit:write"])),
    params(("id" = Uuid, Path, description = "The checkout.")),
    responses((status = 200, description = "What is given back.", body = CreditHoldView)))]
pub async fn release_credit(
    tenant: Tenant<may::CreditWrite>,
    id: PathId,
    command: Command,
) -> ApiResult<Reply> {
    settle(tenant, id, command, "released").await
}

async fn settle(
    tenant: Tenant<may::CreditWrite>,
    PathId(id): PathId,
    command: Command,
    to: &'static str,
) -> ApiResult<Reply> {
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, CustomerError> {
            let row = credit::lock(conn, id)
                .await?
                .ok_or_else(Problem::not_found)?;
            if row.state == to {
                return Ok(Reply::ok(&view(row)?));
            }
            if row.state == "released" {
                return Err(Problem::new(common::INVALID_TRANSITION)
                    .detail("What was given back is not held any more.")
                    .with("current_status", row.state)
                    .with("allowed", [] as [&str; 0])
                    .into());
            }
            if to == "released" {
                credit::give(conn, row.company_id, row.amount).await?;
            }
            Ok(Reply::ok(&view(credit::put_state(conn, id, to).await?)?))
        },
    )
    .await
}
