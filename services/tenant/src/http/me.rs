//! What a person sees of itself.

use actix_web::web::Data;
use averis_service_kit::auth::Person;
use averis_service_kit::body::{MergePatch, one_line};
use averis_service_kit::patch::Patch;
use averis_service_kit::problem::{ApiResult, Problem, codes as common};
use averis_service_kit::reply::Reply;
use averis_tenant_context::TenantKey;
use averis_tenant_db::PlatformConn;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::State;
use crate::error::{TenantError, codes};
use crate::http::tokens::{reachable, visible};
use crate::store::sessions;
use crate::store::users::{self, MembershipRow, UserChanges, UserRow};

/// The caller.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeView {
    id: Uuid,
    email: String,
    name: String,
    global_roles: Vec<String>,
    default_tenant: Option<Uuid>,
    /// The tenant that the token at hand is for.
    tenant: Option<Uuid>,
    /// Tenants to switch to, and invitations.
    memberships: Vec<MembershipView>,
    version: i64,
}

/// A tenant that the caller belongs to.
#[derive(Debug, Serialize, ToSchema)]
pub struct MembershipView {
    tenant_id: Uuid,
    key: String,
    name: String,
    subdomain: String,
    /// `active`, `suspended` or `closing`.
    tenant_status: String,
    roles: Vec<String>,
    /// `invited`, `active` or `suspended`.
    status: String,
}

/// `confined_to`: the one tenant that the session is good for, whose provider is told nothing of the person's others.
fn view(
    person: &Person,
    row: UserRow,
    memberships: Vec<MembershipRow>,
    confined_to: Option<Uuid>,
) -> MeView {
    let memberships = memberships.into_iter().map(|row| MembershipView {
        tenant_id: row.tenant_id,
        key: row.key,
        name: row.name,
        subdomain: row.subdomain,
        tenant_status: row.tenant_status,
        roles: row.roles,
        status: row.status,
    });
    MeView {
        id: row.id,
        email: row.email,
        name: row.name,
        global_roles: match confined_to {
            Some(_) => Vec::new(),
            None => row.global_roles,
        },
        default_tenant: visible(row.default_tenant, confined_to),
        tenant: person.0.tenant,
        memberships: memberships.collect(),
        version: row.version,
    }
}

/// Returns the one tenant that a session is good for.
async fn confined_to(
    conn: &mut PlatformConn<'_>,
    session: Uuid,
) -> diesel::QueryResult<Option<Uuid>> {
    let session = sessions::find(conn, session).await?;
    Ok(session.and_then(|session| session.tenant_id))
}

/// Reads who the caller is and which tenants it may switch to.
#[utoipa::path(get, path = "/api/tenant/v1/me", tag = "me", security(("token" = [])),
    responses((status = 200, description = "The caller.", body = MeView)))]
pub async fn get_me(person: Person, state: Data<State>) -> ApiResult<Reply> {
    let id = person.0.subject;
    let session = person.0.session;
    let (row, memberships, confined_to) = state
        .platform
        .read(async |conn| -> Result<_, TenantError> {
            let row = users::find(conn, id).await?;
            let row = row.ok_or_else(Problem::not_found)?;
            let confined_to = confined_to(conn, session).await?;
            let memberships = reachable(conn, &row, confined_to).await?;
            Ok((row, memberships, confined_to))
        })
        .await?;
    let version = row.version;
    Ok(Reply::ok(&view(&person, row, memberships, confined_to)).version(version))
}

/// What a person may change of itself: a merge patch.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateMe {
    #[garde(inner(length(chars, max = 200), custom(one_line)))]
    name: Option<String>,
    /// Key of the tenant that a sign-in without a choice leads to; `null` for none.
    #[garde(skip)]
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    default_tenant: Patch<TenantKey>,
}

/// Changes the caller's name or default tenant.
#[utoipa::path(patch, path = "/api/tenant/v1/me", tag = "me", security(("token" = [])), request_body = UpdateMe,
    params(averis_service_kit::openapi::IfMatch),
    responses((status = 200, description = "The caller.", body = MeView)))]
pub async fn update_me(
    person: Person,
    state: Data<State>,
    seen: averis_service_kit::version::SeenVersion,
    patch: MergePatch<UpdateMe>,
) -> ApiResult<Reply> {
    let (id, session) = (person.0.subject, person.0.session);
    let UpdateMe {
        name,
        default_tenant,
    } = &patch.0;
    let (row, memberships) = state
        .platform
        .transaction(async |conn| -> Result<_, TenantError> {
            let known = users::find(conn, id).await?;
            let _ = known.ok_or_else(Problem::not_found)?;
            if confined_to(conn, session).await?.is_some() {
                return Err(Problem::new(common::FORBIDDEN)
                    .detail("Who comes through one tenant's provider changes nothing that all tenants see.")
                    .into());
            }
            let row = users::lock(conn, id).await?;
            seen.check(row.version)?;
            let memberships = users::memberships(conn, id).await?;
            let default_tenant = match default_tenant {
                Patch::Absent => None,
                Patch::Null => Some(None),
                Patch::Value(key) => {
                    let own = memberships.iter().find(|row| row.key == key.as_str());
                    let own = own.ok_or_else(|| Problem::new(codes::NOT_A_MEMBER))?;
                    Some(Some(own.tenant_id))
                }
            };
            let changes = UserChanges {
                name: name.clone(),
                default_tenant,
                ..UserChanges::default()
            };
            Ok((users::update(conn, id, &changes).await?, memberships))
        })
        .await?;
    let version = row.version;
    Ok(Reply::ok(&view(&person, row, memberships, None)).version(version))
}
