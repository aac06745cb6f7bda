//! Credentials of machines.

use actix_web::web::Data;
use averis_service_kit::auth::Identity;
use averis_service_kit::body::one_line;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Command, Post, recall, remember};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem, codes as common};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::{Permission, may};
use chrono::{DateTime, TimeDelta, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::State;
use crate::domain::secrets::{self, KEY_MARK, SHOWN};
use crate::error::TenantError;
use crate::http::once;
use crate::http::scope::OwnTenant;
use crate::http::tokens::words;
use crate::store::access;
use crate::store::api_keys::{self as store, ApiKeyChanges, ApiKeyRow};

/// What is known of a key.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKeyView {
    id: Uuid,
    name: String,
    /// How the key begins.
    #[schema(example = "avk_h5Yk2cQp")]
    prefix: String,
    /// What it may do, in the words of permissions.
    scopes: Vec<String>,
    created_by: Uuid,
    expires_at: Option<DateTime<Utc>>,
    /// To the minute or so.
    last_used_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    version: i64,
    created_at: DateTime<Utc>,
    /// The key itself: only in the answer to its making, and only the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl From<ApiKeyRow> for ApiKeyView {
    fn from(row: ApiKeyRow) -> Self {
        let ApiKeyRow {
            id,
            tenant_id: _,
            name,
            prefix,
            digest: _,
            scopes,
            created_by,
            expires_at,
            last_used_at,
            revoked_at,
            version,
            created_at,
            updated_at: _,
        } = row;
        Self {
            id,
            name,
            prefix,
            scopes,
            created_by,
            expires_at,
            last_used_at,
            revoked_at,
            version,
            created_at,
            key: None,
        }
    }
}

fn answer(row: ApiKeyRow) -> Reply {
    let version = row.version;
    Reply::ok(&ApiKeyView::from(row)).version(version)
}

/// A key to be made.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApiKey {
    #[garde(length(chars, min = 1, max = 100), custom(one_line))]
    #[schema(example = "Nightly import")]
    name: String,
    /// What it may do: some of what the caller may.
    #[garde(length(min = 1, max = 40))]
    #[schema(value_type = Vec<String>, example = json!(["product:read"]))]
    scopes: Vec<Permission>,
    /// In the future; never where absent.
    #[garde(skip)]
    expires_at: Option<DateTime<Utc>>,
}

/// Makes a key. It is in this answer and nowhere else, not even in the answer to a repetition.
#[utoipa::path(post, path = "/api/tenant/v1/api-keys", tag = "api-keys", security(("token" = ["key:write"])),
    request_body = CreateApiKey, responses((status = 201, description = "The key.", body = ApiKeyView)))]
pub async fn create_api_key(
    tenant: OwnTenant<may::KeyWrite>,
    state: Data<State>,
    post: Post<CreateApiKey>,
) -> ApiResult<Reply> {
    let CreateApiKey {
        name,
        scopes,
        expires_at,
    } = &post.body;
    check_scopes(&tenant.caller, scopes)?;
    if expires_at.is_some_and(|at| at <= Utc::now()) {
        let problem = FieldProblem::new("/expires_at", "past", "must be in the future");
        return Err(Problem::invalid(vec![problem]));
    }
    let mut words: Vec<String> = scopes
        .iter()
        .map(|scope| scope.as_str().to_owned())
        .collect();
    words.sort_unstable();
    words.dedup();
    let (key, row) = new_key(&tenant, name.clone(), words, *expires_at);
    make(&state, &post.key, &key, &row, async |_| Ok(())).await
}

/// How a key is replaced.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateApiKey {
    /// For how long the old key goes on, in minutes: 0 to 10,080 (a week).
    #[garde(range(max = 10_080))]
    overlap_minutes: u32,
}

