//! Changes of products.

use averis_service_kit::body::MergePatch;
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::patch::not_null;
use averis_service_kit::problem::ApiResult;
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_service_kit::{Caller, Tenant};
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use garde::Validate;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ProductKind, ProductView, answer, check_references, locked, writable_sections};
use crate::domain::content::{Placements, check_spoken};
use crate::domain::products::{ProductStatus, check_key, check_options, search_text};
use crate::error::ProductError;
use crate::http::text::{
    optional_line, optional_printable, optional_short_texts, optional_tag_list,
};
use crate::stewardship::{Editor, edited_sections, edited_states};
use crate::store::products::{ProductChanges, ProductRow};
use crate::store::{attributes, products, variants};

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
#[utoipa::path(patch, path = "/api/product/v1/products/{id}", tag = "products", security(("token" = ["product:write"])),
    request_body = UpdateProduct, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The changed product.", body = ProductView)))]
pub async fn update_product(
    tenant: Tenant<may::ProductWrite>,
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
            let changes = changes(conn, &tenant.caller, row, &patch).await?;
            Ok(products::update(conn, id, &changes).await?)
        })
        .await?;
    Ok(answer(row))
}

async fn changes<P>(
    conn: &mut TenantConn,
    caller: &Caller<P>,
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
    let after = patched(&row, patch);
    // What the product itself says takes the handler's permission alone; values of a section take that section's.
    let mut placements = Placements::new();
    if let Some(values) = &patch.attributes {
        placements = attributes::placements(conn).await?;
        let _ = writable_sections(caller, &placements, values)?;
        check_spoken(&placements, &after.values())?;
    }
    let edited = edited_sections(&row, &after, &placements);
    let search_text = search_text(
        &after.key,
        &after.vendor,
        &after.product_type,
        &after.tags,
        parts.iter().map(|part| part.sku.as_str()),
        &after.description,
    );
    let sections = match edited.as_slice() {
        [] => None,
        edited => Some(edited_states(conn, row.id, edited, Editor::of(caller)).await?),
    };
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
        attributes: patch.attributes.as_ref().map(|_| after.attributes),
        search_text: Some(search_text),
        sections,
        working_rev: (!edited.is_empty()).then_some(row.working_rev + 1),
        ..ProductChanges::default()
    })
}

/// Returns the product as it will be.
fn patched(row: &ProductRow, patch: &UpdateProduct) -> ProductRow {
    let mut after = row.clone();
    for (field, value) in [
        (&mut after.key, &patch.key),
        (&mut after.name, &patch.name),
        (&mut after.description, &patch.description),
        (&mut after.vendor, &patch.vendor),
        (&mut after.product_type, &patch.product_type),
    ] {
        if let Some(value) = value {
            field.clone_from(value);
        }
    }
    if let Some(kind) = patch.kind {
        kind.as_str().clone_into(&mut after.kind);
    }
    for (field, value) in [
        (&mut after.tags, &patch.tags),
        (&mut after.options, &patch.options),
    ] {
        if let Some(value) = value {
            field.clone_from(value);
        }
    }
    if let Some(ids) = &patch.category_ids {
        after.category_ids.clone_from(ids);
    }
    if let Some(values) = &patch.attributes {
        let mut merged = row.values();
        for (code, value) in values {
            if value.is_null() {
                merged.remove(code);
            } else {
                merged.insert(code.clone(), value.clone());
            }
        }
        after.attributes = Value::Object(merged);
    }
    after
}
