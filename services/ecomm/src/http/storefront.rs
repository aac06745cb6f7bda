//! What shops show: products with what they cost their shopper and whether they are there. However many there are, each of the
//! services that know of them is asked once for a page.

mod showing;

use actix_web::web::{Data, Path};
use averis_money::Money;
use averis_service_kit::Tenant;
use averis_service_kit::cursor::limit;
use averis_service_kit::openapi::MoneySchema;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use futures_util::future::try_join;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use self::showing::Shop;
use crate::State;
use crate::asking::told;
use crate::error::EcommError;

/// Products of a page, where nothing else is said.
const USUAL: u32 = 24;
/// Products of a page, at most.
const MOST: u32 = 50;
/// Variants of a product that a list shows: its own page shows all of them.
const VARIANTS: usize = 20;
/// Variants of a product among which a list looks for them.
const LOOKED_AT: usize = 60;

/// Whether there is something of a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stock {
    /// More than a few.
    #[serde(rename = "in_stock")]
    Plenty,
    /// A few, and `left` says how many.
    Low,
    /// None.
    Out,
    /// It has no end.
    Unlimited,
    /// It cannot be found out at the moment.
    Unknown,
}

/// A product as a shop shows it to this shopper.
#[derive(Debug, Serialize, ToSchema)]
pub struct StorefrontProduct {
    id: Uuid,
    /// As it stands in the shop's addresses.
    #[schema(example = "ocean-blue-shirt")]
    key: String,
    /// `physical`, `digital`, `service` or `bundle`.
    kind: String,
    name: String,
    /// Text or HTML, as it was given: clean it before it stands in a page.
    description: String,
    vendor: String,
    product_type: String,
    tags: Vec<String>,
    /// Names of the options for which each variant has a value.
    options: Vec<String>,
    category_ids: Vec<Uuid>,
    #[schema(value_type = Object)]
    attributes: Value,
    #[schema(value_type = Vec<Object>)]
    media: Vec<Value>,
    /// Those that are sold to this shopper; in a list the first twenty.
    variants: Vec<StorefrontVariant>,
    /// Whether there are more variants than the list shows, or has looked at.
    more_variants: bool,
}

/// A variant that is sold to this shopper.
#[derive(Debug, Serialize, ToSchema)]
pub struct StorefrontVariant {
    id: Uuid,
    #[schema(example = "SHIRT-BLUE-M")]
    sku: String,
    option_values: Vec<String>,
    image_url: Option<String>,
    /// For `per_quantity` pieces, before promotions.
    #[schema(value_type = MoneySchema)]
    price: Money,
    per_quantity: i64,
    /// What it costs otherwise.
    #[schema(value_type = Option<MoneySchema>)]
    list_price: Option<Money>,
    stock: Stock,
    /// How many there are, where there are few.
    left: Option<i64>,
}

/// A page of what a shop shows.
#[derive(Debug, Serialize, ToSchema)]
pub struct Shelf {
    /// May be fewer than asked for: what is not sold to this shopper is left out.
    data: Vec<StorefrontProduct>,
    next_cursor: Option<String>,
    /// Of the shopper's catalog.
    #[schema(example = "de-DE")]
    locale: Option<String>,
    /// Whether the prices include tax.
    tax_included: Option<bool>,
}

/// A page of one product.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProductPage {
    product: StorefrontProduct,
    /// Of the shopper's catalog.
    #[schema(example = "de-DE")]
    locale: String,
    /// Whether the prices include tax.
    tax_included: bool,
}

/// For whom something is shown. Its session says who it is; it says where the goods go.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ShownTo {
    /// Where the goods go, ISO 3166-1 alpha-2: it decides on prices and currency.
    #[param(example = "DE")]
    country: String,
    /// The company for which it is bought; its buyer has proven who it is.
    company_id: Option<Uuid>,
    /// The channel, as its cart has it: with the country it decides on catalog, language and prices.
    channel: Option<String>,
}