/// Makes a new key in place of another, which goes on for a while.
#[utoipa::path(post, path = "/api/tenant/v1/api-keys/{id}/rotate", tag = "api-keys",
    security(("token" = ["key:write"])), request_body = RotateApiKey, params(("id" = Uuid, Path), IfMatch),
    responses((status = 201, description = "The new key.", body = ApiKeyView)))]
pub async fn rotate_api_key(
    tenant: OwnTenant<may::KeyWrite>,
    state: Data<State>,
    PathId(id): PathId,
    seen: SeenVersion,
    post: Post<RotateApiKey>,
) -> ApiResult<Reply> {
    let own = tenant.context.id.0;
    let old = state
        .platform
        .read(async |conn| -> Result<_, TenantError> { Ok(store::find(conn, own, id).await?) })
        .await?;
    let old = old.ok_or_else(Problem::not_found)?;
    // Who may no longer give a scope does not give it anew, and what was to end still ends.
    check_scopes(&tenant.caller, &words(&old.scopes))?;
    let (key, row) = new_key(&tenant, old.name, old.scopes, old.expires_at);
    let overlap = TimeDelta::minutes(i64::from(post.body.overlap_minutes));
    make(&state, &post.key, &key, &row, async |conn| {
        let old = store::lock(conn, own, id).await?;
        let old = old.ok_or_else(Problem::not_found)?;
        seen.check(old.version)?;
        check_usable(&old)?;
        let end = Utc::now() + overlap;
        let changes = ApiKeyChanges {
            expires_at: Some(Some(old.expires_at.map_or(end, |at| at.min(end)))),
            ..ApiKeyChanges::default()
        };
        let _ = store::update(conn, id, &changes).await?;
        // Services learn of the earlier end.
        Ok(access::revoke(conn, Some(own), id).await?)
    })
    .await
}

/// Stores a new key with whatever else belongs to it, once.
async fn make<F>(
    state: &State,
    once_key: &averis_service_kit::idempotency::IdempotencyKey,
    key: &str,
    row: &ApiKeyRow,
    besides: F,
) -> ApiResult<Reply>
where
    F: AsyncFn(&mut averis_tenant_db::PlatformConn<'_>) -> Result<(), TenantError>,
{
    let reply = state
        .platform
        .transaction(async |conn| -> Result<Reply, TenantError> {
            if let Some(reply) = recall(&mut **conn, once_key, "platform").await? {
                return Ok(reply);
            }
            besides(conn).await?;
            store::insert(conn, row).await?;
            let location = format!("/api/tenant/v1/api-keys/{}", row.id);
            let mut view = ApiKeyView::from(row.clone());
            // What is remembered for a repetition holds no secret.
            let without = Reply::created(&location, &view).version(1);
            remember(&mut **conn, once_key, &without).await?;
            view.key = Some(key.to_owned());
            Ok(Reply::created(location, &view).version(1).secret())
        })
        .await?;
    Ok(reply)
}

fn new_key<T>(
    tenant: &OwnTenant<T>,
    name: String,
    scopes: Vec<String>,
    expires_at: Option<DateTime<Utc>>,
) -> (String, ApiKeyRow) {
    let key = format!("{KEY_MARK}{}", secrets::random());
    let now = Utc::now();
    let row = ApiKeyRow {
        id: Uuid::now_v7(),
        tenant_id: tenant.context.id.0,
        name,
        prefix: key.chars().take(SHOWN).collect(),
        digest: secrets::digest(&key),
        scopes,
        created_by: tenant.caller.subject,
        expires_at,
        last_used_at: None,
        revoked_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    (key, row)
}

/// What a key never may: whoever administers is a person, and whoever visits a shop is one shopper.
const FOR_PEOPLE: [Permission; 6] = [
    Permission::KeyWrite,
    Permission::MemberWrite,
    Permission::TenantWrite,
    // Who writes through a key must not approve through another.
    Permission::ProductSectionApprove,
    Permission::PriceApprove,
    // Visitors are who they have proven to be: a shop that used one key for all of them would show each the others.
    Permission::StorefrontWrite,
];

/// A key can do no more than who makes it, and administers nothing.
fn check_scopes(caller: &Identity, scopes: &[Permission]) -> Result<(), Problem> {
    let wrong = scopes
        .iter()
        .enumerate()
        .filter(|(_, scope)| !caller.permissions.contains(**scope) || FOR_PEOPLE.contains(scope));
    let wrong: Vec<FieldProblem> = wrong
        .map(|(place, scope)| {
            let message = format!("{scope} is not the caller's to give to a key");
            FieldProblem::new(format!("/scopes/{place}"), "not_allowed", message)
        })
        .collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Problem::invalid(wrong))
    }
}

