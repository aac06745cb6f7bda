//! Who belongs to a tenant.
//!
//! ```text
//! (invite) --> invited --accept--> active --suspend--> suspended --resume--> active
//! invited|active|suspended --remove--> (gone)
//! ```

pub mod acceptance;
pub mod invitations;

use actix_web::web::Data;
use averis_service_kit::auth::{CallerKind, Identity};
use averis_service_kit::body::MergePatch;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::Command;
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::problem::{ApiResult, Problem, codes as common};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::{Permission, TenantRole, may};
use averis_tenant_db::PlatformConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::State;
use crate::error::{TenantError, codes};
use crate::http::once;
use crate::http::scope::OwnTenant;
use crate::http::tokens::words;
use crate::store::members::{self, MemberChanges, MemberRow};
use crate::store::{access, api_keys, providers};

/// A member.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberView {
    /// The person.
    id: Uuid,
    email: String,
    /// Empty until the person itself accepts the invitation.
    name: String,
    roles: Vec<String>,
    /// `invited`, `active` or `suspended`.
    status: String,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<MemberRow> for MemberView {
    fn from(row: MemberRow) -> Self {
        let MemberRow {
            user_id,
            email,
            name,
            roles,
            status,
            accepted,
            version,
            created_at,
            updated_at,
        } = row;
        Self {
            id: user_id,
            email,
            // Whether the person has an account elsewhere is not for the inviting tenant to know.
            name: if status == "invited" || !accepted {
                String::new()
            } else {
                name
            },
            roles,
            status,
            version,
            created_at,
            updated_at,
        }
    }
}

fn answer(row: MemberRow) -> Reply {
    let version = row.version;
    Reply::ok(&MemberView::from(row)).version(version)
}

/// Filter and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListMembers {
    /// Only members in this state.
    #[param(value_type = Option<String>)]
    status: Option<MemberStatus>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Where a membership is.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberStatus {
    Invited,
    Active,
    Suspended,
}

impl MemberStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}

/// Lists members by age, those invited included.
#[utoipa::path(get, path = "/api/tenant/v1/members", tag = "members", security(("token" = ["member:read"])),
    params(ListMembers), responses((status = 200, description = "A page of members.", body = Page<MemberView>)))]
pub async fn list_members(
    tenant: OwnTenant<may::MemberRead>,
    state: Data<State>,
    query: Query<ListMembers>,
) -> ApiResult<Reply> {
    let limit = limit(query.0.limit)?;
    let own = tenant.context.id.0;
    let status = query.0.status.map(MemberStatus::as_str);
    let list = format!("members {own} {status:?}");
    let after = state.cursors.open_asked(&list, query.0.cursor.as_deref())?;
    let rows = state
        .platform
        .read(async |conn| -> Result<_, TenantError> {
            Ok(members::list(conn, own, status, after, i64::from(limit) + 1).await?)
        })
        .await?;
    let page = Page::new(rows, limit, |row| {
        state.cursors.seal(&list, &(row.created_at, row.user_id))
    });
    Ok(Reply::ok(&page.map(MemberView::from)))
}

/// Reads a member.
#[utoipa::path(get, path = "/api/tenant/v1/members/{id}", tag = "members", security(("token" = ["member:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The member.", body = MemberView)))]
pub async fn get_member(
    tenant: OwnTenant<may::MemberRead>,
    state: Data<State>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let own = tenant.context.id.0;
    let row = state
        .platform
        .read(async |conn| -> Result<_, TenantError> { Ok(members::find(conn, own, id).await?) })
        .await?;
    row.map(answer).ok_or_else(Problem::not_found)
}

/// New roles of a member: a merge patch.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateMember {
    /// All roles that the member has from now on.
    #[garde(length(max = 40))]
    #[schema(value_type = Vec<String>, example = json!(["product_view"]))]
    roles: Vec<TenantRole>,
}

/// Gives a member other roles. Tokens with the old ones stop at once.
#[utoipa::path(patch, path = "/api/tenant/v1/members/{id}", tag = "members", security(("token" = ["member:write"])),
    request_body = UpdateMember, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The changed member.", body = MemberView)))]
pub async fn update_member(
    tenant: OwnTenant<may::MemberWrite>,
    state: Data<State>,
    PathId(id): PathId,
    seen: SeenVersion,
    patch: MergePatch<UpdateMember>,
) -> ApiResult<Reply> {
    let roles = role_names(&patch.0.roles);
    let own = tenant.context.id.0;
    let row = state
        .platform
        .transaction(async |conn| -> Result<_, TenantError> {
            let row = locked(conn, &tenant, id, seen).await?;
            check_roles(&tenant.caller, &row.roles, &roles)?;
            if row.status == "active" && loses_admin(&row, &roles) {
                keep_an_admin(conn, own, id).await?;
            }
            let changes = MemberChanges {
                roles: Some(roles.clone()),
                ..MemberChanges::default()
            };
            members::update(conn, own, id, &changes).await?;
            access::revoke(conn, Some(own), id).await?;
            Ok(members::find(conn, own, id).await?)
        })
        .await?;
    row.map(answer).ok_or_else(Problem::not_found)
}

/// Keeps a member out until it is resumed. Its tokens stop at once.
#[utoipa::path(post, path = "/api/tenant/v1/members/{id}/suspend", tag = "members", security(("token" = ["member:write"])),
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The suspended member.", body = MemberView)))]
pub async fn suspend_member(
    tenant: OwnTenant<may::MemberWrite>,
    state: Data<State>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(&tenant, &state, id, seen, &command, ("active", "suspended")).await
}

