//! What shops read: launched products, and what changed of them.

pub mod internal;

use actix_web::web::{Data, Path};
use averis_service_kit::Tenant;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::products::ProductKind;
use super::products::list::{check_filter_text, key_list};
use super::search::{SearchProducts, SearchResult, searched};
use super::variants::{VariantsBySku, sku_list};
use crate::State;
use crate::domain::products::{ProductStatus, check_key};
use crate::domain::staging::{Media, Rest, StagedVariant};
use crate::error::ProductError;
use crate::store::search::Among;
use crate::store::staging::{self, StagedFilter, StagedRow, StagedVariantRow};

/// A launched product as shops may read it.
#[derive(Debug, Serialize, ToSchema)]
pub struct StagedProductView {
    id: Uuid,
    /// As it stands in a shop's addresses.
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
    /// Values by code of their definition, but for those of finance.
    #[schema(value_type = Object)]
    attributes: Value,
    /// Names the rates at which it is taxed; the standard ones if null.
    tax_category: Option<String>,
    media: Vec<Media>,
    variants: Vec<StagedVariant>,
    /// The revision that is sold.
    rev: i64,
    launched_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

fn view(row: StagedRow, variants: Vec<StagedVariant>) -> Result<StagedProductView, ProductError> {
    let rest: Rest = serde_json::from_value(row.rest)?;
    Ok(StagedProductView {
        id: row.id,
        key: row.key,
        kind: row.kind,
        name: row.name,
        description: rest.description,
        vendor: row.vendor,
        product_type: row.product_type,
        tags: row.tags,
        options: rest.options,
        category_ids: row.category_ids,
        attributes: row.attributes,
        tax_category: rest.tax_category,
        media: rest.media,
        variants,
        rev: row.rev,
        launched_at: row.launched_at,
        updated_at: row.updated_at,
    })
}

/// Shows products with their variants, which takes one query however many there are.
async fn views(
    conn: &mut TenantConn,
    rows: Vec<StagedRow>,
) -> Result<Vec<StagedProductView>, ProductError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut parts = staging::variants_of(conn, &ids).await?;
    let views = rows.into_iter().map(|row| {
        let own = parts.extract_if(.., |part| part.product_id == row.id);
        let own = own
            .map(|part| serde_json::from_value(part.document))
            .collect::<Result<_, _>>()?;
        view(row, own)
    });
    views.collect()
}

async fn one(
    conn: &mut TenantConn,
    row: Option<StagedRow>,
) -> Result<StagedProductView, ProductError> {
    let row = row.ok_or_else(Problem::not_found)?;
    let view = views(conn, vec![row]).await?.pop();
    Ok(view.ok_or_else(Problem::not_found)?)
}

/// Filters and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListStaged {
    #[param(value_type = Option<String>)]
    kind: Option<ProductKind>,
    vendor: Option<String>,
    product_type: Option<String>,
    tag: Option<String>,
    category_id: Option<Uuid>,
    /// Keys with commas between them, at most 250.
    #[serde(rename = "key[in]")]
    key_in: Option<String>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists the products that are offered now, by name.
#[utoipa::path(get, path = "/api/product/v1/staging/products", tag = "staging", security(("token" = ["storefront:read"])), params(ListStaged),
    responses((status = 200, description = "A page of products.", body = Page<StagedProductView>)))]
