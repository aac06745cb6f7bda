//! Carts, each of one shopper's session.

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::body::{MergePatch, one_line};
use averis_service_kit::forms::{code_form, country_form, optional_code};
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::patch::{Patch, not_null};
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_service_kit::request;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::merging::{check_owner, left_for_its_customer};
use crate::State;
use crate::asking::signed_in;
use crate::domain::{MAX_COUPONS, now};
use crate::error::{EcommError, codes};
use crate::store::carts::{self, ACTIVE, CartLineRow, CartRow, LOCKED, ORDERED};
use crate::store::shipping;

/// Longest address of mail, in bytes.
const MAX_EMAIL: usize = 254;

/// A cart.
#[derive(Debug, Serialize, ToSchema)]
pub struct CartView {
    id: Uuid,
    /// `active`; `locked`, while it is being bought; `ordered`; `merged` into another; or `expired`, since nobody has touched it for
    /// long.
    #[schema(example = "active")]
    state: String,
    /// Where the goods go, ISO 3166-1 alpha-2: it decides on prices and currency.
    #[schema(example = "DE")]
    country: String,
    /// The company for which it is bought.
    company_id: Option<Uuid>,
    /// The channel through which it is filled: with the country it decides on catalog, language and prices.
    #[schema(example = "web")]
    channel: Option<String>,
    lines: Vec<CartLineView>,
    coupon_codes: Vec<String>,
    #[schema(example = "ana@example.com")]
    email: Option<String>,
    ship_to: Option<CartAddress>,
    /// Like `ship_to` where null.
    bill_to: Option<CartAddress>,
    /// The code of the way of sending.
    #[schema(example = "standard")]
    shipping_method: Option<String>,
    order_id: Option<Uuid>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// What is in a cart of a SKU.
#[derive(Debug, Serialize, ToSchema)]
pub struct CartLineView {
    id: Uuid,
    #[schema(example = "LAMP-1")]
    sku: String,
    quantity: i64,
}

/// An address of an order.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CartAddress {
    #[garde(length(chars, min = 1, max = 200), custom(one_line))]
    #[schema(example = "Ana Lima")]
    name: String,
    #[garde(
        length(min = 1, max = 4),
        inner(length(chars, min = 1, max = 200), custom(one_line))
    )]
    #[schema(example = json!(["Torstr. 1"]))]
    lines: Vec<String>,
    #[garde(length(chars, min = 1, max = 200), custom(one_line))]
    #[schema(example = "Berlin")]
    city: String,
    #[garde(length(chars, min = 1, max = 100), inner(custom(one_line)))]
    region: Option<String>,
    #[garde(length(chars, min = 1, max = 20), inner(custom(one_line)))]
    #[schema(example = "10119")]
    postal_code: Option<String>,
    #[garde(custom(country_form))]
    #[schema(example = "DE")]
    country: String,
}

