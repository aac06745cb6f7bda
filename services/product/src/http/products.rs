//! Products.

use actix_web::web::{Data, Path};
use averis_service_kit::Tenant;
use averis_service_kit::body::{MergePatch, one_line, printable};
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Command, Post, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::patch::not_null;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem, codes};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Datelike as _, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::text::{
    optional_line, optional_printable, optional_short_texts, optional_tag_list, short_texts,
    tag_list,
};
use crate::State;
use crate::domain::attributes::check_values;
use crate::domain::now;
use crate::domain::products::{
    ProductCommand, ProductStatus, check_key, check_options, search_text,
};
use crate::error::ProductError;
use crate::http::media::MediaView;
use crate::http::variants::{CreateVariant, VariantView};
use crate::store::products::{After, ProductChanges, ProductFilter, ProductOrder, ProductRow};
use crate::store::{attributes, categories, media, products, variants};

/// Keys that one list may ask for.
const MAX_BATCH: usize = 250;

/// What is sold: something to hold, to download, to be done, or several of these together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProductKind {
    #[default]
    Physical,
    Digital,
    Service,
    Bundle,
}

impl ProductKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Physical => "physical",
            Self::Digital => "digital",
            Self::Service => "service",
            Self::Bundle => "bundle",
        }
    }
}

/// A product.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProductView {
    id: Uuid,
    /// Unique, as it stands in a shop's addresses.
    #[schema(example = "ocean-blue-shirt")]
    key: String,
    /// `physical`, `digital`, `service` or `bundle`.
    kind: String,
    /// `draft`, `active`, `suspended` or `archived`; changed by commands only.
    status: String,
    name: String,
    /// Text or HTML, as it was given: clean it before it stands in a page.
    description: String,
    vendor: String,
    product_type: String,
    tags: Vec<String>,
    /// Names of the options for which each variant has a value.
    options: Vec<String>,
    category_ids: Vec<Uuid>,
    /// Values by code of their definition.
    #[schema(value_type = Object)]
    attributes: Value,
    /// Columns of an imported file that belong to no field.
    #[schema(value_type = Object)]
    extra: Value,
    launched_at: Option<DateTime<Utc>>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// With `expand=variants`.
    #[serde(skip_serializing_if = "Option::is_none")]
    variants: Option<Vec<VariantView>>,
    /// With `expand=media`.
    #[serde(skip_serializing_if = "Option::is_none")]
    media: Option<Vec<MediaView>>,
}

impl From<ProductRow> for ProductView {
    fn from(row: ProductRow) -> Self {
        let ProductRow {
            id,
            key,
            kind,
            status,
            name,
            description,
            vendor,
            product_type,
            tags,
            options,
            category_ids,
            attributes,
            extra,
            launched_at,
            version,
            created_at,
            updated_at,
        } = row;
        Self {
            id,
            key,
            kind,
            status,
            name,
            description,
            vendor,
            product_type,
            tags,
            options,
            category_ids,
            attributes,
            extra,
            launched_at,
            version,
            created_at,
            updated_at,
            variants: None,
            media: None,
        }
    }
}

fn answer(row: ProductRow) -> Reply {
    let version = row.version;
    Reply::ok(&ProductView::from(row)).version(version)
}

/// A product to be drafted.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateProduct {
    #[garde(skip)]
    #[schema(example = "ocean-blue-shirt")]
    key: String,
    #[garde(length(chars, min = 1, max = 500), custom(one_line))]
    #[schema(example = "Ocean Blue Shirt")]
    name: String,
    #[serde(default)]
    #[garde(length(chars, max = 100_000), custom(printable))]
    description: String,
    #[serde(default)]
    #[garde(skip)]
    kind: ProductKind,
    #[serde(default)]
    #[garde(length(chars, max = 255), custom(one_line))]
    vendor: String,
    #[serde(default)]
    #[garde(length(chars, max = 255), custom(one_line))]
    product_type: String,
    #[serde(default)]
    #[garde(length(max = 250), custom(tag_list))]
    tags: Vec<String>,
    #[serde(default)]
    #[garde(custom(short_texts))]
    options: Vec<String>,
    #[serde(default)]
    #[garde(length(max = 100))]
    category_ids: Vec<Uuid>,
    #[serde(default)]
    #[garde(skip)]
    #[schema(value_type = Object)]
    attributes: Map<String, Value>,
    /// Variants to be made with the product.
    #[serde(default)]
    #[garde(length(max = 250), dive)]
    variants: Vec<CreateVariant>,
}

