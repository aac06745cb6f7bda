//! Products: what they look like, drafting and reading them.

pub mod commands;
pub mod list;
pub mod update;

use std::collections::BTreeSet;

use actix_web::web::Path;
use averis_service_kit::body::{one_line, printable};
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem, codes};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_service_kit::{Caller, Tenant};
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::text::{short_texts, tag_list};
use crate::domain::attributes::check_values;
use crate::domain::content::{Placements, check_spoken};
use crate::domain::now;
use crate::domain::products::{ProductStatus, check_key, check_options, search_text};
use crate::domain::sections::Section;
use crate::error::ProductError;
use crate::http::media::MediaView;
use crate::http::variants::{CreateVariant, VariantView};
use crate::stewardship::{Editor, first_states};
use crate::store::products::ProductRow;
use crate::store::{attributes, categories, media, products, variants};

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
    /// Returns the word as stored and sent.
    pub const fn as_str(self) -> &'static str {
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
    /// Raised with each change of content.
    working_rev: i64,
    /// The revision that is sold; older than `working_rev` while changes wait for their launch.
    launched_rev: Option<i64>,
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
            working_rev,
            launched_rev,
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
            working_rev,
            launched_rev,
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
#[utoipa::path(post, path = "/api/product/v1/products", tag = "products", security(("token" = ["product:write"])), request_body = CreateProduct,
    responses((status = 201, description = "The draft.", body = ProductView)))]
pub async fn create_product(
    tenant: Tenant<may::ProductWrite>,
    post: Post<CreateProduct>,
) -> ApiResult<Reply> {
    let body = post.body;
    check_key(&body.key).map_err(ProductError::from)?;
    check_options(&body.options).map_err(ProductError::from)?;
    let (row, parts, search_text) = new_rows(body)?;
    let editor = Editor::of(&tenant.caller);
    let max = tenant.context.settings.limits.max_products;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, ProductError> {
            let values = row.values();
            check_references(conn, Some(&row.category_ids), Some(&values)).await?;
            let mut edited = vec![Section::Marketing, Section::Salesops];
            if !values.is_empty() {
                let placements = attributes::placements(conn).await?;
                edited.extend(writable_sections(&tenant.caller, &placements, &values)?);
                check_spoken(&placements, &values)?;
            }
            let sections = first_states(&edited, editor);
            if !products::take_place(conn, max).await? {
                return Err(ProductError::LimitReached(max));
            }
            let row = products::insert(conn, &row, &sections, &search_text).await?;
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
        working_rev: 1,
        launched_rev: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    Ok((row, parts, search_text))
}

/// Returns the sections in which values stand, if the caller may write them all.
fn writable_sections<P>(
    caller: &Caller<P>,
    placements: &Placements,
    values: &Map<String, Value>,
) -> Result<BTreeSet<Section>, Problem> {
    let section = |code| {
        placements
            .get(code)
            .map_or(Section::default(), |one| one.section)
    };
    let sections: BTreeSet<Section> = values.keys().map(section).collect();
    for section in &sections {
        caller.identity.require(section.write_permission())?;
    }
    Ok(sections)
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
        let rules = attributes::rules_of(conn, values).await?;
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
#[utoipa::path(get, path = "/api/product/v1/products/{id}", tag = "products", security(("token" = ["product:read"])),
    params(("id" = Uuid, Path), Expand),
    responses((status = 200, description = "The product.", body = ProductView)))]
pub async fn get_product(
    tenant: Tenant<may::ProductRead>,
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
#[utoipa::path(get, path = "/api/product/v1/products/key={key}", tag = "products", security(("token" = ["product:read"])),
    params(("key" = String, Path), Expand),
    responses((status = 200, description = "The product.", body = ProductView)))]
pub async fn get_product_by_key(
    tenant: Tenant<may::ProductRead>,
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
