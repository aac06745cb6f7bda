//! What is there of SKUs.

use std::collections::BTreeMap;

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::warehouses::STOCK;
use crate::domain::moves::{Level, Place};
use crate::schema::{locations, reservation_lines, stock_levels as table, warehouses};

/// A level's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct LevelRow {
    pub folded: String,
    pub location_id: Uuid,
    pub sku: String,
    pub on_hand: i64,
    pub reserved: i64,
    pub safety: i64,
    pub backorder_limit: i64,
    pub reorder_point: i64,
}

impl LevelRow {
    /// What is there at a place.
    pub fn new(place: &Place, level: &Level) -> Self {
        Self {
            folded: place.0.clone(),
            location_id: place.1,
            sku: level.sku.clone(),
            on_hand: level.on_hand,
            reserved: level.reserved,
            safety: level.safety,
            backorder_limit: level.backorder_limit,
            reorder_point: level.reorder_point,
        }
    }
}

/// Makes levels where there are none, and locks all of them, in the one order in which everybody does.
pub async fn lock(
    conn: &mut TenantConn,
    places: &BTreeMap<Place, String>,
) -> QueryResult<BTreeMap<Place, Level>> {
    let empty = |(place, sku): (&Place, &String)| LevelRow::new(place, &Level::empty(sku.clone()));
    let empty: Vec<LevelRow> = places.iter().map(empty).collect();
    diesel::insert_into(table::table)
        .values(&empty)
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    lock_known(conn, places.keys()).await
}

/// Locks levels that are there.
pub async fn lock_known(
    conn: &mut TenantConn,
    places: impl Iterator<Item = &Place> + Clone,
) -> QueryResult<BTreeMap<Place, Level>> {
    let folded: Vec<&String> = places.clone().map(|(folded, _)| folded).collect();
    let ids: Vec<Uuid> = places.map(|(_, id)| *id).collect();
    let rows: Vec<LevelRow> = table::table
        .filter(table::folded.eq_any(folded))
        .filter(table::location_id.eq_any(ids))
        .order((table::folded, table::location_id))
        .select(LevelRow::as_select())
        .for_update()
        .load(conn)
        .await?;
    let rows = rows.into_iter().map(|row| {
        let level = Level {
            sku: row.sku,
            on_hand: row.on_hand,
            reserved: row.reserved,
            safety: row.safety,
            backorder_limit: row.backorder_limit,
            reorder_point: row.reorder_point,
        };
        ((row.folded, row.location_id), level)
    });
    Ok(rows.collect())
}

/// Stores levels that the transaction has locked.
pub async fn put(
    conn: &mut TenantConn,
    levels: impl Iterator<Item = (&Place, &Level)>,
) -> QueryResult<()> {
    let rows: Vec<LevelRow> = levels
        .map(|(place, level)| LevelRow::new(place, level))
        .collect();
    diesel::insert_into(table::table)
        .values(&rows)
        .on_conflict((table::folded, table::location_id))
        .do_update()
        .set((
            table::on_hand.eq(excluded(table::on_hand)),
            table::reserved.eq(excluded(table::reserved)),
            table::safety.eq(excluded(table::safety)),
            table::backorder_limit.eq(excluded(table::backorder_limit)),
            table::reorder_point.eq(excluded(table::reorder_point)),
        ))
        .execute(conn)
        .await?;
    // What runs low or out, or is there again, the database has put among the news.
    conn.announce();
    Ok(())
}

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct LevelFilter {
    pub folded: Option<String>,
    pub location: Option<Uuid>,
}

/// Lists levels by SKU and place.
pub async fn list(
    conn: &mut TenantConn,
    filter: &LevelFilter,
    after: Option<&(String, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<LevelRow>> {
    let mut rows = table::table.select(LevelRow::as_select()).into_boxed();
    if let Some(folded) = &filter.folded {
        rows = rows.filter(table::folded.eq(folded));
    }
    if let Some(location) = filter.location {
        rows = rows.filter(table::location_id.eq(location));
    }
    if let Some((folded, location)) = after {
        let further = table::folded.gt(folded).or(table::location_id.gt(location));
        rows = rows.filter(table::folded.ge(folded)).filter(further);
    }
    let rows = rows.order((table::folded, table::location_id));
    rows.limit(limit).load(conn).await
}

/// What of a SKU may be sold from one place.
#[derive(Clone, Debug, Queryable)]
pub struct Sellable {
    pub folded: String,
    pub location: Uuid,
    pub on_hand: i64,
    pub reserved: i64,
    pub safety: i64,
    pub backorder_limit: i64,
}

/// Lists what is there of SKUs at the places that orders are served from.
pub async fn sellable(conn: &mut TenantConn, folded: &[String]) -> QueryResult<Vec<Sellable>> {
    table::table
        .inner_join(locations::table.inner_join(warehouses::table))
        .filter(table::folded.eq_any(folded))
        .filter(locations::kind.eq(STOCK))
        .filter(warehouses::active)
        .select((
            table::folded,
            table::location_id,
            table::on_hand,
            table::reserved,
            table::safety,
            table::backorder_limit,
        ))
        .load(conn)
        .await
}

/// Returns what of SKUs is counted as reserved and is free, since it was held for too long.
pub async fn overdue(
    conn: &mut TenantConn,
    folded: &[String],
    at: DateTime<Utc>,
) -> QueryResult<BTreeMap<Place, i64>> {
    let lines = reservation_lines::table
        .filter(reservation_lines::folded.eq_any(folded))
        .filter(reservation_lines::state.eq("held"))
        .filter(reservation_lines::expires_at.le(at));
    let rows: Vec<(String, Uuid, Option<i64>)> = lines
        .group_by((reservation_lines::folded, reservation_lines::location_id))
        .select((
            reservation_lines::folded,
            reservation_lines::location_id,
            // Sums of 64 bits have more by themselves.
            sql::<Nullable<BigInt>>("sum(open)::bigint"),
        ))
        .load(conn)
        .await?;
    let rows = rows.into_iter();
    Ok(rows
        .map(|(folded, location, open)| ((folded, location), open.unwrap_or_default()))
        .collect())
}
