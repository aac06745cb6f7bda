//! Promotions.

use actix_web::web::Data;
use averis_money::Money;
use averis_service_kit::Tenant;
use averis_service_kit::body::{MergePatch, one_line};
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Command, Post, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::patch::{Patch, not_null};
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem, codes as common};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::market;
use super::schemas::MoneySchema;
use crate::State;
use crate::domain::forms::{check_window, optional_code};
use crate::domain::market::MarketKind;
use crate::domain::prices::currency;
use crate::domain::promotions::{check, folded};
use crate::domain::{fold, now};
use crate::engine::promotions::{Action, Conditions, Target};
use crate::error::PricingError;
use crate::store::promotions::{self, PromotionRow};

/// A promotion.
#[derive(Debug, Serialize, ToSchema)]
pub struct PromotionView {
    id: Uuid,
    name: String,
    /// Counts for whoever has it, whatever its case; for everybody where null.
    #[schema(example = "summer")]
    code: Option<String>,
    /// `{"kind": "percent", "rate": "0.1"}`, `{"kind": "amount", "amount": {..}, "basis": "net"}`, `fixed_price` likewise,
    /// `{"kind": "buy_x_get_y", "buy": 2, "get": 1, "rate": "1"}` or `{"kind": "free_shipping"}`.
    #[schema(value_type = Object)]
    action: Value,
    /// `{"on": "document"}`, or `{"on": "lines", "skus": [..], "products": [..]}`.
    #[schema(value_type = Object)]
    target: Value,
    /// `min_subtotal`, `min_quantity`, `countries`, `segments`, `channels`, `companies`, `catalogs`.
    #[schema(value_type = Object)]
    conditions: Value,
    /// Of the promotions of one group the one that saves most counts.
    stacking_group: Option<String>,
    /// Whether none may follow.
    exclusive: bool,
    /// The lowest has its turn first.
    priority: i32,
    valid_from: Option<DateTime<Utc>>,
    valid_until: Option<DateTime<Utc>>,
    usage_limit: Option<i64>,
    per_customer_limit: Option<i64>,
    #[schema(value_type = Option<MoneySchema>)]
    budget: Option<Money>,
    /// Held and confirmed uses.
    used: i64,
    /// What they take off, in minor units of the budget's currency, or of any.
    spent: i64,
    /// `draft`, `active` or `inactive`; changed by commands only.
    status: String,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

fn view(row: PromotionRow) -> Result<PromotionView, PricingError> {
    let budget = match (row.budget, &row.budget_currency) {
        (Some(amount), Some(code)) => Some(Money::new(amount, currency(code)?)),
        _ => None,
    };
    Ok(PromotionView {
        id: row.id,
        name: row.name,
        code: row.code,
        action: row.action,
        target: row.target,
        conditions: row.conditions,
        stacking_group: row.stacking_group,
        exclusive: row.exclusive,
        priority: row.priority,
        valid_from: row.valid_from,
        valid_until: row.valid_until,
        usage_limit: row.usage_limit,
        per_customer_limit: row.per_customer_limit,
        budget,
        used: row.used,
        spent: row.spent,
        status: row.status,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn answer(row: PromotionRow) -> Result<Reply, PricingError> {
    let version = row.version;
    Ok(Reply::ok(&view(row)?).version(version))
}

/// A promotion to be drafted.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Summer", "code": "SUMMER", "action": {"kind": "percent", "rate": "0.1"}, "target": {"on": "document"}}))]
pub struct CreatePromotion {
    #[garde(length(chars, min = 1, max = 200), custom(one_line))]
    #[schema(example = "Summer")]
    name: String,
    #[garde(custom(optional_code))]
    #[schema(example = "SUMMER")]
    code: Option<String>,
    #[garde(skip)]
    #[schema(value_type = Object)]
    action: Action,
    #[serde(default)]
    #[garde(skip)]
    #[schema(value_type = Object)]
    target: Target,
    #[serde(default)]
    #[garde(skip)]
    #[schema(value_type = Object, example = json!({"countries": ["DE"]}))]
    conditions: Conditions,
    #[garde(custom(optional_code))]
    stacking_group: Option<String>,
    #[serde(default)]
    #[garde(skip)]
    exclusive: bool,
    #[serde(default)]
    #[garde(range(min = 0, max = 1_000_000))]
    priority: i32,
    #[garde(skip)]
    valid_from: Option<DateTime<Utc>>,
    #[garde(skip)]
    valid_until: Option<DateTime<Utc>>,
    #[garde(range(min = 1, max = 1_000_000_000))]
    usage_limit: Option<i64>,
    #[garde(range(min = 1, max = 1_000_000_000))]
    per_customer_limit: Option<i64>,
    #[garde(skip)]
    #[schema(value_type = Option<MoneySchema>)]
    budget: Option<Money>,
}

async fn check_references(
    conn: &mut TenantConn,
    conditions: &Conditions,
) -> Result<(), PricingError> {
    market::check(conn, MarketKind::Segment, &conditions.segments).await?;
    market::check(conn, MarketKind::Channel, &conditions.channels).await
}

fn check_budget(budget: Option<Money>) -> Result<(), PricingError> {
    if budget.is_some_and(|money| money.amount() < 1) {
        return Err(FieldProblem::new("/budget", "range", "must be more than nothing").into());
    }
    Ok(())
}

/// Drafts a promotion.
#[utoipa::path(post, path = "/api/pricing/v1/promotions", tag = "promotions", security(("token" = ["promotion:write"])), request_body = CreatePromotion,
    responses((status = 201, description = "The draft.", body = PromotionView)))]
pub async fn create_promotion(
    tenant: Tenant<may::PromotionWrite>,
    post: Post<CreatePromotion>,
) -> ApiResult<Reply> {
    let body = post.body;
    check(&body.action, &body.target, &body.conditions).map_err(PricingError::from)?;
    let window = check_window(
        ("/valid_from", body.valid_from),
        ("/valid_until", body.valid_until),
    );
    window.map_err(PricingError::from)?;
    check_budget(body.budget)?;
    let now = now();
    let row = PromotionRow {
        id: Uuid::now_v7(),
        name: body.name,
        code: body.code.as_deref().map(fold),
        action: json!(body.action),
        target: json!(folded(body.target)),
        conditions: json!(body.conditions),
        stacking_group: body.stacking_group,
        exclusive: body.exclusive,
        priority: body.priority,
        valid_from: body.valid_from,
        valid_until: body.valid_until,
        usage_limit: body.usage_limit,
        per_customer_limit: body.per_customer_limit,
        budget: body.budget.map(|money| money.amount()),
        budget_currency: body.budget.map(|money| money.currency().code().to_owned()),
        used: 0,
        spent: 0,
        status: "draft".to_owned(),
        version: 1,
        created_at: now,
        updated_at: now,
    };
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, PricingError> {
            check_references(conn, &body.conditions).await?;
            promotions::insert(conn, &row).await?;
            let location = format!("/api/pricing/v1/promotions/{}", row.id);
            Ok(Reply::created(location, &view(row.clone())?).version(1))
        },
    )
    .await
}

/// Filters and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListPromotions {
    /// `draft`, `active` or `inactive`.
    #[param(value_type = Option<String>)]
    status: Option<PromotionStatus>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Where a promotion is in its life: `draft|inactive --activate--> active --deactivate--> inactive`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PromotionStatus {
    Draft,
    Active,
    Inactive,
}

impl PromotionStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Inactive => "inactive",
        }
    }
}

