//! What other services tell, and what of it could have no effect.

use actix_web::web::{Data, Json};
use averis_contracts::events::{Event, EventBatch, Taken};
use averis_outbox::receive;
use averis_service_kit::Tenant;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::Query;
use averis_service_kit::reply::Reply;
use averis_service_kit::tenancy::ServiceTenant;
use averis_tenant_context::may;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::ledger::rounding;
use crate::State;
use crate::error::ErpError;
use crate::store::refused::{self, RefusedRow};
use crate::told::{concerns, keep, take};

/// Takes events of the OMS service, each in a transaction of its own and in their order. One that is refused is kept for people to
/// look at, and keeps no later one from its effect.
pub async fn receive_events(tenant: ServiceTenant, batch: Json<EventBatch>) -> ApiResult<Reply> {
    let rounding = rounding(&tenant.context.settings.money);
    let mut new = 0;
    let events = batch.into_inner().events;
    for event in events.into_iter().filter(|event| concerns(&event.kind)) {
        let taken = tenant
            .db
            .transaction(async |conn| -> Result<bool, ErpError> {
                let fresh = receive(conn, vec![event.clone()]).await?;
                if fresh.is_empty() {
                    return Ok(false);
                }
                take(conn, &event, rounding).await?;
                Ok(true)
            });
        new += usize::from(match taken.await {
            Err(ErpError::Problem(problem)) if problem.code().status < 500 => {
                refuse(&tenant, &event, &problem).await?
            }
            other => other?,
        });
    }
    Ok(Reply::ok(&Taken { new }))
}

async fn refuse(
    tenant: &ServiceTenant,
    event: &Event,
    problem: &Problem,
) -> Result<bool, ErpError> {
    tenant
        .db
        .transaction(async |conn| -> Result<bool, ErpError> {
            if receive(conn, vec![event.clone()]).await?.is_empty() {
                return Ok(false);
            }
            keep(conn, event, problem.code()).await?;
            Ok(true)
        })
        .await
}

/// Something that was told and could have no effect.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedEventView {
    event_id: Uuid,
    #[schema(example = "shipment.shipped")]
    kind: String,
    /// What it happened to.
    subject: Uuid,
    #[schema(value_type = Object)]
    data: Value,
    /// The problem with which it was refused.
    #[schema(example = "not_reserved")]
    code: String,
    at: DateTime<Utc>,
}

impl From<RefusedRow> for RefusedEventView {
    fn from(row: RefusedRow) -> Self {
        Self {
            event_id: row.event_id,
            kind: row.kind,
            subject: row.subject,
            data: row.data,
            code: row.code,
            at: row.at,
        }
    }
}

/// A page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListRefusedEvents {
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists what other services have told that could have no effect, the earliest first: goods that left and are in no stock, money for
/// what is not invoiced. People see to it by hand.
#[utoipa::path(get, path = "/api/erp/v1/refused-events", tag = "events", security(("token" = ["invoice:read"])), params(ListRefusedEvents),
    responses((status = 200, description = "A page of it.", body = Page<RefusedEventView>)))]
pub async fn list_refused_events(
    tenant: Tenant<may::InvoiceRead>,
    state: Data<State>,
    query: Query<ListRefusedEvents>,
) -> ApiResult<Reply> {
    let limit = limit(query.0.limit)?;
    let list = format!("{} refused events", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.0.cursor.as_deref())?;
    let rows = tenant.db.read(async |conn| -> Result<_, ErpError> {
        Ok(refused::list(conn, after, i64::from(limit) + 1).await?)
    });
    let Page { data, next_cursor } = Page::new(rows.await?, limit, |row| {
        state.cursors.seal(&list, &(row.at, row.event_id))
    });
    Ok(Reply::ok(&Page {
        data: data.into_iter().map(RefusedEventView::from).collect(),
        next_cursor,
    }))
}
