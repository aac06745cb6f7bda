//! Variants.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Text};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use crate::schema::variants;

/// A variant's row.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = variants, treat_none_as_default_value = false)]
pub struct VariantRow {
    pub id: Uuid,
    pub product_id: Uuid,
    pub sku: String,
    pub barcode: Option<String>,
    pub option_values: Vec<String>,
    pub position: i32,
    pub weight_grams: Option<i64>,
    pub requires_shipping: bool,
    pub taxable: bool,
    pub track_inventory: bool,
    pub image_url: Option<String>,
    pub extra: Value,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Inserts variants.
pub async fn insert(conn: &mut TenantConn, rows: &[VariantRow]) -> QueryResult<()> {
    diesel::insert_into(variants::table)
        .values(rows)
        .execute(conn)
        .await
        .map(drop)
}

/// Finds a variant of a product.
pub async fn find(
    conn: &mut TenantConn,
    product: Uuid,
    id: Uuid,
) -> QueryResult<Option<VariantRow>> {
    let rows = variants::table
        .find(id)
        .filter(variants::product_id.eq(product));
    rows.select(VariantRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// Lists the variants of a product in their order.
pub async fn list(conn: &mut TenantConn, product: Uuid) -> QueryResult<Vec<VariantRow>> {
    list_of(conn, &[product]).await
}

/// Lists the variants of several products, each product's in their order.
pub async fn list_of(conn: &mut TenantConn, products: &[Uuid]) -> QueryResult<Vec<VariantRow>> {
    variants::table
        .filter(variants::product_id.eq_any(products))
        .order((variants::product_id, variants::position, variants::id))
        .select(VariantRow::as_select())
        .load(conn)
        .await
}

/// Finds variants by SKU, without regard to case.
pub async fn find_by_skus(conn: &mut TenantConn, skus: &[String]) -> QueryResult<Vec<VariantRow>> {
    // The database folds both sides: its rule and Rust's differ for some letters.
    let asked =
        diesel::dsl::sql::<Bool>("lower(sku) = ANY (ARRAY(SELECT lower(asked) FROM unnest(")
            .bind::<Array<Text>, _>(skus)
            .sql(") AS asked))");
    variants::table
        .filter(asked)
        .order(variants::sku)
        .select(VariantRow::as_select())
        .load(conn)
        .await
}

/// Stores a variant as it is now and raises its version.
pub async fn update(conn: &mut TenantConn, row: &VariantRow) -> QueryResult<VariantRow> {
    let VariantRow {
        id,
        product_id: _,
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
        version: _,
        created_at: _,
        updated_at: _,
    } = row;
    diesel::update(variants::table.find(id))
        .set((
            variants::sku.eq(sku),
            variants::barcode.eq(barcode),
            variants::option_values.eq(option_values),
            variants::position.eq(position),
            variants::weight_grams.eq(weight_grams),
            variants::requires_shipping.eq(requires_shipping),
            variants::taxable.eq(taxable),
            variants::track_inventory.eq(track_inventory),
            variants::image_url.eq(image_url),
            variants::extra.eq(extra),
            variants::version.eq(variants::version + 1),
            variants::updated_at.eq(diesel::dsl::now),
        ))
        .returning(VariantRow::as_returning())
        .get_result(conn)
        .await
}

/// Deletes a variant.
pub async fn delete(conn: &mut TenantConn, id: Uuid) -> QueryResult<()> {
    diesel::delete(variants::table.find(id))
        .execute(conn)
        .await
        .map(drop)
}
