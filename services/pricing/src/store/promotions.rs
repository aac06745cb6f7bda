//! Promotions and how often they were used.

use averis_service_kit::after_place;
use averis_tenant_db::{Reader, TenantConn};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use crate::schema::{promotion_customers as customers, promotions};

/// A promotion's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = promotions, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct PromotionRow {
    pub id: Uuid,
    pub name: String,
    pub code: Option<String>,
    pub action: Value,
    pub target: Value,
    pub conditions: Value,
    pub stacking_group: Option<String>,
    pub exclusive: bool,
    pub priority: i32,
    pub valid_from: Option<DateTime<Utc>>,
    pub valid_until: Option<DateTime<Utc>>,
    pub usage_limit: Option<i64>,
    pub per_customer_limit: Option<i64>,
    pub budget: Option<i64>,
    pub budget_currency: Option<String>,
    pub used: i64,
    pub spent: i64,
    pub status: String,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Inserts a promotion.
pub async fn insert(conn: &mut TenantConn, row: &PromotionRow) -> QueryResult<()> {
    let added = diesel::insert_into(promotions::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Finds a promotion.
pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<PromotionRow>> {
    let row = promotions::table.find(id).select(PromotionRow::as_select());
    row.first(conn).await.optional()
}

/// Finds a promotion and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<PromotionRow>> {
    let row = promotions::table.find(id).select(PromotionRow::as_select());
    row.for_update().first(conn).await.optional()
}

/// Finds promotions by id and keeps others from changing and using them until the end of the transaction.
pub async fn lock_all(conn: &mut TenantConn, ids: &[Uuid]) -> QueryResult<Vec<PromotionRow>> {
    promotions::table
        .filter(promotions::id.eq_any(ids))
        .order(promotions::id)
        .select(PromotionRow::as_select())
        .for_update()
        .load(conn)
        .await
}

/// Lists promotions by age.
pub async fn list(
    conn: &mut TenantConn,
    status: Option<&str>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<PromotionRow>> {
    let mut rows = promotions::table
        .select(PromotionRow::as_select())
        .into_boxed();
    if let Some(status) = status {
        rows = rows.filter(promotions::status.eq(status));
    }
    let rows = after_place!(rows, promotions, after);
    let rows = rows.order((promotions::created_at, promotions::id));
    rows.limit(limit).load(conn).await
}

/// Lists the promotions that are in use, and have no code or one of these.
pub async fn active(conn: &mut impl Reader, codes: &[String]) -> QueryResult<Vec<PromotionRow>> {
    promotions::table
        .filter(promotions::status.eq("active"))
        .filter(
            promotions::code
                .is_null()
                .or(promotions::code.eq_any(codes)),
        )
        .select(PromotionRow::as_select())
        .load(conn)
        .await
}

/// Stores what a promotion is now and raises its version. How often it was used is counted elsewhere.
pub async fn update(conn: &mut TenantConn, row: &PromotionRow) -> QueryResult<PromotionRow> {
    let mut row = row.clone();
    row.version += 1;
    row.updated_at = averis_service_kit::clock::now();
    let stored = diesel::update(promotions::table.find(row.id)).set(&row);
    stored
        .returning(PromotionRow::as_returning())
        .get_result(conn)
        .await
}

/// Counts one more use, if there may be one. Whoever uses it at the same time waits until it is decided.
pub async fn take(conn: &mut TenantConn, id: Uuid, amount: i64) -> QueryResult<bool> {
    let free = promotions::table
        .find(id)
        .filter(promotions::status.eq("active"))
        .filter(
            promotions::usage_limit
                .is_null()
                .or(promotions::usage_limit.gt(promotions::used.nullable())),
        )
        .filter(
            promotions::budget
                .is_null()
                .or(promotions::budget.ge((promotions::spent + amount).nullable())),
        );
    let taken = diesel::update(free).set((
        promotions::used.eq(promotions::used + 1),
        promotions::spent.eq(promotions::spent + amount),
    ));
    Ok(taken.execute(conn).await? == 1)
}

/// Gives one use back.
pub async fn give(conn: &mut TenantConn, id: Uuid, amount: i64) -> QueryResult<()> {
    let given = diesel::update(promotions::table.find(id)).set((
        promotions::used.eq(promotions::used - 1),
        promotions::spent.eq(promotions::spent - amount),
    ));
    given.execute(conn).await.map(drop)
}

/// Counts one more use by a customer, if there may be one.
pub async fn take_for(
    conn: &mut TenantConn,
    id: Uuid,
    customer: Uuid,
    limit: i64,
) -> QueryResult<bool> {
    let first = (
        customers::promotion_id.eq(id),
        customers::customer_id.eq(customer),
        customers::used.eq(0),
    );
    let there = diesel::insert_into(customers::table).values(first);
    there.on_conflict_do_nothing().execute(conn).await?;
    let free = customers::table
        .find((id, customer))
        .filter(customers::used.lt(limit));
    let taken = diesel::update(free).set(customers::used.eq(customers::used + 1));
    Ok(taken.execute(conn).await? == 1)
}

/// Gives one use by a customer back, if it was counted.
pub async fn give_for(conn: &mut TenantConn, id: Uuid, customer: Uuid) -> QueryResult<()> {
    let own = customers::table
        .find((id, customer))
        .filter(customers::used.gt(0));
    let given = diesel::update(own).set(customers::used.eq(customers::used - 1));
    given.execute(conn).await.map(drop)
}

/// Returns how often a customer has used promotions.
pub async fn used_by(conn: &mut impl Reader, customer: Uuid) -> QueryResult<Vec<(Uuid, i64)>> {
    let own = customers::table.filter(customers::customer_id.eq(customer));
    own.select((customers::promotion_id, customers::used))
        .load(conn)
        .await
}

/// Forgets how often customers have used anything.
pub async fn forget(conn: &mut TenantConn, gone: &[Uuid]) -> QueryResult<()> {
    let own = customers::table.filter(customers::customer_id.eq_any(gone));
    diesel::delete(own).execute(conn).await.map(drop)
}
