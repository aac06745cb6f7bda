//! Full-text search with facets.

use std::collections::BTreeMap;

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::problem::{ApiResult, Problem, codes};
use averis_service_kit::query::Query;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::State;
use crate::domain::products::ProductStatus;
use crate::error::ProductError;
use crate::http::products::ProductView;
use crate::http::products::list::check_filter_text;
use crate::store::search::{Among, Facet, FacetCount, Hit, ProductSearch};
use crate::store::{attributes, search};

/// Facets that one search may count.
const MAX_FACETS: usize = 10;
/// Longest words to search for, in characters.
const MAX_WORDS: usize = 500;

/// What to search and what to count.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SearchProducts {
    /// Words, "phrases" and -exclusions, in names, keys, SKUs, vendors, types, tags and descriptions.
    q: String,
    #[param(value_type = Option<String>)]
    pub status: Option<ProductStatus>,
    vendor: Option<String>,
    product_type: Option<String>,
    tag: Option<String>,
    category_id: Option<Uuid>,
    /// Any of `status`, `vendor`, `product_type`, `tags`, `category_ids` and `attributes.<code>`, with commas.
    facets: Option<String>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A value and how many products of the whole result have it.
#[derive(Debug, Serialize, ToSchema)]
pub struct FacetValue {
    value: String,
    count: i64,
}

/// A page of a search's result.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchResult<T> {
    /// Best hits first.
    data: Vec<T>,
    next_cursor: Option<String>,
    /// Counted values by facet, the most frequent 50 of each.
    facets: BTreeMap<String, Vec<FacetValue>>,
}

/// Searches products by words.
#[utoipa::path(get, path = "/api/product/v1/products/search", tag = "products", security(("token" = ["product:read"])), params(SearchProducts),
    responses((status = 200, description = "A page of hits and the counted facets.", body = SearchResult<ProductView>)))]
pub async fn search_products(
    tenant: Tenant<may::ProductRead>,
    state: Data<State>,
    query: Query<SearchProducts>,
) -> ApiResult<Reply> {
    let result = searched(
        &tenant,
        &state,
        query.0,
        Among::Products,
        async |conn, hits| {
            let rows = search::rows(conn, hits).await?;
            Ok(rows.into_iter().map(ProductView::from).collect())
        },
    );
    Ok(Reply::ok(&result.await?))
}

/// Searches, and has the hits shown by `show`.
pub async fn searched<P, T>(
    tenant: &Tenant<P>,
    state: &State,
    query: SearchProducts,
    among: Among,
    show: impl AsyncFn(&mut TenantConn, &[Hit]) -> Result<Vec<T>, ProductError>,
) -> Result<SearchResult<T>, Problem> {
    let limit = limit(query.limit)?;
    let words = query.q.trim().to_owned();
    if words.is_empty() || words.chars().count() > MAX_WORDS || words.contains('\u{0}') {
        return Err(Problem::new(codes::INVALID_QUERY)
            .detail(format!("q needs 1 to {MAX_WORDS} characters.")));
    }
    check_filter_text([&query.vendor, &query.product_type, &query.tag])?;
    let facets = facets(query.facets.as_deref())?;
    let search = ProductSearch {
        words,
        status: query.status.map(|status| status.as_str().to_owned()),
        vendor: query.vendor,
        product_type: query.product_type,
        tag: query.tag,
        category_id: query.category_id,
    };
    let list = format!("{} search {among:?} {search:?}", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.cursor.as_deref())?;
    let result = tenant
        .db
        .read(async |conn| -> Result<_, ProductError> {
            let hits = search::hits(conn, among, &search, after, i64::from(limit) + 1).await?;
            let page = Page::new(hits, limit, |hit| {
                state.cursors.seal(&list, &(hit.rank, hit.id))
            });
            Ok(SearchResult {
                data: show(conn, &page.data).await?,
                next_cursor: page.next_cursor,
                facets: count(conn, among, &search, &facets).await?,
            })
        })
        .await?;
    Ok(result)
}

fn facets(text: Option<&str>) -> Result<BTreeMap<String, Facet>, Problem> {
    let mut facets = BTreeMap::new();
    for name in text.into_iter().flat_map(|text| text.split(',')) {
        let facet = match name {
            "status" => Facet::Status,
            "vendor" => Facet::Vendor,
            "product_type" => Facet::ProductType,
            "tags" => Facet::Tags,
            "category_ids" => Facet::Categories,
            other => match other.strip_prefix("attributes.") {
                Some(code) if !code.contains('\u{0}') => Facet::Attribute(code.to_owned()),
                _ => return Err(unknown_facet(other)),
            },
        };
        facets.insert(name.to_owned(), facet);
    }
    if facets.len() > MAX_FACETS {
        return Err(Problem::new(codes::INVALID_QUERY)
            .detail(format!("A search counts at most {MAX_FACETS} facets.")));
    }
    Ok(facets)
}

fn unknown_facet(name: &str) -> Problem {
    Problem::new(codes::INVALID_QUERY).detail(format!("There is no facet {name:?}."))
}

async fn count(
    conn: &mut TenantConn,
    among: Among,
    search: &ProductSearch,
    facets: &BTreeMap<String, Facet>,
) -> Result<BTreeMap<String, Vec<FacetValue>>, ProductError> {
    let mut counted = BTreeMap::new();
    for (name, facet) in facets {
        if let Facet::Attribute(code) = facet
            && !attributes::is_facetable(conn, code).await?
        {
            return Err(unknown_facet(name).into());
        }
        let values = search::count(conn, among, search, facet).await?;
        let values = values
            .into_iter()
            .map(|FacetCount { value, count }| FacetValue { value, count })
            .collect();
        counted.insert(name.clone(), values);
    }
    Ok(counted)
}
