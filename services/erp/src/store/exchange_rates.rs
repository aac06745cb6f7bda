//! What other currencies are in that of the books.

use averis_service_kit::after_place;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::exchange_rates as table;

/// A rate's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table)]
pub struct ExchangeRateRow {
    pub id: Uuid,
    pub currency: String,
    pub valid_from: NaiveDate,
    pub rate: String,
    pub noted_by: Uuid,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Notes a rate, in the place of another from the same day on. Returns it as it is then.
pub async fn put(conn: &mut TenantConn, row: &ExchangeRateRow) -> QueryResult<ExchangeRateRow> {
    diesel::insert_into(table::table)
        .values(row)
        .on_conflict((table::currency, table::valid_from))
        .do_update()
        .set((
            table::rate.eq(excluded(table::rate)),
            table::noted_by.eq(excluded(table::noted_by)),
            table::updated_at.eq(excluded(table::updated_at)),
        ))
        .returning(ExchangeRateRow::as_returning())
        .get_result(conn)
        .await
}

/// Finds the rate of a currency on a day.
pub async fn on(
    conn: &mut TenantConn,
    currency: &str,
    day: NaiveDate,
) -> QueryResult<Option<String>> {
    table::table
        .filter(table::currency.eq(currency))
        .filter(table::valid_from.le(day))
        .order(table::valid_from.desc())
        .select(table::rate)
        .first(conn)
        .await
        .optional()
}

/// Removes all rates: the books are kept in another currency.
pub async fn forget(conn: &mut TenantConn) -> QueryResult<()> {
    diesel::delete(table::table).execute(conn).await.map(drop)
}

/// Lists rates by age.
pub async fn list(
    conn: &mut TenantConn,
    currency: Option<&str>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<ExchangeRateRow>> {
    let mut rows = table::table
        .select(ExchangeRateRow::as_select())
        .into_boxed();
    if let Some(currency) = currency {
        rows = rows.filter(table::currency.eq(currency));
    }
    let rows = after_place!(rows, table, after);
    let rows = rows.order((table::created_at, table::id));
    rows.limit(limit).load(conn).await
}
