//! Variants of products.

use averis_service_kit::Tenant;
use averis_service_kit::body::MergePatch;
use averis_service_kit::cursor::Page;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::patch::{Patch, not_null};
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem, codes};
use averis_service_kit::query::{PartId, PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::text::{optional_line, optional_web_address};
use crate::domain::now;
use crate::domain::products::{ProductStatus, search_text};
use crate::domain::sections::Section;
use crate::domain::variants::{check_option_values, check_sku};
use crate::error::ProductError;
use crate::stewardship::{edited_by_variant, note_edit};
use crate::store::products::ProductRow;
use crate::store::variants::VariantRow;
use crate::store::{products, variants};

/// SKUs that one request may ask for.
const MAX_BATCH: usize = 250;

/// A variant: what a SKU stands for.
#[derive(Debug, Serialize, ToSchema)]
pub struct VariantView {
    id: Uuid,
    product_id: Uuid,
    /// Unique without regard to case.
    #[schema(example = "SHIRT-BLUE-M")]
    sku: String,
    barcode: Option<String>,
    /// One for each option of the product.
    option_values: Vec<String>,
    position: i32,
    weight_grams: Option<i64>,
    requires_shipping: bool,
    taxable: bool,
    track_inventory: bool,
    image_url: Option<String>,
    /// Columns of an imported file that belong to no field.
    #[schema(value_type = Object)]
    extra: Value,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<VariantRow> for VariantView {
    fn from(row: VariantRow) -> Self {
        let VariantRow {
            id,
            product_id,
            sku,
            barcode,
            option_values,
            position,
            weight_grams,
            requires_shipping,
            taxable,
            track_inventory,
            image_url,
            extra,
            version,
            created_at,
            updated_at,
        } = row;
        Self {
            id,
            product_id,
            sku,
            barcode,
            option_values,
            position,
            weight_grams,
            requires_shipping,
            taxable,
            track_inventory,
            image_url,
            extra,
            version,
            created_at,
            updated_at,
        }
    }
}

fn answer(row: VariantRow) -> Reply {
    let version = row.version;
    Reply::ok(&VariantView::from(row)).version(version)
}

/// A variant to be made.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateVariant {
    #[garde(skip)]
    #[schema(example = "SHIRT-BLUE-M")]
    sku: String,
    #[serde(default)]
    #[garde(inner(length(chars, min = 1, max = 64)), custom(optional_line))]
    barcode: Option<String>,
    #[serde(default)]
    #[garde(inner(length(chars, min = 1, max = 255)))]
    option_values: Vec<String>,
    #[serde(default)]
    #[garde(inner(range(min = 0, max = 1_000_000_000)))]
    weight_grams: Option<i64>,
    #[serde(default = "yes")]
    #[garde(skip)]
    requires_shipping: bool,
    #[serde(default = "yes")]
    #[garde(skip)]
    taxable: bool,
    #[serde(default)]
    #[garde(skip)]
    track_inventory: bool,
    #[serde(default)]
    #[garde(custom(optional_web_address))]
    image_url: Option<String>,
}

const fn yes() -> bool {
    true
}

impl CreateVariant {
    /// Checks the values and makes the row.
    pub fn into_row(
        self,
        product_id: Uuid,
        options: &[String],
        position: i32,
    ) -> Result<VariantRow, FieldProblem> {
        let Self {
            sku,
            barcode,
            option_values,
            weight_grams,
            requires_shipping,
            taxable,
            track_inventory,
            image_url,
        } = self;
        check_sku(&sku)?;
        check_option_values(options, &option_values)?;
        let now = now();
        Ok(VariantRow {
            id: Uuid::now_v7(),
            product_id,
            sku,
            barcode,
            option_values,
            position,
            weight_grams,
            requires_shipping,
            taxable,
            track_inventory,
            image_url,
            extra: Value::Object(serde_json::Map::new()),
            version: 1,
            created_at: now,
            updated_at: now,
        })
    }
}

/// Adds a variant to a product.
#[utoipa::path(post, path = "/api/product/v1/products/{id}/variants", tag = "variants", security(("token" = ["product:write"])),
    request_body = CreateVariant, params(("id" = Uuid, Path)),
    responses((status = 201, description = "The variant.", body = VariantView)))]
pub async fn create_variant(
    tenant: Tenant<may::ProductWrite>,
    PathId(id): PathId,
    post: Post<CreateVariant>,
) -> ApiResult<Reply> {
    let body = &post.body;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, ProductError> {
            let product = changeable(conn, id).await?;
            let parts = variants::list(conn, id).await?;
            let position = parts.iter().map(|part| part.position).max().unwrap_or(0) + 1;
            let row = body.clone().into_row(id, &product.options, position)?;
            variants::insert(conn, std::slice::from_ref(&row)).await?;
            note_edit(conn, &product, &[Section::Salesops], &tenant.caller).await?;
            refresh_search(conn, &product).await?;
            let location = format!("/api/product/v1/products/{id}/variants/{}", row.id);
            Ok(Reply::created(location, &VariantView::from(row)).version(1))
        },
    )
    .await
}

