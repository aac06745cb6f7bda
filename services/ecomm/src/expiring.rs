//! Carts that nobody has touched for long.

use averis_contracts::ecomm::{CartState, kinds};
use averis_outbox::publish;
use averis_tenant_db::TenantDb;
use chrono::TimeDelta;

use crate::domain::now;
use crate::error::EcommError;
use crate::store::carts;

/// Carts of one tenant that one round ends. The rest come with the next.
const AT_ONCE: i64 = 50;

/// Ends the carts of a tenant that nobody has touched for that long. What is being bought is left as it is, however old.
///
/// # Errors
/// Those of the database.
pub async fn sweep(db: &TenantDb, lifetime: TimeDelta) -> Result<(), EcommError> {
    let before = now() - lifetime;
    let idle = db.read(async |conn| -> Result<_, EcommError> {
        Ok(carts::idle(conn, before, AT_ONCE).await?)
    });
    let idle = idle.await?;
    if idle.is_empty() {
        return Ok(());
    }
    let expired = db.transaction(async |conn| -> Result<_, EcommError> {
        for (id, version) in carts::expire(conn, &idle, before).await? {
            publish(conn, kinds::EXPIRED, id, &CartState { version }).await?;
        }
        Ok(())
    });
    expired.await
}
