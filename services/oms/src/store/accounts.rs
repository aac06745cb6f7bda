//! Which accounts of payment providers are the tenant's.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::schema::payment_accounts as table;

/// An account's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct AccountRow {
    pub provider: String,
    pub account: String,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Names the account at a provider.
pub async fn put(conn: &mut TenantConn, row: &AccountRow) -> QueryResult<AccountRow> {
    diesel::insert_into(table::table)
        .values(row)
        .on_conflict(table::provider)
        .do_update()
        .set((
            table::account.eq(&row.account),
            table::version.eq(table::version + 1),
            table::updated_at.eq(row.updated_at),
        ))
        .returning(AccountRow::as_returning())
        .get_result(conn)
        .await
}

/// Returns the account at a provider.
pub async fn find(conn: &mut TenantConn, provider: &str) -> QueryResult<Option<AccountRow>> {
    let row = table::table.find(provider).select(AccountRow::as_select());
    row.first(conn).await.optional()
}

/// Lists all accounts.
pub async fn all(conn: &mut TenantConn) -> QueryResult<Vec<AccountRow>> {
    let rows = table::table.order(table::provider);
    rows.select(AccountRow::as_select()).load(conn).await
}
