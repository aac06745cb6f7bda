//! What becomes of a customer who is erased: what it asked the price of goes, and who used a promotion is nobody any more.

use averis_contracts::customer::{Erased, kinds};
use averis_contracts::events::Event;
use averis_tenant_db::TenantConn;
use serde::Deserialize as _;
use uuid::Uuid;

use crate::error::PricingError;
use crate::store::{promotions, quotes, redemptions};

/// Reads who was erased; nobody, if an event tells of something else.
///
/// # Errors
/// When it tells of that and cannot be read.
pub fn erased(event: &Event) -> Result<Option<Vec<Uuid>>, PricingError> {
    if event.kind != kinds::ERASED {
        return Ok(None);
    }
    Ok(Some(Erased::deserialize(&event.data)?.customer_ids))
}

/// Forgets customers. What was used of promotions stays used.
pub async fn forget(conn: &mut TenantConn, customers: &[Uuid]) -> Result<(), PricingError> {
    redemptions::forget(conn, customers).await?;
    promotions::forget(conn, customers).await?;
    for customer in customers {
        quotes::forget(conn, *customer).await?;
    }
    Ok(())
}
