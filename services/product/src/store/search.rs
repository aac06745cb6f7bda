//! Full-text search and what its result is made of: of products as their stewards have them, or as they are launched.

use averis_tenant_db::TenantConn;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::products;
use crate::store::products::ProductRow;

/// What to search.
#[derive(Clone, Debug, Default)]
pub struct ProductSearch {
    /// Words, "phrases" and -exclusions.
    pub words: String,
    pub status: Option<String>,
    pub vendor: Option<String>,
    pub product_type: Option<String>,
    pub tag: Option<String>,
    pub category_id: Option<Uuid>,
}

/// Where to search. Both have the columns that a search is by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Among {
    /// Products as they are being worked on.
    Products,
    /// What shops may read.
    Staged,
}

/// Something whose values are counted over a search's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Facet {
    Status,
    Vendor,
    ProductType,
    Tags,
    Categories,
    Attribute(String),
}

/// A value and how many products of the result have it.
#[derive(Clone, Debug, PartialEq, Eq, diesel::QueryableByName)]
pub struct FacetCount {
    #[diesel(sql_type = Text)]
    pub value: String,
    #[diesel(sql_type = BigInt)]
    pub count: i64,
}

/// Place of a hit: better ranks first, then by id.
#[derive(Clone, Copy, Debug, diesel::QueryableByName)]
pub struct Hit {
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// Rank in millionths, so that it compares exactly.
    #[diesel(sql_type = Integer)]
    pub rank: i32,
}

/// Values per facet.
const FACET_VALUES: i64 = 50;

macro_rules! matching {
    () => {
        "search @@ websearch_to_tsquery('pg_catalog.simple', $1) \
         AND ($2::text IS NULL OR status = $2) AND ($3::text IS NULL OR vendor = $3) \
         AND ($4::text IS NULL OR product_type = $4) AND ($5::text IS NULL OR tags @> ARRAY[$5]) \
         AND ($6::uuid IS NULL OR category_ids @> ARRAY[$6])"
    };
}

macro_rules! with_search {
    ($sql:expr, $search:expr) => {{
        #[expect(
            clippy::disallowed_methods,
            reason = "text search is beyond the query builder; all values are bound"
        )]
        let query = diesel::sql_query($sql);
        query
            .bind::<Text, _>(&$search.words)
            .bind::<Nullable<Text>, _>(&$search.status)
            .bind::<Nullable<Text>, _>(&$search.vendor)
            .bind::<Nullable<Text>, _>(&$search.product_type)
            .bind::<Nullable<Text>, _>(&$search.tag)
            .bind::<Nullable<SqlUuid>, _>($search.category_id)
    }};
}

/// Finds the hits after a place, best first.
pub async fn hits(
    conn: &mut TenantConn,
    among: Among,
    search: &ProductSearch,
    after: Option<(i32, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<Hit>> {
    macro_rules! ranked {
        ($table:literal) => {
            concat!(
                "SELECT id, rank FROM (SELECT id, (ts_rank(search, websearch_to_tsquery('pg_catalog.simple', $1)) \
                 * 1000000)::int AS rank FROM ",
                $table,
                " WHERE ",
                matching!(),
                ") AS found WHERE $7::int IS NULL OR rank < $7 OR (rank = $7 AND id > $8) \
                 ORDER BY rank DESC, id LIMIT $9"
            )
        };
    }
    let sql = match among {
        Among::Products => ranked!("products"),
        Among::Staged => ranked!("staged_products"),
    };
    with_search!(sql, search)
        .bind::<Nullable<Integer>, _>(after.map(|(rank, _)| rank))
        .bind::<Nullable<SqlUuid>, _>(after.map(|(_, id)| id))
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await
}

/// Returns the rows of hits, in the hits' order.
pub async fn rows(conn: &mut TenantConn, hits: &[Hit]) -> QueryResult<Vec<ProductRow>> {
    let ids: Vec<Uuid> = hits.iter().map(|hit| hit.id).collect();
    let mut rows: Vec<ProductRow> = products::table
        .filter(products::id.eq_any(&ids))
        .select(ProductRow::as_select())
        .load(conn)
        .await?;
    rows.sort_by_key(|row| ids.iter().position(|id| *id == row.id));
    Ok(rows)
}

/// Counts the values of a facet over the whole result, most frequent first.
pub async fn count(
    conn: &mut TenantConn,
    among: Among,
    search: &ProductSearch,
    facet: &Facet,
) -> QueryResult<Vec<FacetCount>> {
    macro_rules! counting {
        ($value:literal, $from:literal) => {
            match among {
                Among::Products => counting!("products", $value, $from),
                Among::Staged => counting!("staged_products", $value, $from),
            }
        };
        ($table:literal, $value:literal, $from:literal) => {
            concat!(
                "SELECT ",
                $value,
                " AS value, count(*) AS count FROM ",
                $table,
                $from,
                " WHERE ",
                matching!(),
                " AND ",
                $value,
                " IS NOT NULL AND ",
                $value,
                " <> '' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT $7"
            )
        };
    }
    let sql = match facet {
        Facet::Status => counting!("status", ""),
        Facet::Vendor => counting!("vendor", ""),
        Facet::ProductType => counting!("product_type", ""),
        Facet::Tags => counting!("tag", " CROSS JOIN LATERAL unnest(tags) AS tag"),
        Facet::Categories => {
            counting!(
                "category::text",
                " CROSS JOIN LATERAL unnest(category_ids) AS category"
            )
        }
        Facet::Attribute(_) => counting!("(attributes ->> $8)", ""),
    };
    let query = with_search!(sql, search).bind::<BigInt, _>(FACET_VALUES);
    match facet {
        Facet::Attribute(code) => query.bind::<Text, _>(code).load(conn).await,
        _ => query.load(conn).await,
    }
}

#[derive(diesel::QueryableByName)]
struct Names {
    #[diesel(sql_type = Array<Text>)]
    names: Vec<String>,
}

/// Returns the names of all imported columns that products or variants carry, for the header of an export.
pub async fn extra_names(conn: &mut TenantConn) -> QueryResult<Vec<String>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "keys of documents are beyond the query builder"
    )]
    let found: Vec<Names> = diesel::sql_query(
        "SELECT coalesce(array_agg(name ORDER BY name), '{}') AS names FROM (
             SELECT jsonb_object_keys(extra) AS name FROM products
             UNION SELECT jsonb_object_keys(extra) FROM variants) AS keys",
    )
    .load(conn)
    .await?;
    Ok(found.into_iter().flat_map(|row| row.names).collect())
}
