//! Locks that end with their transaction, for what has no row to lock yet.
//!
//! The database has one space of numbers for all tenants, so a name that is not unique by itself is locked with its
//! tenant's. Two names may share a number by chance: then one waits for the other, and nothing else.

use averis_tenant_context::TenantKey;
use averis_tenant_db::TenantConn;
use diesel::QueryResult;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl as _;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

diesel::define_sql_function! {
    /// Waits for a lock that ends with the transaction.
    fn pg_advisory_xact_lock(number: BigInt) -> Nullable<Text>;
}

/// Lets whoever else locks that id wait until the transaction has ended.
///
/// # Errors
/// Those of the database.
pub async fn lock_id(conn: &mut TenantConn, id: Uuid) -> QueryResult<()> {
    let (high, low) = id.as_u64_pair();
    lock(conn, high ^ low).await
}

/// Lets whoever else locks that name in the same tenant wait until the transaction has ended. `what` says what it names.
///
/// # Errors
/// Those of the database.
pub async fn lock_name(
    conn: &mut TenantConn,
    tenant: &TenantKey,
    what: &'static str,
    name: &str,
) -> QueryResult<()> {
    let digest = Sha256::new_with_prefix(tenant.as_str())
        .chain_update([0])
        .chain_update(what)
        .chain_update([0])
        .chain_update(name)
        .finalize();
    let number = digest
        .iter()
        .take(8)
        .fold(0, |all, b| all << 8 | u64::from(*b));
    lock(conn, number).await
}

async fn lock(conn: &mut TenantConn, number: u64) -> QueryResult<()> {
    let lock = diesel::select(pg_advisory_xact_lock(number.cast_signed()));
    lock.execute(conn).await.map(drop)
}
