//! How staff of the platform gets into a tenant: for a reason, for a time, and seen by the tenant.

use actix_web::web::Data;
use averis_service_kit::body::one_line;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Command, Post};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::{TenantKey, may};
use chrono::{DateTime, TimeDelta, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::State;
use crate::error::TenantError;
use crate::http::once;
use crate::http::scope::{Platform, Scope};
use crate::store::grants::{self, GrantRow};
use crate::store::{access, tenants};

/// Longest grant, in minutes.
const LONGEST: u32 = 8 * 60;

/// A grant to look into a tenant.
#[derive(Debug, Serialize, ToSchema)]
pub struct GrantView {
    id: Uuid,
    tenant_id: Uuid,
    /// Who of the platform's staff.
    user_id: Uuid,
    reason: String,
    expires_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    version: i64,
    created_at: DateTime<Utc>,
}

impl From<GrantRow> for GrantView {
    fn from(row: GrantRow) -> Self {
        let GrantRow {
            id,
            tenant_id,
            user_id,
            reason,
            expires_at,
            ended_at,
            version,
            created_at,
        } = row;
        Self {
            id,
            tenant_id,
            user_id,
            reason,
            expires_at,
            ended_at,
            version,
            created_at,
        }
    }
}

/// A grant to be opened.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenGrant {
    /// Key of the tenant.
    #[garde(skip)]
    #[schema(value_type = String, example = "acme")]
    tenant: TenantKey,
    /// 10 to 500 characters; the tenant reads it.
    #[garde(length(chars, min = 10, max = 500), custom(one_line))]
    reason: String,
    /// 1 to 480.
    #[garde(range(min = 1, max = LONGEST))]
    minutes: u32,
}

/// Opens a grant for the caller. With it, a token of the tenant may be had that reads and changes nothing.
#[utoipa::path(post, path = "/api/tenant/v1/support-grants", tag = "support-grants",
    security(("token" = ["platform_grant:write"])), request_body = OpenGrant,
    responses((status = 201, description = "The grant.", body = GrantView)))]
pub async fn open_grant(
    scope: Platform<may::PlatformGrantWrite>,
    state: Data<State>,
    post: Post<OpenGrant>,
) -> ApiResult<Reply> {
    let OpenGrant {
        tenant,
        reason,
        minutes,
    } = &post.body;
    once(&state, &post.key, async |conn| {
        let found = tenants::find_by_key(conn, tenant.as_str()).await?;
        let found = found.filter(|row| row.status != "purged").ok_or_else(|| {
            let problem = FieldProblem::new("/tenant", "unknown", "there is no such tenant");
            Problem::invalid(vec![problem])
        })?;
        let now = Utc::now();
        let row = GrantRow {
            id: Uuid::now_v7(),
            tenant_id: found.id,
            user_id: scope.caller.subject,
            reason: reason.clone(),
            expires_at: now + TimeDelta::minutes(i64::from(*minutes)),
            ended_at: None,
            version: 1,
            created_at: now,
        };
        grants::insert(conn, &row).await?;
        let location = format!("/api/tenant/v1/support-grants/{}", row.id);
        Ok(Reply::created(location, &GrantView::from(row)).version(1))
    })
    .await
}

/// Ends a grant before its time: tokens made with it stop at once.
#[utoipa::path(post, path = "/api/tenant/v1/support-grants/{id}/end", tag = "support-grants",
    security(("token" = ["platform_grant:write"])), params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The ended grant.", body = GrantView)))]
pub async fn end_grant(
    _: Platform<may::PlatformGrantWrite>,
    state: Data<State>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    once(&state, &command.key, async |conn| {
        let row = grants::lock(conn, id).await?;
        let row = row.ok_or_else(Problem::not_found)?;
        seen.check(row.version)?;
        let row = match row.ended_at {
            Some(_) => row,
            None => {
                access::revoke(conn, Some(row.tenant_id), id).await?;
                grants::end(conn, id).await?
            }
        };
        let version = row.version;
        Ok(Reply::ok(&GrantView::from(row)).version(version))
    })
    .await
}

/// Page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListGrants {
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists grants by age: under a tenant's address its own, so that it sees who looked in and why.
#[utoipa::path(get, path = "/api/tenant/v1/support-grants", tag = "support-grants",
    security(("token" = ["platform_tenant:read"]), ("token" = ["audit:read"])), params(ListGrants),
    responses((status = 200, description = "A page of grants.", body = Page<GrantView>)))]
pub async fn list_grants(
    scope: Scope<may::PlatformTenantRead, may::AuditRead>,
    state: Data<State>,
    query: Query<ListGrants>,
) -> ApiResult<Reply> {
    let limit = limit(query.0.limit)?;
    let list = format!("grants {:?}", scope.own);
    let after = state.cursors.open_asked(&list, query.0.cursor.as_deref())?;
    let rows = state
        .platform
        .read(async |conn| -> Result<_, TenantError> {
            Ok(grants::list(conn, scope.own, after, i64::from(limit) + 1).await?)
        })
        .await?;
    let page = Page::new(rows, limit, |row| {
        state.cursors.seal(&list, &(row.created_at, row.id))
    });
    Ok(Reply::ok(&page.map(GrantView::from)))
}
