//! Buying a cart.

use std::time::Duration;

use actix_web::web::Data;
use averis_money::Money;
use averis_service_kit::Tenant;
use averis_service_kit::body::one_line;
use averis_service_kit::idempotency::Post;
use averis_service_kit::openapi::MoneySchema;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_service_kit::request;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use garde::Validate;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::carts::is_over;
use super::checkouts::{CheckoutView, outcome, view};
use super::totals::bought;
use crate::State;
use crate::domain::now;
use crate::error::{EcommError, codes};
use crate::saga::{Work, follow, go_through, run};
use crate::store::carts::{self, CartRow, EXPIRED, LOCKED, MERGED, ORDERED};
use crate::store::checkouts::{self, CheckoutRow, RUNNING};

/// How a cart is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PayBy {
    /// By transfer, or on a company's account.
    Offline,
    Stripe,
    /// For development.
    Simulator,
}

impl PayBy {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Stripe => "stripe",
            Self::Simulator => "simulator",
        }
    }
}

/// How a cart is paid.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CartPayment {
    #[garde(skip)]
    provider: PayBy,
    /// What the shopper has of the provider to pay with; none offline.
    #[garde(length(chars, min = 1, max = 255), inner(custom(one_line)))]
    token: Option<String>,
}

/// What the shopper agrees to.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "expected_total": {"amount": 11900, "currency": "EUR"}, "payment": {"provider": "simulator", "token": "pm_card"},
}))]
pub struct CompleteCart {
    /// What the cart's totals have said. If it comes to anything else, nothing is bought.
    #[garde(skip)]
    #[schema(value_type = MoneySchema)]
    expected_total: Money,
    #[garde(dive)]
    payment: CartPayment,
    /// Whether to buy what there is of it: what is out of stock is left out, and the order comes to less than `expected_total`.
    /// Otherwise nothing is bought where something is.
    #[garde(skip)]
    #[serde(default)]
    short_ship: bool,
}

impl CompleteCart {
    fn check(&self) -> Result<(), EcommError> {
        if self.expected_total.is_negative() {
            let message = "must not be negative";
            return Err(FieldProblem::new("/expected_total", "range", message).into());
        }
        if (self.payment.provider == PayBy::Offline) == self.payment.token.is_some() {
            let message = "is needed, and by nobody but a provider that moves money";
            return Err(FieldProblem::new("/payment/token", "form", message).into());
        }
        Ok(())
    }
}

/// Buys a cart: what is in it is priced, reserved, ordered and paid for, or nothing of it is. A cart is ordered once, whoever asks
/// and however often; asked again, it tells of that order. A payment that its provider has not answered yet: 202, and the
/// order is placed by itself once it has. The same again changes nothing.
#[utoipa::path(post, path = "/api/ecomm/v1/carts/{id}/complete", tag = "checkout", security(("token" = ["storefront:write"])),
    request_body = CompleteCart, params(("id" = Uuid, Path)), responses(
        (status = 200, description = "The checkout, with its order.", body = CheckoutView),
        (status = 202, description = "The checkout, whose payment is under way.", body = CheckoutView)))]
pub async fn complete_cart(
    tenant: Tenant<may::StorefrontWrite>,
    state: Data<State>,
    PathId(id): PathId,
    post: Post<CompleteCart>,
) -> ApiResult<Reply> {
    let session = tenant.caller.identity.subject;
    let body = &post.body;
    body.check()?;
    let begun = tenant
        .db
        .transaction(async |conn| begin(conn, id, session, body, state.lease).await);
    let begun = begun.await?;
    let work = Work {
        state: State::clone(&state),
        tenant: tenant.context,
        db: tenant.db,
        correlation: request::correlation(),
    };
    let row = match begun {
        Begun::Ordered(row) => return Ok(Reply::ok(&view(&row)?)),
        Begun::New(row) => go_through(&work, *row).await?,
        // Of two that have found it free one works on it.
        Begun::Left(checkout) => run(&work, checkout)
            .await?
            .ok_or_else(|| Problem::new(codes::CART_LOCKED).retry_after(1))?,
    };
    if !row.is_over() {
        follow(work, row.id);
    }
    outcome(&row)
}

enum Begun {
    /// It is ordered already.
    Ordered(Box<CheckoutRow>),
    /// This attempt, which is its caller's for a while.
    New(Box<CheckoutRow>),
    /// This attempt, with which nobody goes on.
    Left(Uuid),
}

/// Locks a cart for a new attempt; or finds the one that somebody has left, or the order.
async fn begin(
    conn: &mut TenantConn,
    id: Uuid,
    session: Uuid,
    body: &CompleteCart,
    lease: Duration,
) -> Result<Begun, EcommError> {
    let row = carts::lock(conn, id, session).await?;
    let mut row = row.ok_or_else(Problem::not_found)?;
    let at = now();
    if row.state == ORDERED {
        let placed = checkouts::placed_of(conn, id).await?;
        let placed = placed.ok_or_else(Problem::not_found)?;
        return Ok(Begun::Ordered(Box::new(placed)));
    }
    if row.state == MERGED || row.state == EXPIRED {
        return Err(is_over(&row).into());
    }
    if let Some(open) = checkouts::open_of(conn, id).await? {
        // Somebody works on it; or nobody does any more.
        let (total, payment) = (&body.expected_total, &body.payment);
        let other = (open.expected_total, open.currency.as_str())
            != (total.amount(), total.currency().code())
            || (open.provider.as_str(), &open.payment_token)
                != (payment.provider.as_str(), &payment.token)
            || open.short_ship != body.short_ship;
        // What was agreed to then is not what is agreed to now.
        if open.next_at > at || other {
            return Err(Problem::new(codes::CART_LOCKED).retry_after(1).into());
        }
        return Ok(Begun::Left(open.id));
    }
    check_complete(&row)?;
    let cart = bought(conn, row.clone()).await?;
    LOCKED.clone_into(&mut row.state);
    carts::update(conn, &row).await?;
    let checkout = CheckoutRow {
        id: Uuid::now_v7(),
        cart_id: id,
        session_id: session,
        status: RUNNING.to_owned(),
        step: "started".to_owned(),
        expected_total: body.expected_total.amount(),
        currency: body.expected_total.currency().code().to_owned(),
        provider: body.payment.provider.as_str().to_owned(),
        payment_token: body.payment.token.clone(),
        short_ship: body.short_ship,
        cart: json!(cart),
        buyer: None,
        quote: None,
        reservation: None,
        order_id: None,
        order_number: None,
        problem: None,
        problem_status: None,
        attempts: 0,
        next_at: at + lease,
        version: 1,
        created_at: at,
        updated_at: at,
    };
    checkouts::insert(conn, &checkout).await?;
    Ok(Begun::New(Box::new(checkout)))
}

/// An order has somebody to write to and somewhere to go.
fn check_complete(row: &CartRow) -> Result<(), EcommError> {
    let missing: Vec<&str> = [
        ("email", row.email.is_none()),
        ("ship_to", row.ship_to.is_none()),
        ("shipping_method", row.shipping_method.is_none()),
    ]
    .into_iter()
    .filter_map(|(name, is_missing)| is_missing.then_some(name))
    .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let problem = Problem::new(codes::CART_INCOMPLETE);
    Err(problem.with("missing", missing).into())
}
