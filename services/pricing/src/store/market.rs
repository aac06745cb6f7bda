//! Channels, segments and locales, and countries, which all tenants share.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::dsl::{exists, select};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::json;

use crate::domain::market::MarketKind;
use crate::schema::{catalog_rules, catalogs, market_codes as table, prices, promotions};

/// A name's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct MarketRow {
    pub kind: String,
    pub code: String,
    pub name: String,
    pub created_at: DateTime<Utc>,
}

/// Adds a name.
pub async fn insert(conn: &mut TenantConn, row: &MarketRow) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Lists the names of a kind after one of them, by code.
pub async fn list(
    conn: &mut TenantConn,
    kind: MarketKind,
    after: Option<String>,
    limit: i64,
) -> QueryResult<Vec<MarketRow>> {
    table::table
        .filter(table::kind.eq(kind.as_str()))
        .filter(table::code.gt(after.unwrap_or_default()))
        .order(table::code)
        .limit(limit)
        .select(MarketRow::as_select())
        .load(conn)
        .await
}

/// Counts which of these names exist, and keeps them until the end of the transaction.
pub async fn count_existing(
    conn: &mut TenantConn,
    kind: MarketKind,
    codes: &[String],
) -> QueryResult<usize> {
    let found: Vec<String> = table::table
        .filter(table::kind.eq(kind.as_str()).and(table::code.eq_any(codes)))
        .select(table::code)
        .for_key_share()
        .load(conn)
        .await?;
    Ok(found.len())
}

/// Removes a name. False says that there is none.
pub async fn delete(conn: &mut TenantConn, kind: MarketKind, code: &str) -> QueryResult<bool> {
    let gone = diesel::delete(table::table.find((kind.as_str(), code)));
    Ok(gone.execute(conn).await? == 1)
}

/// Tells whether anything refers to a name.
pub async fn is_used(conn: &mut TenantConn, kind: MarketKind, code: &str) -> QueryResult<bool> {
    let (by_catalog, by_price, by_rule, condition) = match kind {
        MarketKind::Channel => (
            select(exists(catalogs::table.filter(catalogs::channel.eq(code))))
                .get_result(conn)
                .await?,
            select(exists(prices::table.filter(prices::channel.eq(code))))
                .get_result(conn)
                .await?,
            false,
            "channels",
        ),
        MarketKind::Segment => (
            select(exists(catalogs::table.filter(catalogs::segment.eq(code))))
                .get_result(conn)
                .await?,
            select(exists(prices::table.filter(prices::segment.eq(code))))
                .get_result(conn)
                .await?,
            select(exists(
                catalog_rules::table.filter(catalog_rules::segments.contains(vec![code])),
            ))
            .get_result(conn)
            .await?,
            "segments",
        ),
        MarketKind::Locale => (
            select(exists(catalogs::table.filter(catalogs::locale.eq(code))))
                .get_result(conn)
                .await?,
            false,
            select(exists(
                catalog_rules::table.filter(catalog_rules::locale.eq(code)),
            ))
            .get_result(conn)
            .await?,
            "locales",
        ),
    };
    if by_catalog || by_price || by_rule {
        return Ok(true);
    }
    let wanted = json!({condition: [code]});
    let by_promotion = promotions::table.filter(promotions::conditions.contains(wanted));
    select(exists(by_promotion)).get_result(conn).await
}
