//! What the OMS service tells. It never passes the ingress.

use actix_web::web::Json;
use averis_contracts::events::{Event, EventBatch, Taken};
use averis_contracts::oms::{Cancelled, MoneyMoved, OrderState, Returned, kinds};
use averis_outbox::receive;
use averis_service_kit::problem::{ApiResult, Problem, codes as common};
use averis_service_kit::reply::Reply;
use averis_service_kit::tenancy::ServiceTenant;
use averis_tenant_db::TenantConn;
use serde::de::DeserializeOwned;

use super::credit::{confirm, lessen};
use crate::error::CustomerError;

/// Takes events of the OMS service, each in a transaction of its own and in their order: what a company owes for an order becomes less
/// when it is paid, cancelled or comes back. One that is not understood is logged, and keeps no later one from its effect.
pub async fn receive_events(tenant: ServiceTenant, batch: Json<EventBatch>) -> ApiResult<Reply> {
    let mut new = 0;
    let events = batch.into_inner().events;
    for event in events.into_iter().filter(|event| concerns(&event.kind)) {
        let taken = tenant
            .db
            .transaction(async |conn| -> Result<usize, CustomerError> {
                let fresh = receive(conn, vec![event.clone()]).await?;
                if !fresh.is_empty() {
                    take(conn, &event).await?;
                }
                Ok(fresh.len())
            });
        new += match taken.await {
            Err(CustomerError::Problem(problem)) if problem.code().status < 500 => {
                tracing::warn!(event = %event.id, kind = event.kind, code = problem.code().name, "what was told is refused");
                let skipped = tenant
                    .db
                    .transaction(async |conn| -> Result<usize, CustomerError> {
                        Ok(receive(conn, vec![event.clone()]).await?.len())
                    });
                skipped.await?
            }
            other => other?,
        };
    }
    Ok(Reply::ok(&Taken { new }))
}

/// Whether anything becomes here of what is told under that name.
fn concerns(kind: &str) -> bool {
    [
        kinds::PLACED,
        kinds::CANCELLED,
        kinds::CAPTURED,
        kinds::CREDITED,
    ]
    .contains(&kind)
}

fn data<T: DeserializeOwned>(event: &Event) -> Result<T, CustomerError> {
    let data = serde_json::from_value(event.data.clone());
    Ok(data.map_err(|error| Problem::new(common::MALFORMED_BODY).because(error))?)
}

async fn take(conn: &mut TenantConn, event: &Event) -> Result<(), CustomerError> {
    match event.kind.as_str() {
        kinds::PLACED => {
            let order: OrderState = data(event)?;
            confirm(conn, order.checkout_id).await?;
            Ok(())
        }
        kinds::CANCELLED => {
            let order: Cancelled = data(event)?;
            let reference = format!("cancellation {}", event.id);
            lessen(conn, order.checkout_id, order.amount, reference).await
        }
        kinds::CAPTURED => {
            let money: MoneyMoved = data(event)?;
            let reference = format!("payment {}", money.transaction_id);
            lessen(conn, money.checkout_id, money.amount, reference).await
        }
        kinds::CREDITED => {
            let goods: Returned = data(event)?;
            let reference = format!("return {}", goods.return_id);
            match goods.unpaid {
                Some(unpaid) => lessen(conn, goods.checkout_id, unpaid, reference).await,
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}
