//! What a cart comes to, and how it can be sent.

use actix_web::web::Data;
use averis_contracts::pricing::Priced;
use averis_money::Money;
use averis_service_kit::Tenant;
use averis_service_kit::cursor::Page;
use averis_service_kit::openapi::MoneySchema;
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_service_kit::request;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use serde::{Deserialize as _, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::currency;
use super::merging::check_owner;
use crate::State;
use crate::error::{EcommError, codes};
use crate::saga::{LockedCart, Work, preview};
use crate::store::carts::{self, CartRow};
use crate::store::shipping;

/// A way of sending that goes where the cart goes.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShippingOptionView {
    #[schema(example = "standard")]
    code: String,
    #[schema(example = "Standard")]
    name: String,
    #[schema(value_type = MoneySchema)]
    price: Money,
}

/// Lists the ways of sending that go where a cart goes.
#[utoipa::path(get, path = "/api/ecomm/v1/carts/{id}/shipping-options", tag = "carts", security(("token" = ["storefront:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "All of them.", body = Page<ShippingOptionView>)))]
pub async fn list_shipping_options(
    tenant: Tenant<may::StorefrontRead>,
    state: Data<State>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    check_owner(&tenant, &state, id).await?;
    let session = tenant.caller.identity.subject;
    let found = tenant.db.read(async |conn| -> Result<_, EcommError> {
        let row = carts::find(conn, id, session).await?;
        let row = row.ok_or_else(Problem::not_found)?;
        let all = shipping::list(conn, None, 250).await?.into_iter();
        let there = all.filter(|method| method.goes_to(&row.country));
        there
            .map(|method| {
                Ok(ShippingOptionView {
                    price: Money::new(method.amount, currency(&method.currency)?),
                    code: method.code,
                    name: method.name,
                })
            })
            .collect()
    });
    Ok(Reply::ok(&Page {
        data: found.await?,
        next_cursor: None,
    }))
}

/// What a cart comes to.
#[derive(Debug, Serialize, ToSchema)]
pub struct CartTotalsView {
    /// To be agreed to: `expected_total` of its checkout.
    #[schema(value_type = MoneySchema)]
    total: Money,
    /// All that the total is made of, as the pricing service has it.
    #[schema(value_type = Object)]
    quote: Value,
}

/// Says what a cart comes to now, for its shopper. Nothing is kept of it: what is agreed to is what its checkout comes to.
#[utoipa::path(get, path = "/api/ecomm/v1/carts/{id}/totals", tag = "carts", security(("token" = ["storefront:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "What it comes to.", body = CartTotalsView)))]
pub async fn read_cart_totals(
    tenant: Tenant<may::StorefrontRead>,
    state: Data<State>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let session = tenant.caller.identity.subject;
    let cart = tenant.db.read(async |conn| -> Result<_, EcommError> {
        let row = carts::find(conn, id, session).await?;
        bought(conn, row.ok_or_else(Problem::not_found)?).await
    });
    let cart = cart.await?;
    let work = Work {
        state: State::clone(&state),
        tenant: tenant.context,
        db: tenant.db,
        correlation: request::correlation(),
    };
    let quote = preview(&work, &cart).await?;
    let priced = Priced::deserialize(&quote).map_err(EcommError::from)?;
    Ok(Reply::ok(&CartTotalsView {
        total: priced.total,
        quote,
    }))
}

/// Returns what of a cart is bought, and how it is sent.
///
/// # Errors
/// 409 when there is nothing in it, 422 when nobody sends so there any more.
pub async fn bought(conn: &mut TenantConn, row: CartRow) -> Result<LockedCart, EcommError> {
    let lines = carts::lines_of(conn, row.id).await?;
    if lines.is_empty() {
        return Err(Problem::new(codes::CART_EMPTY).into());
    }
    let method = match &row.shipping_method {
        Some(code) => {
            let method = shipping::find_by_code(conn, code).await?;
            let method = method.filter(|method| method.goes_to(&row.country));
            Some(method.ok_or_else(|| Problem::new(codes::NO_SHIPPING))?)
        }
        None => None,
    };
    LockedCart::of(row, lines, method)
}
