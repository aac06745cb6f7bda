//! From a password, a mailed code or a provider's session to access.
//!
//! A sign-in gives a token that is good for nothing but to be exchanged: for an access token of one tenant, or of the
//! platform, and a refresh token that gives the next. To switch tenants is another exchange.

pub mod codes;
pub mod providers;

use actix_web::HttpRequest;
use actix_web::web::Data;
use averis_service_kit::auth::Person;
use averis_service_kit::body::Body;
use averis_service_kit::limit::client_address;
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::reply::Reply;
use averis_tenant_db::PlatformConn;
use chrono::{DateTime, TimeDelta, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::State;
use crate::domain::{passwords, secrets};
use crate::error::{TenantError, codes as problems};
use crate::http::internal;
use crate::store::access;
use crate::store::sessions::{self, SessionRow};
use crate::store::sign_ins;
use crate::store::users::{self, UserChanges, UserRow};
use crate::tokens::SIGN_IN_LIFETIME;
use averis_identity::emails;

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
pub async fn sign_in(req: HttpRequest, state: Data<State>, body: Body<SignIn>) -> ApiResult<Reply> {
    let SignIn { email, password } = body.0;
    let email = emails::normal(&email).unwrap_or_default();
    let user = state
        .platform
        .read(async |conn| -> Result<_, TenantError> {
            Ok(users::find_by_email(conn, &email).await?)
        })
        .await?;
    let kept = user.as_ref().and_then(|user| user.password_hash.clone());
    let matches = state.passwords.matches(password, kept.clone()).await?;
    let user = user.map(|user| user.id).filter(|_| matches);
    let guesses = Guesses::at(&email, &req);
    let session = state
        .platform
        .transaction(async |conn| -> Result<_, TenantError> {
            // Guesses first, people after: in that order wherever both are held.
            let counts = guesses.count(conn, user.is_some()).await?;
            let Some(user) = user.filter(|_| counts) else {
                return Ok(None);
            };
            // A password that was changed meanwhile is the old one.
            if !users::holds_password(conn, user, kept.as_deref()).await? {
                return Ok(None);
            }
            Ok(Some((user, begin(conn, Beginning::of(user, LOCAL)).await?)))
        })
        .await?;
    let (user, session) = session.ok_or_else(|| Problem::new(problems::SIGN_IN_REFUSED))?;
    signed_in(&state, user, session)
}

/// Answers with what a sign-in gives.
fn signed_in(state: &State, user: Uuid, session: Uuid) -> ApiResult<Reply> {
    let token = state.tokens.sign_in(user, session);
    let session_token = token.map_err(|error| Problem::new(internal()).because(error))?;
    Ok(Reply::ok(&SignedIn {
        session_token,
        expires_in: SIGN_IN_LIFETIME,
    })
    .secret())
}

/// Guesses at one secret, counted by where they come from and altogether.
pub struct Guesses([(Vec<u8>, i32); 2]);

impl Guesses {
    /// Guesses at what belongs to `whose`, by whoever sent the request.
    pub fn at(whose: &str, req: &HttpRequest) -> Self {
        let here = match client_address(req) {
            Some(address) => format!("{whose} {address}"),
            None => format!("{whose} nowhere"),
        };
        Self([
            (secrets::digest(&here), passwords::PATIENCE),
            (secrets::digest(whose), passwords::LONG_PATIENCE),
        ])
    }

    /// Counts a guess, and says whether it counts: not while guesses are not looked at, and not if it was wrong.
    pub async fn count(
        &self,
        conn: &mut PlatformConn<'_>,
        right: bool,
    ) -> diesel::QueryResult<bool> {
        let now = Utc::now();
        let mut held = Vec::new();
        for (digest, patience) in &self.0 {
            let (failures, locked_until) = sign_ins::hold(conn, digest).await?;
            if locked_until.is_some_and(|until| until > now) {
                return Ok(false);
            }
            held.push((digest, *patience, failures));
        }
        for (digest, patience, failures) in held {
            let failures = if right { 0 } else { failures.saturating_add(1) };
            let lock = passwords::lock_after(failures, patience);
            let lock = lock.and_then(|lock| TimeDelta::from_std(lock).ok());
            sign_ins::note(conn, digest, failures, lock.map(|lock| now + lock)).await?;
        }
        Ok(right)
    }
}

/// `provider` of a session that began with a password.
pub const LOCAL: &str = "local";

/// How a session begins.
#[derive(Clone, Copy, Debug)]
struct Beginning {
    user: Uuid,
    /// What proved who it is.
    provider: &'static str,
    /// The one tenant that it is good for.
    tenant: Option<Uuid>,
    /// Not after, in seconds since 1970, when that is earlier than usual.
    until: Option<i64>,
}

impl Beginning {
    const fn of(user: Uuid, provider: &'static str) -> Self {
        Self {
            user,
            provider,
            tenant: None,
            until: None,
        }
    }
}

/// Begins a session.
async fn begin(conn: &mut PlatformConn<'_>, how: Beginning) -> diesel::QueryResult<Uuid> {
    let now = Utc::now();
    let last = now + TimeDelta::days(SESSION_DAYS);
    let until = how.until.and_then(|at| DateTime::from_timestamp(at, 0));
    let row = SessionRow {
        id: Uuid::now_v7(),
        user_id: how.user,
        provider: how.provider.to_owned(),
        created_at: now,
        expires_at: until.map_or(last, |until| until.min(last)),
        ended_at: None,
        tenant_id: how.tenant,
    };
    sessions::insert(conn, &row).await?;
    sessions::forget_some(conn).await?;
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
            if sessions::end(conn, session).await? {
                access::revoke(conn, None, session).await?;
            }
            Ok(())
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
    req: HttpRequest,
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
    let matches = state.passwords.matches(current_password, kept.clone());
    let matches = matches.await?;
    // A token that was stolen is no licence to guess.
    let guesses = Guesses::at(&format!("password of {user}"), &req);
    let counts = state
        .platform
        .transaction(async |conn| -> Result<_, TenantError> {
            Ok(guesses.count(conn, matches).await?)
        })
        .await?;
    if !counts {
        return Err(Problem::new(problems::SIGN_IN_REFUSED));
    }
    let hash = state.passwords.hash(new_password).await?;
    state
        .platform
        .transaction(async |conn| -> Result<(), TenantError> {
            let now: UserRow = users::lock(conn, user).await?;
            if now.password_hash != kept {
                return Err(Problem::new(problems::SIGN_IN_REFUSED).into());
            }
            let changes = UserChanges {
                password_hash: Some(Some(hash.clone())),
                ..UserChanges::default()
            };
            let _ = users::update(conn, user, &changes).await?;
            Ok(end_all_but(conn, user, session).await?)
        })
        .await?;
    Ok(Reply::no_content())
}

/// Ends all sessions of a person but one: their tokens stop at once.
pub async fn end_all_but(
    conn: &mut PlatformConn<'_>,
    user: Uuid,
    but: Uuid,
) -> diesel::QueryResult<()> {
    let ended = sessions::end_others(conn, user, but).await?;
    access::revoke_sessions(conn, ended).await
}
