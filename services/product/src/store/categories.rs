//! The tree of categories.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::categories;

/// A category's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = categories, treat_none_as_default_value = false)]
pub struct CategoryRow {
    pub id: Uuid,
    pub code: String,
    pub name: String,
    pub parent_id: Option<Uuid>,
    pub position: i32,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Inserts a category.
pub async fn insert(conn: &mut TenantConn, row: &CategoryRow) -> QueryResult<()> {
    diesel::insert_into(categories::table)
        .values(row)
        .execute(conn)
        .await
        .map(drop)
}

/// Finds a category.
pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<CategoryRow>> {
    categories::table
        .find(id)
        .select(CategoryRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// Finds a category and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<CategoryRow>> {
    let rows = categories::table.find(id);
    rows.select(CategoryRow::as_select())
        .for_update()
        .first(conn)
        .await
        .optional()
}

/// Counts which of these categories exist, and keeps them from being deleted until the end of the transaction.
pub async fn count_existing(conn: &mut TenantConn, ids: &[Uuid]) -> QueryResult<usize> {
    let rows = categories::table
        .filter(categories::id.eq_any(ids))
        .select(categories::id);
    let found: Vec<Uuid> = rows.for_key_share().load(conn).await?;
    Ok(found.len())
}

/// Lists categories by age, all or those directly below `parent`.
pub async fn list(
    conn: &mut TenantConn,
    parent: Option<Uuid>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<CategoryRow>> {
    let mut rows = categories::table
        .select(CategoryRow::as_select())
        .into_boxed();
    if let Some(parent) = parent {
        rows = rows.filter(categories::parent_id.eq(parent));
    }
    if let Some((created_at, id)) = after {
        rows = rows.filter(categories::created_at.ge(created_at)).filter(
            categories::created_at
                .gt(created_at)
                .or(categories::id.gt(id)),
        );
    }
    rows.order((categories::created_at, categories::id))
        .limit(limit)
        .load(conn)
        .await
}

/// Stores a category as it is now and raises its version.
pub async fn update(conn: &mut TenantConn, row: &CategoryRow) -> QueryResult<CategoryRow> {
    diesel::update(categories::table.find(row.id))
        .set((
            categories::code.eq(&row.code),
            categories::name.eq(&row.name),
            categories::parent_id.eq(row.parent_id),
            categories::position.eq(row.position),
            categories::version.eq(categories::version + 1),
            categories::updated_at.eq(diesel::dsl::now),
        ))
        .returning(CategoryRow::as_returning())
        .get_result(conn)
        .await
}

/// Deletes a category. Its foreign key refuses while others stand in it.
pub async fn delete(conn: &mut TenantConn, id: Uuid) -> QueryResult<()> {
    diesel::delete(categories::table.find(id))
        .execute(conn)
        .await
        .map(drop)
}

#[derive(diesel::QueryableByName)]
struct Found {
    #[diesel(sql_type = Integer)]
    depth: i32,
}

diesel::define_sql_function! {
    /// A lock until the end of the transaction.
    fn pg_advisory_xact_lock(space: Integer, thing: Integer);
}
diesel::define_sql_function! {
    /// A number for a text.
    fn hashtext(text: Text) -> Integer;
}
diesel::define_sql_function! {
    /// The bound tenant's schema.
    fn current_schema() -> Text;
}

/// Makes moves in this tenant's tree wait for each other: two that are harmless alone can close a circle together.
pub async fn lock_tree(conn: &mut TenantConn) -> QueryResult<()> {
    let lock = pg_advisory_xact_lock(hashtext("categories"), hashtext(current_schema()));
    diesel::select(lock).execute(conn).await.map(drop)
}

/// Whether `category` stands above `below`, or is it.
pub async fn is_above(conn: &mut TenantConn, category: Uuid, below: Uuid) -> QueryResult<bool> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the query builder has no recursion; all values are bound"
    )]
    let found: Vec<Found> = diesel::sql_query(
        "WITH RECURSIVE up (id, parent_id, depth) AS (
             SELECT id, parent_id, 0 FROM categories WHERE id = $1
             UNION
             SELECT c.id, c.parent_id, up.depth + 1 FROM categories c JOIN up ON c.id = up.parent_id
             WHERE up.depth < 1000
         ) SELECT depth FROM up WHERE id = $2 LIMIT 1",
    )
    .bind::<SqlUuid, _>(below)
    .bind::<SqlUuid, _>(category)
    .load(conn)
    .await?;
    Ok(found.iter().any(|found| found.depth >= 0))
}