/// Lists promotions by age.
#[utoipa::path(get, path = "/api/pricing/v1/promotions", tag = "promotions", security(("token" = ["price:read"])), params(ListPromotions),
    responses((status = 200, description = "A page of promotions.", body = Page<PromotionView>)))]
pub async fn list_promotions(
    tenant: Tenant<may::PriceRead>,
    state: Data<State>,
    query: Query<ListPromotions>,
) -> ApiResult<Reply> {
    let query = query.0;
    let limit = limit(query.limit)?;
    let status = query.status.map(PromotionStatus::as_str);
    let list = format!("{} promotions {status:?}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.cursor.as_deref())?;
    let rows = tenant.db.read(async |conn| -> Result<_, PricingError> {
        Ok(promotions::list(conn, status, after, i64::from(limit) + 1).await?)
    });
    let page = Page::new(rows.await?, limit, |row| {
        state.cursors.seal(&list, &(row.created_at, row.id))
    });
    Ok(Reply::ok(&page.try_map(view)?))
}

/// Reads a promotion.
#[utoipa::path(get, path = "/api/pricing/v1/promotions/{id}", tag = "promotions", security(("token" = ["price:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The promotion.", body = PromotionView)))]
pub async fn get_promotion(tenant: Tenant<may::PriceRead>, PathId(id): PathId) -> ApiResult<Reply> {
    let row = tenant
        .db
        .read(async |conn| -> Result<_, PricingError> { Ok(promotions::find(conn, id).await?) });
    let row = row.await?.ok_or_else(Problem::not_found)?;
    Ok(answer(row)?)
}

/// What of a promotion may be changed: a merge patch. What it does stays; for something else make another.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdatePromotion {
    #[garde(inner(length(chars, min = 1, max = 200), custom(one_line)))]
    #[serde(default, deserialize_with = "not_null")]
    name: Option<String>,
    #[garde(range(min = 0, max = 1_000_000))]
    #[serde(default, deserialize_with = "not_null")]
    priority: Option<i32>,
    #[serde(default)]
    #[garde(skip)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    valid_from: Patch<DateTime<Utc>>,
    #[serde(default)]
    #[garde(skip)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    valid_until: Patch<DateTime<Utc>>,
    #[serde(default)]
    #[garde(skip)]
    #[schema(value_type = Option<i64>)]
    usage_limit: Patch<i64>,
}

