//! What moves tenants through their lives.

use actix_web::web::Data;
use averis_service_kit::idempotency::{Command, IdempotencyKey, Post};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::{Subdomain, TenantStatus, may};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{TenantView, answer, check_changes, check_quarantine, locked};
use crate::State;
use crate::domain::tenants::TenantCommand;
use crate::error::TenantError;
use crate::http::scope::{Platform, Scope};
use crate::http::{internal, once};
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

/// Gives a tenant another subdomain. The old one stops at once, and nobody else gets it for 90 days.
#[utoipa::path(post, path = "/api/tenant/v1/tenants/{id}/change-subdomain", tag = "tenants", security(("token" = ["platform_tenant:write"]), ("token" = ["tenant:write"])),
    request_body = ChangeSubdomain, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The changed tenant.", body = TenantView)))]
pub async fn change_subdomain(
    scope: Scope<may::PlatformTenantWrite, may::TenantWrite>,
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
        let before = row.subdomain;
        let row = store::update(conn, id, &changes).await?;
        check_quarantine(conn, &row).await?;
        if row.subdomain != before {
            check_changes(conn, id).await?;
            store::release_subdomain(conn, &before, id).await?;
        }
        Ok(answer(row))
    })
    .await
}

/// Refuses writes of a tenant until it is resumed. Reads and exports go on.
#[utoipa::path(post, path = "/api/tenant/v1/tenants/{id}/suspend", tag = "tenants", security(("token" = ["platform_tenant:write"])),
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The suspended tenant.", body = TenantView)))]
pub async fn suspend_tenant(
    _: Platform<may::PlatformTenantWrite>,
    state: Data<State>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(&state, id, seen, &command.key, TenantCommand::Suspend).await
}

/// Accepts writes of a suspended tenant again.
#[utoipa::path(post, path = "/api/tenant/v1/tenants/{id}/resume", tag = "tenants", security(("token" = ["platform_tenant:write"])),
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The active tenant.", body = TenantView)))]
pub async fn resume_tenant(
    _: Platform<may::PlatformTenantWrite>,
    state: Data<State>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(&state, id, seen, &command.key, TenantCommand::Resume).await
}

/// Begins a tenant's leave: nothing is written any more, exports go on until the purge.
#[utoipa::path(post, path = "/api/tenant/v1/tenants/{id}/close", tag = "tenants", security(("token" = ["platform_tenant:write"])),
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The closing tenant.", body = TenantView)))]
pub async fn close_tenant(
    _: Platform<may::PlatformTenantWrite>,
    state: Data<State>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
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