/// Drafts a product.
#[utoipa::path(post, path = "/api/product/v1/products", tag = "products", request_body = CreateProduct,
    responses((status = 201, description = "The draft.", body = ProductView)))]
pub async fn create_product(tenant: Tenant, post: Post<CreateProduct>) -> ApiResult<Reply> {
    let body = post.body;
    check_key(&body.key).map_err(ProductError::from)?;
    check_options(&body.options).map_err(ProductError::from)?;
    let (row, parts, search_text) = new_rows(body)?;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, ProductError> {
            check_references(conn, Some(&row.category_ids), row.attributes.as_object()).await?;
            let row = products::insert(conn, &row, &search_text).await?;
            if !parts.is_empty() {
                variants::insert(conn, &parts).await?;
            }
            let location = format!("/api/product/v1/products/{}", row.id);
            let mut view = ProductView::from(row);
            view.variants = Some(parts.iter().cloned().map(VariantView::from).collect());
            Ok(Reply::created(location, &view).version(1))
        },
    )
    .await
}

fn new_rows(
    body: CreateProduct,
) -> Result<(ProductRow, Vec<variants::VariantRow>, String), ProductError> {
    let CreateProduct {
        key,
        name,
        description,
        kind,
        vendor,
        product_type,
        tags,
        options,
        category_ids,
        attributes,
        variants,
    } = body;
    let id = Uuid::now_v7();
    let mut parts = Vec::new();
    for (place, variant) in variants.into_iter().enumerate() {
        let position = i32::try_from(place + 1).unwrap_or(i32::MAX);
        let row = variant
            .into_row(id, &options, position)
            .map_err(|mut problem| {
                problem.pointer = format!("/variants/{place}{}", problem.pointer);
                problem
            })?;
        parts.push(row);
    }
    let skus = parts.iter().map(|part| part.sku.as_str());
    let search_text = search_text(&key, &vendor, &product_type, &tags, skus, &description);
    let now = now();
    let row = ProductRow {
        id,
        key,
        kind: kind.as_str().to_owned(),
        status: ProductStatus::Draft.as_str().to_owned(),
        name,
        description,
        vendor,
        product_type,
        tags,
        options,
        category_ids,
        attributes: Value::Object(attributes),
        extra: Value::Object(Map::new()),
        launched_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    Ok((row, parts, search_text))
}

/// Checks that named categories exist and that attributes fit their definitions.
async fn check_references(
    conn: &mut TenantConn,
    category_ids: Option<&Vec<Uuid>>,
    values: Option<&Map<String, Value>>,
) -> Result<(), ProductError> {
    if let Some(ids) = category_ids.filter(|ids| !ids.is_empty()) {
        let mut distinct = ids.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() != ids.len() {
            let message = "none may stand there twice";
            return Err(FieldProblem::new("/category_ids", "duplicate", message).into());
        }
        if categories::count_existing(conn, &distinct).await? != distinct.len() {
            return Err(ProductError::UnknownCategory);
        }
    }
    if let Some(values) = values.filter(|values| !values.is_empty()) {
        let named: Vec<&str> = values
            .keys()
            .map(String::as_str)
            .filter(|code| !code.contains('\u{0}'))
            .collect();
        let rules = attributes::rules(conn, &named).await?;
        check_values(&rules, values).map_err(ProductError::Invalid)?;
    }
    Ok(())
}

/// What to show with a product.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Expand {
    /// `variants`, `media`, or both with a comma.
    expand: Option<String>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Expansion {
    variants: bool,
    media: bool,
}

fn expansion(text: Option<&str>) -> Result<Expansion, Problem> {
    let mut expansion = Expansion::default();
    for word in text.into_iter().flat_map(|text| text.split(',')) {
        match word {
            "variants" => expansion.variants = true,
            "media" => expansion.media = true,
            other => {
                return Err(Problem::new(codes::INVALID_QUERY)
                    .detail(format!("expand knows variants and media, not {other:?}.")));
            }
        }
    }
    Ok(expansion)
}

/// Adds what was asked for, with one query for each kind of part however many products there are.
async fn expand(
    conn: &mut TenantConn,
    rows: Vec<ProductRow>,
    expansion: Expansion,
) -> Result<Vec<ProductView>, ProductError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut views: Vec<ProductView> = rows.into_iter().map(ProductView::from).collect();
    if expansion.variants {
        let mut parts = variants::list_of(conn, &ids).await?;
        for view in &mut views {
            let own = parts.extract_if(.., |part| part.product_id == view.id);
            view.variants = Some(own.map(VariantView::from).collect());
        }
    }
    if expansion.media {
        let mut parts = media::list_of(conn, &ids).await?;
        for view in &mut views {
            let own = parts.extract_if(.., |part| part.product_id == view.id);
            view.media = Some(own.map(MediaView::from).collect());
        }
    }
    Ok(views)
}