fn check_usable(row: &ApiKeyRow) -> Result<(), Problem> {
    let expired = row.expires_at.is_some_and(|at| at <= Utc::now());
    if row.revoked_at.is_some() || expired {
        let word = if expired { "expired" } else { "revoked" };
        return Err(Problem::new(common::INVALID_TRANSITION)
            .detail(format!("The key is {word}."))
            .with("current_status", word));
    }
    Ok(())
}

/// Revokes a key: it stops at once, in every service.
#[utoipa::path(post, path = "/api/tenant/v1/api-keys/{id}/revoke", tag = "api-keys",
    security(("token" = ["key:write"])), params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The revoked key.", body = ApiKeyView)))]
pub async fn revoke_api_key(
    tenant: OwnTenant<may::KeyWrite>,
    state: Data<State>,
    PathId(id): PathId,
    seen: SeenVersion,
    command: Command,
) -> ApiResult<Reply> {
    let own = tenant.context.id.0;
    once(&state, &command.key, async |conn| {
        let row = store::lock(conn, own, id).await?;
        let row = row.ok_or_else(Problem::not_found)?;
        seen.check(row.version)?;
        check_usable(&row)?;
        let changes = ApiKeyChanges {
            revoked_at: Some(Some(Utc::now())),
            ..ApiKeyChanges::default()
        };
        let row = store::update(conn, id, &changes).await?;
        access::revoke(conn, Some(own), id).await?;
        Ok(answer(row))
    })
    .await
}

/// Reads what is known of a key.
#[utoipa::path(get, path = "/api/tenant/v1/api-keys/{id}", tag = "api-keys", security(("token" = ["key:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The key.", body = ApiKeyView)))]
pub async fn get_api_key(
    tenant: OwnTenant<may::KeyRead>,
    state: Data<State>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let own = tenant.context.id.0;
    let row = state
        .platform
        .read(async |conn| -> Result<_, TenantError> { Ok(store::find(conn, own, id).await?) })
        .await?;
    row.map(answer).ok_or_else(Problem::not_found)
}

/// Page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListApiKeys {
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists keys by age, those that are no longer good included.
#[utoipa::path(get, path = "/api/tenant/v1/api-keys", tag = "api-keys", security(("token" = ["key:read"])),
    params(ListApiKeys), responses((status = 200, description = "A page of keys.", body = Page<ApiKeyView>)))]
pub async fn list_api_keys(
    tenant: OwnTenant<may::KeyRead>,
    state: Data<State>,
    query: Query<ListApiKeys>,
) -> ApiResult<Reply> {
    let limit = limit(query.0.limit)?;
    let own = tenant.context.id.0;
    let list = format!("api-keys {own}");
    let after = state.cursors.open_asked(&list, query.0.cursor.as_deref())?;
    let rows = state
        .platform
        .read(async |conn| -> Result<_, TenantError> {
            Ok(store::list(conn, own, after, i64::from(limit) + 1).await?)
        })
        .await?;
    let page = Page::new(rows, limit, |row| {
        state.cursors.seal(&list, &(row.created_at, row.id))
    });
    Ok(Reply::ok(&page.map(ApiKeyView::from)))
}
