//! How an invitation becomes a membership: by whoever has the word from the mail and proves to be the invited person.

use actix_web::HttpRequest;
use actix_web::web::Data;
use averis_service_kit::body::{Body, one_line};
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::reply::Reply;
use averis_tenant_db::PlatformConn;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::invitations::check_seats;
use crate::State;
use crate::domain::{passwords, secrets};
use crate::error::{TenantError, codes};
use crate::http::sign_in::{Guesses, acceptable};
use crate::store::members::{self, MemberChanges};
use crate::store::users::{self, UserChanges, UserRow};
use crate::store::{access, sessions};

/// The word of an invitation, and who accepts it.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvitation {
    /// The word from the mail.
    #[garde(length(bytes, max = 200))]
    invitation: String,
    /// The account's password; of a person who has none yet, the new one. May be absent beside `session_token`.
    #[garde(length(bytes, max = passwords::MAX_BYTES))]
    password: Option<String>,
    /// What a sign-in of the invited person gave, in place of the password.
    #[garde(length(bytes, max = 16_384))]
    session_token: Option<String>,
    /// What the person is called; may be absent where that is known.
    #[garde(inner(length(chars, max = 200), custom(one_line)))]
    name: Option<String>,
}

/// The tenant that was entered.
#[derive(Serialize, ToSchema)]
pub struct AcceptedView {
    tenant_id: Uuid,
    user_id: Uuid,
}

/// Accepts an invitation. A person without a password gets one; one who has a password has to know it.
#[utoipa::path(post, path = "/api/tenant/v1/invitations/accept", tag = "sign-in", security(()),
    request_body = AcceptInvitation,
    responses((status = 200, description = "An active member, who may sign in.", body = AcceptedView)))]
pub async fn accept_invitation(
    req: HttpRequest,
    state: Data<State>,
    body: Body<AcceptInvitation>,
) -> ApiResult<Reply> {
    let AcceptInvitation {
        invitation,
        password,
        session_token,
        name,
    } = body.0;
    let digest = secrets::digest(&invitation);
    let (found, person) = state
        .platform
        .read(async |conn| -> Result<_, TenantError> {
            let found = members::find_invitation(conn, &digest).await?;
            let found = found.ok_or_else(refused)?;
            let person = users::find(conn, found.user_id).await?;
            Ok((found, person.ok_or_else(refused)?))
        })
        .await?;
    let new_hash = match (password, session_token) {
        (Some(password), None) => prove(&req, &state, &person, password).await?,
        (None, Some(token)) => {
            check_sign_in(&state, &person, &token).await?;
            None
        }
        _ => {
            let message = "must hold either a password or a session_token";
            let problem = FieldProblem::new("", "invalid", message);
            return Err(Problem::invalid(vec![problem]));
        }
    };
    let (tenant, user) = (found.tenant_id, found.user_id);
    state
        .platform
        .transaction(async |conn| -> Result<(), TenantError> {
            members::hold_tenant(conn, tenant).await?;
            let now: UserRow = users::lock(conn, user).await?;
            // Somebody may have accepted another invitation, and chosen a password, in between.
            if now.password_hash != person.password_hash
                || !members::use_invitation(conn, &digest).await?
            {
                return Err(refused().into());
            }
            activate(conn, tenant, user, Acceptance::ByPerson).await?;
            let changes = UserChanges {
                name: name.clone(),
                password_hash: new_hash.clone().map(Some),
                default_tenant: now.default_tenant.is_none().then_some(Some(tenant)),
                ..UserChanges::default()
            };
            let _ = users::update(conn, user, &changes).await?;
            Ok(())
        })
        .await?;
    Ok(Reply::ok(&AcceptedView {
        tenant_id: tenant,
        user_id: user,
    }))
}

fn refused() -> Problem {
    Problem::new(codes::INVITATION_REFUSED)
}

/// Checks the password of a person who has one; returns the hash of the new one of a person who has none.
async fn prove(
    req: &HttpRequest,
    state: &State,
    person: &UserRow,
    password: String,
) -> ApiResult<Option<String>> {
    let Some(kept) = person.password_hash.clone() else {
        acceptable(&password, &()).map_err(|fault| {
            let problem = FieldProblem::new("/password", "invalid", fault.to_string());
            Problem::invalid(vec![problem])
        })?;
        return Ok(Some(state.passwords.hash(password).await?));
    };
    let matches = state.passwords.matches(password, Some(kept)).await?;
    // Whoever reads the mails does not know the password yet.
    let guesses = Guesses::at(&person.email, req);
    let counts = state
        .platform
        .transaction(async |conn| -> Result<_, TenantError> {
            Ok(guesses.count(conn, matches).await?)
        })
        .await?;
    if counts { Ok(None) } else { Err(refused()) }
}

/// Checks that a sign-in is the invited person's, has not ended, and is not confined to some tenant.
async fn check_sign_in(state: &State, person: &UserRow, token: &str) -> ApiResult<()> {
    let claims = state.tokens.verify_sign_in(token).await;
    let claims = claims.map_err(|error| refused().because(error))?;
    let session = state
        .platform
        .transaction(async |conn| -> Result<_, TenantError> {
            Ok(sessions::hold(conn, claims.sid).await?)
        })
        .await?;
    match session {
        Some(session) if session.user_id == person.id && session.tenant_id.is_none() => Ok(()),
        _ => Err(refused()),
    }
}

/// Who says that a person accepts an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// The person itself.
    ByPerson,
    /// The tenant's own provider, which says what its administrators want: nothing of the person that other tenants see
    /// follows from it.
    ByProvider,
}

/// Makes an invited person an active member, if there is a seat. The caller holds the tenant and the person.
pub async fn activate(
    conn: &mut PlatformConn<'_>,
    tenant: Uuid,
    person: Uuid,
    by: Acceptance,
) -> Result<(), TenantError> {
    check_seats(conn, tenant, &["active"], person).await?;
    let active = MemberChanges {
        status: Some("active".to_owned()),
        accepted: Some(by == Acceptance::ByPerson),
        ..MemberChanges::default()
    };
    members::update(conn, tenant, person, &active).await?;
    Ok(access::revoke(conn, Some(tenant), person).await?)
}