/// Reads a product.
#[utoipa::path(get, path = "/api/product/v1/products/{id}", tag = "products",
    params(("id" = Uuid, Path), Expand),
    responses((status = 200, description = "The product.", body = ProductView)))]
pub async fn get_product(
    tenant: Tenant,
    PathId(id): PathId,
    query: Query<Expand>,
) -> ApiResult<Reply> {
    let expansion = expansion(query.0.expand.as_deref())?;
    let found = tenant
        .db
        .read(async |conn| -> Result<_, ProductError> {
            let Some(row) = products::find(conn, id).await? else {
                return Ok(None);
            };
            Ok(expand(conn, vec![row], expansion).await?.pop())
        })
        .await?;
    let view = found.ok_or_else(Problem::not_found)?;
    Ok(Reply::ok(&view).version(view.version))
}

/// Reads a product by its key.
#[utoipa::path(get, path = "/api/product/v1/products/key={key}", tag = "products",
    params(("key" = String, Path), Expand),
    responses((status = 200, description = "The product.", body = ProductView)))]
pub async fn get_product_by_key(
    tenant: Tenant,
    key: Path<String>,
    query: Query<Expand>,
) -> ApiResult<Reply> {
    let expansion = expansion(query.0.expand.as_deref())?;
    check_key(&key).map_err(|_ignored| Problem::not_found())?;
    let found = tenant
        .db
        .read(async |conn| -> Result<_, ProductError> {
            let Some(row) = products::find_by_key(conn, &key).await? else {
                return Ok(None);
            };
            Ok(expand(conn, vec![row], expansion).await?.pop())
        })
        .await?;
    let view = found.ok_or_else(Problem::not_found)?;
    Ok(Reply::ok(&view).version(view.version))
}

/// Filters, order and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListProducts {
    #[param(value_type = Option<String>)]
    status: Option<ProductStatus>,
    #[param(value_type = Option<String>)]
    kind: Option<ProductKind>,
    vendor: Option<String>,
    product_type: Option<String>,
    tag: Option<String>,
    category_id: Option<Uuid>,
    /// Keys with commas between them, at most 250.
    #[serde(rename = "key[in]")]
    key_in: Option<String>,
    /// The beginning of the name.
    #[serde(rename = "name[prefix]")]
    name_prefix: Option<String>,
    /// Made at or after this time.
    #[serde(rename = "created_at[gte]")]
    created_from: Option<DateTime<Utc>>,
    /// Made before this time.
    #[serde(rename = "created_at[lt]")]
    created_until: Option<DateTime<Utc>>,
    /// Changed at or after this time.
    #[serde(rename = "updated_at[gte]")]
    updated_from: Option<DateTime<Utc>>,
    /// `created_at` (default), `updated_at` or `name`; with `-` in front downwards.
    sort: Option<String>,
    /// `variants`, `media`, or both with a comma.
    expand: Option<String>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