/// Changes a promotion. Its limit of uses is never below those that there are.
#[utoipa::path(patch, path = "/api/pricing/v1/promotions/{id}", tag = "promotions", security(("token" = ["promotion:write"])),
    request_body = UpdatePromotion, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The changed promotion.", body = PromotionView)))]
pub async fn update_promotion(
    tenant: Tenant<may::PromotionWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    patch: MergePatch<UpdatePromotion>,
) -> ApiResult<Reply> {
    let patch = &patch.0;
    let row = tenant
        .db
        .transaction(async |conn| -> Result<_, PricingError> {
            let mut row = locked(conn, id, seen).await?;
            row.name = patch.name.clone().unwrap_or(row.name);
            row.priority = patch.priority.unwrap_or(row.priority);
            patch.valid_from.clone().apply(&mut row.valid_from);
            patch.valid_until.clone().apply(&mut row.valid_until);
            check_window(
                ("/valid_from", row.valid_from),
                ("/valid_until", row.valid_until),
            )?;
            patch.usage_limit.clone().apply(&mut row.usage_limit);
            if row.usage_limit.is_some_and(|limit| limit < row.used.max(1)) {
                let message = format!("must be at least {}", row.used.max(1));
                return Err(FieldProblem::new("/usage_limit", "range", message).into());
            }
            Ok(promotions::update(conn, &row).await?)
        });
    Ok(answer(row.await?)?)
}

async fn locked(
    conn: &mut TenantConn,
    id: Uuid,
    seen: SeenVersion,
) -> Result<PromotionRow, PricingError> {
    let row = promotions::lock(conn, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    seen.check(row.version)?;
    Ok(row)
}

/// Puts a promotion into use.
#[utoipa::path(post, path = "/api/pricing/v1/promotions/{id}/activate", tag = "promotions", security(("token" = ["promotion:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 200, description = "The active promotion.", body = PromotionView)))]
pub async fn activate_promotion(
    tenant: Tenant<may::PromotionWrite>,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(
        tenant,
        id,
        seen,
        command,
        ("activate", &["draft", "inactive"], "active"),
    )
    .await
}

/// Takes a promotion out of use. What is held for a checkout stays.
#[utoipa::path(post, path = "/api/pricing/v1/promotions/{id}/deactivate", tag = "promotions", security(("token" = ["promotion:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 200, description = "The inactive promotion.", body = PromotionView)))]
pub async fn deactivate_promotion(
    tenant: Tenant<may::PromotionWrite>,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(
        tenant,
        id,
        seen,
        command,
        ("deactivate", &["active"], "inactive"),
    )
    .await
}

async fn move_on(
    tenant: Tenant<may::PromotionWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
    (name, from, to): (&'static str, &'static [&'static str], &'static str),
) -> ApiResult<Reply> {
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, PricingError> {
            let mut row = locked(conn, id, seen).await?;
            if !from.contains(&row.status.as_str()) {
                let allowed = if row.status == "active" {
                    "deactivate"
                } else {
                    "activate"
                };
                return Err(Problem::new(common::INVALID_TRANSITION)
                    .detail(format!(
                        "There is no {name} for a promotion that is {}.",
                        row.status
                    ))
                    .with("current_status", row.status)
                    .with("allowed", [allowed])
                    .into());
            }
            to.clone_into(&mut row.status);
            answer(promotions::update(conn, &row).await?)
        },
    )
    .await
}