fn view(row: CartRow, lines: Vec<CartLineRow>) -> Result<CartView, EcommError> {
    let address = |value: Option<Value>| value.map(serde_json::from_value).transpose();
    Ok(CartView {
        lines: lines
            .into_iter()
            .map(|line| CartLineView {
                id: line.id,
                sku: line.sku,
                quantity: line.quantity,
            })
            .collect(),
        ship_to: address(row.ship_to)?,
        bill_to: address(row.bill_to)?,
        id: row.id,
        state: row.state,
        country: row.country,
        company_id: row.company_id,
        channel: row.channel,
        coupon_codes: row.coupon_codes,
        email: row.email,
        shipping_method: row.shipping_method,
        order_id: row.order_id,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// Answers with a cart as it is now.
///
/// # Errors
/// Those of the database.
pub async fn answer(conn: &mut TenantConn, row: CartRow) -> Result<Reply, EcommError> {
    let version = row.version;
    Ok(Reply::ok(&shown(conn, row).await?).version(version))
}

/// Shows a cart as it is now.
///
/// # Errors
/// Those of the database.
pub async fn shown(conn: &mut TenantConn, row: CartRow) -> Result<CartView, EcommError> {
    let lines = carts::lines_of(conn, row.id).await?;
    view(row, lines)
}

/// Answers with a cart as it is now, of which something is new.
///
/// # Errors
/// Those of the database.
pub async fn created(conn: &mut TenantConn, row: CartRow) -> Result<Reply, EcommError> {
    let location = format!("/api/ecomm/v1/carts/{}", row.id);
    let version = row.version;
    Ok(Reply::created(location, &shown(conn, row).await?).version(version))
}

/// Finds a cart of a session that may be changed, and keeps others from changing it. The session sees none but its own.
///
/// # Errors
/// 404 when it is none of the session's, 409 while it is being bought or once it is.
pub async fn changeable(
    conn: &mut TenantConn,
    id: Uuid,
    session: Uuid,
) -> Result<CartRow, EcommError> {
    let row = carts::lock(conn, id, session).await?;
    let row = row.ok_or_else(Problem::not_found)?;
    match row.state.as_str() {
        ACTIVE => Ok(row),
        LOCKED => Err(Problem::new(codes::CART_LOCKED).into()),
        ORDERED => Err(Problem::new(codes::CART_ORDERED).into()),
        _ => Err(is_over(&row).into()),
    }
}

/// Says why a cart never becomes an order.
pub fn is_over(row: &CartRow) -> Problem {
    match row.merged_into {
        Some(other) => Problem::new(codes::CART_MERGED).with("merged_into", json!(other)),
        None => Problem::new(codes::CART_EXPIRED),
    }
}

/// Returns a cart of a session that begins now.
pub fn begun(session: Uuid, country: String, channel: Option<String>) -> CartRow {
    let at = now();
    CartRow {
        id: Uuid::now_v7(),
        session_id: session,
        state: ACTIVE.to_owned(),
        country,
        company_id: None,
        channel,
        coupon_codes: Vec::new(),
        email: None,
        ship_to: None,
        bill_to: None,
        shipping_method: None,
        order_id: None,
        customer_id: None,
        merged_into: None,
        version: 1,
        created_at: at,
        updated_at: at,
    }
}

/// A cart to be begun.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCart {
    /// Where the goods go.
    #[garde(custom(country_form))]
    #[schema(example = "DE")]
    country: String,
    /// A channel of the pricing service, such as the shop or the app in which it is filled.
    #[garde(custom(optional_code))]
    #[schema(example = "web")]
    channel: Option<String>,
}

/// Begins a cart. A session has one at a time: if there is one already, it is that one, as it is.
#[utoipa::path(post, path = "/api/ecomm/v1/carts", tag = "carts", security(("token" = ["storefront:write"])), request_body = CreateCart,
    responses((status = 201, description = "The cart.", body = CartView)))]
pub async fn create_cart(
    tenant: Tenant<may::StorefrontWrite>,
    state: Data<State>,
    post: Post<CreateCart>,
) -> ApiResult<Reply> {
    let session = tenant.caller.identity.subject;
    let body = &post.body;
    let row = begun(session, body.country.clone(), body.channel.clone());
    let current = tenant
        .db
        .read(async |conn| -> Result<_, EcommError> { Ok(carts::current(conn, session).await?) });
    // Whoever has signed in with it may not be there any more.
    let claimed = current.await?.and_then(|there| there.customer_id);
    let is_left = match claimed {
        Some(customer) => {
            let correlation = request::correlation();
            let buyer = signed_in(&state, &tenant.context, session, None, &correlation).await?;
            !buyer.is(customer)
        }
        None => false,
    };
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, EcommError> {
            let row = match carts::current(conn, session).await? {
                Some(there) if is_left && there.customer_id == claimed && there.state == ACTIVE => {
                    left_for_its_customer(conn, there, session).await?
                }
                Some(there) => there,
                None => {
                    carts::insert(conn, &row).await?;
                    row.clone()
                }
            };
            created(conn, row).await
        },
    )
    .await
}

/// Reads a cart of the session.
#[utoipa::path(get, path = "/api/ecomm/v1/carts/{id}", tag = "carts", security(("token" = ["storefront:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The cart.", body = CartView)))]
pub async fn get_cart(
    tenant: Tenant<may::StorefrontRead>,
    state: Data<State>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    check_owner(&tenant, &state, id).await?;
    let session = tenant.caller.identity.subject;
    let found = tenant.db.read(async |conn| -> Result<_, EcommError> {
        let row = carts::find(conn, id, session).await?;
        answer(conn, row.ok_or_else(Problem::not_found)?).await
    });
    Ok(found.await?)
}

