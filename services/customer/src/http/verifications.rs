//! How a visitor proves an address of mail.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use actix_web::HttpRequest;
use actix_web::web::Data;
use averis_identity::Mail;
use averis_service_kit::Tenant;
use averis_service_kit::idempotency::{Post, once, recall};
use averis_service_kit::limit::client_address;
use averis_service_kit::locks::lock_name;
use averis_service_kit::problem::{ApiResult, Problem, codes as common};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_tenant_context::{TenantContext, TenantKey, may};
use chrono::{DateTime, TimeDelta, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::customers::email_of;
use super::visitors::{VisitorView, view};
use crate::State;
use crate::disclosure::{change_email, prove};
use crate::domain::{code_digest, now, random_code};
use crate::error::{CustomerError, codes};
use crate::store::verifications::{self, VerificationRow};
use crate::store::visitors;

/// How long a code is good, in minutes.
const MINUTES: i64 = 10;
/// Codes in an hour for one visitor, and from one place for one address.
const PER_HOUR: i64 = 5;
/// Codes in an hour from one place, for all addresses.
const PER_SENDER: i64 = 20;
/// Codes in an hour for one address, from wherever. Beyond, none is mailed and nobody is told, or whoever asks would learn
/// that others have asked; and there are so many that it takes several places to keep somebody from its own.
const PER_ADDRESS: i64 = 20;

/// What an address is proven for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To be the customer of the address.
    #[default]
    SignIn,
    /// To give the customer that the visitor has proven to be that address instead.
    ChangeEmail,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::ChangeEmail => "change_email",
        }
    }
}

/// The address to be proven.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestVerification {
    #[garde(length(bytes, max = 254))]
    #[schema(example = "ana@example.com")]
    email: String,
    /// `sign_in` where absent.
    #[garde(skip)]
    #[serde(default)]
    purpose: Purpose,
}

/// A code that is under way.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerificationView {
    id: Uuid,
    expires_at: DateTime<Utc>,
}

/// Mails a code to an address, good once and for ten minutes. The answer is the same whoever has the address, or nobody.
#[utoipa::path(post, path = "/api/customer/v1/verifications", tag = "visitors", security(("token" = ["storefront:write"])), request_body = RequestVerification,
    responses((status = 201, description = "The code is under way.", body = VerificationView)))]
pub async fn request_verification(
    req: HttpRequest,
    tenant: Tenant<may::StorefrontWrite>,
    state: Data<State>,
    post: Post<RequestVerification>,
) -> ApiResult<Reply> {
    let visitor = tenant.caller.identity.subject;
    let key = &tenant.context.key;
    let email = email_of(&post.body.email)?;
    let id = Uuid::now_v7();
    let code = random_code();
    let at = now();
    let row = VerificationRow {
        id,
        visitor_id: visitor,
        email: email.clone(),
        code_digest: code_digest(id, &code),
        attempts: 0,
        expires_at: at + TimeDelta::minutes(MINUTES),
        created_at: at,
        purpose: post.body.purpose.as_str().to_owned(),
        sender: client_address(&req).map(|address| sender_digest(key, address)),
    };
    // Before anything is kept: a code that cannot be mailed counts for nobody.
    let room = state.mails.room(key.as_str());
    let room = room.ok_or_else(|| Problem::new(common::OVERLOADED).retry_after(5))?;
    let is_mailed = AtomicBool::new(false);
    let reply = once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            visitors::see(conn, visitor, at).await?;
            // Whoever asks for the same address at once is counted one after the other.
            lock_name(conn, key, "codes for an address", &email).await?;
            let counts = verifications::count_since(conn, &row, at - TimeDelta::hours(1)).await?;
            let is_too_much = counts.by_visitor >= PER_HOUR
                || counts.by_sender_for_address >= PER_HOUR
                || counts.by_sender >= PER_SENDER;
            if is_too_much {
                return Err(Problem::new(codes::TOO_MANY_CODES).retry_after(3600).into());
            }
            is_mailed.store(counts.for_address < PER_ADDRESS, Ordering::Relaxed);
            verifications::insert(conn, &row).await?;
            let view = VerificationView {
                id,
                expires_at: row.expires_at,
            };
            let location = format!("/api/customer/v1/verifications/{id}");
            Ok(Reply::created(location, &view))
        },
    );
    let reply = reply.await?;
    // The stored answer of an earlier request has sent its own.
    if !reply.is_replayed() && is_mailed.load(Ordering::Relaxed) {
        let name = &tenant.context.name;
        let text = format!(
            "Your code for {name} is\n\n    {code}\n\nIt is good for {MINUTES} minutes, once. If you did not ask for it, you \
             need not do anything; do not tell it to anybody.\n"
        );
        let mail = Mail {
            to: email,
            subject: format!("Your code for {name}"),
            text,
        };
        room.put(mail);
    }
    Ok(reply)
}

