//! The list of products: filters, orders, pages.

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::problem::{ApiResult, Problem, codes};
use averis_service_kit::query::Query;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use chrono::{DateTime, Datelike as _, Utc};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::{ProductKind, ProductView, expand, expansion};
use crate::State;
use crate::domain::products::ProductStatus;
use crate::error::ProductError;
use crate::store::products::{self, After, ProductFilter, ProductOrder};

/// Keys that one list may ask for.
const MAX_BATCH: usize = 250;

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

/// Reads the keys of a filter.
pub fn key_list(text: &str) -> Result<Vec<String>, Problem> {
    let keys: Vec<String> = text.split(',').map(str::to_owned).collect();
    if keys.len() > MAX_BATCH {
        return Err(Problem::new(codes::INVALID_QUERY)
            .detail(format!("key[in] takes at most {MAX_BATCH} keys.")));
    }
    Ok(keys)
}

/// Lists products.
#[utoipa::path(get, path = "/api/product/v1/products", tag = "products", security(("token" = ["product:read"])), params(ListProducts),
    responses((status = 200, description = "A page of products.", body = Page<ProductView>)))]
pub async fn list_products(
    tenant: Tenant<may::ProductRead>,
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