fn order(sort: Option<&str>) -> Result<ProductOrder, Problem> {
    let sort = sort.unwrap_or("created_at");
    let (column, down) = match sort.strip_prefix('-') {
        Some(column) => (column, true),
        None => (sort, false),
    };
    match column {
        "created_at" => Ok(ProductOrder::CreatedAt { down }),
        "updated_at" => Ok(ProductOrder::UpdatedAt { down }),
        "name" => Ok(ProductOrder::Name { down }),
        other => Err(Problem::new(codes::INVALID_QUERY).detail(format!(
            "sort knows created_at, updated_at and name, not {other:?}."
        ))),
    }
}

/// Refuses characters that the database cannot hold, which a filter would otherwise bring to it.
pub fn check_filter_text<'a>(
    texts: impl IntoIterator<Item = &'a Option<String>>,
) -> Result<(), Problem> {
    if texts
        .into_iter()
        .flatten()
        .any(|text| text.contains('\u{0}'))
    {
        return Err(Problem::new(codes::INVALID_QUERY).detail("A filter holds a NUL character."));
    }
    Ok(())
}

/// Refuses times that the database cannot hold.
fn check_filter_times(times: [Option<DateTime<Utc>>; 3]) -> Result<(), Problem> {
    if times
        .iter()
        .flatten()
        .any(|time| !(0..=9999).contains(&time.year()))
    {
        return Err(
            Problem::new(codes::INVALID_QUERY).detail("A time has a year beyond 0 to 9999.")
        );
    }
    Ok(())
}

fn key_list(text: &str) -> Result<Vec<String>, Problem> {
    let keys: Vec<String> = text.split(',').map(str::to_owned).collect();
    if keys.len() > MAX_BATCH {
        return Err(Problem::new(codes::INVALID_QUERY)
            .detail(format!("key[in] takes at most {MAX_BATCH} keys.")));
    }
    Ok(keys)
}

/// Lists products.
#[utoipa::path(get, path = "/api/product/v1/products", tag = "products", params(ListProducts),
    responses((status = 200, description = "A page of products.", body = Page<ProductView>)))]
pub async fn list_products(
    tenant: Tenant,
    state: Data<State>,
    query: Query<ListProducts>,
) -> ApiResult<Reply> {
    let query = query.0;
    let limit = limit(query.limit)?;
    let order = order(query.sort.as_deref())?;
    let expansion = expansion(query.expand.as_deref())?;
    check_filter_text([
        &query.vendor,
        &query.product_type,
        &query.tag,
        &query.key_in,
        &query.name_prefix,
    ])?;
    check_filter_times([query.created_from, query.created_until, query.updated_from])?;
    let filter = ProductFilter {
        status: query.status.map(|status| status.as_str().to_owned()),
        kind: query.kind.map(|kind| kind.as_str().to_owned()),
        vendor: query.vendor,
        product_type: query.product_type,
        tag: query.tag,
        category_id: query.category_id,
        keys: query.key_in.as_deref().map(key_list).transpose()?,
        name_prefix: query.name_prefix,
        created_from: query.created_from,
        created_until: query.created_until,
        updated_from: query.updated_from,
    };
    let list = format!("{} products {order:?} {filter:?}", tenant.context.key);
    let by_name = matches!(order, ProductOrder::Name { .. });
    let after = match &query.cursor {
        None => None,
        Some(cursor) if by_name => {
            let (name, id) = state.cursors.open(&list, cursor)?;
            Some(After::Name(name, id))
        }
        Some(cursor) => {
            let (time, id) = state.cursors.open(&list, cursor)?;
            Some(After::Time(time, id))
        }
    };
    let page = tenant
        .db
        .read(async |conn| -> Result<_, ProductError> {
            let rows =
                products::list(conn, &filter, order, after.as_ref(), i64::from(limit) + 1).await?;
            let page = Page::new(rows, limit, |row| match order {
                ProductOrder::CreatedAt { .. } => {
                    state.cursors.seal(&list, &(row.created_at, row.id))
                }
                ProductOrder::UpdatedAt { .. } => {
                    state.cursors.seal(&list, &(row.updated_at, row.id))
                }
                ProductOrder::Name { .. } => state.cursors.seal(&list, &(&row.name, row.id)),
            });
            let next_cursor = page.next_cursor;
            Ok(Page {
                data: expand(conn, page.data, expansion).await?,
                next_cursor,
            })
        })
        .await?;
    Ok(Reply::ok(&page))
}

