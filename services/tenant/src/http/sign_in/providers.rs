//! Signing in by what an identity provider says.
//!
//! A provider proves who somebody is; what the person may do is decided here. Nobody becomes a member by it: it lets in who
//! was invited or belongs to a tenant already. A session of a tenant's own organization is good in that tenant alone, since
//! whoever administers the organization decides what it says.

use actix_web::web::Data;
use averis_identity::{Proof, ProviderError, ProviderSession};
use averis_service_kit::body::Body;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::reply::Reply;
use averis_tenant_db::PlatformConn;
use chrono::Utc;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Beginning, SignedIn, begin, signed_in};
use crate::State;
use crate::error::{TenantError, codes as problems, provider_problem};
use crate::http::members::acceptance::{Acceptance, activate};
use crate::store::members;
use crate::store::providers::{self, IdentityRow};
use crate::store::users::{self, UserRow};

/// Longest credential of a provider, in bytes.
const LONGEST: usize = 16_384;
/// How long a session of a tenant's organization is good here, in seconds: what ends there is noticed within that time.
const CONFINED: i64 = 3600;

/// What a provider gave; exactly one of these.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInWithProvider {
    /// The JWT of a Stytch session.
    #[garde(length(bytes, max = LONGEST))]
    stytch_session_jwt: Option<String>,
    /// The token of a Stytch magic link, good once.
    #[garde(length(bytes, max = LONGEST))]
    stytch_magic_link_token: Option<String>,
    /// An ID token of the OpenID Connect issuer.
    #[garde(length(bytes, max = LONGEST))]
    id_token: Option<String>,
}

impl SignInWithProvider {
    fn proof(self) -> ApiResult<Proof> {
        let Self {
            stytch_session_jwt,
            stytch_magic_link_token,
            id_token,
        } = self;
        match (stytch_session_jwt, stytch_magic_link_token, id_token) {
            (Some(jwt), None, None) => Ok(Proof::StytchSession(jwt)),
            (None, Some(token), None) => Ok(Proof::StytchMagicLink(token)),
            (None, None, Some(token)) => Ok(Proof::IdToken(token)),
            _ => {
                let message = "must hold exactly one of stytch_session_jwt, stytch_magic_link_token and id_token";
                Err(Problem::invalid(vec![FieldProblem::new(
                    "", "invalid", message,
                )]))
            }
        }
    }
}

/// Signs a person in by an identity provider. Who was invited by the tenant's own provider becomes a member with it.
#[utoipa::path(post, path = "/api/tenant/v1/sign-in/provider", tag = "sign-in", security(()),
    request_body = SignInWithProvider, responses((status = 200, description = "A sign-in.", body = SignedIn)))]
pub async fn sign_in_with_provider(
    state: Data<State>,
    body: Body<SignInWithProvider>,
) -> ApiResult<Reply> {
    let proof = body.0.proof()?;
    // No transaction is open while the provider is asked.
    let proven = match state.providers.authenticate(&proof).await {
        Ok(proven) => proven,
        Err(error @ (ProviderError::Refused(_) | ProviderError::Rejected { .. })) => {
            return Err(Problem::new(problems::SIGN_IN_REFUSED).because(error));
        }
        Err(error) => return Err(provider_problem(error)),
    };
    let (user, session) = state
        .platform
        .transaction(async |conn| -> Result<_, TenantError> {
            let how = enter(conn, &proven).await?;
            Ok((how.user, begin(conn, how).await?))
        })
        .await?;
    signed_in(&state, user, session)
}

fn refused(reason: &'static str) -> TenantError {
    Problem::new(problems::SIGN_IN_REFUSED)
        .because(reason)
        .into()
}

/// Decides who it is, and where the session is good.
async fn enter(
    conn: &mut PlatformConn<'_>,
    proven: &ProviderSession,
) -> Result<Beginning, TenantError> {
    let tenant = match &proven.organization {
        None => None,
        Some(organization) => {
            let no_tenant = || refused("the organization is no tenant");
            let tenant = providers::tenant_of(conn, &proven.issuer, organization).await?;
            let tenant = tenant.ok_or_else(no_tenant)?;
            members::hold_tenant(conn, tenant).await?;
            // Again: while the tenant was waited for, it may have been disconnected.
            let still = providers::tenant_of(conn, &proven.issuer, organization).await?;
            Some(
                still
                    .filter(|still| *still == tenant)
                    .ok_or_else(no_tenant)?,
            )
        }
    };
    let known = providers::find(conn, &proven.issuer, &proven.subject).await?;
    let user = match &known {
        Some(known) if known.tenant_id != tenant => {
            return Err(refused("the subject belongs to another organization"));
        }
        Some(known) => users::find(conn, known.user_id).await?,
        None => users::find_by_email(conn, &proven.email).await?,
    };
    let user: UserRow = user.ok_or_else(|| refused("nobody has the address"))?;
    let user = users::lock(conn, user.id).await?;
    match tenant {
        Some(tenant) => {
            let member = members::find(conn, tenant, user.id).await?;
            match member.as_ref().map(|member| member.status.as_str()) {
                Some("active") => {}
                Some("invited") => {
                    members::drop_invitation(conn, tenant, user.id).await?;
                    activate(conn, tenant, user.id, Acceptance::ByProvider).await?;
                }
                _ => return Err(refused("the person is no member of the tenant")),
            }
        }
        None if users::memberships(conn, user.id).await?.is_empty() => {
            return Err(refused("the person belongs to no tenant"));
        }
        None => {}
    }
    let link = IdentityRow {
        issuer: proven.issuer.clone(),
        subject: proven.subject.clone(),
        user_id: user.id,
        tenant_id: tenant,
    };
    // Providers give an address to somebody else one day: the first subject that came with it stays the person.
    if known.is_none() && !providers::link(conn, &link).await? {
        return Err(refused("the issuer knows the person as another subject"));
    }
    Ok(Beginning {
        user: user.id,
        provider: proven.provider,
        tenant,
        until: Some(match tenant {
            Some(_) => proven.expires_at.min(Utc::now().timestamp() + CONFINED),
            None => proven.expires_at,
        }),
    })
}