pub async fn list_staged_products(
    tenant: Tenant<may::StorefrontRead>,
    state: Data<State>,
    query: Query<ListStaged>,
) -> ApiResult<Reply> {
    let query = query.0;
    let limit = limit(query.limit)?;
    check_filter_text([
        &query.vendor,
        &query.product_type,
        &query.tag,
        &query.key_in,
    ])?;
    let filter = StagedFilter {
        kind: query.kind.map(|kind| kind.as_str().to_owned()),
        vendor: query.vendor,
        product_type: query.product_type,
        tag: query.tag,
        category_id: query.category_id,
        keys: query.key_in.as_deref().map(key_list).transpose()?,
    };
    let list = format!("{} staged products {filter:?}", tenant.context.key);
    let after: Option<(String, Uuid)> = state.cursors.open_asked(&list, query.cursor.as_deref())?;
    let page = tenant
        .db
        .read(async |conn| -> Result<_, ProductError> {
            let rows = staging::list(conn, &filter, after.clone(), i64::from(limit) + 1).await?;
            let page = Page::new(rows, limit, |row| {
                state.cursors.seal(&list, &(&row.name, row.id))
            });
            Ok(Page {
                data: views(conn, page.data).await?,
                next_cursor: page.next_cursor,
            })
        })
        .await?;
    Ok(Reply::ok(&page))
}

/// Reads a product that is offered.
#[utoipa::path(get, path = "/api/product/v1/staging/products/{id}", tag = "staging", security(("token" = ["storefront:read"])),
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "The product.", body = StagedProductView)))]
pub async fn get_staged_product(
    tenant: Tenant<may::StorefrontRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let view = tenant.db.read(async |conn| -> Result<_, ProductError> {
        let row = staging::find(conn, id).await?;
        one(conn, row).await
    });
    Ok(Reply::ok(&view.await?))
}

/// Which product: by name, since an internal address names its tenant too.
#[derive(Debug, Deserialize)]
pub struct ByKey {
    key: String,
}

/// Reads a product that is offered, by its key.
#[utoipa::path(get, path = "/api/product/v1/staging/products/key={key}", tag = "staging", security(("token" = ["storefront:read"])),
    params(("key" = String, Path)),
    responses((status = 200, description = "The product.", body = StagedProductView)))]
pub async fn get_staged_product_by_key(
    tenant: Tenant<may::StorefrontRead>,
    which: Path<ByKey>,
) -> ApiResult<Reply> {
    let ByKey { key } = which.into_inner();
    check_key(&key).map_err(|_ignored| Problem::not_found())?;
    let view = tenant.db.read(async |conn| -> Result<_, ProductError> {
        let row = staging::find_by_key(conn, &key).await?;
        one(conn, row).await
    });
    Ok(Reply::ok(&view.await?))
}

/// A launched variant.
#[derive(Debug, Serialize, ToSchema)]
pub struct StagedVariantView {
    product_id: Uuid,
    #[serde(flatten)]
    variant: StagedVariant,
    /// Whether it may be sold now.
    active: bool,
}

/// Reads launched variants by SKU, without regard to case. Unknown ones are left out.
#[utoipa::path(get, path = "/api/product/v1/staging/variants", tag = "staging", security(("token" = ["storefront:read"])), params(VariantsBySku),
    responses((status = 200, description = "The variants that there are.", body = Page<StagedVariantView>)))]
pub async fn list_staged_variants(
    tenant: Tenant<may::StorefrontRead>,
    query: Query<VariantsBySku>,
) -> ApiResult<Reply> {
    let skus = sku_list(&query.0.sku)?;
    let data = tenant
        .db
        .read(async |conn| -> Result<_, ProductError> {
            let parts = staging::variants_by_skus(conn, &skus).await?;
            with_products(conn, parts).await
        })
        .await?;
    let data = data.into_iter().map(|(variant, row)| StagedVariantView {
        product_id: row.id,
        variant,
        active: row.status == ProductStatus::Active.as_str(),
    });
    Ok(Reply::ok(&Page {
        data: data.collect(),
        next_cursor: None,
    }))
}

