//! How people come to belong to a tenant.
//!
//! An invitation is a word that reaches the invited address by mail alone. It is good once, for that person and tenant, and
//! for a week.

use actix_web::HttpRequest;
use actix_web::web::Data;
use averis_service_kit::body::{Body, one_line};
use averis_service_kit::idempotency::{Command, Post};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem, codes as common};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::{TenantContext, TenantRole, TenantSettings, may};
use averis_tenant_db::PlatformConn;
use chrono::{TimeDelta, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{MemberView, answer, check_roles, locked, role_names};
use crate::State;
use crate::domain::{emails, passwords, secrets};
use crate::error::{TenantError, codes, provider_problem};
use crate::http::scope::OwnTenant;
use crate::http::sign_in::{Guesses, acceptable};
use crate::http::{internal, once};
use crate::store::mail_counts::{self, Allowance};
use crate::store::members::{self, InvitationRow, MemberChanges};
use crate::store::providers::{self, IdentityRow};
use crate::store::users::{self, UserChanges, UserRow};
use crate::store::{access, sessions, tenants};

/// How long an invitation is good, in days.
const DAYS: i64 = 7;
/// Invitations of one tenant to one address.
const INVITED: Allowance = Allowance {
    per_hour: 5,
    pause: TimeDelta::zero(),
};
/// The same, when one is sent again.
const SENT_AGAIN: Allowance = Allowance {
    per_hour: 5,
    pause: TimeDelta::minutes(1),
};

/// Somebody to be invited.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteMember {
    #[garde(skip)]
    #[schema(example = "ana@acme.example")]
    email: String,
    #[garde(length(max = 40))]
    #[schema(value_type = Vec<String>)]
    roles: Vec<TenantRole>,
}

/// Invites somebody by mail.
#[utoipa::path(post, path = "/api/tenant/v1/members", tag = "members", security(("token" = ["member:write"])),
    request_body = InviteMember, responses((status = 201, description = "The invited member.", body = MemberView)))]
pub async fn invite_member(
    tenant: OwnTenant<may::MemberWrite>,
    state: Data<State>,
    post: Post<InviteMember>,
) -> ApiResult<Reply> {
    let email = emails::normal(&post.body.email)
        .map_err(|fault| Problem::invalid(vec![FieldProblem::new("/email", "invalid", fault)]))?;
    let roles = role_names(&post.body.roles);
    check_roles(&tenant.caller, &[], &roles)?;
    let own = tenant.context.id.0;
    let word = secrets::random();
    let reply = once(&state, &post.key, async |conn| {
        members::hold_tenant(conn, own).await?;
        check_seats(conn, own, &["invited", "active", "suspended"], Uuid::nil()).await?;
        let user = known_or_new(conn, &email).await?;
        let names: Vec<&str> = roles.iter().map(String::as_str).collect();
        if !members::invite(conn, own, user, &names).await? {
            return Err(Problem::new(codes::MEMBER_EXISTS).into());
        }
        count_mail(conn, own, &email, INVITED).await?;
        let invitation = invitation(own, user, tenant.caller.subject, &word);
        members::put_invitation(conn, &invitation).await?;
        let row = members::find(conn, own, user).await?;
        let row = row.ok_or_else(Problem::not_found)?;
        let location = format!("/api/tenant/v1/members/{user}");
        Ok(Reply::created(location, &MemberView::from(row)).version(1))
    })
    .await?;
    if !reply.is_replayed() {
        let user = state
            .platform
            .read(async |conn| -> Result<_, TenantError> {
                Ok(users::find_by_email(conn, &email).await?)
            })
            .await?;
        let user = user.ok_or_else(Problem::not_found)?;
        send(&state, &tenant.context, user.id, &email, &word).await;
    }
    Ok(reply)
}

/// Sends an invitation again. The word that was sent before is good no longer.
#[utoipa::path(post, path = "/api/tenant/v1/members/{id}/resend-invitation", tag = "members",
    security(("token" = ["member:write"])), params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The invited member.", body = MemberView)))]
pub async fn resend_invitation(
    tenant: OwnTenant<may::MemberWrite>,
    state: Data<State>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    let own = tenant.context.id.0;
    let word = secrets::random();
    let reply = once(&state, &command.key, async |conn| {
        let row = locked(conn, &tenant, id, seen).await?;
        check_roles(&tenant.caller, &row.roles, &row.roles)?;
        if row.status != "invited" {
            return Err(Problem::new(common::INVALID_TRANSITION)
                .detail("The invitation was accepted.")
                .with("current_status", row.status)
                .into());
        }
        count_mail(conn, own, &row.email, SENT_AGAIN).await?;
        let invitation = invitation(own, id, tenant.caller.subject, &word);
        members::put_invitation(conn, &invitation).await?;
        Ok(answer(row))
    })
    .await?;
    if !reply.is_replayed() {
        let row = state
            .platform
            .read(async |conn| -> Result<_, TenantError> { Ok(users::find(conn, id).await?) })
            .await?;
        let row = row.ok_or_else(Problem::not_found)?;
        send(&state, &tenant.context, id, &row.email, &word).await;
    }
    Ok(reply)
}

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

