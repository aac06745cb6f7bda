//! What shops show: products with what they cost their shopper and whether they are there. However many there are, each of the
//! services that know of them is asked once for a page.

use std::collections::BTreeMap;

use actix_web::web::{Data, Path};
use averis_contracts::client::CallError;
use averis_contracts::pricing::{UnitPrice, UnitPrices, Viewer};
use averis_contracts::product::{StagedProduct, StagedVariant};
use averis_money::Money;
use averis_service_kit::Tenant;
use averis_service_kit::cursor::limit;
use averis_service_kit::forms::{fold, is_country};
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem, codes as common};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::request;
use averis_tenant_context::may;
use futures_util::future::{join, try_join, try_join_all};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::State;
use crate::error::{EcommError, codes};
use crate::saga::BuyerParts;

/// Products of a page, where nothing else is said.
const USUAL: u32 = 24;
/// Products of a page, at most.
const MOST: u32 = 50;
/// Variants of a product that a list shows: its own page shows all of them.
const VARIANTS: usize = 20;
/// Variants of a product among which a list looks for them.
const LOOKED_AT: usize = 60;
/// SKUs of one question to other services, and how long they may be together: they stand in its address.
const SKUS: usize = 250;
const SKUS_BYTES: usize = 8 * 1024;
/// From how many pieces on nobody has to hurry.
const PLENTY: i64 = 6;

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
    #[schema(value_type = averis_service_kit::openapi::MoneySchema)]
    price: Money,
    per_quantity: i64,
    /// What it costs otherwise.
    #[schema(value_type = Option<averis_service_kit::openapi::MoneySchema>)]
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

/// What another service has to say, told as ours: a question that is none is the caller's, anything else nobody's fault here.
///
/// A cart is told the same.
pub fn told(error: CallError) -> Problem {
    let away = || Problem::new(codes::SHOP_UNAVAILABLE).retry_after(1);
    match &error {
        CallError::Refused(refusal) => match refusal.code.as_str() {
            "invalid_query" => Problem::new(common::INVALID_QUERY).because(error),
            "invalid_cursor" => Problem::new(common::INVALID_CURSOR).because(error),
            "not_proven" | "not_a_member" => Problem::new(codes::NOT_ALLOWED).because(error),
            _ => away().because(error),
        },
        _ => away().because(error),
    }
}

/// What is needed to show something.
struct Shop<'a> {
    state: &'a State,
    tenant: &'a averis_tenant_context::TenantContext,
    session: Uuid,
    correlation: averis_contracts::client::Correlation,
}

impl<'a> Shop<'a> {
    fn new(tenant: &'a Tenant<may::StorefrontRead>, state: &'a State) -> Self {
        Self {
            state,
            tenant: &tenant.context,
            session: tenant.caller.identity.subject,
            correlation: request::correlation(),
        }
    }

    /// Learns who looks.
    async fn viewer(&self, to: ShownTo) -> Result<Viewer, Problem> {
        if !is_country(&to.country) {
            let problem = FieldProblem::new("/country", "form", "must be of ISO 3166-1 alpha-2");
            return Err(EcommError::from(problem).into());
        }
        let customer = &self.state.calls.customer;
        let found = customer.visitor(
            &self.tenant.key,
            self.session,
            to.company_id,
            &self.correlation,
        );
        let buyer = BuyerParts::from(found.await.map_err(told)?);
        Ok(Viewer {
            country: to.country,
            segment: buyer.segment,
            // As carts have it, so that what is shown is what is charged.
            channel: None,
            company_id: to.company_id,
            customer_id: buyer.customer_id,
        })
    }

    /// Shows one product with all of its variants.
    async fn page(&self, which: &str, to: ShownTo) -> ApiResult<Reply> {
        let product = async {
            let products = &self.state.calls.product;
            let found = products.staged_product(&self.tenant.key, which, &self.correlation);
            found.await.map_err(told)
        };
        let (viewer, product) = try_join(self.viewer(to), product).await?;
        let product = product.ok_or_else(Problem::not_found)?;
        let (mut shown, terms) = self
            .shown(vec![product], &viewer, (usize::MAX, usize::MAX))
            .await?;
        let (Some(product), Some(terms)) = (shown.pop(), terms) else {
            return Err(Problem::not_found());
        };
        Ok(Reply::ok(&ProductPage {
            product,
            locale: terms.locale,
            tax_included: terms.tax_included,
        }))
    }

