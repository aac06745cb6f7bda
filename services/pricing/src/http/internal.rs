//! What other services tell. It never passes the ingress.

use actix_web::web::{Data, Json};
use averis_contracts::events::{EventBatch, Taken};
use averis_outbox::receive;
use averis_service_kit::problem::ApiResult;
use averis_service_kit::reply::Reply;
use averis_service_kit::tenancy::ServiceTenant;

use crate::State;
use crate::error::PricingError;
use crate::forgotten::{erased, forget};
use crate::known::{apply, learn, state};

/// Takes events of the product service, and of the customer service.
pub async fn receive_events(
    tenant: ServiceTenant,
    service: Data<State>,
    batch: Json<EventBatch>,
) -> ApiResult<Reply> {
    let events = batch.into_inner().events;
    let (new, unknown) = tenant
        .db
        .transaction(async |conn| -> Result<_, PricingError> {
            let new = receive(conn, events.clone()).await?;
            let mut unknown = Vec::new();
            for event in &new {
                if let Some(customers) = erased(event)? {
                    forget(conn, &customers).await?;
                }
                if let Some(state) = state(event)?
                    && !apply(conn, &state).await?
                {
                    unknown.push(state);
                }
            }
            Ok((new.len(), unknown))
        })
        .await?;
    // Of products that were launched before there were events nobody has told the variants. Should the answer be missed,
    // whoever prices one of them asks again.
    if !unknown.is_empty()
        && let Err(error) = learn(&service, &tenant.context, &tenant.db, &unknown).await
    {
        tracing::warn!(error = %error, "the variants of some products are not known yet");
    }
    Ok(Reply::ok(&Taken { new }))
}
