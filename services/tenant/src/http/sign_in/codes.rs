//! Codes by mail: to sign in, and to choose another password.
//!
//! Whether an address is known shows in no answer and no time: a code is made, kept and counted for whatever address asks,
//! and the mail leaves after the answer.

use actix_web::HttpRequest;
use actix_web::web::Data;
use averis_identity::Mail;
use averis_service_kit::body::Body;
use averis_service_kit::limit::client_address;
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::reply::Reply;
use averis_tenant_db::PlatformConn;
use chrono::{TimeDelta, Utc};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Beginning, Guesses, SignedIn, acceptable, begin, end_all_but, signed_in};
use crate::State;
use crate::domain::secrets;
use crate::error::{TenantError, codes as problems};
use crate::store::codes::{self, CodeRow};
use crate::store::mail_counts::{self, Allowance};
use crate::store::users::{self, UserChanges, UserRow};
use averis_identity::emails;

/// How long a code is good, in minutes.
const MINUTES: i64 = 10;
/// Codes for one address that one sender may ask for.
const PER_SENDER: Allowance = Allowance {
    per_hour: 3,
    pause: TimeDelta::minutes(1),
};
/// Codes for one address that all senders together may ask for.
const PER_ADDRESS: Allowance = Allowance {
    per_hour: 20,
    pause: TimeDelta::zero(),
};

/// Whom to mail a code.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestCode {
    #[garde(length(bytes, max = 254))]
    #[schema(example = "ana@acme.example")]
    email: String,
}

/// Mails a code to sign in with, good once and for ten minutes, if somebody has the address.
///
/// A sender gets at most one in a minute and three in an hour; then the code before stays good. Staff of the platform gets none: for them
/// a mailbox is not enough.
#[utoipa::path(post, path = "/api/tenant/v1/sign-in/codes", tag = "sign-in", security(()), request_body = RequestCode,
    responses((status = 204, description = "Mailed, if anybody has the address.")))]
pub async fn request_code(
    req: HttpRequest,
    state: Data<State>,
    body: Body<RequestCode>,
) -> ApiResult<Reply> {
    let own = match client_address(&req) {
        Some(address) => format!("code for {address}"),
        None => "code for nowhere".to_owned(),
    };
    let email = emails::normal(&body.0.email).unwrap_or_default();
    let code = secrets::random_code();
    let code_hash = state.passwords.hash(code.clone()).await?;
    let to = state
        .platform
        .transaction(async |conn| -> Result<_, TenantError> {
            let user = users::find_by_email(conn, &email).await?;
            // By where it is asked for too, or any stranger could keep anybody from codes.
            if !mail_counts::count(conn, &own, &email, PER_SENDER).await?
                || !mail_counts::count(conn, "code", &email, PER_ADDRESS).await?
            {
                return Ok(None);
            }
            let row = CodeRow {
                email_digest: secrets::digest(&email),
                code_hash: code_hash.clone(),
                expires_at: Utc::now() + TimeDelta::minutes(MINUTES),
            };
            codes::put(conn, &row).await?;
            Ok(user.filter(|user| user.global_roles.is_empty()))
        })
        .await?;
    if let Some(UserRow { email, .. }) = to {
        let text = format!(
            "Your code for Averis is\n\n    {code}\n\nIt is good for {MINUTES} minutes, once. If you did not ask for it, \
             you need not do anything; do not tell it to anybody.\n"
        );
        let mail = Mail {
            to: email,
            subject: "Your code for Averis".to_owned(),
            text,
        };
        match state.mails.room("sign-in") {
            Some(room) => room.put(mail),
            None => tracing::error!("too many mails wait: a code is not sent"),
        }
    }
    Ok(Reply::no_content())
}

/// A code and whose it is.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInWithCode {
    #[garde(length(bytes, max = 254))]
    #[schema(example = "ana@acme.example")]
    email: String,
    /// Eight digits, from the mail.
    #[garde(length(bytes, max = 100))]
    #[schema(example = "12345678")]
    code: String,
}

/// Signs a person in by a code from a mail.
///
/// Unknown addresses, wrong codes and locked accounts get the same answer, which takes the same time.
#[utoipa::path(post, path = "/api/tenant/v1/sign-in/code", tag = "sign-in", security(()), request_body = SignInWithCode,
    responses((status = 200, description = "A sign-in.", body = SignedIn)))]
