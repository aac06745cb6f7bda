//! What checkouts use of companies' credit.
//!
//! ```text
//! held --confirm (the order is placed)--> confirmed --settle (it is paid, in parts)--> settled
//! held --release (the checkout failed), or its time is over--> released
//! ```
//!
//! A checkout is one attempt: what it has given back it does not hold again. A release that comes before its hold keeps the
//! hold from coming after it.

use actix_web::web::Data;
use averis_money::Money;
use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Command, Post, once};
use averis_service_kit::locks::lock_id;
use averis_service_kit::openapi::MoneySchema;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem, codes as common};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, TimeDelta, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::State;
use crate::domain::money::stored_if;
use crate::domain::now;
use crate::error::{CustomerError, codes};
use crate::store::companies::{self, CompanyRow};
use crate::store::credit::{self, CONFIRMED, HELD, HoldFilter, HoldRow, RELEASED, SETTLED};

/// How long credit is held for a checkout that nobody hears of again.
const HOLDS: TimeDelta = TimeDelta::minutes(30);

/// What a checkout uses of a company's credit.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreditHoldView {
    checkout_id: Uuid,
    /// Null, like the amount, for what was given back before it was held.
    company_id: Option<Uuid>,
    #[schema(value_type = Option<MoneySchema>)]
    amount: Option<Money>,
    /// What of it is paid.
    #[schema(value_type = Option<MoneySchema>)]
    settled: Option<Money>,
    /// `held`, `confirmed`, `settled` or `released`.
    state: String,
    /// When it is given back, unless the order is placed before.
    expires_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

fn view(row: HoldRow) -> Result<CreditHoldView, CustomerError> {
    let money = |amount| stored_if(amount, row.currency.as_deref());
    Ok(CreditHoldView {
        amount: money(row.amount)?,
        settled: money(Some(row.settled))?,
        expires_at: row.expires_at.filter(|_| row.state == HELD),
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

fn check_amount(amount: &Money) -> Result<(), CustomerError> {
    if amount.amount() < 1 {
        return Err(FieldProblem::new("/amount", "range", "must be more than nothing").into());
    }
    Ok(())
}

/// Holds so much of a company's credit for a checkout, if there is so much left. The same again holds it longer.
#[utoipa::path(post, path = "/api/customer/v1/credit-holds", tag = "companies", security(("token" = ["credit:write"])), request_body = HoldCredit,
    responses((status = 200, description = "What is held.", body = CreditHoldView)))]
pub async fn hold_credit(
    tenant: Tenant<may::CreditWrite>,
    post: Post<HoldCredit>,
) -> ApiResult<Reply> {
    check_amount(&post.body.amount)?;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            Ok(Reply::ok(&view(hold(conn, &post.body).await?)?))
        },
    )
    .await
}

async fn hold(conn: &mut TenantConn, body: &HoldCredit) -> Result<HoldRow, CustomerError> {
    let (amount, currency) = (body.amount.amount(), body.amount.currency());
    let currency = currency.code();
    lock_id(conn, body.checkout_id).await?;
    let company = companies::lock(conn, body.company_id).await?;
    let company = company.ok_or_else(|| Problem::new(codes::UNKNOWN_COMPANY))?;
    let at = now();
    credit::expire(conn, body.company_id, at).await?;
    if let Some(there) = credit::find(conn, body.checkout_id).await? {
        return again(conn, there, body, at).await;
    }
    if company.status != "approved" {
        return Err(Problem::new(codes::COMPANY_NOT_APPROVED).into());
    }
    check_currency(&company, currency)?;
    if !credit::take(conn, body.company_id, amount, currency).await? {
        return Err(Problem::new(codes::CREDIT_EXCEEDED).into());
    }
    let row = HoldRow {
        checkout_id: body.checkout_id,
        company_id: Some(body.company_id),
        amount: Some(amount),
        currency: Some(currency.to_owned()),
        state: HELD.to_owned(),
        created_at: at,
        updated_at: at,
        settled: 0,
        expires_at: Some(at + HOLDS),
    };
    credit::insert(conn, &row).await?;
    Ok(row)
}

/// Holds longer what the checkout holds, if it is that.
async fn again(
    conn: &mut TenantConn,
    there: HoldRow,
    body: &HoldCredit,
    at: DateTime<Utc>,
) -> Result<HoldRow, CustomerError> {
    if there.state == RELEASED {
        return Err(Problem::new(codes::CREDIT_RELEASED).into());
    }
    let is_same = there.company_id == Some(body.company_id)
        && there.amount == Some(body.amount.amount())
        && there.currency.as_deref() == Some(body.amount.currency().code());
    if !is_same {
        return Err(Problem::new(codes::CHECKOUT_TAKEN).into());
    }
    if there.state != HELD {
        return Ok(there);
    }
    let longer = HoldRow {
        expires_at: Some(at + HOLDS),
        updated_at: at,
        ..there
    };
    credit::update(conn, &longer).await?;
    Ok(longer)
}

