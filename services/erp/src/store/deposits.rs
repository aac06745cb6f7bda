//! What customers have paid before it was invoiced.

use averis_tenant_db::TenantConn;
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::deposits as table;

/// What was paid for an order and nothing has become of yet.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table)]
pub struct DepositRow {
    pub order_id: Uuid,
    pub currency: String,
    pub amount: i64,
}

/// Finds what there is for an order, nothing at first, and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut TenantConn, order: Uuid, currency: &str) -> QueryResult<DepositRow> {
    let nothing = DepositRow {
        order_id: order,
        currency: currency.to_owned(),
        amount: 0,
    };
    diesel::insert_into(table::table)
        .values(&nothing)
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    let row = table::table.find(order).select(DepositRow::as_select());
    row.for_update().first(conn).await
}

/// Adds to what there is for an order.
pub async fn add(conn: &mut TenantConn, row: &DepositRow) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(row);
    added
        .on_conflict(table::order_id)
        .do_update()
        .set(table::amount.eq(table::amount + excluded(table::amount)))
        .execute(conn)
        .await
        .map(drop)
}

/// Takes from what there is for an order. The transaction has locked it.
pub async fn take(conn: &mut TenantConn, order: Uuid, amount: i64) -> QueryResult<()> {
    let changed = diesel::update(table::table.find(order));
    let changed = changed.set(table::amount.eq(table::amount - amount));
    changed.execute(conn).await.map(drop)
}
