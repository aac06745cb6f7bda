//! Catalogs and what they sell.

use averis_service_kit::after_place;
use averis_service_kit::locks::lock_name;
use averis_tenant_context::TenantKey;
use averis_tenant_db::{Reader, TenantConn};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{catalog_entries as entries, catalogs};

/// A catalog's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = catalogs, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct CatalogRow {
    pub id: Uuid,
    pub code: String,
    pub name: String,
    pub region: Option<String>,
    pub channel: Option<String>,
    pub segment: Option<String>,
    pub currency: String,
    pub tax_included: bool,
    pub locale: String,
    pub effective_from: Option<DateTime<Utc>>,
    pub effective_until: Option<DateTime<Utc>>,
    pub status: String,
    pub is_default: bool,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// An entry's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = entries, treat_none_as_default_value = false)]
pub struct EntryRow {
    pub catalog_id: Uuid,
    pub product_id: Uuid,
    pub enabled: bool,
    pub position: i32,
    pub updated_at: DateTime<Utc>,
}

/// Inserts a catalog.
pub async fn insert(conn: &mut TenantConn, row: &CatalogRow) -> QueryResult<()> {
    let added = diesel::insert_into(catalogs::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Counts a tenant's catalogs that are not archived, and lets whoever else counts them wait until the transaction has ended.
pub async fn count_alone(conn: &mut TenantConn, tenant: &TenantKey) -> QueryResult<i64> {
    lock_name(conn, tenant, "catalogs", "").await?;
    let live = catalogs::table.filter(catalogs::status.ne("archived"));
    live.count().get_result(conn).await
}

/// Finds a catalog.
pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<CatalogRow>> {
    let row = catalogs::table.find(id).select(CatalogRow::as_select());
    row.first(conn).await.optional()
}

/// Finds a catalog and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<CatalogRow>> {
    let row = catalogs::table.find(id).select(CatalogRow::as_select());
    row.for_update().first(conn).await.optional()
}

/// Lists catalogs by age.
pub async fn list(
    conn: &mut TenantConn,
    status: Option<&str>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<CatalogRow>> {
    let mut rows = catalogs::table.select(CatalogRow::as_select()).into_boxed();
    if let Some(status) = status {
        rows = rows.filter(catalogs::status.eq(status));
    }
    let rows = after_place!(rows, catalogs, after);
    let rows = rows.order((catalogs::created_at, catalogs::id));
    rows.limit(limit).load(conn).await
}

/// Lists all catalogs that are in use.
pub async fn active(conn: &mut impl Reader) -> QueryResult<Vec<CatalogRow>> {
    let rows = catalogs::table.filter(catalogs::status.eq("active"));
    rows.select(CatalogRow::as_select()).load(conn).await
}

/// Stores a catalog as it is now and raises its version.
pub async fn update(conn: &mut TenantConn, row: &CatalogRow) -> QueryResult<CatalogRow> {
    let mut row = row.clone();
    row.version += 1;
    row.updated_at = averis_service_kit::clock::now();
    let stored = diesel::update(catalogs::table.find(row.id)).set(&row);
    stored
        .returning(CatalogRow::as_returning())
        .get_result(conn)
        .await
}

/// Puts entries there, in place of those of the same products.
pub async fn put_entries(conn: &mut TenantConn, rows: &[EntryRow]) -> QueryResult<()> {
    let put = diesel::insert_into(entries::table)
        .values(rows)
        .on_conflict((entries::catalog_id, entries::product_id))
        .do_update()
        .set((
            entries::enabled.eq(excluded(entries::enabled)),
            entries::position.eq(excluded(entries::position)),
            entries::updated_at.eq(excluded(entries::updated_at)),
        ));
    put.execute(conn).await.map(drop)
}

/// Removes an entry. False says that there is none.
pub async fn delete_entry(
    conn: &mut TenantConn,
    catalog: Uuid,
    product: Uuid,
) -> QueryResult<bool> {
    let gone = diesel::delete(entries::table.find((catalog, product)));
    Ok(gone.execute(conn).await? == 1)
}

/// Lists the entries of a catalog in their order.
pub async fn list_entries(
    conn: &mut TenantConn,
    catalog: Uuid,
    after: Option<(i32, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<EntryRow>> {
    let mut rows = entries::table
        .filter(entries::catalog_id.eq(catalog))
        .select(EntryRow::as_select())
        .into_boxed();
    if let Some((position, product)) = after {
        rows = rows.filter(entries::position.ge(position)).filter(
            entries::position
                .gt(position)
                .or(entries::product_id.gt(product)),
        );
    }
    let rows = rows.order((entries::position, entries::product_id));
    rows.limit(limit).load(conn).await
}

/// Returns which of these products are sold by which catalogs, as (catalog, product).
pub async fn listings(
    conn: &mut impl Reader,
    catalogs: &[Uuid],
    products: &[Uuid],
) -> QueryResult<Vec<(Uuid, Uuid)>> {
    entries::table
        .filter(entries::catalog_id.eq_any(catalogs))
        .filter(entries::product_id.eq_any(products))
        .filter(entries::enabled)
        .select((entries::catalog_id, entries::product_id))
        .load(conn)
        .await
}
