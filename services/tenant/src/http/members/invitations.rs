//! How people come to belong to a tenant.
//!
//! An invitation is a word that reaches the invited address by mail alone. It is good once, for that person and tenant, and
//! for a week.

use actix_web::web::Data;
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
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{MemberView, answer, check_roles, locked, role_names};
use crate::State;
use crate::domain::secrets;
use crate::error::{TenantError, codes, provider_problem};
use crate::http::scope::OwnTenant;
use crate::http::{internal, once};
use crate::store::mail_counts::{self, Allowance};
use crate::store::members::{self, InvitationRow};
use crate::store::providers::{self, IdentityRow};
use crate::store::tenants;
use crate::store::users::{self, UserRow};
use averis_identity::emails;

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
    #[schema(value_type = Vec<String>, example = json!(["product_view"]))]
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
        send(&state, &tenant.context, &email, &word).await;
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
        send(&state, &tenant.context, &row.email, &word).await;
    }
    Ok(reply)
}

/// Checks that there is room for one more beside those in the given states.
pub(super) async fn check_seats(
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
async fn send(state: &State, tenant: &TenantContext, email: &str, word: &str) {
    match invite_at_provider(state, tenant, email).await {
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
async fn invite_at_provider(state: &State, tenant: &TenantContext, email: &str) -> ApiResult<bool> {
    let own = tenant.id.0;
    let (organization, user) = state
        .platform
        .read(async |conn| -> Result<_, TenantError> {
            let organization = providers::organization_of(conn, own).await?;
            Ok((organization, users::find_by_email(conn, email).await?))
        })
        .await?;
    let Some((issuer, organization)) = organization else {
        return Ok(false);
    };
    let user = user.ok_or_else(Problem::not_found)?;
    let (stytch, redirect) = state.stytch()?;
    let subject = stytch.invite(&organization, email, "", redirect.as_str());
    let link = IdentityRow {
        issuer,
        subject: subject.await.map_err(provider_problem)?,
        user_id: user.id,
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