pub async fn sign_in_with_code(
    req: HttpRequest,
    state: Data<State>,
    body: Body<SignInWithCode>,
) -> ApiResult<Reply> {
    let SignInWithCode { email, code } = body.0;
    let shown = Shown::read(&req, &state, &email, code).await?;
    let session = state
        .platform
        .transaction(async |conn| -> Result<_, TenantError> {
            Ok(match shown.spend(conn).await? {
                Some(user) => Some((user, begin(conn, Beginning::of(user, "code")).await?)),
                None => None,
            })
        })
        .await?;
    let (user, session) = session.ok_or_else(|| Problem::new(problems::SIGN_IN_REFUSED))?;
    signed_in(&state, user, session)
}

/// A code, whose it is, and the new password.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetPassword {
    #[garde(length(bytes, max = 254))]
    #[schema(example = "ana@acme.example")]
    email: String,
    /// Eight digits, from the mail.
    #[garde(length(bytes, max = 100))]
    #[schema(example = "12345678")]
    code: String,
    /// At least 12 characters.
    #[garde(custom(acceptable))]
    new_password: String,
}

/// Gives an account another password, for a code from a mail, and ends all its sessions.
#[utoipa::path(post, path = "/api/tenant/v1/reset-password", tag = "sign-in", security(()), request_body = ResetPassword,
    responses((status = 204, description = "The new password is the account's.")))]
pub async fn reset_password(
    req: HttpRequest,
    state: Data<State>,
    body: Body<ResetPassword>,
) -> ApiResult<Reply> {
    let ResetPassword {
        email,
        code,
        new_password,
    } = body.0;
    let shown = Shown::read(&req, &state, &email, code).await?;
    let hash = state.passwords.hash(new_password).await?;
    let done = state
        .platform
        .transaction(async |conn| -> Result<bool, TenantError> {
            let Some(user) = shown.spend(conn).await? else {
                return Ok(false);
            };
            let changes = UserChanges {
                password_hash: Some(Some(hash.clone())),
                ..UserChanges::default()
            };
            let _ = users::update(conn, user, &changes).await?;
            end_all_but(conn, user, Uuid::nil()).await?;
            Ok(true)
        })
        .await?;
    if done {
        Ok(Reply::no_content())
    } else {
        Err(Problem::new(problems::SIGN_IN_REFUSED))
    }
}

/// A code that was shown, compared with the one that is kept.
struct Shown {
    digest: Vec<u8>,
    /// Who has the address, and the hash of the code, if it is the right one.
    right: Option<(Uuid, String)>,
    guesses: Guesses,
}

impl Shown {
    async fn read(req: &HttpRequest, state: &State, email: &str, code: String) -> ApiResult<Self> {
        let email = emails::normal(email).unwrap_or_default();
        let digest = secrets::digest(&email);
        let (user, kept) = state
            .platform
            .read(async |conn| -> Result<_, TenantError> {
                let user = users::find_by_email(conn, &email).await?;
                Ok((user, codes::find(conn, &digest).await?))
            })
            .await?;
        let matches = state.passwords.matches(code, kept.clone()).await?;
        let user = user.filter(|user| matches && user.global_roles.is_empty());
        Ok(Self {
            right: user.map(|user| user.id).zip(kept),
            digest,
            // Counted apart from passwords: who locks one of them leaves the other.
            guesses: Guesses::at(&format!("code of {email}"), req),
        })
    }

    /// Counts the guess and uses the code up, if it is right. Returns whose it was.
    async fn spend(&self, conn: &mut PlatformConn<'_>) -> diesel::QueryResult<Option<Uuid>> {
        let counts = self.guesses.count(conn, self.right.is_some()).await?;
        let Some((user, hash)) = self.right.as_ref().filter(|_| counts) else {
            return Ok(None);
        };
        if !codes::spend(conn, &self.digest, hash).await? {
            return Ok(None);
        }
        // It may have become staff while the code was compared.
        let person = users::lock(conn, *user).await?;
        Ok(person.global_roles.is_empty().then_some(*user))
    }
}
