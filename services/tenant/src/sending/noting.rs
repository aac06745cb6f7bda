//! What a call means for its delivery and its endpoint.

use averis_service_kit::clock::now;
use averis_tenant_db::TenantConn;

use super::Outcome;
use crate::domain::webhooks::{APART, PATIENCE, pause, rest};
use crate::error::TenantError;
use crate::store::webhook_deliveries::{self as deliveries, DELIVERED, DeliveryRow, FAILED};
use crate::store::webhook_endpoints::{self as endpoints, DISABLED, EndpointRow, HealthRow};

/// Notes how far a delivery is after it was tried.
pub async fn note_delivery(
    conn: &mut TenantConn,
    mut row: DeliveryRow,
    outcome: &Outcome,
) -> Result<(), TenantError> {
    let at = now();
    if outcome.is_success() {
        DELIVERED.clone_into(&mut row.status);
        (row.next_at, row.delivered_at) = (None, Some(at));
    } else {
        let again = pause(row.tries, outcome.retry_after, rand::random());
        row.next_at = again.filter(|_| !outcome.is_gone()).map(|pause| at + pause);
        if row.next_at.is_none() {
            FAILED.clone_into(&mut row.status);
        }
    }
    Ok(deliveries::update(conn, &row).await?)
}

/// Notes how well an endpoint hears, and disables one that has not for long. Tells whether it did.
pub async fn note_health(
    conn: &mut TenantConn,
    endpoint: EndpointRow,
    outcome: &Outcome,
) -> Result<bool, TenantError> {
    let at = now();
    let known = endpoints::health_of(conn, &[endpoint.id]).await?.pop();
    if outcome.is_success() {
        if known.is_some() {
            endpoints::forget_failures(conn, endpoint.id).await?;
        }
        return Ok(false);
    }
    // A failure now and one long ago say nothing of the time between them.
    let recent = known.filter(|known| at - known.failed_at < APART);
    let failures = recent
        .as_ref()
        .map_or(1, |known| known.failures.saturating_add(1));
    let failing_since = recent.map_or(at, |known| known.failing_since);
    let row = HealthRow {
        endpoint_id: endpoint.id,
        failing_since,
        failed_at: at,
        failures,
        not_before: at + rest(failures, outcome.retry_after),
    };
    endpoints::note_failure(conn, &row).await?;
    let reason = if outcome.is_gone() {
        "gone"
    } else if at - failing_since >= PATIENCE {
        "failing"
    } else {
        return Ok(false);
    };
    let disabled = EndpointRow {
        status: DISABLED.to_owned(),
        disabled_reason: Some(reason.to_owned()),
        ..endpoint
    };
    endpoints::update(conn, &disabled).await?;
    Ok(true)
}
