//! Changes of products.

use averis_service_kit::Tenant;
use averis_service_kit::body::MergePatch;
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::patch::not_null;
use averis_service_kit::problem::ApiResult;
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use garde::Validate;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ProductKind, ProductView, answer, check_references, locked};
use crate::domain::products::{ProductStatus, check_key, check_options, search_text};
use crate::error::ProductError;
use crate::http::text::{
    optional_line, optional_printable, optional_short_texts, optional_tag_list,
};
use crate::store::products::{ProductChanges, ProductRow};
use crate::store::{products, variants};

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