/// What of a product may be changed: a merge patch.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateProduct {
    #[garde(skip)]
    #[serde(default, deserialize_with = "not_null")]
    key: Option<String>,
    #[garde(length(chars, min = 1, max = 500), custom(optional_line))]
    #[serde(default, deserialize_with = "not_null")]
    name: Option<String>,
    #[garde(length(chars, max = 100_000), custom(optional_printable))]
    #[serde(default, deserialize_with = "not_null")]
    description: Option<String>,
    #[garde(skip)]
    #[serde(default, deserialize_with = "not_null")]
    kind: Option<ProductKind>,
    #[garde(length(chars, max = 255), custom(optional_line))]
    #[serde(default, deserialize_with = "not_null")]
    vendor: Option<String>,
    #[garde(length(chars, max = 255), custom(optional_line))]
    #[serde(default, deserialize_with = "not_null")]
    product_type: Option<String>,
    #[garde(length(max = 250), custom(optional_tag_list))]
    #[serde(default, deserialize_with = "not_null")]
    tags: Option<Vec<String>>,
    /// May change only while there are no variants.
    #[garde(custom(optional_short_texts))]
    #[serde(default, deserialize_with = "not_null")]
    options: Option<Vec<String>>,
    #[garde(length(max = 100))]
    #[serde(default, deserialize_with = "not_null")]
    category_ids: Option<Vec<Uuid>>,
    /// Merged by code; `null` removes a value.
    #[garde(skip)]
    #[schema(value_type = Option<Object>)]
    #[serde(default, deserialize_with = "not_null")]
    attributes: Option<Map<String, Value>>,
}

/// Changes a product. Fields that the patch does not name stay as they are.
#[utoipa::path(patch, path = "/api/product/v1/products/{id}", tag = "products",
    request_body = UpdateProduct, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The changed product.", body = ProductView)))]
pub async fn update_product(
    tenant: Tenant,
    PathId(id): PathId,
    seen: SeenVersion,
    patch: MergePatch<UpdateProduct>,
) -> ApiResult<Reply> {
    let patch = patch.0;
    if let Some(key) = &patch.key {
        check_key(key).map_err(ProductError::from)?;
    }
    if let Some(options) = &patch.options {
        check_options(options).map_err(ProductError::from)?;
    }
    let row = tenant
        .db
        .transaction(async |conn| -> Result<_, ProductError> {
            let row = locked(conn, id, seen).await?;
            if row.status == ProductStatus::Archived.as_str() {
                return Err(ProductError::Archived);
            }
            let changes = changes(conn, row, &patch).await?;
            Ok(products::update(conn, id, &changes).await?)
        })
        .await?;
    Ok(answer(row))
}