fn check_currency(company: &CompanyRow, currency: &str) -> Result<(), CustomerError> {
    match &company.credit_currency {
        Some(own) if own != currency => {
            let message = format!("must be in {own}, as the company's credit is");
            Err(FieldProblem::new("/amount/currency", "other_currency", message).into())
        }
        _ => Ok(()),
    }
}

/// Filters and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListCreditHolds {
    /// Of this company.
    company_id: Option<Uuid>,
    /// `held`, `confirmed`, `settled` or `released`.
    #[param(value_type = Option<String>)]
    state: Option<HoldState>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Where a hold is in its life.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HoldState {
    Held,
    Confirmed,
    Settled,
    Released,
}

/// Lists what checkouts use of credit, by age.
#[utoipa::path(get, path = "/api/customer/v1/credit-holds", tag = "companies", security(("token" = ["customer:read"])), params(ListCreditHolds),
    responses((status = 200, description = "A page of holds.", body = Page<CreditHoldView>)))]
pub async fn list_credit_holds(
    tenant: Tenant<may::CustomerRead>,
    state: Data<State>,
    query: Query<ListCreditHolds>,
) -> ApiResult<Reply> {
    let query = query.0;
    let limit = limit(query.limit)?;
    let filter = HoldFilter {
        company: query.company_id,
        state: query.state.map(|state| match state {
            HoldState::Held => HELD,
            HoldState::Confirmed => CONFIRMED,
            HoldState::Settled => SETTLED,
            HoldState::Released => RELEASED,
        }),
    };
    let list = format!("{} credit-holds {filter:?}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.cursor.as_deref())?;
    let rows = tenant.db.read(async |conn| -> Result<_, CustomerError> {
        Ok(credit::list(conn, &filter, after, i64::from(limit) + 1).await?)
    });
    let page = Page::new(rows.await?, limit, |row| {
        state
            .cursors
            .seal(&list, &(row.created_at, row.checkout_id))
    });
    Ok(Reply::ok(&page.try_map(view)?))
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
    PathId(id): PathId,
    command: Command,
) -> ApiResult<Reply> {
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, CustomerError> {
            let row = confirm(conn, id).await?.ok_or_else(Problem::not_found)?;
            if row.state == RELEASED {
                return Err(refused(&row, "confirm").into());
            }
            Ok(Reply::ok(&view(row)?))
        },
    )
    .await
}

/// Confirms what a checkout holds, if it does. Returns what it is then.
pub async fn confirm(
    conn: &mut TenantConn,
    checkout: Uuid,
) -> Result<Option<HoldRow>, CustomerError> {
    match locked(conn, checkout).await? {
        Some((row, _)) if row.state == HELD => Ok(Some(put(conn, row, CONFIRMED).await?)),
        other => Ok(other.map(|(row, _)| row)),
    }
}

/// Notes that so much of what a checkout uses is not owed any more, where it uses any: no more than is.
pub async fn lessen(
    conn: &mut TenantConn,
    checkout: Uuid,
    amount: Money,
    reference: String,
) -> Result<(), CustomerError> {
    // Sooner than its checkout has said so, where that is late.
    let Some(row) = confirm(conn, checkout)
        .await?
        .filter(|row| row.state == CONFIRMED)
    else {
        return Ok(());
    };
    if credit::settlement(conn, checkout, &reference)
        .await?
        .is_some()
    {
        // Somebody has noted it by hand.
        return Ok(());
    }
    let owed = row.amount.unwrap_or_default() - row.settled;
    let amount = Money::new(amount.amount().min(owed), amount.currency());
    if amount.amount() > 0 && row.currency.as_deref() == Some(amount.currency().code()) {
        settle(conn, checkout, &SettleCredit { amount, reference }).await?;
    }
    Ok(())
}

/// Gives back what a checkout holds: it has failed. The same again changes nothing. What is not held yet never will be.
#[utoipa::path(post, path = "/api/customer/v1/credit-holds/{id}/release", tag = "companies", security(("token" = ["credit:write"])),
    params(("id" = Uuid, Path, description = "The checkout.")),
    responses((status = 200, description = "What is given back.", body = CreditHoldView)))]
pub async fn release_credit(
    tenant: Tenant<may::CreditWrite>,
    PathId(id): PathId,
    command: Command,
) -> ApiResult<Reply> {
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, CustomerError> {
            let row = match locked(conn, id).await? {
                Some((row, company)) if row.state == HELD => {
                    credit::give(conn, company, row.amount.unwrap_or_default()).await?;
                    put(conn, row, RELEASED).await?
                }
                Some((row, _)) if row.state == RELEASED => row,
                // What is owed is not given back by a checkout that was thought to have failed.
                Some((row, _)) => return Err(refused(&row, "release").into()),
                None => released_before(conn, id).await?,
            };
            Ok(Reply::ok(&view(row)?))
        },
    )
    .await
}