/// Checks that a sign-in is the invited person's, has not ended, and is good for more than one other tenant.
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

/// Counts an invitation of a tenant to an address, however often that is invited and removed.
async fn count_mail(
    conn: &mut PlatformConn<'_>,
    tenant: Uuid,
    email: &str,
    allowance: Allowance,
) -> Result<(), TenantError> {
    let kind = format!("invitation of {tenant}");
    if mail_counts::count(conn, &kind, email, allowance).await? {
        return Ok(());
    }
    Err(Problem::new(common::RATE_LIMITED)
        .detail("The address was invited within the last minute, or five times within an hour.")
        .retry_after(60)
        .into())
}

/// Checks that there is room for one more beside those in the given states.
async fn check_seats(
    conn: &mut PlatformConn<'_>,
    tenant: Uuid,
    taken: &[&str],
    but: Uuid,
) -> Result<(), TenantError> {
    // As it is now, not as some cache has it.
    let row = tenants::find(conn, tenant).await?;
    let row = row.ok_or_else(Problem::not_found)?;
    let settings: TenantSettings = serde_json::from_value(row.settings)
        .map_err(|error| Problem::new(internal()).because(error))?;
    let seats = i64::from(settings.limits.max_users);
    if members::count(conn, tenant, taken, but).await? < seats {
        return Ok(());
    }
    Err(Problem::new(common::LIMIT_REACHED)
        .detail(format!("The tenant may have {seats} members."))
        .with("limit", "max_users")
        .with("maximum", seats)
        .into())
}

async fn known_or_new(conn: &mut PlatformConn<'_>, email: &str) -> Result<Uuid, TenantError> {
    let now = Utc::now();
    let row = UserRow {
        // Without a time in it: when somebody was first known here is nobody's business.
        id: Uuid::new_v4(),
        email: email.to_owned(),
        name: String::new(),
        password_hash: None,
        global_roles: Vec::new(),
        default_tenant: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    Ok(users::find_or_add(conn, &row).await?)
}

fn invitation(tenant: Uuid, user: Uuid, by: Uuid, word: &str) -> InvitationRow {
    InvitationRow {
        tenant_id: tenant,
        user_id: user,
        digest: secrets::digest(word),
        invited_by: Some(by),
        expires_at: Utc::now() + TimeDelta::days(DAYS),
    }
}

/// Sends the word, or has the tenant's provider invite the person. The membership stands whether that succeeds or not: it
/// can be sent again.
async fn send(state: &State, tenant: &TenantContext, user: Uuid, email: &str, word: &str) {
    match invite_at_provider(state, tenant, user, email).await {
        Ok(true) => return,
        Ok(false) => {}
        Err(problem) => {
            let cause = problem.cause_chain().unwrap_or_default();
            tracing::error!(cause, "the provider did not invite a member");
            return;
        }
    }
    let subject = format!("You are invited to {}", tenant.name);
    let text = format!(
        "You are invited to work in {} on Averis.\n\nTo accept, use this word within {DAYS} days:\n\n    {word}\n\n\
         If you do not know what this is about, you need not do anything.\n",
        tenant.name
    );
    if let Err(error) = state.mailer.send(email, &subject, &text).await {
        tracing::error!(error = %error, "an invitation could not be sent");
    }
}

/// Has Stytch invite somebody into the tenant's organization. `false` says that the tenant is none.
async fn invite_at_provider(
    state: &State,
    tenant: &TenantContext,
    user: Uuid,
    email: &str,
) -> ApiResult<bool> {
    let own = tenant.id.0;
    let organization = state
        .platform
        .read(async |conn| -> Result<_, TenantError> {
            Ok(providers::organization_of(conn, own).await?)
        })
        .await?;
    let Some((issuer, organization)) = organization else {
        return Ok(false);
    };
    let (stytch, redirect) = state.stytch()?;
    let subject = stytch.invite(&organization, email, "", redirect.as_str());
    let link = IdentityRow {
        issuer,
        subject: subject.await.map_err(provider_problem)?,
        user_id: user,
        tenant_id: Some(own),
    };
    // Where this is lost, the first sign-in finds the person by its address.
    let linked = state
        .platform
        .transaction(async |conn| -> Result<_, TenantError> {
            members::hold_tenant(conn, own).await?;
            let now = providers::organization_of(conn, own).await?;
            let is_same = now.is_some_and(|(issuer, _)| issuer == link.issuer);
            Ok(is_same && providers::relink(conn, &link).await?)
        })
        .await?;
    if !linked {
        tracing::warn!("the provider names an invited person by a subject that is somebody else");
    }
    Ok(true)
}
