//! How a visitor proves an address of mail.

use actix_web::web::Data;
use averis_identity::Mail;
use averis_service_kit::Tenant;
use averis_service_kit::idempotency::{Post, once, recall};
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use chrono::{DateTime, TimeDelta, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::customers::email_of;
use super::visitors::{VisitorView, view};
use crate::State;
use crate::disclosure::prove;
use crate::domain::{code_digest, now, random_code};
use crate::error::{CustomerError, codes};
use crate::store::verifications::{self, VerificationRow};
use crate::store::visitors;

/// How long a code is good, in minutes.
const MINUTES: i64 = 10;
/// Codes in an hour, for one visitor or one address.
const PER_HOUR: i64 = 5;

/// The address to be proven.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestVerification {
    #[garde(length(bytes, max = 254))]
    #[schema(example = "ana@example.com")]
    email: String,
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
    tenant: Tenant<may::StorefrontWrite>,
    state: Data<State>,
    post: Post<RequestVerification>,
) -> ApiResult<Reply> {
    let visitor = tenant.caller.identity.subject;
    let email = email_of(&post.body.email)?;
    let id = Uuid::now_v7();
    let code = random_code();
    let reply = once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            let at = now();
            visitors::see(conn, visitor, at).await?;
            let since = at - TimeDelta::hours(1);
            if verifications::count_since(conn, visitor, &email, since).await? >= PER_HOUR {
                return Err(Problem::new(codes::TOO_MANY_CODES).retry_after(3600).into());
            }
            let row = VerificationRow {
                id,
                visitor_id: visitor,
                email: email.clone(),
                code_digest: code_digest(id, &code),
                attempts: 0,
                expires_at: at + TimeDelta::minutes(MINUTES),
                created_at: at,
            };
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
    if !reply.is_replayed() {
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
        if !state.mails.put(mail) {
            tracing::error!("too many mails wait: a code is not sent");
        }
    }
    Ok(reply)
}

/// The code of the mail.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmVerification {
    #[garde(length(bytes, min = 1, max = 20))]
    #[schema(example = "12345678")]
    code: String,
}

/// Proves the address by its code. The visitor is the customer of the address then: the one who has proven it before, who
/// learns what the visitor has said of itself, or else what the visitor has been so far. The same again changes nothing.
#[utoipa::path(post, path = "/api/customer/v1/verifications/{id}/confirm", tag = "visitors", security(("token" = ["storefront:write"])),
    request_body = ConfirmVerification, params(("id" = Uuid, Path)),
    responses((status = 200, description = "The visitor, who is hot.", body = VisitorView)))]
pub async fn confirm_verification(
    tenant: Tenant<may::StorefrontWrite>,
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
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, CustomerError> {
            let at = now();
            let seen = visitors::see(conn, visitor, at).await?;
            if !verifications::spend(conn, id).await? {
                return Err(failed().into());
            }
            prove(conn, &seen, &row.email, at).await?;
            let proven = visitors::find(conn, visitor)
                .await?
                .ok_or_else(Problem::not_found)?;
            Ok(Reply::ok(&view(conn, proven).await?))
        },
    )
    .await
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