/// Finds what a checkout holds and of which company; the transaction holds checkout and company then. What was given back
/// before it was held has no company, and nothing of it changes any more.
async fn locked(
    conn: &mut TenantConn,
    checkout: Uuid,
) -> Result<Option<(HoldRow, Uuid)>, CustomerError> {
    lock_id(conn, checkout).await?;
    let Some(row) = credit::find(conn, checkout).await? else {
        return Ok(None);
    };
    let Some(company) = row.company_id else {
        return Ok(Some((row, Uuid::nil())));
    };
    companies::lock(conn, company).await?;
    // Its time may have been over while the company was waited for.
    let row = credit::find(conn, checkout).await?;
    Ok(row.map(|row| (row, company)))
}

async fn put(conn: &mut TenantConn, row: HoldRow, state: &str) -> Result<HoldRow, CustomerError> {
    let row = HoldRow {
        state: state.to_owned(),
        updated_at: now(),
        ..row
    };
    credit::update(conn, &row).await?;
    Ok(row)
}

async fn released_before(conn: &mut TenantConn, checkout: Uuid) -> Result<HoldRow, CustomerError> {
    let at = now();
    let row = HoldRow {
        checkout_id: checkout,
        company_id: None,
        amount: None,
        currency: None,
        state: RELEASED.to_owned(),
        created_at: at,
        updated_at: at,
        settled: 0,
        expires_at: None,
    };
    credit::insert(conn, &row).await?;
    Ok(row)
}

fn refused(row: &HoldRow, command: &str) -> Problem {
    let allowed: &[&str] = match row.state.as_str() {
        CONFIRMED => &["settle"],
        _ => &[],
    };
    Problem::new(common::INVALID_TRANSITION)
        .detail(format!(
            "There is no {command} of credit that is {}.",
            row.state
        ))
        .with("current_status", row.state.clone())
        .with("allowed", allowed)
}

/// What was paid, credited or written off.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettleCredit {
    #[garde(skip)]
    #[schema(value_type = MoneySchema)]
    pub amount: Money,
    /// Of the payment or the credit note: each counts once.
    #[garde(length(chars, min = 1, max = 100), custom(one_line))]
    #[schema(example = "payment 0198c0de-0000-7000-8000-000000000000")]
    pub reference: String,
}

/// Notes that so much of what is owed is paid, credited or written off: the company may owe as much more again. Each reference
/// counts once. The same again changes nothing.
#[utoipa::path(post, path = "/api/customer/v1/credit-holds/{id}/settle", tag = "companies", security(("token" = ["credit:write"])),
    request_body = SettleCredit, params(("id" = Uuid, Path, description = "The checkout.")),
    responses((status = 200, description = "What is still owed.", body = CreditHoldView)))]
pub async fn settle_credit(
    tenant: Tenant<may::CreditWrite>,
    PathId(id): PathId,
    post: Post<SettleCredit>,
) -> ApiResult<Reply> {
    check_amount(&post.body.amount)?;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            Ok(Reply::ok(&view(settle(conn, id, &post.body).await?)?))
        },
    )
    .await
}

async fn settle(
    conn: &mut TenantConn,
    checkout: Uuid,
    body: &SettleCredit,
) -> Result<HoldRow, CustomerError> {
    let amount = body.amount.amount();
    let (row, company) = locked(conn, checkout)
        .await?
        .ok_or_else(Problem::not_found)?;
    if let Some(noted) = credit::settlement(conn, checkout, &body.reference).await? {
        if noted == amount {
            return Ok(row);
        }
        return Err(Problem::new(codes::REFERENCE_TAKEN).into());
    }
    if row.state != CONFIRMED {
        return Err(refused(&row, "settlement").into());
    }
    if row.currency.as_deref() != Some(body.amount.currency().code()) {
        let message = "must be the currency that is owed";
        return Err(FieldProblem::new("/amount/currency", "other_currency", message).into());
    }
    let owed = row.amount.unwrap_or_default() - row.settled;
    if amount > owed {
        let message = format!("must be at most what is owed, {owed}");
        return Err(FieldProblem::new("/amount/amount", "range", message).into());
    }
    let at = now();
    credit::note_settlement(conn, checkout, &body.reference, amount, at).await?;
    credit::give(conn, company, amount).await?;
    let row = HoldRow {
        settled: row.settled + amount,
        state: if amount == owed { SETTLED } else { CONFIRMED }.to_owned(),
        updated_at: at,
        ..row
    };
    credit::update(conn, &row).await?;
    Ok(row)
}
