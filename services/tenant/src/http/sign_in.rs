//! From a password to access.
//!
//! A sign-in gives a token that is good for nothing but to be exchanged: for an access token of one tenant, or of the
//! platform, and a refresh token that gives the next. To switch tenants is another exchange.

use actix_web::web::Data;
use averis_service_kit::auth::Person;
use averis_service_kit::body::Body;
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::reply::Reply;
use averis_tenant_db::PlatformConn;
use chrono::{TimeDelta, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::State;
use crate::domain::{emails, passwords, secrets};
use crate::error::{TenantError, codes};
use crate::http::internal;
use crate::store::access;
use crate::store::sessions::{self, SessionRow};
use crate::store::sign_ins;
use crate::store::users::{self, UserChanges, UserRow};
use crate::tokens::SIGN_IN_LIFETIME;

/// How long a sign-in lasts, in days, if it is refreshed.
const SESSION_DAYS: i64 = 30;

/// A local account's credentials.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    #[garde(length(bytes, max = 254))]
    #[schema(example = "ana@acme.example")]
    email: String,
    #[garde(length(bytes, max = passwords::MAX_BYTES))]
    password: String,
}

/// A sign-in, to be exchanged for access at `/api/tenant/v1/tokens`.
#[derive(Serialize, ToSchema)]
pub struct SignedIn {
    session_token: String,
    /// Seconds.
    expires_in: i64,
}

/// Signs a person in by password.
///
/// Unknown addresses, wrong passwords and locked accounts get the same answer, which takes the same time.
#[utoipa::path(post, path = "/api/tenant/v1/sign-in", tag = "sign-in", security(()), request_body = SignIn,
    responses((status = 200, description = "A sign-in.", body = SignedIn)))]
pub async fn sign_in(state: Data<State>, body: Body<SignIn>) -> ApiResult<Reply> {
    let SignIn { email, password } = body.0;
    let email = emails::normal(&email).unwrap_or_default();
    let user = state
        .platform
        .read(async |conn| -> Result<_, TenantError> {
            Ok(users::find_by_email(conn, &email).await?)
        })
        .await?;
    let kept = user.as_ref().and_then(|user| user.password_hash.clone());
    let matches = state.passwords.matches(password, kept).await;
    let matches = matches.map_err(|error| Problem::new(internal()).because(error))?;
    let user = user.map(|user| user.id).filter(|_| matches);
    let digest = secrets::digest(&email);
    let session = state
        .platform
        .transaction(async |conn| -> Result<_, TenantError> {
            Ok(decide(conn, &digest, user).await?)
        })
        .await?;
    let Some((user, session)) = session else {
        return Err(Problem::new(codes::SIGN_IN_REFUSED));
    };
    let token = state.tokens.sign_in(user, session);
    let session_token = token.map_err(|error| Problem::new(internal()).because(error))?;
    Ok(Reply::ok(&SignedIn {
        session_token,
        expires_in: SIGN_IN_LIFETIME,
    })
    .secret())
}

/// Begins a session of the person whose password it was, or counts that it was nobody's.
async fn decide(
    conn: &mut PlatformConn<'_>,
    email_digest: &[u8],
    user: Option<Uuid>,
) -> diesel::QueryResult<Option<(Uuid, Uuid)>> {
    let now = Utc::now();
    let (failures, locked_until) = sign_ins::hold(conn, email_digest).await?;
    if locked_until.is_some_and(|until| until > now) {
        return Ok(None);
    }
    let Some(user) = user else {
        let failures = failures.saturating_add(1);
        let lock = passwords::lock_after(failures);
        let until = lock.and_then(|lock| TimeDelta::from_std(lock).ok());
        sign_ins::note(conn, email_digest, failures, until.map(|lock| now + lock)).await?;
        return Ok(None);
    };
    sign_ins::note(conn, email_digest, 0, None).await?;
    let session = begin(conn, user, "local").await?;
    Ok(Some((user, session)))
}

/// Begins a session.
pub async fn begin(
    conn: &mut PlatformConn<'_>,
    user: Uuid,
    provider: &str,
) -> diesel::QueryResult<Uuid> {
    let now = Utc::now();
    let row = SessionRow {
        id: Uuid::now_v7(),
        user_id: user,
        provider: provider.to_owned(),
        created_at: now,
        expires_at: now + TimeDelta::days(SESSION_DAYS),
        ended_at: None,
    };
    sessions::insert(conn, &row).await?;
    Ok(row.id)
}

/// Ends the caller's session: its tokens stop at once, here and in every service.
#[utoipa::path(post, path = "/api/tenant/v1/sign-out", tag = "sign-in", security(("token" = [])),
    responses((status = 204, description = "Signed out.")))]
pub async fn sign_out(person: Person, state: Data<State>) -> ApiResult<Reply> {
    let session = person.0.session;
    state
        .platform
        .transaction(async |conn| -> Result<(), TenantError> {
            sessions::end(conn, session).await?;
            Ok(access::revoke(conn, None, session).await?)
        })
        .await?;
    Ok(Reply::no_content())
}

/// A new password.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    #[garde(length(bytes, max = passwords::MAX_BYTES))]
    current_password: String,
    /// At least 12 characters.
    #[garde(custom(acceptable))]
    new_password: String,
}

/// Checks a new password.
pub fn acceptable(password: &str, _: &()) -> garde::Result {
    match passwords::fault(password) {
        None => Ok(()),
        Some(fault) => Err(garde::Error::new(fault)),
    }
}

/// Changes the caller's password and ends all its other sessions.
#[utoipa::path(post, path = "/api/tenant/v1/me/change-password", tag = "sign-in", security(("token" = [])),
    request_body = ChangePassword, responses((status = 204, description = "Changed.")))]
pub async fn change_password(
    person: Person,
    state: Data<State>,
    body: Body<ChangePassword>,
) -> ApiResult<Reply> {
    let ChangePassword {
        current_password,
        new_password,
    } = body.0;
    let (user, session) = (person.0.subject, person.0.session);
    let row = state
        .platform
        .read(async |conn| -> Result<_, TenantError> { Ok(users::find(conn, user).await?) })
        .await?;
    let kept = row.and_then(|row| row.password_hash);
    let failed = |error| Problem::new(internal()).because(error);
    let matches = state.passwords.matches(current_password, kept.clone());
    if !matches.await.map_err(failed)? {
        return Err(Problem::new(codes::SIGN_IN_REFUSED));
    }
    let hash = state.passwords.hash(new_password).await.map_err(failed)?;
    state
        .platform
        .transaction(async |conn| -> Result<(), TenantError> {
            let now: UserRow = users::lock(conn, user).await?;
            if now.password_hash != kept {
                return Err(Problem::new(codes::SIGN_IN_REFUSED).into());
            }
            let changes = UserChanges {
                password_hash: Some(Some(hash.clone())),
                ..UserChanges::default()
            };
            let _ = users::update(conn, user, &changes).await?;
            for other in sessions::end_others(conn, user, session).await? {
                access::revoke(conn, None, other).await?;
            }
            Ok(())
        })
        .await?;
    Ok(Reply::no_content())
}
