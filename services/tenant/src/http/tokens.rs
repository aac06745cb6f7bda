//! Access tokens: a sign-in or a refresh token is exchanged for one, of one tenant or of the platform.

use actix_web::HttpRequest;
use actix_web::web::Data;
use averis_service_kit::body::Body;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem, codes as common};
use averis_service_kit::reply::Reply;
use averis_service_kit::tenancy;
use averis_tenant_context::TenantKey;
use averis_tenant_db::PlatformConn;
use averis_tokens::{MembershipClaim, TokenError};
use chrono::Utc;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::State;
use crate::domain::secrets;
use crate::error::{TenantError, codes};
use crate::http::access_entries::Way;
use crate::http::internal;
use crate::http::sign_in::LOCAL;
use crate::store::access_log::{self, EntryRow};
use crate::store::users::{self, MembershipRow, UserRow};
use crate::store::{access, grants, sessions};
use crate::tokens::{ACCESS_LIFETIME, Grantee};

/// What is exchanged, and for access to what.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// `session` or `refresh`.
    #[garde(skip)]
    grant_type: GrantType,
    /// What a sign-in gave.
    #[garde(length(bytes, max = 16_384))]
    session_token: Option<String>,
    /// What the exchange before gave.
    #[garde(length(bytes, max = 200))]
    refresh_token: Option<String>,
    /// Key of the tenant; where absent, the one of the address, else the default tenant, else the only one.
    #[garde(skip)]
    #[schema(value_type = Option<String>, example = "acme")]
    tenant: Option<TenantKey>,
    /// For staff of the platform: the grant under which it enters that tenant.
    #[garde(skip)]
    support_grant: Option<Uuid>,
}

/// What is exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum GrantType {
    Session,
    Refresh,
}

/// Access.
#[derive(Serialize, ToSchema)]
pub struct TokenView {
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
    /// Good for one exchange.
    refresh_token: String,
    /// Key of the tenant that the access token is for; absent for the platform.
    tenant: Option<String>,
}

/// What an exchange came to, once its transaction is over.
enum Exchanged {
    Made(TokenView),
    /// A refresh token came a second time: its session has ended.
    Stolen,
}

/// Exchanges a sign-in or a refresh token for access.
#[utoipa::path(post, path = "/api/tenant/v1/tokens", tag = "sign-in", security(()), request_body = TokenRequest,
    responses((status = 200, description = "Access.", body = TokenView)))]
pub async fn exchange_token(
    req: HttpRequest,
    state: Data<State>,
    body: Body<TokenRequest>,
) -> ApiResult<Reply> {
    let request = body.0;
    let address = tenancy::resolved(&req);
    let tenant = match (&request.tenant, &address) {
        (Some(named), Some(address)) if *named != address.key => {
            return Err(Problem::new(common::TENANT_MISMATCH));
        }
        (Some(named), _) => Some(named.clone()),
        (None, Some(address)) => Some(address.key.clone()),
        (None, None) => None,
    };
    let shown = read(&state, &request).await?;
    let done = state
        .platform
        .transaction(async |conn| -> Result<_, TenantError> {
            let way = Way::of(&req);
            exchange(
                conn,
                &state,
                &shown,
                tenant.as_ref(),
                request.support_grant,
                &way,
            )
            .await
        })
        .await?;
    match done {
        Exchanged::Made(view) => Ok(Reply::ok(&view).secret()),
        Exchanged::Stolen => Err(refused("the refresh token was used before")),
    }
}

/// What was shown.
enum Shown {
    Session(Uuid),
    Refresh(Vec<u8>),
}

async fn read(state: &State, request: &TokenRequest) -> ApiResult<Shown> {
    let missing = |pointer| {
        let message = "is needed for this grant_type";
        Problem::invalid(vec![FieldProblem::new(pointer, "missing", message)])
    };
    match request.grant_type {
        GrantType::Session => {
            let token = request.session_token.as_deref();
            let token = token.ok_or_else(|| missing("/session_token"))?;
            match state.tokens.verify_sign_in(token).await {
                Ok(claims) => Ok(Shown::Session(claims.sid)),
                Err(TokenError::Expired) => Err(Problem::new(common::TOKEN_EXPIRED)),
                Err(error) => Err(Problem::new(common::INVALID_TOKEN).because(error)),
            }
        }
        GrantType::Refresh => {
            let token = request.refresh_token.as_deref();
            let token = token.ok_or_else(|| missing("/refresh_token"))?;
            Ok(Shown::Refresh(secrets::digest(token)))
        }
    }
}

fn refused(reason: &'static str) -> Problem {
    Problem::new(common::INVALID_TOKEN).because(reason)
}

