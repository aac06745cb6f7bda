//! References to pictures and other media of products.

use averis_service_kit::Tenant;
use averis_service_kit::body::{MergePatch, one_line};
use averis_service_kit::cursor::Page;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::patch::not_null;
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::{PartId, PathId};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::text::{optional_line, optional_web_address, web_address};
use crate::domain::now;
use crate::domain::sections::Section;
use crate::error::ProductError;
use crate::http::variants::changeable;
use crate::stewardship::note_edit;
use crate::store::media::MediaRow;
use crate::store::{media, products};

/// A reference to a medium. Averis keeps the address, not the file.
#[derive(Debug, Serialize, ToSchema)]
pub struct MediaView {
    id: Uuid,
    product_id: Uuid,
    #[schema(example = "https://cdn.example/shirt.jpg")]
    url: String,
    /// What those hear who do not see it.
    alt: String,
    position: i32,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<MediaRow> for MediaView {
    fn from(row: MediaRow) -> Self {
        let MediaRow {
            id,
            product_id,
            url,
            alt,
            position,
            version,
            created_at,
            updated_at,
        } = row;
        Self {
            id,
            product_id,
            url,
            alt,
            position,
            version,
            created_at,
            updated_at,
        }
    }
}

/// A medium to be added.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateMedia {
    #[garde(custom(web_address))]
    #[schema(example = "https://cdn.example/shirt.jpg")]
    url: String,
    #[serde(default)]
    #[garde(length(chars, max = 1000), custom(one_line))]
    alt: String,
    /// Behind the others where absent.
    #[garde(range(min = 1, max = 1_000_000))]
    position: Option<i32>,
}

/// Adds a medium to a product.
#[utoipa::path(post, path = "/api/product/v1/products/{id}/media", tag = "media", security(("token" = ["product:write"])),
    request_body = CreateMedia, params(("id" = Uuid, Path)),
    responses((status = 201, description = "The medium.", body = MediaView)))]
pub async fn create_media(
    tenant: Tenant<may::ProductWrite>,
    PathId(id): PathId,
    post: Post<CreateMedia>,
) -> ApiResult<Reply> {
    let body = &post.body;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, ProductError> {
            let product = changeable(conn, id).await?;
            let others = media::list_of(conn, &[id]).await?;
            let last = others.iter().map(|other| other.position).max().unwrap_or(0);
            let now = now();
            let row = MediaRow {
                id: Uuid::now_v7(),
                product_id: id,
                url: body.url.clone(),
                alt: body.alt.clone(),
                position: body.position.unwrap_or(last + 1),
                version: 1,
                created_at: now,
                updated_at: now,
            };
            media::insert(conn, std::slice::from_ref(&row)).await?;
            note_edit(conn, &product, &[Section::Marketing], &tenant.caller).await?;
            let location = format!("/api/product/v1/products/{id}/media/{}", row.id);
            Ok(Reply::created(location, &MediaView::from(row)).version(1))
        },
    )
    .await
}

/// Lists the media of a product.
#[utoipa::path(get, path = "/api/product/v1/products/{id}/media", tag = "media", security(("token" = ["product:read"])),
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "All media, in their order.", body = Page<MediaView>)))]
pub async fn list_media(tenant: Tenant<may::ProductRead>, PathId(id): PathId) -> ApiResult<Reply> {
    let rows = tenant
        .db
        .read(async |conn| -> Result<_, ProductError> {
            products::find(conn, id)
                .await?
                .ok_or_else(Problem::not_found)?;
            Ok(media::list_of(conn, &[id]).await?)
        })
        .await?;
    let data = rows.into_iter().map(MediaView::from).collect();
    Ok(Reply::ok(&Page {
        data,
        next_cursor: None,
    }))
}

/// What of a medium may be changed: a merge patch.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateMedia {
    #[garde(custom(optional_web_address))]
    #[serde(default, deserialize_with = "not_null")]
    url: Option<String>,
    #[garde(length(chars, max = 1000), custom(optional_line))]
    #[serde(default, deserialize_with = "not_null")]
    alt: Option<String>,
    #[garde(range(min = 1, max = 1_000_000))]
    #[serde(default, deserialize_with = "not_null")]
    position: Option<i32>,
}

/// Changes a medium.
#[utoipa::path(patch, path = "/api/product/v1/products/{id}/media/{part_id}", tag = "media", security(("token" = ["product:write"])),
    request_body = UpdateMedia, params(("id" = Uuid, Path), ("part_id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The changed medium.", body = MediaView)))]
pub async fn update_media(
    tenant: Tenant<may::ProductWrite>,
    ids: PartId,
    seen: SeenVersion,
    patch: MergePatch<UpdateMedia>,
) -> ApiResult<Reply> {
    let UpdateMedia { url, alt, position } = &patch.0;
    let row = tenant
        .db
        .transaction(async |conn| -> Result<_, ProductError> {
            let product = changeable(conn, ids.id).await?;
            let mut row = media::find(conn, ids.id, ids.part)
                .await?
                .ok_or_else(Problem::not_found)?;
            seen.check(row.version)?;
            let before = row.clone();
            row.url = url.clone().unwrap_or(row.url);
            row.alt = alt.clone().unwrap_or(row.alt);
            row.position = position.unwrap_or(row.position);
            // Who changes nothing has edited nothing, and does not relieve whoever did.
            if row != before {
                note_edit(conn, &product, &[Section::Marketing], &tenant.caller).await?;
            }
            Ok(media::update(conn, &row).await?)
        })
        .await?;
    let version = row.version;
    Ok(Reply::ok(&MediaView::from(row)).version(version))
}

/// Removes a medium from a product.
#[utoipa::path(delete, path = "/api/product/v1/products/{id}/media/{part_id}", tag = "media", security(("token" = ["product:write"])),
    params(("id" = Uuid, Path), ("part_id" = Uuid, Path), IfMatch),
    responses((status = 204, description = "The medium is gone.")))]
pub async fn delete_media(
    tenant: Tenant<may::ProductWrite>,
    ids: PartId,
    seen: SeenVersion,
) -> ApiResult<Reply> {
    tenant
        .db
        .transaction(async |conn| -> Result<_, ProductError> {
            let product = changeable(conn, ids.id).await?;
            let row = media::find(conn, ids.id, ids.part)
                .await?
                .ok_or_else(Problem::not_found)?;
            seen.check(row.version)?;
            note_edit(conn, &product, &[Section::Marketing], &tenant.caller).await?;
            Ok(media::delete(conn, row.id).await?)
        })
        .await?;
    Ok(Reply::no_content())
}
