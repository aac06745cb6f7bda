//! What the product service has launched.

use averis_tenant_db::{Reader, TenantConn};
use diesel::dsl::{exists, select};
use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl as _;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::known_skus as table;

/// A known SKU's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct SkuRow {
    pub folded: String,
    pub sku: String,
    pub product_id: Uuid,
    /// The version of the product that says so.
    pub as_of: i64,
    pub active: bool,
    pub kind: String,
    pub taxable: bool,
    pub tax_category: Option<String>,
}

/// Notes what was launched. What is older than what is known changes nothing.
pub async fn note(conn: &mut TenantConn, rows: &[SkuRow]) -> QueryResult<()> {
    for part in rows.chunks(1_000) {
        note_part(conn, part).await?;
    }
    Ok(())
}

async fn note_part(conn: &mut TenantConn, rows: &[SkuRow]) -> QueryResult<()> {
    let noted = diesel::insert_into(table::table)
        .values(rows)
        .on_conflict(table::folded)
        .do_update()
        .set((
            table::sku.eq(excluded(table::sku)),
            table::product_id.eq(excluded(table::product_id)),
            table::as_of.eq(excluded(table::as_of)),
            table::active.eq(excluded(table::active)),
            table::kind.eq(excluded(table::kind)),
            table::taxable.eq(excluded(table::taxable)),
            table::tax_category.eq(excluded(table::tax_category)),
        ))
        .filter(table::as_of.lt(excluded(table::as_of)));
    noted.execute(conn).await.map(drop)
}

/// Notes whether a product's variants may be sold, unless that is old. False says that none of them is known.
pub async fn note_status(
    conn: &mut TenantConn,
    product: Uuid,
    as_of: i64,
    active: bool,
) -> QueryResult<bool> {
    if !is_product_known(conn, product).await? {
        return Ok(false);
    }
    let older = QueryDsl::filter(
        table::table,
        table::product_id.eq(product).and(table::as_of.lt(as_of)),
    );
    let noted = diesel::update(older).set((table::active.eq(active), table::as_of.eq(as_of)));
    noted.execute(conn).await.map(|_| true)
}

/// Tells whether any variant of a product is known.
pub async fn is_product_known(conn: &mut TenantConn, product: Uuid) -> QueryResult<bool> {
    let own = QueryDsl::filter(table::table, table::product_id.eq(product));
    select(exists(own)).get_result(conn).await
}

/// Finds known SKUs, in small letters.
pub async fn find(conn: &mut impl Reader, folded: &[String]) -> QueryResult<Vec<SkuRow>> {
    let rows = QueryDsl::filter(table::table, table::folded.eq_any(folded));
    rows.select(SkuRow::as_select()).load(conn).await
}

/// Returns which of these products are known.
pub async fn known_products(conn: &mut TenantConn, products: &[Uuid]) -> QueryResult<Vec<Uuid>> {
    let rows = QueryDsl::filter(table::table, table::product_id.eq_any(products));
    rows.select(table::product_id).distinct().load(conn).await
}