async fn changes(
    conn: &mut TenantConn,
    row: ProductRow,
    patch: &UpdateProduct,
) -> Result<ProductChanges, ProductError> {
    let set = patch.attributes.as_ref().map(|patch| {
        patch
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(k, v)| (k.clone(), v.clone()))
    });
    let set: Option<Map<String, Value>> = set.map(Iterator::collect);
    check_references(conn, patch.category_ids.as_ref(), set.as_ref()).await?;
    let parts = variants::list(conn, row.id).await?;
    if patch
        .options
        .as_ref()
        .is_some_and(|options| *options != row.options)
        && !parts.is_empty()
    {
        return Err(ProductError::OptionsInUse);
    }
    let attributes = patch.attributes.as_ref().map(|patch| {
        let mut merged = row.attributes.as_object().cloned().unwrap_or_default();
        for (code, value) in patch {
            if value.is_null() {
                merged.remove(code);
            } else {
                merged.insert(code.clone(), value.clone());
            }
        }
        Value::Object(merged)
    });
    let search_text = search_text(
        patch.key.as_ref().unwrap_or(&row.key),
        patch.vendor.as_ref().unwrap_or(&row.vendor),
        patch.product_type.as_ref().unwrap_or(&row.product_type),
        patch.tags.as_ref().unwrap_or(&row.tags),
        parts.iter().map(|part| part.sku.as_str()),
        patch.description.as_ref().unwrap_or(&row.description),
    );
    Ok(ProductChanges {
        key: patch.key.clone(),
        kind: patch.kind.map(|kind| kind.as_str().to_owned()),
        name: patch.name.clone(),
        description: patch.description.clone(),
        vendor: patch.vendor.clone(),
        product_type: patch.product_type.clone(),
        tags: patch.tags.clone(),
        options: patch.options.clone(),
        category_ids: patch.category_ids.clone(),
        attributes,
        search_text: Some(search_text),
        ..ProductChanges::default()
    })
}

/// Locks a product that the caller has seen as it is.
pub async fn locked(
    conn: &mut TenantConn,
    id: Uuid,
    seen: SeenVersion,
) -> Result<ProductRow, ProductError> {
    let row = products::lock(conn, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    seen.check(row.version)?;
    Ok(row)
}

/// Offers a draft for sale. It needs a variant, and values for all required attributes.
#[utoipa::path(post, path = "/api/product/v1/products/{id}/launch", tag = "products",
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The active product.", body = ProductView)))]
pub async fn launch_product(
    tenant: Tenant,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(tenant, id, seen, command, ProductCommand::Launch).await
}

/// Takes an active product out of sale for a while.
#[utoipa::path(post, path = "/api/product/v1/products/{id}/suspend", tag = "products",
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The suspended product.", body = ProductView)))]
pub async fn suspend_product(
    tenant: Tenant,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(tenant, id, seen, command, ProductCommand::Suspend).await
}

/// Offers a suspended product again.
#[utoipa::path(post, path = "/api/product/v1/products/{id}/resume", tag = "products",
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The active product.", body = ProductView)))]
pub async fn resume_product(
    tenant: Tenant,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(tenant, id, seen, command, ProductCommand::Resume).await
}

/// Puts a draft or a suspended product away for good. Its key and SKUs stay taken.
#[utoipa::path(post, path = "/api/product/v1/products/{id}/archive", tag = "products",
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The archived product.", body = ProductView)))]
pub async fn archive_product(
    tenant: Tenant,
    id: PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(tenant, id, seen, command, ProductCommand::Archive).await
}

async fn move_on(
    tenant: Tenant,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
    step: ProductCommand,
) -> ApiResult<Reply> {
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, ProductError> {
            let row = locked(conn, id, seen).await?;
            let status = step.apply(ProductStatus::stored(&row.status))?;
            let mut changes = ProductChanges {
                status: Some(status.as_str().to_owned()),
                ..ProductChanges::default()
            };
            if step == ProductCommand::Launch {
                check_launchable(conn, &row).await?;
                changes.launched_at = Some(now());
            }
            Ok(answer(products::update(conn, id, &changes).await?))
        },
    )
    .await
}

async fn check_launchable(conn: &mut TenantConn, row: &ProductRow) -> Result<(), ProductError> {
    if variants::list(conn, row.id).await?.is_empty() {
        return Err(ProductError::NoVariants);
    }
    let missing: Vec<FieldProblem> = attributes::required_codes(conn)
        .await?
        .into_iter()
        .filter(|code| row.attributes.get(code).is_none())
        .map(|code| {
            FieldProblem::new(
                format!("/attributes/{code}"),
                "missing",
                "is required for launch",
            )
        })
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(ProductError::Invalid(missing))
    }
}
