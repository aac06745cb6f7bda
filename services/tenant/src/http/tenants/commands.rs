//! What moves tenants through their lives.

use actix_web::web::Data;
use averis_service_kit::idempotency::{Command, IdempotencyKey, Post, recall, remember};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::{Subdomain, TenantStatus};
use averis_tenant_db::PlatformConn;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{TenantView, answer, internal, locked};
use crate::State;
use crate::domain::tenants::TenantCommand;
use crate::error::TenantError;
use crate::http::scope::PlatformScope;
use crate::store::tenants::{self as store, TenantChanges, TenantRow};

/// A tenant's new address.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeSubdomain {
    /// Letters, digits, single hyphens; not a reserved name.
    #[garde(skip)]
    #[schema(example = "acme-shop")]
    subdomain: String,
}

/// Gives a tenant another subdomain. The old one stops at once.
#[utoipa::path(post, path = "/api/tenant/v1/tenants/{id}/change-subdomain", tag = "tenants",
    request_body = ChangeSubdomain, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The changed tenant.", body = TenantView)))]
pub async fn change_subdomain(
    scope: PlatformScope,
    state: Data<State>,
    PathId(id): PathId,
    seen: SeenVersion,
    post: Post<ChangeSubdomain>,
) -> ApiResult<Reply> {
    scope.admit(id)?;
    let subdomain: Subdomain = post.body.subdomain.parse().map_err(|error| {
        let message = averis_tenant_context::InvalidName::to_string(&error);
        Problem::invalid(vec![FieldProblem::new("/subdomain", "invalid", message)])
    })?;
    once(&state, &post.key, async |conn| {
        let row = locked(conn, id, seen).await?;
        if row.status == TenantStatus::Purged.as_str() {
            return Err(TenantError::Transition {
                from: TenantStatus::Purged,
                verb: "get another subdomain",
            });
        }
        let changes = TenantChanges {
            subdomain: Some(subdomain.as_str().to_owned()),
            ..TenantChanges::default()
        };
        Ok(answer(store::update(conn, id, &changes).await?))
    })
    .await
}

/// Refuses writes of a tenant until it is resumed. Reads and exports go on.
#[utoipa::path(post, path = "/api/tenant/v1/tenants/{id}/suspend", tag = "tenants",
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The suspended tenant.", body = TenantView)))]
pub async fn suspend_tenant(
    scope: PlatformScope,
    state: Data<State>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    scope.admit(id)?;
    move_on(&state, id, seen, &command.key, TenantCommand::Suspend).await
}

/// Accepts writes of a suspended tenant again.
#[utoipa::path(post, path = "/api/tenant/v1/tenants/{id}/resume", tag = "tenants",
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The active tenant.", body = TenantView)))]
pub async fn resume_tenant(
    scope: PlatformScope,
    state: Data<State>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    scope.admit(id)?;
    move_on(&state, id, seen, &command.key, TenantCommand::Resume).await
}

/// Begins a tenant's leave: nothing is written any more, exports go on until the purge.
#[utoipa::path(post, path = "/api/tenant/v1/tenants/{id}/close", tag = "tenants",
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The closing tenant.", body = TenantView)))]
pub async fn close_tenant(
    scope: PlatformScope,
    state: Data<State>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    scope.admit(id)?;
    move_on(&state, id, seen, &command.key, TenantCommand::Close).await
}

async fn move_on(
    state: &State,
    id: Uuid,
    seen: SeenVersion,
    key: &IdempotencyKey,
    command: TenantCommand,
) -> ApiResult<Reply> {
    once(state, key, async |conn| {
        let row = locked(conn, id, seen).await?;
        let status = command.apply(status_of(&row)?)?;
        let changes = TenantChanges {
            status: Some(status.as_str().to_owned()),
            ..TenantChanges::default()
        };
        Ok(answer(store::update(conn, id, &changes).await?))
    })
    .await
}

pub fn status_of(row: &TenantRow) -> Result<TenantStatus, Problem> {
    row.status
        .parse()
        .map_err(|error: String| Problem::new(internal()).because(error))
}

/// Runs a command in one transaction, once per idempotency key.
async fn once<F>(state: &State, key: &IdempotencyKey, work: F) -> ApiResult<Reply>
where
    F: AsyncFn(&mut PlatformConn<'_>) -> Result<Reply, TenantError>,
{
    let done = state
        .platform
        .transaction(async |conn| -> Result<_, TenantError> {
            if let Some(reply) = recall(&mut **conn, key, "platform").await? {
                return Ok(reply);
            }
            let reply = work(conn).await?;
            remember(&mut **conn, key, &reply).await?;
            Ok(reply)
        });
    Ok(done.await?)
}
