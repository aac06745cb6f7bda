//! Products.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::schema::{product_counts, products};

/// A product's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = products, treat_none_as_default_value = false)]
pub struct ProductRow {
    pub id: Uuid,
    pub key: String,
    pub kind: String,
    pub status: String,
    pub name: String,
    pub description: String,
    pub vendor: String,
    pub product_type: String,
    pub tags: Vec<String>,
    pub options: Vec<String>,
    pub category_ids: Vec<Uuid>,
    pub attributes: Value,
    pub extra: Value,
    pub launched_at: Option<DateTime<Utc>>,
    /// Raised with each change of content.
    pub working_rev: i64,
    /// The revision that is sold.
    pub launched_rev: Option<i64>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl ProductRow {
    /// Returns the values of its attributes, by code.
    pub fn values(&self) -> Map<String, Value> {
        self.attributes.as_object().cloned().unwrap_or_default()
    }
}

/// What of a product may change.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = products)]
pub struct ProductChanges {
    pub key: Option<String>,
    pub kind: Option<String>,
    pub status: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub vendor: Option<String>,
    pub product_type: Option<String>,
    pub tags: Option<Vec<String>>,
    pub options: Option<Vec<String>>,
    pub category_ids: Option<Vec<Uuid>>,
    pub attributes: Option<Value>,
    pub extra: Option<Value>,
    pub launched_at: Option<DateTime<Utc>>,
    pub sections: Option<Value>,
    pub working_rev: Option<i64>,
    pub launched_rev: Option<i64>,
    pub search_text: Option<String>,
}

/// Inserts a product, with what a search finds it by besides its name.
pub async fn insert(
    conn: &mut TenantConn,
    row: &ProductRow,
    sections: &Value,
    search_text: &str,
) -> QueryResult<ProductRow> {
    diesel::insert_into(products::table)
        .values((
            row,
            products::sections.eq(sections),
            products::search_text.eq(search_text),
        ))
        .returning(ProductRow::as_returning())
        .get_result(conn)
        .await
}

/// Takes a place for one more product if fewer than `max` are not archived. Whoever asks at the same time waits until it
/// is decided.
pub async fn take_place(conn: &mut TenantConn, max: u32) -> QueryResult<bool> {
    let free = product_counts::table.filter(product_counts::live.lt(i64::from(max)));
    let taken = diesel::update(free).set(product_counts::live.eq(product_counts::live + 1));
    Ok(taken.execute(conn).await? == 1)
}

/// Gives an archived product's place back.
pub async fn give_place(conn: &mut TenantConn) -> QueryResult<()> {
    let given = diesel::update(product_counts::table);
    let given = given.set(product_counts::live.eq(product_counts::live - 1));
    given.execute(conn).await.map(drop)
}

/// Finds a product by id.
pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<ProductRow>> {
    products::table
        .find(id)
        .select(ProductRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// Finds a product by key.
pub async fn find_by_key(conn: &mut TenantConn, key: &str) -> QueryResult<Option<ProductRow>> {
    let rows = products::table.filter(products::key.eq(key));
    rows.select(ProductRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// Finds a product by id and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<ProductRow>> {
    let rows = products::table.find(id);
    rows.select(ProductRow::as_select())
        .for_update()
        .first(conn)
        .await
        .optional()
}

/// Finds a product by key and keeps others from changing it until the end of the transaction.
pub async fn lock_by_key(conn: &mut TenantConn, key: &str) -> QueryResult<Option<ProductRow>> {
    let rows = products::table.filter(products::key.eq(key));
    rows.select(ProductRow::as_select())
        .for_update()
        .first(conn)
        .await
        .optional()
}

/// Changes a product and raises its version.
pub async fn update(
    conn: &mut TenantConn,
    id: Uuid,
    changes: &ProductChanges,
) -> QueryResult<ProductRow> {
    diesel::update(products::table.find(id))
        .set((
            changes,
            products::version.eq(products::version + 1),
            products::updated_at.eq(diesel::dsl::now),
        ))
        .returning(ProductRow::as_returning())
        .get_result(conn)
        .await
}

/// Reads where the sections of a product are; see `domain::sections`. Apart from the row: few who read it want them.
pub async fn sections(conn: &mut TenantConn, id: Uuid) -> QueryResult<Value> {
    let row = products::table.find(id).select(products::sections);
    row.first(conn).await
}

/// Notes where the sections of a product are after an edit, and raises its version: whoever approves must have seen it.
pub async fn put_sections(
    conn: &mut TenantConn,
    id: Uuid,
    sections: &Value,
    working_rev: i64,
) -> QueryResult<()> {
    let changes = ProductChanges {
        sections: Some(sections.clone()),
        working_rev: Some(working_rev),
        ..ProductChanges::default()
    };
    update(conn, id, &changes).await.map(drop)
}

/// Writes anew what a search finds a product by. This is no change that a reader of the product could see, so
/// its version stays.
pub async fn update_search_text(conn: &mut TenantConn, id: Uuid, text: &str) -> QueryResult<()> {
    let row = diesel::update(products::table.find(id));
    row.set(products::search_text.eq(text))
        .execute(conn)
        .await
        .map(drop)
}

/// Whether any product stands in the category.
pub async fn any_in_category(conn: &mut TenantConn, category: Uuid) -> QueryResult<bool> {
    let rows = products::table.filter(products::category_ids.contains(vec![category]));
    diesel::select(diesel::dsl::exists(rows))
        .get_result(conn)
        .await
}

/// Whether any product has a value of that attribute.
pub async fn any_with_attribute(conn: &mut TenantConn, code: &str) -> QueryResult<bool> {
    let rows = products::table.filter(products::attributes.has_key(code));
    diesel::select(diesel::dsl::exists(rows))
        .get_result(conn)
        .await
}

/// The column that a list is ordered by, and whether downwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProductOrder {
    CreatedAt { down: bool },
    UpdatedAt { down: bool },
    Name { down: bool },
}

/// The last row of the page before.
#[derive(Clone, Debug)]
pub enum After {
    Time(DateTime<Utc>, Uuid),
    Name(String, Uuid),
}

/// Which products a list shows.
#[derive(Clone, Debug, Default)]
pub struct ProductFilter {
    pub status: Option<String>,
    pub kind: Option<String>,
    pub vendor: Option<String>,
    pub product_type: Option<String>,
    pub tag: Option<String>,
    pub category_id: Option<Uuid>,
    pub keys: Option<Vec<String>>,
    pub name_prefix: Option<String>,
    pub created_from: Option<DateTime<Utc>>,
    pub created_until: Option<DateTime<Utc>>,
    pub updated_from: Option<DateTime<Utc>>,
}

/// Returns the first text behind all that begin with `prefix`; none if there is no end.
fn end_of_prefix(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

type Rows<'a> = products::BoxedQuery<
    'a,
    diesel::pg::Pg,
    diesel::dsl::SqlTypeOf<diesel::dsl::AsSelect<ProductRow, diesel::pg::Pg>>,
>;

fn filtered(filter: &ProductFilter) -> Rows<'_> {
    let mut rows = products::table.select(ProductRow::as_select()).into_boxed();
    if let Some(status) = &filter.status {
        rows = rows.filter(products::status.eq(status));
    }
    if let Some(kind) = &filter.kind {
        rows = rows.filter(products::kind.eq(kind));
    }
    if let Some(vendor) = &filter.vendor {
        rows = rows.filter(products::vendor.eq(vendor));
    }
    if let Some(product_type) = &filter.product_type {
        rows = rows.filter(products::product_type.eq(product_type));
    }
    if let Some(tag) = &filter.tag {
        rows = rows.filter(products::tags.contains(vec![tag]));
    }
    if let Some(category) = filter.category_id {
        rows = rows.filter(products::category_ids.contains(vec![category]));
    }
    if let Some(keys) = &filter.keys {
        rows = rows.filter(products::key.eq_any(keys));
    }
    if let Some(prefix) = &filter.name_prefix {
        // A range, because a plan for unknown values cannot use the index for LIKE. The column's order is that of
        // code points.
        rows = rows.filter(products::name.ge(prefix));
        if let Some(end) = end_of_prefix(prefix) {
            rows = rows.filter(products::name.lt(end));
        }
    }
    if let Some(from) = filter.created_from {
        rows = rows.filter(products::created_at.ge(from));
    }
    if let Some(until) = filter.created_until {
        rows = rows.filter(products::created_at.lt(until));
    }
    if let Some(from) = filter.updated_from {
        rows = rows.filter(products::updated_at.ge(from));
    }
    rows
}

/// Continues after a row, upwards or downwards by (`column`, id). The first condition alone bounds the index scan.
macro_rules! keyset {
    ($rows:expr, $column:expr, $down:expr, $after:expr) => {{
        let mut rows = $rows;
        if let Some((value, id)) = $after {
            rows = if $down {
                rows.filter($column.le(value.clone()))
                    .filter($column.lt(value).or(products::id.lt(id)))
            } else {
                rows.filter($column.ge(value.clone()))
                    .filter($column.gt(value).or(products::id.gt(id)))
            };
        }
        if $down {
            rows.order(($column.desc(), products::id.desc()))
        } else {
            rows.order(($column.asc(), products::id.asc()))
        }
    }};
}

/// Lists products in an order, after a row.
pub async fn list(
    conn: &mut TenantConn,
    filter: &ProductFilter,
    order: ProductOrder,
    after: Option<&After>,
    limit: i64,
) -> QueryResult<Vec<ProductRow>> {
    let rows = filtered(filter);
    let time = match after {
        Some(After::Time(time, id)) => Some((*time, *id)),
        _ => None,
    };
    let rows = match order {
        ProductOrder::CreatedAt { down } => keyset!(rows, products::created_at, down, time),
        ProductOrder::UpdatedAt { down } => keyset!(rows, products::updated_at, down, time),
        ProductOrder::Name { down } => {
            let name = match after {
                Some(After::Name(name, id)) => Some((name.clone(), *id)),
                _ => None,
            };
            keyset!(rows, products::name, down, name)
        }
    };
    rows.limit(limit).load(conn).await
}

#[cfg(test)]
mod tests {
    use super::end_of_prefix;

    #[test]
    fn a_prefix_ends_before_the_next_text() {
        assert_eq!(end_of_prefix("sh").as_deref(), Some("si"));
        assert_eq!(end_of_prefix("\u{d7ff}").as_deref(), Some("\u{e000}"));
        assert_eq!(end_of_prefix("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(end_of_prefix("\u{10ffff}"), None);
    }
}
