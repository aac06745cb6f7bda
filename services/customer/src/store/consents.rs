//! What customers have agreed to.

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::consents as table;

/// A consent's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct ConsentRow {
    pub id: Uuid,
    pub customer_id: Uuid,
    pub purpose: String,
    pub granted: bool,
    pub text_version: String,
    pub at: DateTime<Utc>,
}

/// Adds what a customer has said.
pub async fn insert(conn: &mut TenantConn, row: &ConsentRow) -> QueryResult<()> {
    let added = diesel::insert_into(table::table).values(row);
    added.execute(conn).await.map(drop)
}

/// Counts what a customer has said.
pub async fn count(conn: &mut TenantConn, customer: Uuid) -> QueryResult<i64> {
    let own = table::table.filter(table::customer_id.eq(customer));
    own.count().get_result(conn).await
}

/// Lists what a customer has said, the latest first.
pub async fn list(conn: &mut TenantConn, customer: Uuid) -> QueryResult<Vec<ConsentRow>> {
    let rows = table::table.filter(table::customer_id.eq(customer));
    let rows = rows.order((table::at.desc(), table::id.desc()));
    rows.select(ConsentRow::as_select()).load(conn).await
}
