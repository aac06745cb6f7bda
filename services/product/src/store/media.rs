//! References to pictures and other media.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::media;

/// A medium's row.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = media, treat_none_as_default_value = false)]
pub struct MediaRow {
    pub id: Uuid,
    pub product_id: Uuid,
    pub url: String,
    pub alt: String,
    pub position: i32,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Inserts media.
pub async fn insert(conn: &mut TenantConn, rows: &[MediaRow]) -> QueryResult<()> {
    diesel::insert_into(media::table)
        .values(rows)
        .execute(conn)
        .await
        .map(drop)
}

/// Finds a medium of a product.
pub async fn find(conn: &mut TenantConn, product: Uuid, id: Uuid) -> QueryResult<Option<MediaRow>> {
    let rows = media::table.find(id).filter(media::product_id.eq(product));
    rows.select(MediaRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// Lists the media of several products, each product's in their order.
pub async fn list_of(conn: &mut TenantConn, products: &[Uuid]) -> QueryResult<Vec<MediaRow>> {
    media::table
        .filter(media::product_id.eq_any(products))
        .order((media::product_id, media::position, media::id))
        .select(MediaRow::as_select())
        .load(conn)
        .await
}

/// Stores a medium as it is now and raises its version.
pub async fn update(conn: &mut TenantConn, row: &MediaRow) -> QueryResult<MediaRow> {
    diesel::update(media::table.find(row.id))
        .set((
            media::url.eq(&row.url),
            media::alt.eq(&row.alt),
            media::position.eq(row.position),
            media::version.eq(media::version + 1),
            media::updated_at.eq(diesel::dsl::now),
        ))
        .returning(MediaRow::as_returning())
        .get_result(conn)
        .await
}

/// Deletes a medium.
pub async fn delete(conn: &mut TenantConn, id: Uuid) -> QueryResult<()> {
    diesel::delete(media::table.find(id))
        .execute(conn)
        .await
        .map(drop)
}
