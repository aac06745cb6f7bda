//! What becomes of an endpoint, and what its messages are signed with.

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::clock::now;
use averis_service_kit::idempotency::{Command, once};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::may;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{WebhookEndpointView, answer, check_feature, found, seen_one};
use crate::WebhookState;
use crate::domain::webhooks::OVERLAP;
use crate::domain::webhooks::signature::{new_secret, shown};
use crate::error::{TenantError, codes};
use crate::store::webhook_endpoints::{self as endpoints, DISABLED, ENABLED, EndpointRow};

/// What messages to an endpoint are signed with.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookSecretView {
    /// As libraries of Standard Webhooks take it.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
    /// The one before, while it signs too.
    previous_secret: Option<String>,
    previous_secret_until: Option<DateTime<Utc>>,
}

/// Reads what messages to an endpoint are signed with. Whoever has it can speak in the platform's name: only who may write
/// endpoints may read it.
#[utoipa::path(get, path = "/api/tenant/v1/webhook-endpoints/{id}/secret", tag = "webhooks", security(("token" = ["webhook:write"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The secret.", body = WebhookSecretView)))]
pub async fn get_webhook_secret(
    tenant: Tenant<may::WebhookWrite>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let row = tenant.db.read(async |conn| found(conn, id).await);
    let row = row.await?;
    let secrets = row.secrets(now());
    let previous = secrets.get(1).map(|secret| shown(secret));
    Ok(Reply::ok(&WebhookSecretView {
        secret: shown(&row.secret),
        previous_secret_until: row.previous_until.filter(|_| previous.is_some()),
        previous_secret: previous,
    })
    .secret())
}

/// Tells an endpoint again what happens, beginning with what waits. The same again changes nothing.
#[utoipa::path(post, path = "/api/tenant/v1/webhook-endpoints/{id}/enable", tag = "webhooks", security(("token" = ["webhook:write"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The endpoint.", body = WebhookEndpointView)))]
pub async fn enable_webhook_endpoint(
    tenant: Tenant<may::WebhookWrite>,
    state: Data<WebhookState>,
    PathId(id): PathId,
    command: Command,
) -> ApiResult<Reply> {
    check_feature(&tenant.context)?;
    let reply = once(&tenant.db, &command.key, async |conn| {
        switch(conn, id, ENABLED, None).await
    });
    let reply = reply.await?;
    state.sending.wake(&tenant.db, id);
    Ok(reply)
}

/// Stops telling an endpoint; what is on its way to it waits. The same again changes nothing.
#[utoipa::path(post, path = "/api/tenant/v1/webhook-endpoints/{id}/disable", tag = "webhooks", security(("token" = ["webhook:write"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The endpoint.", body = WebhookEndpointView)))]
pub async fn disable_webhook_endpoint(
    tenant: Tenant<may::WebhookWrite>,
    PathId(id): PathId,
    command: Command,
) -> ApiResult<Reply> {
    once(&tenant.db, &command.key, async |conn| {
        switch(conn, id, DISABLED, Some("by_hand")).await
    })
    .await
}

async fn switch(
    conn: &mut TenantConn,
    id: Uuid,
    status: &str,
    reason: Option<&str>,
) -> Result<Reply, TenantError> {
    let row = endpoints::lock(conn, id).await?;
    let row = row.ok_or_else(Problem::not_found)?;
    if row.status == status {
        return answer(conn, row).await;
    }
    let row = EndpointRow {
        status: status.to_owned(),
        disabled_reason: reason.map(str::to_owned),
        ..row
    };
    // It begins with a clean slate.
    endpoints::forget_failures(conn, id).await?;
    let row = endpoints::update(conn, &row).await?;
    answer(conn, row).await
}

/// Gives an endpoint a new secret. The one before signs too for 24 hours, so that nothing is refused meanwhile; until then there is
/// no third one.
#[utoipa::path(post, path = "/api/tenant/v1/webhook-endpoints/{id}/rotate-secret", tag = "webhooks", security(("token" = ["webhook:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 200, description = "The endpoint.", body = WebhookEndpointView)))]
pub async fn rotate_webhook_secret(
    tenant: Tenant<may::WebhookWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, TenantError> {
            let row = seen_one(conn, id, seen).await?;
            // Or whoever still checks by the one before that would refuse everything.
            if let Some(until) = row.previous_until.filter(|until| *until > now()) {
                let problem = Problem::new(codes::SECRET_ROTATING);
                return Err(problem.with("until", json!(until)).into());
            }
            let row = EndpointRow {
                previous_secret: Some(row.secret),
                previous_until: Some(now() + OVERLAP),
                secret: new_secret(),
                ..row
            };
            let row = endpoints::update(conn, &row).await?;
            answer(conn, row).await
        },
    )
    .await
}
