//! What endpoints are told, and what became of it.

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::clock::now;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Command, Post, once};
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{check_feature, found, receive};
use crate::WebhookState;
use crate::domain::webhooks::events::{self, TEST};
use crate::error::{TenantError, codes};
use crate::store::webhook_deliveries::{
    self as deliveries, AttemptRow, DELIVERED, DeliveryRow, FAILED, PENDING, Wanted,
};

/// Messages that are told again in one go: a statement has room for values of 7,000.
const REPLAYED: usize = 5_000;

/// A message to one endpoint.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookDeliveryView {
    id: Uuid,
    endpoint_id: Uuid,
    /// As the endpoint hears it: `webhook-id`, the same each time.
    #[schema(example = "evt_019ac7d2f8e87c2b9d5e4a0c1b2d3e4f")]
    message_id: String,
    #[schema(example = "order.placed")]
    event_type: String,
    /// `pending`, `delivered` or `failed`.
    #[schema(example = "delivered")]
    status: String,
    /// Since it was last begun with.
    tries: i32,
    /// When it is tried next.
    next_at: Option<DateTime<Utc>>,
    delivered_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl From<DeliveryRow> for WebhookDeliveryView {
    fn from(row: DeliveryRow) -> Self {
        let DeliveryRow {
            id,
            endpoint_id,
            message_id,
            event_type,
            status,
            tries,
            next_at,
            delivered_at,
            created_at,
        } = row;
        Self {
            id,
            endpoint_id,
            message_id: events::id(message_id),
            event_type,
            status,
            tries,
            next_at,
            delivered_at,
            created_at,
        }
    }
}

/// One call of an endpoint.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookAttemptView {
    at: DateTime<Utc>,
    milliseconds: i64,
    /// What it has answered with.
    status_code: Option<i32>,
    /// Why there was no answer: `timeout`, `no_connection`, `not_public`, `not_a_url` or `broken_off`.
    failure: Option<String>,
    /// How its answer begins.
    answer: String,
}

impl From<AttemptRow> for WebhookAttemptView {
    fn from(row: AttemptRow) -> Self {
        let AttemptRow {
            id: _,
            delivery_id: _,
            at,
            milliseconds,
            status_code,
            failure,
            answer,
        } = row;
        Self {
            at,
            milliseconds,
            status_code,
            failure,
            answer,
        }
    }
}

/// A message to one endpoint, with all that is known of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookDeliveryDetails {
    #[serde(flatten)]
    delivery: WebhookDeliveryView,
    /// What it is told.
    #[schema(value_type = Object)]
    body: Value,
    /// The last fifty, the latest first.
    attempts: Vec<WebhookAttemptView>,
}

/// How far a delivery may be.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    Pending,
    Delivered,
    Failed,
}

/// Filters and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListWebhookDeliveries {
    endpoint_id: Option<Uuid>,
    #[param(inline)]
    status: Option<DeliveryStatus>,
    event_type: Option<String>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists what endpoints are told, the latest first.
#[utoipa::path(get, path = "/api/tenant/v1/webhook-deliveries", tag = "webhooks", security(("token" = ["webhook:read"])),
    params(ListWebhookDeliveries), responses((status = 200, description = "A page of deliveries.", body = Page<WebhookDeliveryView>)))]
pub async fn list_webhook_deliveries(
    tenant: Tenant<may::WebhookRead>,
    state: Data<WebhookState>,
    query: Query<ListWebhookDeliveries>,
) -> ApiResult<Reply> {
    let ListWebhookDeliveries {
        endpoint_id,
        status,
        event_type,
        limit: asked,
        cursor,
    } = query.0;
    let limit = limit(asked)?;
    let status = status.map(|status| match status {
        DeliveryStatus::Pending => PENDING,
        DeliveryStatus::Delivered => DELIVERED,
        DeliveryStatus::Failed => FAILED,
    });
    let list = format!(
        "{} webhook deliveries {endpoint_id:?} {status:?} {event_type:?}",
        tenant.context.key
    );
    let before = state.cursors.open_asked(&list, cursor.as_deref())?;
    let rows = tenant.db.read(async |conn| -> Result<_, TenantError> {
        let wanted = Wanted {
            endpoint_id,
            status,
            event_type: event_type.as_deref(),
            before,
        };
        Ok(deliveries::list(conn, wanted, i64::from(limit) + 1).await?)
    });
    let page = Page::new(rows.await?, limit, |row| {
        state.cursors.seal(&list, &(row.created_at, row.id))
    });
    Ok(Reply::ok(&page.map(WebhookDeliveryView::from)))
}

/// Reads what an endpoint is told, and what became of it.
#[utoipa::path(get, path = "/api/tenant/v1/webhook-deliveries/{id}", tag = "webhooks", security(("token" = ["webhook:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The delivery.", body = WebhookDeliveryDetails)))]
pub async fn get_webhook_delivery(
    tenant: Tenant<may::WebhookRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let read = tenant.db.read(async |conn| -> Result<_, TenantError> {
        let row = deliveries::find(conn, id).await?;
        let row = row.ok_or_else(Problem::not_found)?;
        let message = deliveries::message(conn, row.message_id).await?;
        Ok((row, message, deliveries::attempts_of(conn, id).await?))
    });
    let (row, message, attempts) = read.await?;
    Ok(Reply::ok(&WebhookDeliveryDetails {
        delivery: row.into(),
        body: serde_json::from_str(&message.body).unwrap_or_default(),
        attempts: attempts.into_iter().map(WebhookAttemptView::from).collect(),
    }))
}

