//! Which tenant is an organization at Stytch. Its members are invited there, and come in with Stytch's sessions.

use actix_web::web::Data;
use averis_service_kit::idempotency::{Command, Post, recall};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::{TenantStatus, may};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::locked;
use crate::State;
use crate::error::{TenantError, codes, provider_problem};
use crate::http::once;
use crate::http::scope::Platform;
use crate::store::tenants::{self as store, TenantChanges};
use crate::store::{access, providers, sessions};

/// Which organization the tenant is to be.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectStytch {
    /// An organization that is there already; where absent, one is made with the tenant's name and its key as slug.
    #[garde(inner(custom(organization_form)))]
    #[schema(example = "organization-live-07971b06-ac8b-4cdb-9c15-63b17e653931")]
    organization_id: Option<String>,
}

fn organization_form(id: &str, _: &()) -> garde::Result {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if (1..=128).contains(&id.len()) && id.bytes().all(plain) {
        Ok(())
    } else {
        Err(garde::Error::new(
            "must be 1 to 128 letters, digits, hyphens and underscores",
        ))
    }
}

/// A tenant at Stytch.
#[derive(Debug, Serialize, ToSchema)]
pub struct StytchConnectionView {
    tenant_id: Uuid,
    organization_id: String,
}

/// Makes a tenant an organization of Stytch: from now on Stytch invites its members, and its sessions let them in.
#[utoipa::path(post, path = "/api/tenant/v1/tenants/{id}/connect-stytch", tag = "tenants",
    security(("token" = ["platform_tenant:write"])), request_body = ConnectStytch, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The tenant is an organization.", body = StytchConnectionView)))]
pub async fn connect_stytch(
    _: Platform<may::PlatformTenantWrite>,
    state: Data<State>,
    PathId(id): PathId,
    seen: SeenVersion,
    post: Post<ConnectStytch>,
) -> ApiResult<Reply> {
    let before = state
        .platform
        .transaction(async |conn| -> Result<_, TenantError> {
            if let Some(reply) = recall(&mut **conn, &post.key, "platform").await? {
                return Ok(Err(reply));
            }
            let row = locked(conn, id, seen).await?;
            if row.status != TenantStatus::Active.as_str() {
                let problem = FieldProblem::new("", "invalid", "the tenant is not active");
                return Err(Problem::invalid(vec![problem]).into());
            }
            Ok(Ok(row))
        })
        .await?;
    let row = match before {
        Ok(row) => row,
        Err(reply) => return Ok(reply),
    };
    let (stytch, _) = state.stytch()?;
    // No transaction is open while Stytch works. Where what follows is lost, the organization is there and can be named.
    let organization = match &post.body.organization_id {
        Some(organization) => organization.clone(),
        None => {
            let made = stytch.create_organization(&row.name, &row.key).await;
            made.map_err(provider_problem)?
        }
    };
    once(&state, &post.key, async |conn| {
        let _ = locked(conn, id, seen).await?;
        store::update(conn, id, &TenantChanges::default()).await?;
        if !providers::connect(conn, id, stytch.issuer(), &organization).await? {
            return Err(Problem::new(codes::ORGANIZATION_TAKEN).into());
        }
        Ok(Reply::ok(&StytchConnectionView {
            tenant_id: id,
            organization_id: organization.clone(),
        }))
    })
    .await
}

/// Ends what a tenant has with Stytch: sessions from there stop at once. The organization stays there.
#[utoipa::path(post, path = "/api/tenant/v1/tenants/{id}/disconnect-stytch", tag = "tenants",
    security(("token" = ["platform_tenant:write"])), params(("id" = Uuid, Path), IfMatch),
    responses((status = 204, description = "Not connected, or not any more.")))]
pub async fn disconnect_stytch(
    _: Platform<may::PlatformTenantWrite>,
    state: Data<State>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    once(&state, &command.key, async |conn| {
        let _ = locked(conn, id, seen).await?;
        store::update(conn, id, &TenantChanges::default()).await?;
        providers::disconnect(conn, id).await?;
        let ended = sessions::end_confined(conn, id).await?;
        access::revoke_sessions(conn, ended).await?;
        Ok(Reply::no_content())
    })
    .await
}
