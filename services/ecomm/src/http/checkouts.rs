//! Attempts to buy carts, as their shopper and staff see them.

use actix_web::web::Data;
use averis_contracts::pricing::Priced;
use averis_money::Money;
use averis_service_kit::Tenant;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::openapi::MoneySchema;
use averis_service_kit::problem::{ApiResult, Problem, codes as common};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::currency;
use crate::State;
use crate::error::{EcommError, codes};
use crate::saga::{LockedCart, stored};
use crate::store::checkouts::{self, CheckoutRow, FAILED, PLACED};

/// An attempt to buy a cart.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckoutView {
    id: Uuid,
    cart_id: Uuid,
    /// `running`, `paying`, `finalising` or `compensating`, while it goes on by itself; `placed` or `failed` at its end.
    #[schema(example = "placed")]
    status: String,
    /// The last step that is done.
    #[schema(example = "placed")]
    step: String,
    /// What its shopper has agreed to, or less where something is left out.
    #[schema(value_type = MoneySchema)]
    total: Money,
    /// What was out of stock, and is not bought: the shopper would rather have the rest than nothing.
    left_out: Vec<LeftOut>,
    order_id: Option<Uuid>,
    #[schema(example = "O-100001")]
    order_number: Option<String>,
    /// Why it has failed, as its shopper was told.
    #[schema(value_type = Option<Object>)]
    problem: Option<Value>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// Pieces of a SKU that were left out.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeftOut {
    #[schema(example = "LAMP-1")]
    sku: String,
    quantity: i64,
}

/// Shows an attempt.
///
/// # Errors
/// When its currency is none any more.
pub fn view(row: &CheckoutRow) -> Result<CheckoutView, EcommError> {
    let mut total = Money::new(row.expected_total, currency(&row.currency)?);
    let mut left_out = Vec::new();
    if row.short_ship {
        let cart: LockedCart = stored(Some(&row.cart))?;
        if cart.cuts > 0 && row.step != "started" {
            let quote: Priced = stored(row.quote.as_ref())?;
            total = quote.total;
        }
        let pieces = cart.left_out.into_iter();
        left_out = pieces
            .map(|(sku, quantity)| LeftOut { sku, quantity })
            .collect();
    }
    Ok(CheckoutView {
        total,
        left_out,
        id: row.id,
        cart_id: row.cart_id,
        status: row.status.clone(),
        step: row.step.clone(),
        order_id: row.order_id,
        order_number: row.order_number.clone(),
        problem: row.problem.clone(),
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// Tells whoever waits what became of an attempt: the order, why there is none, or that it goes on.
///
/// # Errors
/// The problem with which it has failed.
pub fn outcome(row: &CheckoutRow) -> ApiResult<Reply> {
    // Once it is placed, what is left to do is ours.
    let is_placed = row.status == PLACED || row.step == "placed";
    if is_placed {
        return Ok(Reply::ok(&view(row)?));
    }
    match &row.problem {
        Some(problem) => Err(told(problem)),
        None => {
            let location = format!("/api/ecomm/v1/checkouts/{}", row.id);
            Ok(Reply::accepted(location, &view(row)?))
        }
    }
}

/// Returns a stored problem as one to be told.
fn told(stored: &Value) -> Problem {
    let text = |name: &str| stored.get(name).and_then(Value::as_str);
    let known = codes::ALL
        .iter()
        .find(|code| text("code") == Some(code.name));
    let mut problem = Problem::new(known.copied().unwrap_or(common::INTERNAL));
    for name in [
        "new_total",
        "short",
        "skus",
        "failure",
        "approval_id",
        "status",
    ] {
        // The status of the problem itself stands for itself.
        if let Some(value) = stored.get(name).filter(|value| !value.is_number()) {
            problem = problem.with(name, value.clone());
        }
    }
    if problem.code() == codes::CHECKOUT_UNAVAILABLE {
        problem = problem.retry_after(1);
    }
    problem
}

/// Reads an attempt of the session.
#[utoipa::path(get, path = "/api/ecomm/v1/checkouts/{id}", tag = "checkout", security(("token" = ["storefront:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The attempt.", body = CheckoutView)))]
pub async fn get_checkout(
    tenant: Tenant<may::StorefrontRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let session = tenant.caller.identity.subject;
    let found = tenant
        .db
        .read(async |conn| -> Result<_, EcommError> { Ok(checkouts::find(conn, id).await?) });
    let row = found.await?.filter(|row| row.session_id == session);
    let row = row.ok_or_else(Problem::not_found)?;
    Ok(Reply::ok(&view(&row)?))
}

/// How far an attempt is, for those who ask for all that are.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckoutStatus {
    Running,
    Paying,
    Finalising,
    Compensating,
    Placed,
    Failed,
}

impl CheckoutStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Running => checkouts::RUNNING,
            Self::Paying => checkouts::PAYING,
            Self::Finalising => checkouts::FINALISING,
            Self::Compensating => checkouts::COMPENSATING,
            Self::Placed => PLACED,
            Self::Failed => FAILED,
        }
    }
}

/// Filter and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListCheckouts {
    #[param(inline)]
    status: Option<CheckoutStatus>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists attempts to buy carts by age: what goes on for long shows here.
#[utoipa::path(get, path = "/api/ecomm/v1/checkouts", tag = "checkout", security(("token" = ["cart:read"])), params(ListCheckouts),
    responses((status = 200, description = "A page of attempts.", body = Page<CheckoutView>)))]
pub async fn list_checkouts(
    tenant: Tenant<may::CartRead>,
    state: Data<State>,
    query: Query<ListCheckouts>,
) -> ApiResult<Reply> {
    let limit = limit(query.0.limit)?;
    let status = query.0.status.map(CheckoutStatus::as_str);
    let list = format!("{} checkouts {status:?}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.0.cursor.as_deref())?;
    let rows = tenant.db.read(async |conn| -> Result<_, EcommError> {
        Ok(checkouts::list(conn, status, after, i64::from(limit) + 1).await?)
    });
    let page = Page::new(rows.await?, limit, |row| {
        state.cursors.seal(&list, &(row.created_at, row.id))
    });
    Ok(Reply::ok(&page.try_map(|row| view(&row))?))
}