/// Has an endpoint told once more, from the first try on. The same again changes nothing.
#[utoipa::path(post, path = "/api/tenant/v1/webhook-deliveries/{id}/redeliver", tag = "webhooks", security(("token" = ["webhook:write"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The delivery.", body = WebhookDeliveryView)))]
pub async fn redeliver_webhook(
    tenant: Tenant<may::WebhookWrite>,
    state: Data<WebhookState>,
    PathId(id): PathId,
    command: Command,
) -> ApiResult<Reply> {
    check_feature(&tenant.context)?;
    // Of the row as it is: a repetition is answered without looking at it.
    let endpoint = tenant.db.read(async |conn| -> Result<_, TenantError> {
        let row = deliveries::find(conn, id).await?;
        Ok(row.ok_or_else(Problem::not_found)?.endpoint_id)
    });
    let endpoint = endpoint.await?;
    let reply = once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, TenantError> {
            let row = deliveries::lock(conn, id).await?;
            let row = row.ok_or_else(Problem::not_found)?;
            check_enabled(conn, row.endpoint_id).await?;
            let row = DeliveryRow {
                status: PENDING.to_owned(),
                tries: 0,
                next_at: Some(now()),
                delivered_at: None,
                ..row
            };
            deliveries::update(conn, &row).await?;
            Ok(Reply::ok(&WebhookDeliveryView::from(row)))
        },
    );
    let reply = reply.await?;
    state.sending.wake(&tenant.db, endpoint);
    Ok(reply)
}

/// Refuses what would wait for nobody knows how long.
async fn check_enabled(conn: &mut TenantConn, endpoint: Uuid) -> Result<Vec<String>, TenantError> {
    let endpoint = found(conn, endpoint).await?;
    if !endpoint.is_enabled() {
        return Err(Problem::new(codes::ENDPOINT_DISABLED).into());
    }
    Ok(endpoint.event_types)
}

/// Sends an endpoint a message that says `webhook.tested`, whatever it wants to be told of.
#[utoipa::path(post, path = "/api/tenant/v1/webhook-endpoints/{id}/test", tag = "webhooks", security(("token" = ["webhook:write"])),
    params(("id" = Uuid, Path)), responses((status = 201, description = "The delivery.", body = WebhookDeliveryView)))]
pub async fn test_webhook_endpoint(
    tenant: Tenant<may::WebhookWrite>,
    state: Data<WebhookState>,
    PathId(id): PathId,
    command: Command,
) -> ApiResult<Reply> {
    check_feature(&tenant.context)?;
    let reply = once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, TenantError> {
            check_enabled(conn, id).await?;
            let event = events::test_of(id, now());
            let told = receive::put(conn, &tenant.context.key, TEST, &event, &[id]).await?;
            let told = told.into_iter().next().ok_or_else(Problem::not_found)?;
            let location = format!("/api/tenant/v1/webhook-deliveries/{}", told.id);
            Ok(Reply::created(location, &WebhookDeliveryView::from(told)))
        },
    );
    let reply = reply.await?;
    state.sending.wake(&tenant.db, id);
    Ok(reply)
}

/// From when on an endpoint is told again.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayWebhooks {
    /// When it happened, or later. What was told is kept for 30 days.
    #[garde(skip)]
    #[schema(example = "2026-11-28T00:00:00Z")]
    from: DateTime<Utc>,
}

/// How much is told again.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookReplay {
    /// Messages that are on their way now.
    messages: usize,
    /// When the next one happened, if there are more: ask again from then on.
    more_from: Option<DateTime<Utc>>,
}

/// Tells an endpoint once more all that it wants to know and that happened from then on, whether it has heard it or not; up to
/// 5,000 messages, oldest first. The same again changes nothing.
#[utoipa::path(post, path = "/api/tenant/v1/webhook-endpoints/{id}/replay", tag = "webhooks", security(("token" = ["webhook:write"])),
    request_body = ReplayWebhooks, params(("id" = Uuid, Path)),
    responses((status = 200, description = "How much is on its way.", body = WebhookReplay)))]
pub async fn replay_webhooks(
    tenant: Tenant<may::WebhookWrite>,
    state: Data<WebhookState>,
    PathId(id): PathId,
    post: Post<ReplayWebhooks>,
) -> ApiResult<Reply> {
    check_feature(&tenant.context)?;
    let from = post.body.from;
    let reply = once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, TenantError> {
            let kinds = check_enabled(conn, id).await?;
            let mut told = deliveries::messages_from(conn, from, &kinds, REPLAYED + 1).await?;
            let more_from = match told.len() > REPLAYED {
                true => told.get(REPLAYED).map(|message| message.at),
                false => None,
            };
            told.truncate(REPLAYED);
            let messages = deliveries::begin_anew(conn, id, &told, now()).await?;
            Ok(Reply::ok(&WebhookReplay {
                messages,
                more_from,
            }))
        },
    );
    let reply = reply.await?;
    state.sending.wake(&tenant.db, id);
    Ok(reply)
}