/// Returns what is kept of where a request came from: enough to count, and another for each tenant.
fn sender_digest(tenant: &TenantKey, address: IpAddr) -> Vec<u8> {
    let digest = Sha256::new_with_prefix(tenant.as_str());
    digest.chain_update(address.to_string()).finalize().to_vec()
}

/// The code of the mail.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmVerification {
    #[garde(length(bytes, min = 1, max = 20))]
    #[schema(example = "12345678")]
    code: String,
}

/// Proves the address by its code. The same again changes nothing.
///
/// To sign in: the visitor is the customer of the address then, the one who has proven it before or for whom staff has entered
/// it, who learns what the visitor has said of itself, or else what the visitor has been so far. To change the address: the
/// customer that the visitor is has this one, and the one before is told.
#[utoipa::path(post, path = "/api/customer/v1/verifications/{id}/confirm", tag = "visitors", security(("token" = ["storefront:write"])),
    request_body = ConfirmVerification, params(("id" = Uuid, Path)),
    responses((status = 200, description = "The visitor, who is hot.", body = VisitorView)))]
pub async fn confirm_verification(
    tenant: Tenant<may::StorefrontWrite>,
    state: Data<State>,
    PathId(id): PathId,
    post: Post<ConfirmVerification>,
) -> ApiResult<Reply> {
    let visitor = tenant.caller.identity.subject;
    let failed = || Problem::new(codes::VERIFICATION_FAILED);
    // A guess counts whatever becomes of the rest, so it is a transaction of its own. A repetition is no other guess.
    let guessed = tenant
        .db
        .transaction(async |conn| -> Result<_, CustomerError> {
            if let Some(reply) = recall(conn, &post.key, tenant.db.tenant().as_str()).await? {
                return Ok(Guess::Answered(reply));
            }
            let row = verifications::guess(conn, id, visitor).await?;
            Ok(row.map_or(Guess::None, Guess::Counted))
        });
    let row = match guessed.await? {
        Guess::Answered(reply) => return Ok(reply),
        Guess::Counted(row) => row,
        Guess::None => return Err(failed()),
    };
    if !same(&row.code_digest, &code_digest(id, &post.body.code)) {
        return Err(failed());
    }
    let changes = row.purpose == Purpose::ChangeEmail.as_str();
    let before = Mutex::new(None);
    let reply = once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            let at = now();
            let seen = visitors::see(conn, visitor, at).await?;
            if !verifications::spend(conn, id).await? {
                return Err(failed().into());
            }
            if changes {
                let old = change_email(conn, &seen, &row.email, at).await?;
                *before.lock().unwrap_or_else(PoisonError::into_inner) = old;
            } else {
                prove(conn, &seen, &row.email, at).await?;
            }
            let proven = visitors::find(conn, visitor)
                .await?
                .ok_or_else(Problem::not_found)?;
            Ok(Reply::ok(&view(conn, proven).await?))
        },
    );
    let reply = reply.await?;
    let before = before.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(to) = before.filter(|_| !reply.is_replayed()) {
        tell_of_change(&state, &tenant.context, to);
    }
    Ok(reply)
}

/// Tells the address before that it is no customer's any more: whoever has taken it over cannot keep that from its owner.
fn tell_of_change(state: &State, tenant: &TenantContext, to: String) {
    let name = &tenant.name;
    let mail = Mail {
        to,
        subject: format!("Your address at {name} has changed"),
        text: format!(
            "Your account at {name} has another address of mail from now on. If you did not change it, write to {name}.\n"
        ),
    };
    match state.mails.room(tenant.key.as_str()) {
        Some(room) => room.put(mail),
        None => tracing::error!("too many mails wait: a change of address is not told"),
    }
}

/// What became of a guess.
enum Guess {
    /// It is a repetition, which was answered.
    Answered(Reply),
    /// It is one of those that there may be.
    Counted(VerificationRow),
    /// There is no such code any more, for this visitor.
    None,
}

/// Compares in a time that does not depend on where they differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    let differing = one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b));
    one.len() == other.len() && differing == 0
}