/// Locks a product whose parts may change.
pub async fn changeable(conn: &mut TenantConn, id: Uuid) -> Result<ProductRow, ProductError> {
    let product = products::lock(conn, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    if product.status == ProductStatus::Archived.as_str() {
        return Err(ProductError::Archived);
    }
    Ok(product)
}

/// A product is found by its SKUs.
async fn refresh_search(conn: &mut TenantConn, product: &ProductRow) -> Result<(), ProductError> {
    let parts = variants::list(conn, product.id).await?;
    let text = search_text(
        &product.key,
        &product.vendor,
        &product.product_type,
        &product.tags,
        parts.iter().map(|part| part.sku.as_str()),
        &product.description,
    );
    Ok(products::update_search_text(conn, product.id, &text).await?)
}

/// Lists the variants of a product.
#[utoipa::path(get, path = "/api/product/v1/products/{id}/variants", tag = "variants", security(("token" = ["product:read"])),
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "All variants, in their order.", body = Page<VariantView>)))]
pub async fn list_variants(
    tenant: Tenant<may::ProductRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let rows = tenant
        .db
        .read(async |conn| -> Result<_, ProductError> {
            products::find(conn, id)
                .await?
                .ok_or_else(Problem::not_found)?;
            Ok(variants::list(conn, id).await?)
        })
        .await?;
    let data = rows.into_iter().map(VariantView::from).collect();
    Ok(Reply::ok(&Page {
        data,
        next_cursor: None,
    }))
}

/// Reads a variant.
#[utoipa::path(get, path = "/api/product/v1/products/{id}/variants/{part_id}", tag = "variants", security(("token" = ["product:read"])),
    params(("id" = Uuid, Path), ("part_id" = Uuid, Path)),
    responses((status = 200, description = "The variant.", body = VariantView)))]
pub async fn get_variant(tenant: Tenant<may::ProductRead>, ids: PartId) -> ApiResult<Reply> {
    let row = tenant
        .db
        .read(async |conn| -> Result<_, ProductError> {
            Ok(variants::find(conn, ids.id, ids.part).await?)
        })
        .await?;
    row.map(answer).ok_or_else(Problem::not_found)
}

/// Which variants to read.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct VariantsBySku {
    /// SKUs with commas between them, at most 250. Case does not matter.
    pub sku: String,
}

/// Reads the SKUs of a query.
///
/// # Errors
/// When one is none, or there are too many.
pub fn sku_list(text: &str) -> Result<Vec<String>, Problem> {
    let skus: Vec<String> = text.split(',').map(str::to_owned).collect();
    if skus.len() > MAX_BATCH || skus.iter().any(|sku| check_sku(sku).is_err()) {
        return Err(Problem::new(codes::INVALID_QUERY).detail(format!(
            "sku takes 1 to {MAX_BATCH} SKUs with commas between them."
        )));
    }
    Ok(skus)
}

/// Reads many variants by SKU at once. SKUs that nobody has are left out.
#[utoipa::path(get, path = "/api/product/v1/variants", tag = "variants", security(("token" = ["product:read"])), params(VariantsBySku),
    responses((status = 200, description = "The variants that exist.", body = Page<VariantView>)))]
pub async fn list_variants_by_sku(
    tenant: Tenant<may::ProductRead>,
    query: Query<VariantsBySku>,
) -> ApiResult<Reply> {
    let skus = sku_list(&query.0.sku)?;
    let rows = tenant
        .db
        .read(async |conn| -> Result<_, ProductError> {
            Ok(variants::find_by_skus(conn, &skus).await?)
        })
        .await?;
    let data = rows.into_iter().map(VariantView::from).collect();
    Ok(Reply::ok(&Page {
        data,
        next_cursor: None,
    }))
}

/// What of a variant may be changed: a merge patch.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateVariant {
    /// Immutable once the product was launched.
    #[garde(skip)]
    #[serde(default, deserialize_with = "not_null")]
    sku: Option<String>,
    #[serde(default)]
    #[garde(custom(patched_barcode))]
    #[schema(value_type = Option<String>)]
    barcode: Patch<String>,
    #[garde(inner(inner(length(chars, min = 1, max = 255))))]
    #[serde(default, deserialize_with = "not_null")]
    option_values: Option<Vec<String>>,
    #[garde(range(min = 1, max = 1_000_000))]
    #[serde(default, deserialize_with = "not_null")]
    position: Option<i32>,
    #[serde(default)]
    #[garde(custom(patched_weight))]
    #[schema(value_type = Option<i64>)]
    weight_grams: Patch<i64>,
    #[garde(skip)]
    #[serde(default, deserialize_with = "not_null")]
    requires_shipping: Option<bool>,
    #[garde(skip)]
    #[serde(default, deserialize_with = "not_null")]
    taxable: Option<bool>,
    #[garde(skip)]
    #[serde(default, deserialize_with = "not_null")]
    track_inventory: Option<bool>,
    #[serde(default)]
    #[garde(custom(patched_address))]
    #[schema(value_type = Option<String>)]
    image_url: Patch<String>,
}