/// What of a cart may be said: a merge patch.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateCart {
    #[garde(inner(custom(country_form)))]
    #[serde(default, deserialize_with = "not_null")]
    country: Option<String>,
    /// The company for which it is bought; its buyer has proven who it is.
    #[serde(default)]
    #[garde(skip)]
    #[schema(value_type = Option<Uuid>)]
    company_id: Patch<Uuid>,
    #[serde(default)]
    #[garde(custom(code_patch))]
    #[schema(value_type = Option<String>)]
    channel: Patch<String>,
    #[garde(inner(length(max = MAX_COUPONS), inner(custom(code_form))))]
    #[serde(default, deserialize_with = "not_null")]
    coupon_codes: Option<Vec<String>>,
    #[serde(default)]
    #[garde(custom(email_form))]
    #[schema(value_type = Option<String>)]
    email: Patch<String>,
    #[serde(default)]
    #[garde(custom(address_form))]
    #[schema(value_type = Option<CartAddress>)]
    ship_to: Patch<CartAddress>,
    #[serde(default)]
    #[garde(custom(address_form))]
    #[schema(value_type = Option<CartAddress>)]
    bill_to: Patch<CartAddress>,
    /// The code of a way of sending.
    #[serde(default)]
    #[garde(custom(code_patch))]
    #[schema(value_type = Option<String>)]
    shipping_method: Patch<String>,
}

fn email_form(patch: &Patch<String>, context: &()) -> garde::Result {
    let Some(text) = patch.value() else {
        return Ok(());
    };
    let (name, host) = text.split_once('@').unwrap_or_default();
    if name.is_empty() || host.is_empty() || text.len() > MAX_EMAIL || text.contains(' ') {
        return Err(garde::Error::new("must be an address of mail"));
    }
    one_line(text, context)
}

fn address_form(patch: &Patch<CartAddress>, _: &()) -> garde::Result {
    let Some(address) = patch.value() else {
        return Ok(());
    };
    address
        .validate()
        .map_err(|report| garde::Error::new(report.to_string().trim().to_owned()))
}

fn code_patch(patch: &Patch<String>, context: &()) -> garde::Result {
    patch
        .value()
        .map_or(Ok(()), |text| code_form(text, context))
}

/// Says where a cart goes, for whom and how.
#[utoipa::path(patch, path = "/api/ecomm/v1/carts/{id}", tag = "carts", security(("token" = ["storefront:write"])),
    request_body = UpdateCart, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The cart.", body = CartView)))]
pub async fn update_cart(
    tenant: Tenant<may::StorefrontWrite>,
    state: Data<State>,
    PathId(id): PathId,
    seen: SeenVersion,
    patch: MergePatch<UpdateCart>,
) -> ApiResult<Reply> {
    check_owner(&tenant, &state, id).await?;
    let session = tenant.caller.identity.subject;
    let patch = &patch.0;
    let reply = tenant
        .db
        .transaction(async |conn| -> Result<_, EcommError> {
            let mut row = changeable(conn, id, session).await?;
            seen.check(row.version)?;
            row.country = patch.country.clone().unwrap_or(row.country);
            row.coupon_codes = patch.coupon_codes.clone().unwrap_or(row.coupon_codes);
            patch.company_id.clone().apply(&mut row.company_id);
            patch.channel.clone().apply(&mut row.channel);
            patch.email.clone().apply(&mut row.email);
            let address = |patch: &Patch<CartAddress>| patch.clone().map(|address| json!(address));
            address(&patch.ship_to).apply(&mut row.ship_to);
            address(&patch.bill_to).apply(&mut row.bill_to);
            patch
                .shipping_method
                .clone()
                .apply(&mut row.shipping_method);
            check_destination(conn, &row).await?;
            let row = carts::update(conn, &row).await?;
            answer(conn, row).await
        });
    Ok(reply.await?)
}

/// An address in another country has other prices, and not every way of sending goes everywhere.
async fn check_destination(conn: &mut TenantConn, row: &CartRow) -> Result<(), EcommError> {
    let country = row
        .ship_to
        .as_ref()
        .and_then(|address| address.get("country"));
    if country.is_some_and(|country| *country != row.country) {
        let message = "must be in the cart's country";
        return Err(FieldProblem::new("/ship_to/country", "other", message).into());
    }
    if let Some(code) = &row.shipping_method {
        let method = shipping::find_by_code(conn, code).await?;
        if method.is_none_or(|method| !method.goes_to(&row.country)) {
            return Err(Problem::new(codes::NO_SHIPPING).into());
        }
    }
    Ok(())
}