/// Lets a suspended member in again.
#[utoipa::path(post, path = "/api/tenant/v1/members/{id}/resume", tag = "members", security(("token" = ["member:write"])),
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The active member.", body = MemberView)))]
pub async fn resume_member(
    tenant: OwnTenant<may::MemberWrite>,
    state: Data<State>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    move_on(&tenant, &state, id, seen, &command, ("suspended", "active")).await
}

async fn move_on(
    tenant: &OwnTenant<may::MemberWrite>,
    state: &State,
    id: Uuid,
    seen: SeenVersion,
    command: &Command,
    (from, to): (&'static str, &'static str),
) -> ApiResult<Reply> {
    let own = tenant.context.id.0;
    once(state, &command.key, async |conn| {
        let row = locked(conn, tenant, id, seen).await?;
        if row.status != from {
            return Err(Problem::new(common::INVALID_TRANSITION)
                .detail(format!(
                    "A member that is {} cannot become {to}.",
                    row.status
                ))
                .with("current_status", row.status)
                .into());
        }
        check_roles(&tenant.caller, &row.roles, &row.roles)?;
        if to == "suspended" && loses_admin(&row, &[]) {
            keep_an_admin(conn, own, id).await?;
        }
        let changes = MemberChanges {
            status: Some(to.to_owned()),
            ..MemberChanges::default()
        };
        members::update(conn, own, id, &changes).await?;
        access::revoke(conn, Some(own), id).await?;
        let row = members::find(conn, own, id).await?;
        Ok(row.map(answer).ok_or_else(Problem::not_found)?)
    })
    .await
}

/// Ends a membership, or takes an invitation back. Tokens stop at once.
#[utoipa::path(delete, path = "/api/tenant/v1/members/{id}", tag = "members", security(("token" = ["member:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 204, description = "No member any more.")))]
pub async fn remove_member(
    tenant: OwnTenant<may::MemberWrite>,
    state: Data<State>,
    PathId(id): PathId,
    seen: SeenVersion,
) -> ApiResult<Reply> {
    let own = tenant.context.id.0;
    let at_provider = state
        .platform
        .transaction(async |conn| -> Result<_, TenantError> {
            let row = locked(conn, &tenant, id, seen).await?;
            check_roles(&tenant.caller, &row.roles, &row.roles)?;
            if row.status == "active" && loses_admin(&row, &[]) {
                keep_an_admin(conn, own, id).await?;
            }
            let organization = providers::organization_of(conn, own).await?;
            let subject = providers::subject_of(conn, own, id).await?;
            members::remove(conn, own, id).await?;
            // Who made a key knows it.
            for key in api_keys::revoke_made_by(conn, own, id).await? {
                access::revoke(conn, Some(own), key).await?;
            }
            access::revoke(conn, Some(own), id).await?;
            Ok(organization.zip(subject))
        })
        .await?;
    // Nobody gets in any more, whatever becomes of this.
    if let Some(((_, organization), subject)) = at_provider
        && let Ok((stytch, _)) = state.stytch()
        && let Err(error) = stytch.remove_member(&organization, &subject).await
    {
        tracing::warn!(error = %error, "a removed member stays at the provider");
    }
    Ok(Reply::no_content())
}

/// Finds a member that the caller has seen as it is and may change, while nobody else changes who belongs to the tenant.
async fn locked(
    conn: &mut PlatformConn<'_>,
    tenant: &OwnTenant<may::MemberWrite>,
    id: Uuid,
    seen: SeenVersion,
) -> Result<MemberRow, TenantError> {
    let own = tenant.context.id.0;
    members::hold_tenant(conn, own).await?;
    let row = members::find(conn, own, id).await?;
    let row = row.ok_or_else(Problem::not_found)?;
    seen.check(row.version)?;
    if tenant.caller.subject == id {
        return Err(Problem::new(codes::OWN_MEMBERSHIP).into());
    }
    Ok(row)
}

fn role_names(roles: &[TenantRole]) -> Vec<String> {
    let mut names: Vec<String> = roles.iter().map(|role| role.as_str().to_owned()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Only a tenant's admin gives or takes the roles with which one could take all others, and changes those who have one.
fn check_roles(caller: &Identity, before: &[String], after: &[String]) -> Result<(), Problem> {
    let is_person = caller.kind == CallerKind::Person;
    let is_admin = is_person && caller.permissions.contains(Permission::TenantWrite);
    let mut concerned = words::<TenantRole>(before).into_iter().chain(words(after));
    if !is_admin && concerned.any(TenantRole::is_guarded) {
        return Err(Problem::new(common::FORBIDDEN)
            .detail("Only a tenant_admin may change who is tenant_admin or user_admin."));
    }
    Ok(())
}

fn loses_admin(row: &MemberRow, after: &[String]) -> bool {
    let admin = |roles: &[String]| roles.iter().any(|role| role == "tenant_admin");
    admin(&row.roles) && !admin(after)
}

async fn keep_an_admin(
    conn: &mut PlatformConn<'_>,
    tenant: Uuid,
    but: Uuid,
) -> Result<(), TenantError> {
    if members::has_other_admin(conn, tenant, but).await? {
        Ok(())
    } else {
        Err(Problem::new(codes::LAST_ADMIN).into())
    }
}