/// What is shown of a shop, and to whom.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListShelf {
    /// Where the goods go, ISO 3166-1 alpha-2: it decides on prices and currency.
    #[param(example = "DE")]
    country: String,
    /// The company for which it is bought; its buyer has proven who it is.
    company_id: Option<Uuid>,
    /// The channel, as its cart has it: with the country it decides on catalog, language and prices.
    channel: Option<String>,
    /// Words to search for: the best hits first. Otherwise all, by name.
    q: Option<String>,
    category_id: Option<Uuid>,
    vendor: Option<String>,
    product_type: Option<String>,
    tag: Option<String>,
    /// Products per page, 1 to 50; 24 where absent.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Shows what is sold to a shopper in a country.
#[utoipa::path(get, path = "/api/ecomm/v1/storefront/products", tag = "storefront", security(("token" = ["storefront:read"])), params(ListShelf),
    responses((status = 200, description = "A page of products.", body = Shelf)))]
pub async fn list_shelf(
    tenant: Tenant<may::StorefrontRead>,
    state: Data<State>,
    query: Query<ListShelf>,
) -> ApiResult<Reply> {
    let ListShelf {
        country,
        company_id,
        channel,
        q,
        category_id,
        vendor,
        product_type,
        tag,
        limit: asked,
        cursor,
    } = query.0;
    let limit = limit(asked.or(Some(USUAL)))?;
    if limit > MOST {
        let message = format!("must be at most {MOST}");
        return Err(EcommError::from(FieldProblem::new("/limit", "range", message)).into());
    }
    let shop = Shop::new(&tenant, &state);
    let (limit, category) = (limit.to_string(), category_id.map(|id| id.to_string()));
    let asked = [
        ("limit", Some(limit.as_str())),
        ("q", q.as_deref()),
        ("category_id", category.as_deref()),
        ("vendor", vendor.as_deref()),
        ("product_type", product_type.as_deref()),
        ("tag", tag.as_deref()),
        ("cursor", cursor.as_deref()),
    ];
    let asked: Vec<(&str, &str)> = asked
        .iter()
        .filter_map(|(name, value)| Some((*name, (*value)?)))
        .collect();
    let shown_to = ShownTo {
        country,
        company_id,
        channel,
    };
    let products = async {
        let found = shop
            .state
            .calls
            .product
            .staged(&shop.tenant.key, &asked, &shop.correlation);
        found.await.map_err(told)
    };
    let (viewer, page) = try_join(shop.viewer(shown_to), products).await?;
    let (data, terms) = shop
        .shown(page.data, &viewer, (LOOKED_AT, VARIANTS))
        .await?;
    Ok(Reply::ok(&Shelf {
        data,
        next_cursor: page.next_cursor,
        locale: terms.as_ref().map(|terms| terms.locale.clone()),
        tax_included: terms.map(|terms| terms.tax_included),
    }))
}

/// Shows a product to a shopper in a country. What is not sold to it is not there.
#[utoipa::path(get, path = "/api/ecomm/v1/storefront/products/{id}", tag = "storefront", security(("token" = ["storefront:read"])),
    params(("id" = Uuid, Path), ShownTo), responses((status = 200, description = "The product.", body = ProductPage)))]
pub async fn show_product(
    tenant: Tenant<may::StorefrontRead>,
    state: Data<State>,
    PathId(id): PathId,
    query: Query<ShownTo>,
) -> ApiResult<Reply> {
    let shop = Shop::new(&tenant, &state);
    shop.page(&id.to_string(), query.0).await
}

/// Shows a product to a shopper in a country, by its key. What is not sold to it is not there.
#[utoipa::path(get, path = "/api/ecomm/v1/storefront/products/key={key}", tag = "storefront", security(("token" = ["storefront:read"])),
    params(("key" = String, Path), ShownTo), responses((status = 200, description = "The product.", body = ProductPage)))]
pub async fn show_product_by_key(
    tenant: Tenant<may::StorefrontRead>,
    state: Data<State>,
    key: Path<String>,
    query: Query<ShownTo>,
) -> ApiResult<Reply> {
    let is_key = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !key.bytes().all(is_key) {
        return Err(Problem::not_found());
    }
    let shop = Shop::new(&tenant, &state);
    shop.page(&format!("key={key}"), query.0).await
}