fn patched_barcode(patch: &Patch<String>, context: &()) -> garde::Result {
    let Some(text) = patch.value() else {
        return Ok(());
    };
    if !(1..=64).contains(&text.chars().count()) {
        return Err(garde::Error::new("must have 1 to 64 characters"));
    }
    averis_service_kit::body::one_line(text, context)
}

fn patched_weight(patch: &Patch<i64>, _: &()) -> garde::Result {
    match patch.value() {
        Some(grams) if !(0..=1_000_000_000).contains(grams) => {
            Err(garde::Error::new("must be between 0 and 1000000000"))
        }
        _ => Ok(()),
    }
}

fn patched_address(patch: &Patch<String>, context: &()) -> garde::Result {
    patch
        .value()
        .map_or(Ok(()), |text| super::text::web_address(text, context))
}

/// Changes a variant. Fields that the patch does not name stay as they are.
#[utoipa::path(patch, path = "/api/product/v1/products/{id}/variants/{part_id}", tag = "variants", security(("token" = ["product:write"])),
    request_body = UpdateVariant, params(("id" = Uuid, Path), ("part_id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The changed variant.", body = VariantView)))]
pub async fn update_variant(
    tenant: Tenant<may::ProductWrite>,
    ids: PartId,
    seen: SeenVersion,
    patch: MergePatch<UpdateVariant>,
) -> ApiResult<Reply> {
    let patch = &patch.0;
    let row = tenant
        .db
        .transaction(async |conn| -> Result<_, ProductError> {
            let product = changeable(conn, ids.id).await?;
            let row = variants::find(conn, ids.id, ids.part)
                .await?
                .ok_or_else(Problem::not_found)?;
            seen.check(row.version)?;
            let new = patched(row.clone(), patch, &product)?;
            // Who changes nothing has edited nothing, and does not relieve whoever did.
            if new != row {
                note_edit(conn, &product, &[Section::Salesops], &tenant.caller).await?;
            }
            let row = variants::update(conn, &new).await?;
            refresh_search(conn, &product).await?;
            Ok(row)
        })
        .await?;
    Ok(answer(row))
}

fn patched(
    mut row: VariantRow,
    patch: &UpdateVariant,
    product: &ProductRow,
) -> Result<VariantRow, ProductError> {
    if let Some(sku) = &patch.sku {
        check_sku(sku)?;
        if *sku != row.sku && product.launched_at.is_some() {
            return Err(ProductError::Launched);
        }
        row.sku.clone_from(sku);
    }
    if let Some(values) = &patch.option_values {
        check_option_values(&product.options, values)?;
        row.option_values.clone_from(values);
    }
    patch.barcode.clone().apply(&mut row.barcode);
    patch.weight_grams.clone().apply(&mut row.weight_grams);
    patch.image_url.clone().apply(&mut row.image_url);
    row.position = patch.position.unwrap_or(row.position);
    row.requires_shipping = patch.requires_shipping.unwrap_or(row.requires_shipping);
    row.taxable = patch.taxable.unwrap_or(row.taxable);
    row.track_inventory = patch.track_inventory.unwrap_or(row.track_inventory);
    Ok(row)
}

/// Deletes a variant of a product that was never launched.
#[utoipa::path(delete, path = "/api/product/v1/products/{id}/variants/{part_id}", tag = "variants", security(("token" = ["product:write"])),
    params(("id" = Uuid, Path), ("part_id" = Uuid, Path), IfMatch),
    responses((status = 204, description = "The variant is gone.")))]
pub async fn delete_variant(
    tenant: Tenant<may::ProductWrite>,
    ids: PartId,
    seen: SeenVersion,
) -> ApiResult<Reply> {
    tenant
        .db
        .transaction(async |conn| -> Result<_, ProductError> {
            let product = changeable(conn, ids.id).await?;
            let row = variants::find(conn, ids.id, ids.part)
                .await?
                .ok_or_else(Problem::not_found)?;
            seen.check(row.version)?;
            if product.launched_at.is_some() {
                return Err(ProductError::Launched);
            }
            variants::delete(conn, row.id).await?;
            let edited = edited_by_variant(Some(&row), None);
            note_edit(conn, &product, &edited, &tenant.caller).await?;
            refresh_search(conn, &product).await
        })
        .await?;
    Ok(Reply::no_content())
}
