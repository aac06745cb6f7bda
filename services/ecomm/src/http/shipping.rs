//! How goods are sent.

use actix_web::web::Data;
use averis_money::Money;
use averis_service_kit::Tenant;
use averis_service_kit::body::{MergePatch, one_line};
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::forms::{code_form, country_form};
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::openapi::{IfMatch, MoneySchema};
use averis_service_kit::patch::not_null;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::currency;
use crate::State;
use crate::domain::now;
use crate::error::EcommError;
use crate::store::shipping::{self, ShippingRow};

/// A way of sending.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShippingMethodView {
    id: Uuid,
    #[schema(example = "standard")]
    code: String,
    #[schema(example = "Standard")]
    name: String,
    /// Where to, ISO 3166-1 alpha-2; everywhere where empty.
    countries: Vec<String>,
    /// On the basis of the catalog's prices: with tax where they have it.
    #[schema(value_type = MoneySchema)]
    price: Money,
    active: bool,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

fn view(row: ShippingRow) -> Result<ShippingMethodView, EcommError> {
    Ok(ShippingMethodView {
        price: Money::new(row.amount, currency(&row.currency)?),
        id: row.id,
        code: row.code,
        name: row.name,
        countries: row.countries,
        active: row.active,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn countries_form(countries: &[String], context: &()) -> garde::Result {
    for country in countries {
        country_form(country, context)?;
    }
    Ok(())
}

fn check_price(price: Money) -> Result<(), EcommError> {
    if price.is_negative() {
        return Err(FieldProblem::new("/price", "range", "must not be negative").into());
    }
    Ok(())
}

/// A way of sending to be offered.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateShippingMethod {
    #[garde(custom(code_form))]
    #[schema(example = "standard")]
    code: String,
    #[garde(length(chars, min = 1, max = 200), custom(one_line))]
    #[schema(example = "Standard")]
    name: String,
    #[serde(default)]
    #[garde(length(max = 250), custom(countries_form))]
    #[schema(example = json!(["DE", "AT"]))]
    countries: Vec<String>,
    #[garde(skip)]
    #[schema(value_type = MoneySchema)]
    price: Money,
}

/// Offers a way of sending.
#[utoipa::path(post, path = "/api/ecomm/v1/shipping-methods", tag = "shop", security(("token" = ["shop:write"])), request_body = CreateShippingMethod,
    responses((status = 201, description = "The way of sending.", body = ShippingMethodView)))]
pub async fn create_shipping_method(
    tenant: Tenant<may::ShopWrite>,
    post: Post<CreateShippingMethod>,
) -> ApiResult<Reply> {
    let body = &post.body;
    check_price(body.price)?;
    let at = now();
    let row = ShippingRow {
        id: Uuid::now_v7(),
        code: body.code.clone(),
        name: body.name.clone(),
        countries: body.countries.clone(),
        amount: body.price.amount(),
        currency: body.price.currency().code().to_owned(),
        active: true,
        version: 1,
        created_at: at,
        updated_at: at,
    };
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, EcommError> {
            shipping::insert(conn, &row).await?;
            let location = format!("/api/ecomm/v1/shipping-methods/{}", row.id);
            Ok(Reply::created(location, &view(row.clone())?).version(1))
        },
    )
    .await
}

/// A page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListShippingMethods {
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists ways of sending by age.
#[utoipa::path(get, path = "/api/ecomm/v1/shipping-methods", tag = "shop", security(("token" = ["cart:read"])), params(ListShippingMethods),
    responses((status = 200, description = "A page of them.", body = Page<ShippingMethodView>)))]
pub async fn list_shipping_methods(
    tenant: Tenant<may::CartRead>,
    state: Data<State>,
    query: Query<ListShippingMethods>,
) -> ApiResult<Reply> {
    let limit = limit(query.0.limit)?;
    let list = format!("{} shipping methods", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.0.cursor.as_deref())?;
    let rows = tenant.db.read(async |conn| -> Result<_, EcommError> {
        Ok(shipping::list(conn, after, i64::from(limit) + 1).await?)
    });
    let page = Page::new(rows.await?, limit, |row| {
        state.cursors.seal(&list, &(row.created_at, row.id))
    });
    Ok(Reply::ok(&page.try_map(view)?))
}

/// What of a way of sending may be changed: a merge patch. Carts that are being bought keep what their buyer has seen.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateShippingMethod {
    #[garde(inner(length(chars, min = 1, max = 200), custom(one_line)))]
    #[serde(default, deserialize_with = "not_null")]
    name: Option<String>,
    #[garde(inner(length(max = 250), custom(countries_form)))]
    #[serde(default, deserialize_with = "not_null")]
    countries: Option<Vec<String>>,
    #[garde(skip)]
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = Option<MoneySchema>)]
    price: Option<Money>,
    #[garde(skip)]
    #[serde(default, deserialize_with = "not_null")]
    active: Option<bool>,
}

/// Changes a way of sending.
#[utoipa::path(patch, path = "/api/ecomm/v1/shipping-methods/{id}", tag = "shop", security(("token" = ["shop:write"])),
    request_body = UpdateShippingMethod, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The way of sending.", body = ShippingMethodView)))]
pub async fn update_shipping_method(
    tenant: Tenant<may::ShopWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    patch: MergePatch<UpdateShippingMethod>,
) -> ApiResult<Reply> {
    let patch = &patch.0;
    if let Some(price) = patch.price {
        check_price(price)?;
    }
    let row = tenant
        .db
        .transaction(async |conn| -> Result<_, EcommError> {
            let row = shipping::lock(conn, id).await?;
            let mut row = row.ok_or_else(Problem::not_found)?;
            seen.check(row.version)?;
            row.name = patch.name.clone().unwrap_or(row.name);
            row.countries = patch.countries.clone().unwrap_or(row.countries);
            row.active = patch.active.unwrap_or(row.active);
            if let Some(price) = patch.price {
                row.amount = price.amount();
                price.currency().code().clone_into(&mut row.currency);
            }
            Ok(shipping::update(conn, &row).await?)
        });
    let row = row.await?;
    let version = row.version;
    Ok(Reply::ok(&view(row)?).version(version))
}
