//! What the services tell, on its way to tenants' own systems. It never passes the ingress.

use actix_web::web::{Data, Json};
use averis_contracts::events::{Event, EventBatch, Taken};
use averis_outbox::receive;
use averis_service_kit::clock::now;
use averis_service_kit::problem::ApiResult;
use averis_service_kit::reply::Reply;
use averis_service_kit::tenancy::ServiceTenant;
use averis_tenant_context::TenantKey;
use averis_tenant_db::TenantConn;
use uuid::Uuid;

use crate::WebhookState;
use crate::domain::webhooks::events::{self, EventType};
use crate::error::TenantError;
use crate::store::webhook_deliveries::{self as deliveries, DeliveryRow, MessageRow};
use crate::store::webhook_endpoints as endpoints;

/// Takes events, and puts those that tenants may know on their way to whoever wants to be told.
pub async fn receive_events(
    tenant: ServiceTenant,
    state: Data<WebhookState>,
    batch: Json<EventBatch>,
) -> ApiResult<Reply> {
    let batch = batch.into_inner().events;
    let taken = tenant
        .db
        .transaction(async |conn| -> Result<_, TenantError> {
            let events = receive(conn, batch.clone()).await?;
            let known = events
                .iter()
                .filter_map(|event| Some((events::find(&event.kind)?, event)));
            let known: Vec<(&EventType, &Event)> = known.collect();
            let all = if known.is_empty() || !tenant.context.settings.features.webhooks {
                Vec::new()
            } else {
                endpoints::all(conn).await?
            };
            let mut told = Vec::new();
            // What nobody hears now is kept all the same: an endpoint that is enabled again can be told of it.
            for (kind, event) in known.into_iter().filter(|_| !all.is_empty()) {
                let hearing = all.iter().filter(|endpoint| endpoint.is_enabled());
                let wanting = hearing.filter(|endpoint| endpoint.wants(kind.name));
                let wanting: Vec<Uuid> = wanting.map(|endpoint| endpoint.id).collect();
                put(conn, &tenant.context.key, kind, event, &wanting).await?;
                told.extend(wanting);
            }
            Ok((events.len(), told))
        });
    let (new, mut told) = taken.await?;
    told.sort_unstable();
    told.dedup();
    told.into_iter()
        .for_each(|endpoint| state.sending.wake(&tenant.db, endpoint));
    Ok(Reply::ok(&Taken { new }))
}

/// Puts an event on its way to endpoints.
pub async fn put(
    conn: &mut TenantConn,
    tenant: &TenantKey,
    kind: &EventType,
    event: &Event,
    endpoints: &[Uuid],
) -> Result<Vec<DeliveryRow>, TenantError> {
    let message = MessageRow {
        id: event.id,
        event_type: kind.name.to_owned(),
        body: events::body(kind, tenant, event),
        at: event.at,
        created_at: now(),
    };
    Ok(deliveries::send(conn, &message, endpoints).await?)
}
