//! Uses of promotions by checkouts.
//!
//! ```text
//! held --confirm (the order is placed)--> confirmed
//! held --release (the checkout failed), or its time is over--> released: the use is given back, once
//! ```
//!
//! What a checkout has given back it does not hold again, also when the release overtakes the hold.

use averis_money::Money;
use averis_service_kit::Tenant;
use averis_service_kit::cursor::Page;
use averis_service_kit::idempotency::{Command, Post, once};
use averis_service_kit::locks::lock_id;
use averis_service_kit::problem::{ApiResult, Problem, codes as common};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, TimeDelta, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::quotes::{CreateQuote, QuoteDocument};
use super::schemas::MoneySchema;
use crate::domain::now;
use crate::domain::prices::currency;
use crate::error::{PricingError, codes};
use crate::store::redemptions::{self, RedemptionRow};
use crate::store::{promotions, quotes};

/// How long a use is held for a checkout that says nothing more. Longer than a checkout may take.
const HELD: TimeDelta = TimeDelta::minutes(30);

/// A use of a promotion.
#[derive(Debug, Serialize, ToSchema)]
pub struct RedemptionView {
    id: Uuid,
    promotion_id: Uuid,
    checkout_id: Uuid,
    quote_id: Uuid,
    customer_id: Option<Uuid>,
    /// What the promotion takes off.
    #[schema(value_type = MoneySchema)]
    amount: Money,
    /// `held`, `confirmed` or `released`.
    state: String,
    /// When a held one is given back.
    expires_at: DateTime<Utc>,
}

fn views(rows: Vec<RedemptionRow>) -> Result<Reply, PricingError> {
    let views = rows.into_iter().map(|row| {
        Ok(RedemptionView {
            id: row.id,
            promotion_id: row.promotion_id,
            checkout_id: row.checkout_id,
            quote_id: row.quote_id,
            customer_id: row.customer_id,
            amount: Money::new(row.amount, currency(&row.currency)?),
            state: row.state,
            expires_at: row.expires_at,
        })
    });
    let views: Result<Vec<RedemptionView>, PricingError> = views.collect();
    Ok(Reply::ok(&Page {
        data: views?,
        next_cursor: None,
    }))
}

/// Promotions to be held.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldPromotions {
    /// The quote whose promotions these are. It has to hold still.
    #[garde(skip)]
    quote_id: Uuid,
    /// The checkout that holds them.
    #[garde(skip)]
    checkout_id: Uuid,
}

/// Holds all promotions of a quote for a checkout, or none. The same again gives the same.
#[utoipa::path(post, path = "/api/pricing/v1/redemptions", tag = "quotes", security(("token" = ["redemption:write"])), request_body = HoldPromotions,
    responses((status = 200, description = "What is held.", body = Page<RedemptionView>)))]
pub async fn hold_promotions(
    tenant: Tenant<may::RedemptionWrite>,
    post: Post<HoldPromotions>,
) -> ApiResult<Reply> {
    let body = &post.body;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, PricingError> { views(hold(conn, body).await?) },
    )
    .await
}

async fn hold(
    conn: &mut TenantConn,
    body: &HoldPromotions,
) -> Result<Vec<RedemptionRow>, PricingError> {
    lock_id(conn, body.checkout_id).await?;
    if redemptions::is_released(conn, body.checkout_id).await? {
        return Err(Problem::new(codes::REDEMPTION_RELEASED).into());
    }
    let quote = quotes::find(conn, body.quote_id).await?;
    let quote = quote.ok_or_else(Problem::not_found)?;
    let document: QuoteDocument = serde_json::from_str(&quote.document)?;
    let asked: CreateQuote = serde_json::from_str(&quote.request)?;
    let savings = document.quoted.savings()?;
    let ids: Vec<Uuid> = savings.keys().copied().collect();
    // By id, before any of them is changed: two checkouts that use the same promotions take them in one order.
    let rows = promotions::lock_all(conn, &ids).await?;
    let at = now();
    let there = redemptions::lock_of(conn, body.checkout_id).await?;
    let counts = |row: &&RedemptionRow| {
        row.state == "confirmed" || (row.state == "held" && row.expires_at > at)
    };
    let live: Vec<&RedemptionRow> = there.iter().filter(counts).collect();
    if live.iter().any(|row| row.quote_id != body.quote_id) {
        return Err(Problem::new(codes::CHECKOUT_TAKEN).into());
    }
    let is_whole = ids
        .iter()
        .all(|id| live.iter().any(|row| row.promotion_id == *id));
    let is_placed = live.iter().any(|row| row.state == "confirmed");
    if !live.is_empty() && (is_whole || is_placed) {
        return Ok(live.into_iter().cloned().collect());
    }
    if quote.expires_at <= at {
        return Err(Problem::new(codes::QUOTE_EXPIRED).into());
    }
    // A checkout that has lost some of them, since its time was over, begins anew.
    let held: Vec<RedemptionRow> = there
        .iter()
        .filter(|row| row.state == "held")
        .cloned()
        .collect();
    give_back(conn, &held).await?;
    let old: Vec<Uuid> = there.iter().map(|row| row.id).collect();
    redemptions::delete(conn, &old).await?;
    let expired = redemptions::lock_expired(conn, &ids).await?;
    give_back(conn, &expired).await?;
    let mut taken = Vec::with_capacity(savings.len());
    for (id, amount) in savings {
        let limit = rows
            .iter()
            .find(|row| row.id == id)
            .and_then(|row| row.per_customer_limit);
        let exhausted =
            || Problem::new(codes::PROMOTION_EXHAUSTED).with("promotion", id.to_string());
        if !promotions::take(conn, id, amount.amount()).await? {
            return Err(exhausted().into());
        }
        // Who has used what is limited by customer; of others nothing is kept.
        let customer = asked.customer_id.filter(|_| limit.is_some());
        if let Some(limit) = limit {
            let customer = customer.ok_or_else(exhausted)?;
            if !promotions::take_for(conn, id, customer, limit).await? {
                return Err(exhausted().into());
            }
        }
        taken.push(RedemptionRow {
            id: Uuid::now_v7(),
            promotion_id: id,
            checkout_id: body.checkout_id,
            quote_id: body.quote_id,
            customer_id: customer,
            amount: amount.amount(),
            currency: amount.currency().code().to_owned(),
            state: "held".to_owned(),
            expires_at: at + HELD,
            created_at: at,
            updated_at: at,
        });
    }
    redemptions::insert(conn, &taken).await?;
    Ok(taken)
}