    /// Shows products with those of their variants that are sold to somebody: of so many each no more than so many.
    async fn shown(
        &self,
        products: Vec<StagedProduct>,
        viewer: &Viewer,
        (looked_at, most): (usize, usize),
    ) -> Result<(Vec<StorefrontProduct>, Option<UnitPrices>), Problem> {
        let skus: Vec<&str> = products
            .iter()
            .flat_map(|product| product.variants.iter().take(looked_at))
            .map(|variant| variant.sku.as_str())
            .collect();
        if skus.is_empty() {
            return Ok((Vec::new(), None));
        }
        let (prices, stock) = join(self.prices(viewer, &skus), self.stock(&skus)).await;
        let Some(terms) = prices? else {
            return Ok((Vec::new(), None));
        };
        let prices: BTreeMap<String, &UnitPrice> = terms
            .data
            .iter()
            .map(|price| (fold(&price.sku), price))
            .collect();
        let shown = products.into_iter().filter_map(|product| {
            // As checkouts have it: only what is physical has an end.
            let has_end = product.kind == "physical";
            let own = product.variants.iter().take(looked_at);
            let mut own: Vec<StorefrontVariant> = own
                .filter_map(|variant| {
                    let price = prices.get(&fold(&variant.sku))?;
                    let available = stock.as_ref().map(|stock| {
                        let known = stock.get(&fold(&variant.sku));
                        known.copied().unwrap_or_default()
                    });
                    Some(variant_view(variant, price, has_end, available))
                })
                .collect();
            let more_variants = own.len() > most || product.variants.len() > looked_at;
            own.truncate(most);
            (!own.is_empty()).then(|| view(product, own, more_variants))
        });
        Ok((shown.collect(), Some(terms)))
    }

    /// Asks what pieces cost. None says that nothing is sold to the viewer.
    async fn prices(&self, viewer: &Viewer, skus: &[&str]) -> Result<Option<UnitPrices>, Problem> {
        let pricing = &self.state.calls.pricing;
        let asked = questions(skus)
            .into_iter()
            .map(|some| pricing.unit_prices(&self.tenant.key, viewer, some, &self.correlation));
        let found = match try_join_all(asked).await {
            Err(error) if error.code() == Some("no_catalog") => return Ok(None),
            found => found.map_err(told)?,
        };
        let mut all = found.into_iter();
        let Some(mut first) = all.next() else {
            return Ok(None);
        };
        first.data.extend(all.flat_map(|prices| prices.data));
        Ok(Some(first))
    }

    /// Asks what is there. None says that nobody can tell: that is no stock, and no lack of it.
    async fn stock(&self, skus: &[&str]) -> Option<BTreeMap<String, i64>> {
        let erp = &self.state.calls.erp;
        let asked = questions(skus)
            .into_iter()
            .map(|some| erp.availability(&self.tenant.key, some, &self.correlation));
        match try_join_all(asked).await {
            Ok(found) => {
                let all = found.into_iter().flat_map(|there| there.data);
                Some(all.map(|one| (fold(&one.sku), one.available)).collect())
            }
            Err(error) => {
                tracing::warn!(error = %error, "a shop shows its goods without their stock");
                None
            }
        }
    }
}

/// Cuts SKUs into as few questions as they fit into.
fn questions<'a>(skus: &'a [&'a str]) -> Vec<&'a [&'a str]> {
    let mut questions = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for (place, sku) in skus.iter().enumerate() {
        // A letter may take three times its bytes in an address.
        let own = 3 * sku.len() + 3;
        if place - from == SKUS || bytes + own > SKUS_BYTES && place > from {
            questions.extend(skus.get(from..place));
            (from, bytes) = (place, 0);
        }
        bytes += own;
    }
    questions.extend(skus.get(from..));
    questions
}

fn variant_view(
    variant: &StagedVariant,
    price: &UnitPrice,
    has_end: bool,
    available: Option<i64>,
) -> StorefrontVariant {
    let stock = match available {
        _ if !has_end => Stock::Unlimited,
        None => Stock::Unknown,
        Some(PLENTY..) => Stock::Plenty,
        Some(1..) => Stock::Low,
        Some(_) => Stock::Out,
    };
    StorefrontVariant {
        id: variant.id,
        sku: variant.sku.clone(),
        option_values: variant.option_values.clone(),
        image_url: variant.image_url.clone(),
        price: price.amount,
        per_quantity: price.per_quantity,
        list_price: price.list,
        stock,
        left: available.filter(|_| stock == Stock::Low),
    }
}

fn view(
    product: StagedProduct,
    variants: Vec<StorefrontVariant>,
    more_variants: bool,
) -> StorefrontProduct {
    StorefrontProduct {
        id: product.id,
        key: product.key,
        kind: product.kind,
        name: product.name,
        description: product.description,
        vendor: product.vendor,
        product_type: product.product_type,
        tags: product.tags,
        options: product.options,
        category_ids: product.category_ids,
        attributes: product.attributes,
        media: product.media,
        variants,
        more_variants,
    }
}