async fn exchange(
    conn: &mut PlatformConn<'_>,
    state: &State,
    shown: &Shown,
    tenant: Option<&TenantKey>,
    grant: Option<Uuid>,
    way: &Way,
) -> Result<Exchanged, TenantError> {
    let session = match shown {
        Shown::Session(session) => *session,
        Shown::Refresh(digest) => {
            let found = sessions::find_refresh(conn, digest).await?;
            let (session, used) = found.ok_or_else(|| refused("no such refresh token"))?;
            if used {
                if sessions::end(conn, session).await? {
                    access::revoke(conn, None, session).await?;
                }
                return Ok(Exchanged::Stolen);
            }
            sessions::use_refresh(conn, digest).await?;
            session
        }
    };
    let session = sessions::hold(conn, session).await?;
    let session = session.ok_or_else(|| refused("the session has ended"))?;
    let is_first = matches!(shown, Shown::Session(_));
    if is_first && sessions::is_exchanged(conn, session.id).await? {
        return Err(refused("the sign-in was exchanged before").into());
    }
    users::hold_memberships(conn, session.user_id).await?;
    let user = users::find(conn, session.user_id).await?;
    let mut user = user.ok_or_else(|| refused("the person is gone"))?;
    if session.provider != LOCAL {
        // Neither a mailbox nor a provider makes anybody staff of the platform: that takes the password.
        user.global_roles.clear();
    }
    let memberships = reachable(conn, &user, session.tenant_id).await?;
    let mut grantee = Grantee {
        subject: user.id,
        session: session.id,
        default_tenant: visible(user.default_tenant, session.tenant_id),
        memberships: memberships.iter().map(claim).collect(),
        ..Grantee::default()
    };
    let key = match (tenant, grant) {
        // Who is no longer of the staff has no use of a grant.
        (_, Some(_)) if user.global_roles.is_empty() => {
            return Err(Problem::new(common::GRANT_REQUIRED).into());
        }
        (Some(key), Some(grant)) => {
            let found = grants::find_active(conn, grant, user.id, key.as_str()).await?;
            let (tenant, until) = found.ok_or_else(|| Problem::new(common::GRANT_REQUIRED))?;
            grantee.tenant = Some(tenant);
            grantee.grant = Some(grant);
            grantee.until = Some(until.timestamp());
            Some(key.to_string())
        }
        (None, Some(_)) => return Err(Problem::new(common::GRANT_REQUIRED).into()),
        (chosen, None) => enter(&mut grantee, &user, &memberships, chosen)?,
    };
    if let Some(tenant) = grantee.tenant {
        let entry = EntryRow {
            id: Uuid::now_v7(),
            tenant_id: tenant,
            at: Utc::now(),
            caller: user.id,
            via: session.provider.clone(),
            session_id: Some(session.id),
            grant_id: grantee.grant,
            address: way.address.clone(),
            user_agent: way.user_agent.clone(),
        };
        access_log::note_first(conn, &entry).await?;
    }
    let refresh_token = secrets::random();
    sessions::add_refresh(conn, session.id, &secrets::digest(&refresh_token)).await?;
    // By the database's clock, and after the memberships are held: what is revoked later has a later moment.
    let at = access::now_ms(conn).await?;
    let access_token = state.tokens.access_at(&grantee, at);
    Ok(Exchanged::Made(TokenView {
        access_token: access_token.map_err(|error| Problem::new(internal()).because(error))?,
        token_type: "Bearer",
        expires_in: ACCESS_LIFETIME,
        refresh_token,
        tenant: key,
    }))
}

/// Lists the tenants that a person may switch to: all of its own, or the one that its session is good for.
pub async fn reachable(
    conn: &mut PlatformConn<'_>,
    user: &UserRow,
    confined_to: Option<Uuid>,
) -> diesel::QueryResult<Vec<MembershipRow>> {
    let mut memberships = users::memberships(conn, user.id).await?;
    if let Some(tenant) = confined_to {
        memberships.retain(|row| row.tenant_id == tenant);
    }
    Ok(memberships)
}

/// Returns a person's default tenant as a session may know it: one that is good for one tenant hears of no other.
pub fn visible(default_tenant: Option<Uuid>, confined_to: Option<Uuid>) -> Option<Uuid> {
    default_tenant.filter(|tenant| confined_to.is_none_or(|own| own == *tenant))
}

/// Decides which tenant the token is for, and with which roles.
fn enter(
    grantee: &mut Grantee,
    user: &UserRow,
    memberships: &[MembershipRow],
    chosen: Option<&TenantKey>,
) -> Result<Option<String>, Problem> {
    let active = || memberships.iter().filter(|row| row.status == "active");
    let member = match chosen {
        // A tenant that one does not belong to and one that there is not are told alike.
        Some(key) => {
            let member = active().find(|row| row.key == key.as_str());
            Some(member.ok_or_else(|| Problem::new(codes::NOT_A_MEMBER))?)
        }
        None if !user.global_roles.is_empty() => None,
        None => active()
            .find(|row| user.default_tenant == Some(row.tenant_id))
            .or_else(|| active().next().filter(|_| active().count() == 1)),
    };
    match member {
        Some(member) => {
            grantee.tenant = Some(member.tenant_id);
            grantee.tenant_roles = words(&member.roles);
            Ok(Some(member.key.clone()))
        }
        None => {
            grantee.global_roles = words(&user.global_roles);
            Ok(None)
        }
    }
}

/// Reads stored roles. One that this version does not know allows nothing.
pub fn words<T: std::str::FromStr>(stored: &[String]) -> Vec<T> {
    let known = stored.iter().filter_map(|word| word.parse().ok());
    known.collect()
}

fn claim(row: &MembershipRow) -> MembershipClaim {
    MembershipClaim {
        tenant: row.tenant_id,
        key: row.key.clone(),
        roles: words(&row.roles),
        status: row.status.clone(),
    }
}

/// Publishes the keys that access tokens are checked with.
pub async fn list_keys(state: Data<State>) -> ApiResult<Reply> {
    let keys = state.tokens.published();
    let keys = keys.map_err(|error| Problem::new(internal()).because(error))?;
    Ok(Reply::ok(&keys))
}
