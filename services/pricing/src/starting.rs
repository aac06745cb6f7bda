//! Prices that begin: by their approval, or when their time has come.

use averis_contracts::pricing::{PriceState, kinds};
use averis_outbox::publish;
use averis_tenant_db::{TenantConn, TenantDb};
use chrono::{DateTime, Utc};

use crate::domain::now;
use crate::error::PricingError;
use crate::store::prices::PriceRow;
use crate::store::starts;

/// Prices of one tenant that one round looks at. The rest come with the next.
const AT_ONCE: i64 = 100;

/// Sees to it that the beginning of a price that is approved now is told: now, or when it comes.
///
/// # Errors
/// Those of the database.
pub async fn approved(
    conn: &mut TenantConn,
    row: &PriceRow,
    at: DateTime<Utc>,
) -> Result<(), PricingError> {
    match row.valid_from.filter(|from| *from > at) {
        Some(from) => Ok(starts::insert(conn, row.id, from).await?),
        None => tell(conn, row, at).await,
    }
}

/// Tells that a price has begun, unless it is over before anybody could buy at it.
async fn tell(
    conn: &mut TenantConn,
    row: &PriceRow,
    at: DateTime<Utc>,
) -> Result<(), PricingError> {
    let begins = row.valid_from.map_or(at, |from| from.max(at));
    if row.valid_until.is_some_and(|until| until <= begins) {
        return Ok(());
    }
    let state = PriceState {
        sku: row.sku.clone(),
        version: row.version,
    };
    Ok(publish(conn, kinds::ACTIVATED, row.id, &state).await?)
}

/// Tells of the prices of a tenant whose time has come.
///
/// # Errors
/// Those of the database.
pub async fn sweep(db: &TenantDb) -> Result<(), PricingError> {
    let at = now();
    let any = db
        .read(async |conn| -> Result<_, PricingError> { Ok(starts::is_any_due(conn, at).await?) });
    if !any.await? {
        return Ok(());
    }
    let told = db.transaction(async |conn| -> Result<_, PricingError> {
        for row in starts::take_due(conn, at, AT_ONCE).await? {
            tell(conn, &row, at).await?;
        }
        Ok(())
    });
    told.await
}
