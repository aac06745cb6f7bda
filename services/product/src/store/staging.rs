//! The copy that shops read.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Text};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use crate::schema::{staged_products as table, staged_variants as variants, staging_head};

const ACTIVE: &str = "active";

/// A staged product's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct StagedRow {
    pub id: Uuid,
    pub key: String,
    pub rev: i64,
    pub hash: Vec<u8>,
    /// The version of the product that this is from.
    pub as_of: i64,
    pub status: String,
    /// Place in the feed of changes.
    pub seq: i64,
    pub kind: String,
    pub name: String,
    pub vendor: String,
    pub product_type: String,
    pub tags: Vec<String>,
    pub category_ids: Vec<Uuid>,
    pub attributes: Value,
    pub rest: Value,
    pub launched_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A staged variant's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = variants, treat_none_as_default_value = false)]
pub struct StagedVariantRow {
    pub id: Uuid,
    pub product_id: Uuid,
    pub sku: String,
    pub position: i32,
    pub document: Value,
}

/// Takes the next place in the feed. Whoever else changes the copy waits until the transaction has ended.
pub async fn next_place(conn: &mut TenantConn) -> QueryResult<i64> {
    diesel::update(staging_head::table)
        .set(staging_head::seq.eq(staging_head::seq + 1))
        .returning(staging_head::seq)
        .get_result(conn)
        .await
}

/// Returns the version of the product and the revision that a staged product is from.
pub async fn as_of(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<(i64, i64)>> {
    let versions = table::table.find(id).select((table::as_of, table::rev));
    versions.first(conn).await.optional()
}

/// Puts a product there as it is now, in place of what was there of it.
pub async fn put(
    conn: &mut TenantConn,
    row: &StagedRow,
    search_text: &str,
    parts: &[StagedVariantRow],
) -> QueryResult<()> {
    let values = (row, table::search_text.eq(search_text));
    diesel::insert_into(table::table)
        .values(values)
        .on_conflict(table::id)
        .do_update()
        .set(values)
        .execute(conn)
        .await?;
    let old = variants::table.filter(variants::product_id.eq(row.id));
    diesel::delete(old).execute(conn).await?;
    let put = diesel::insert_into(variants::table).values(parts);
    put.execute(conn).await.map(drop)
}

/// Changes whether a product may be sold, and nothing else of it.
pub async fn put_status(
    conn: &mut TenantConn,
    id: Uuid,
    (status, as_of, seq): (&str, i64, i64),
    at: DateTime<Utc>,
) -> QueryResult<()> {
    let changed = diesel::update(table::table.find(id)).set((
        table::status.eq(status),
        table::as_of.eq(as_of),
        table::seq.eq(seq),
        table::updated_at.eq(at),
    ));
    changed.execute(conn).await.map(drop)
}

/// Finds a product that is offered.
pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<StagedRow>> {
    let rows = table::table.find(id).filter(table::status.eq(ACTIVE));
    rows.select(StagedRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// Finds a product that is offered, by its key; of several the one that was launched last.
pub async fn find_by_key(conn: &mut TenantConn, key: &str) -> QueryResult<Option<StagedRow>> {
    table::table
        .filter(table::key.eq(key).and(table::status.eq(ACTIVE)))
        .order((table::launched_at.desc(), table::id))
        .select(StagedRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct StagedFilter {
    pub kind: Option<String>,
    pub vendor: Option<String>,
    pub product_type: Option<String>,
    pub tag: Option<String>,
    pub category_id: Option<Uuid>,
    pub keys: Option<Vec<String>>,
}

/// Lists products that are offered, by name.
pub async fn list(
    conn: &mut TenantConn,
    filter: &StagedFilter,
    after: Option<(String, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<StagedRow>> {
    let mut rows = table::table
        .filter(table::status.eq(ACTIVE))
        .select(StagedRow::as_select())
        .into_boxed();
    let StagedFilter {
        kind,
        vendor,
        product_type,
        tag,
        category_id,
        keys,
    } = filter;
    if let Some(kind) = kind {
        rows = rows.filter(table::kind.eq(kind));
    }
    if let Some(vendor) = vendor {
        rows = rows.filter(table::vendor.eq(vendor));
    }
    if let Some(product_type) = product_type {
        rows = rows.filter(table::product_type.eq(product_type));
    }
    if let Some(tag) = tag {
        rows = rows.filter(table::tags.contains(vec![tag]));
    }
    if let Some(category) = category_id {
        rows = rows.filter(table::category_ids.contains(vec![*category]));
    }
    if let Some(keys) = keys {
        rows = rows.filter(table::key.eq_any(keys));
    }
    if let Some((name, id)) = after {
        rows = rows
            .filter(table::name.ge(name.clone()))
            .filter(table::name.gt(name).or(table::id.gt(id)));
    }
    rows.order((table::name, table::id))
        .limit(limit)
        .load(conn)
        .await
}

/// Lists what changed after a place, whatever it is now, in the order of the changes.
pub async fn changes(conn: &mut TenantConn, after: i64, limit: i64) -> QueryResult<Vec<StagedRow>> {
    table::table
        .filter(table::seq.gt(after))
        .order(table::seq)
        .limit(limit)
        .select(StagedRow::as_select())
        .load(conn)
        .await
}

/// Returns products by id, whatever they are, in no order.
pub async fn rows_of(conn: &mut TenantConn, ids: &[Uuid]) -> QueryResult<Vec<StagedRow>> {
    let rows = table::table.filter(table::id.eq_any(ids));
    rows.select(StagedRow::as_select()).load(conn).await
}

/// Lists the variants of products, each product's in their order.
pub async fn variants_of(
    conn: &mut TenantConn,
    products: &[Uuid],
) -> QueryResult<Vec<StagedVariantRow>> {
    variants::table
        .filter(variants::product_id.eq_any(products))
        .order((variants::product_id, variants::position, variants::id))
        .select(StagedVariantRow::as_select())
        .load(conn)
        .await
}

/// Finds variants by SKU, without regard to case, whether they are offered or not.
pub async fn variants_by_skus(
    conn: &mut TenantConn,
    skus: &[String],
) -> QueryResult<Vec<StagedVariantRow>> {
    // The database folds both sides: its rule and Rust's differ for some letters.
    let asked =
        diesel::dsl::sql::<Bool>("lower(sku) = ANY (ARRAY(SELECT lower(asked) FROM unnest(")
            .bind::<Array<Text>, _>(skus)
            .sql(") AS asked))");
    variants::table
        .filter(asked)
        .order(variants::sku)
        .select(StagedVariantRow::as_select())
        .load(conn)
        .await
}
