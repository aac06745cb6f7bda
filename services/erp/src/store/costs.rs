//! What stock is worth, and how much of what had left has come back.

use averis_tenant_db::TenantConn;
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::{cost_states as table, issue_returns};

/// What is there of a SKU in a warehouse, and what it has cost.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct CostRow {
    pub folded: String,
    pub warehouse_id: Uuid,
    pub sku: String,
    pub quantity: i64,
    pub value: i64,
}

/// Makes what there is none of yet, and locks all of it by SKU and warehouse, as everybody does.
pub async fn lock(conn: &mut TenantConn, wanted: &[CostRow]) -> QueryResult<Vec<CostRow>> {
    diesel::insert_into(table::table)
        .values(wanted)
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    let skus: Vec<&str> = wanted.iter().map(|row| row.folded.as_str()).collect();
    let warehouses: Vec<Uuid> = wanted.iter().map(|row| row.warehouse_id).collect();
    let rows = table::table.filter(table::folded.eq_any(skus));
    let rows = rows.filter(table::warehouse_id.eq_any(warehouses));
    let rows = rows
        .order((table::folded, table::warehouse_id))
        .select(CostRow::as_select());
    rows.for_update().load(conn).await
}

/// Stores what there is now.
pub async fn put(conn: &mut TenantConn, rows: &[CostRow]) -> QueryResult<()> {
    diesel::insert_into(table::table)
        .values(rows)
        .on_conflict((table::folded, table::warehouse_id))
        .do_update()
        .set((
            table::quantity.eq(excluded(table::quantity)),
            table::value.eq(excluded(table::value)),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct CostFilter {
    pub folded: Option<String>,
    pub warehouse: Option<Uuid>,
}

/// Lists what is worth what, by SKU and warehouse.
pub async fn list(
    conn: &mut TenantConn,
    filter: &CostFilter,
    after: Option<&(String, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<CostRow>> {
    let mut rows = table::table.select(CostRow::as_select()).into_boxed();
    if let Some(folded) = &filter.folded {
        rows = rows.filter(table::folded.eq(folded));
    }
    if let Some(warehouse) = filter.warehouse {
        rows = rows.filter(table::warehouse_id.eq(warehouse));
    }
    if let Some((folded, warehouse)) = after {
        let further = table::folded
            .gt(folded)
            .or(table::warehouse_id.gt(warehouse));
        rows = rows.filter(table::folded.ge(folded)).filter(further);
    }
    let rows = rows.order((table::folded, table::warehouse_id));
    rows.limit(limit).load(conn).await
}

/// Notes that so many more pieces of an issue have come back, and returns how many had before.
pub async fn note_returned(conn: &mut TenantConn, issue: Uuid, pieces: i64) -> QueryResult<i64> {
    let after: i64 = diesel::insert_into(issue_returns::table)
        .values((
            issue_returns::move_id.eq(issue),
            issue_returns::returned.eq(pieces),
        ))
        .on_conflict(issue_returns::move_id)
        .do_update()
        .set(
            issue_returns::returned.eq(issue_returns::returned + excluded(issue_returns::returned)),
        )
        .returning(issue_returns::returned)
        .get_result(conn)
        .await?;
    Ok(after - pieces)
}