/// Joins variants with the products that they are of.
async fn with_products(
    conn: &mut TenantConn,
    parts: Vec<StagedVariantRow>,
) -> Result<Vec<(StagedVariant, StagedRow)>, ProductError> {
    let mut ids: Vec<Uuid> = parts.iter().map(|part| part.product_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let rows = staging::rows_of(conn, &ids).await?;
    let mut joined = Vec::with_capacity(parts.len());
    for part in parts {
        // A variant refers to its product.
        if let Some(row) = rows.iter().find(|row| row.id == part.product_id) {
            joined.push((serde_json::from_value(part.document)?, row.clone()));
        }
    }
    Ok(joined)
}

/// Searches the products that are offered now by words.
#[utoipa::path(get, path = "/api/product/v1/staging/search", tag = "staging", security(("token" = ["storefront:read"])), params(SearchProducts),
    responses((status = 200, description = "A page of hits and the counted facets.", body = SearchResult<StagedProductView>)))]
pub async fn search_staged_products(
    tenant: Tenant<may::StorefrontRead>,
    state: Data<State>,
    query: Query<SearchProducts>,
) -> ApiResult<Reply> {
    let mut query = query.0;
    // What is not offered is not found, whatever is asked for.
    query.status = Some(ProductStatus::Active);
    let result = searched(&tenant, &state, query, Among::Staged, async |conn, hits| {
        let ids: Vec<Uuid> = hits.iter().map(|hit| hit.id).collect();
        let mut rows = staging::rows_of(conn, &ids).await?;
        rows.sort_by_key(|row| ids.iter().position(|id| *id == row.id));
        views(conn, rows).await
    });
    Ok(Reply::ok(&result.await?))
}

/// Something that changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct StagedChange {
    /// Place in the feed: ask for what comes after it.
    seq: i64,
    product_id: Uuid,
    /// `active`; `suspended` or `archived` for what is to be taken away.
    status: String,
    rev: i64,
    /// SHA-256 of the launched revision, in hexadecimal digits.
    hash: String,
    /// The product as it is now; absent for what is to be taken away.
    #[serde(skip_serializing_if = "Option::is_none")]
    product: Option<StagedProductView>,
}

/// After which place.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListChanges {
    /// `next_after` of the page before; 0 for all.
    after: Option<u64>,
    /// Changes per page, 1 to 250.
    limit: Option<u32>,
}

/// A page of the feed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Changes {
    /// Each product once, at its last change.
    data: Vec<StagedChange>,
    /// Where to go on, now or later.
    next_after: i64,
    /// Whether there is more already.
    more: bool,
}

/// Lists what changed after a place: a copy that has followed it up to here is what the copy of the shop is. A reader that
/// begins at 0 gets everything.
#[utoipa::path(get, path = "/api/product/v1/staging/changes", tag = "staging", security(("token" = ["product:read"])), params(ListChanges),
    responses((status = 200, description = "A page of changes.", body = Changes)))]
pub async fn list_staging_changes(
    tenant: Tenant<may::ProductRead>,
    query: Query<ListChanges>,
) -> ApiResult<Reply> {
    let limit = limit(query.0.limit)?;
    let after = i64::try_from(query.0.after.unwrap_or_default()).unwrap_or(i64::MAX);
    let page = tenant
        .db
        .read(async |conn| -> Result<_, ProductError> {
            let mut rows = staging::changes(conn, after, i64::from(limit) + 1).await?;
            let more = rows.len() > limit as usize;
            rows.truncate(limit as usize);
            let next_after = rows.last().map_or(after, |row| row.seq);
            let marks: Vec<_> = rows
                .iter()
                .map(|row| {
                    (
                        row.seq,
                        row.id,
                        row.status.clone(),
                        row.rev,
                        row.hash.clone(),
                    )
                })
                .collect();
            let mut products = views(conn, rows).await?.into_iter();
            let data = marks
                .into_iter()
                .map(|(seq, product_id, status, rev, hash)| {
                    let product = products.next();
                    StagedChange {
                        product: product.filter(|_| status == ProductStatus::Active.as_str()),
                        seq,
                        product_id,
                        status,
                        rev,
                        hash: averis_service_kit::hex::hex(&hash),
                    }
                });
            Ok(Changes {
                data: data.collect(),
                next_after,
                more,
            })
        })
        .await?;
    Ok(Reply::ok(&page))
}