/// Gives held uses back. The transaction holds their rows.
async fn give_back(conn: &mut TenantConn, rows: &[RedemptionRow]) -> Result<(), PricingError> {
    for row in rows {
        promotions::give(conn, row.promotion_id, row.amount).await?;
        if let Some(customer) = row.customer_id {
            promotions::give_for(conn, row.promotion_id, customer).await?;
        }
    }
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    Ok(redemptions::put_state(conn, &ids, "released").await?)
}

/// Reads what a checkout uses.
#[utoipa::path(get, path = "/api/pricing/v1/redemptions/{id}", tag = "quotes", security(("token" = ["price:read"])),
    params(("id" = Uuid, Path, description = "The checkout.")),
    responses((status = 200, description = "Its uses of promotions.", body = Page<RedemptionView>)))]
pub async fn list_redemptions(
    tenant: Tenant<may::PriceRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let rows = tenant
        .db
        .read(async |conn| -> Result<_, PricingError> { Ok(redemptions::of(conn, id).await?) });
    Ok(views(rows.await?)?)
}

/// Confirms what a checkout holds: the order is placed. The same again changes nothing.
#[utoipa::path(post, path = "/api/pricing/v1/redemptions/{id}/confirm", tag = "quotes", security(("token" = ["redemption:write"])),
    params(("id" = Uuid, Path, description = "The checkout.")),
    responses((status = 200, description = "What is confirmed.", body = Page<RedemptionView>)))]
pub async fn confirm_redemptions(
    tenant: Tenant<may::RedemptionWrite>,
    id: PathId,
    command: Command,
) -> ApiResult<Reply> {
    settle(tenant, id, command, "confirm", "confirmed").await
}

/// Gives back what a checkout holds: it has failed. The same again changes nothing. What it does not hold yet it never will.
#[utoipa::path(post, path = "/api/pricing/v1/redemptions/{id}/release", tag = "quotes", security(("token" = ["redemption:write"])),
    params(("id" = Uuid, Path, description = "The checkout.")),
    responses((status = 200, description = "What is given back.", body = Page<RedemptionView>)))]
pub async fn release_redemptions(
    tenant: Tenant<may::RedemptionWrite>,
    id: PathId,
    command: Command,
) -> ApiResult<Reply> {
    settle(tenant, id, command, "release", "released").await
}

async fn settle(
    tenant: Tenant<may::RedemptionWrite>,
    PathId(id): PathId,
    command: Command,
    name: &'static str,
    to: &'static str,
) -> ApiResult<Reply> {
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, PricingError> {
            lock_id(conn, id).await?;
            let rows = redemptions::lock_of(conn, id).await?;
            let (held, other): (Vec<_>, Vec<_>) =
                rows.into_iter().partition(|row| row.state == "held");
            // One whose time was over, and which somebody else has got since, cannot be confirmed any more.
            if let Some(row) = other.iter().find(|row| row.state != to) {
                return Err(Problem::new(common::INVALID_TRANSITION)
                    .detail(format!(
                        "There is no {name} for a use that is {}.",
                        row.state
                    ))
                    .with("current_status", row.state.clone())
                    .with("allowed", [] as [&str; 0])
                    .into());
            }
            if to == "released" {
                give_back(conn, &held).await?;
                redemptions::note_released(conn, id, now()).await?;
            } else {
                let ids: Vec<Uuid> = held.iter().map(|row| row.id).collect();
                redemptions::put_state(conn, &ids, to).await?;
            }
            views(redemptions::of(conn, id).await?)
        },
    )
    .await
}
