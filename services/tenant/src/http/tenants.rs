//! Tenants: making, reading and changing them.

pub mod commands;
pub mod purge;
pub mod stytch;

use actix_web::web::Data;
use averis_service_kit::body::{MergePatch, one_line};
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Post, recall, remember};
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::patch::Patch;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem, codes};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::{
    SettingsPatch, Subdomain, TenantKey, TenantSettings, TenantStatus, Tier, may,
};
use averis_tenant_db::PlatformConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::State;
use crate::error::{TenantError, answered};
use crate::http::internal;
use crate::http::scope::{Platform, Scope};
use crate::store::tenants::{self as store, TenantChanges, TenantFilter, TenantRow};

/// A tenant.
#[derive(Debug, Serialize, ToSchema)]
pub struct TenantView {
    id: Uuid,
    /// Immutable; stands in schema and role names.
    #[schema(example = "acme")]
    key: String,
    name: String,
    /// Label in front of the base domain.
    subdomain: String,
    /// `starter`, `professional` or `enterprise`.
    subscription_tier: String,
    /// `active`, `suspended`, `closing` or `purged`.
    status: String,
    /// Branding, features, limits and compliance regions.
    #[schema(value_type = Object)]
    settings: Value,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<TenantRow> for TenantView {
    fn from(row: TenantRow) -> Self {
        let TenantRow {
            id,
            key,
            name,
            subdomain,
            subscription_tier,
            status,
            settings,
            version,
            created_at,
            updated_at,
            purged_at: _,
        } = row;
        Self {
            id,
            key,
            name,
            subdomain,
            subscription_tier,
            status,
            settings,
            version,
            created_at,
            updated_at,
        }
    }
}

fn answer(row: TenantRow) -> Reply {
    let version = row.version;
    Reply::ok(&TenantView::from(row)).version(version)
}

/// A tenant to be made.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProvisionTenant {
    /// Immutable key, `[a-z][a-z0-9]{1,29}`, not a reserved name.
    #[garde(skip)]
    #[schema(example = "acme")]
    key: String,
    #[garde(length(chars, min = 1, max = 200), custom(one_line))]
    #[schema(example = "Acme Corporation")]
    name: String,
    /// The key where absent.
    #[garde(skip)]
    subdomain: Option<String>,
    /// `starter` where absent.
    #[garde(skip)]
    #[schema(value_type = Option<String>, example = "professional")]
    subscription_tier: Option<Tier>,
}

/// Makes a tenant with the schemas and roles of all domains: all of it or nothing.
#[utoipa::path(post, path = "/api/tenant/v1/tenants", tag = "tenants", security(("token" = ["platform_tenant:write"])), request_body = ProvisionTenant,
    responses((status = 201, description = "The tenant is active.", body = TenantView)))]
pub async fn provision_tenant(
    _: Platform<may::PlatformTenantWrite>,
    state: Data<State>,
    post: Post<ProvisionTenant>,
) -> ApiResult<Reply> {
    let (key, row) = new_tenant(post.body)?;
    let made = state
        .provisioner
        .provision(&key, state.capacity, async |conn| {
            if let Some(reply) = recall(&mut **conn, &post.key, "platform").await? {
                return Err(TenantError::Replay(Box::new(reply)));
            }
            let row = store::insert(conn, &row).await?;
            check_quarantine(conn, &row).await?;
            let location = format!("/api/tenant/v1/tenants/{}", row.id);
            let reply = Reply::created(location, &TenantView::from(row)).version(1);
            remember(&mut **conn, &post.key, &reply).await?;
            Ok(reply)
        })
        .await;
    answered(made)
}

fn new_tenant(body: ProvisionTenant) -> Result<(TenantKey, TenantRow), Problem> {
    let ProvisionTenant {
        key,
        name,
        subdomain,
        subscription_tier,
    } = body;
    let mut errors = Vec::new();
    let parsed = key.parse::<TenantKey>();
    if let Err(error) = &parsed {
        errors.push(FieldProblem::new("/key", "invalid", error.to_string()));
    }
    let subdomain = subdomain.unwrap_or_else(|| key.clone());
    if let Err(error) = subdomain.parse::<Subdomain>() {
        errors.push(FieldProblem::new(
            "/subdomain",
            "invalid",
            error.to_string(),
        ));
    }
    let (Ok(tenant_key), true) = (parsed, errors.is_empty()) else {
        return Err(Problem::invalid(errors));
    };
    let tier = subscription_tier.unwrap_or(Tier::Starter);
    let now = Utc::now();
    let row = TenantRow {
        id: Uuid::now_v7(),
        key,
        name,
        subdomain,
        subscription_tier: tier.as_str().to_owned(),
        // Seen by others only when the transaction with all schemas is committed.
        status: TenantStatus::Active.as_str().to_owned(),
        settings: json!(TenantSettings::defaults(tier)),
        version: 1,
        created_at: now,
        updated_at: now,
        purged_at: None,
    };
    Ok((tenant_key, row))
}

/// Reads a tenant.
#[utoipa::path(get, path = "/api/tenant/v1/tenants/{id}", tag = "tenants", security(("token" = ["platform_tenant:read"]), ("token" = ["tenant:read"])), params(("id" = Uuid, Path)),
    responses((status = 200, description = "The tenant.", body = TenantView)))]
pub async fn get_tenant(
    scope: Scope<may::PlatformTenantRead, may::TenantRead>,
    state: Data<State>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    scope.admit(id)?;
    let row = state
        .platform
        .read(async |conn| -> Result<_, TenantError> { Ok(store::find(conn, id).await?) })
        .await?;
    row.map(answer).ok_or_else(Problem::not_found)
}

/// Filters and page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListTenants {
    /// Only the tenant with this key.
    #[param(value_type = Option<String>)]
    key: Option<TenantKey>,
    /// Only tenants in this state.
    #[param(value_type = Option<String>)]
    status: Option<TenantStatus>,
    /// Only tenants of this tier.
    #[param(value_type = Option<String>)]
    subscription_tier: Option<Tier>,
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists tenants by age.
#[utoipa::path(get, path = "/api/tenant/v1/tenants", tag = "tenants", security(("token" = ["platform_tenant:read"]), ("token" = ["tenant:read"])), params(ListTenants),
    responses((status = 200, description = "A page of tenants.", body = Page<TenantView>)))]
pub async fn list_tenants(
    scope: Scope<may::PlatformTenantRead, may::TenantRead>,
    state: Data<State>,
    query: Query<ListTenants>,
) -> ApiResult<Reply> {
    let ListTenants {
        key,
        status,
        subscription_tier,
        limit: asked,
        cursor,
    } = query.0;
    let limit = limit(asked)?;
    let list = format!(
        "tenants {:?} {key:?} {status:?} {subscription_tier:?}",
        scope.own
    );
    let after = state.cursors.open_asked(&list, cursor.as_deref())?;
    let filter = TenantFilter {
        only: scope.own,
        key: key.map(String::from),
        status: status.map(|status| status.as_str().to_owned()),
        tier: subscription_tier.map(|tier| tier.as_str().to_owned()),
        after,
    };
    let rows = state
        .platform
        .read(async |conn| -> Result<_, TenantError> {
            Ok(store::list(conn, &filter, i64::from(limit) + 1).await?)
        })
        .await?;
    let page = Page::new(rows, limit, |row| {
        state.cursors.seal(&list, &(row.created_at, row.id))
    });
    Ok(Reply::ok(&page.map(TenantView::from)))
}

/// What of a tenant may be changed: a merge patch.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateTenant {
    #[garde(custom(not_removed), custom(new_name))]
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    name: Patch<String>,
    #[garde(custom(not_removed))]
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "professional")]
    subscription_tier: Patch<Tier>,
    /// Parts of branding, features, limits and compliance regions.
    #[garde(custom(not_removed))]
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    settings: Patch<SettingsPatch>,
}

fn not_removed<T>(field: &Patch<T>, _: &()) -> garde::Result {
    match field {
        Patch::Null => Err(garde::Error::new("cannot be removed")),
        Patch::Absent | Patch::Value(_) => Ok(()),
    }
}

fn new_name(name: &Patch<String>, context: &()) -> garde::Result {
    let Some(name) = name.value() else {
        return Ok(());
    };
    if !(1..=200).contains(&name.chars().count()) {
        return Err(garde::Error::new("must have 1 to 200 characters"));
    }
    one_line(name, context)
}

/// Changes name, tier or settings of a tenant.
#[utoipa::path(patch, path = "/api/tenant/v1/tenants/{id}", tag = "tenants", security(("token" = ["platform_tenant:write"]), ("token" = ["tenant:write"])), request_body = UpdateTenant,
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The changed tenant.", body = TenantView)))]
pub async fn update_tenant(
    scope: Scope<may::PlatformTenantWrite, may::TenantWrite>,
    state: Data<State>,
    PathId(id): PathId,
    seen: SeenVersion,
    patch: MergePatch<UpdateTenant>,
) -> ApiResult<Reply> {
    scope.admit(id)?;
    let UpdateTenant {
        name,
        subscription_tier,
        settings: patch,
    } = &patch.0;
    let sells = subscription_tier.value().is_some()
        || patch
            .value()
            .is_some_and(SettingsPatch::changes_what_is_sold);
    if scope.own.is_some() && sells {
        return Err(Problem::new(codes::FORBIDDEN)
            .detail("Tier, features and limits are set by the platform.")
            .with("permission", "platform_tenant:write"));
    }
    let row = state
        .platform
        .transaction(async |conn| -> Result<_, TenantError> {
            let row = locked(conn, id, seen).await?;
            if row.status == TenantStatus::Purged.as_str() {
                return Err(TenantError::Transition {
                    from: TenantStatus::Purged,
                    verb: "be changed",
                });
            }
            let settings = match patch.value() {
                None => None,
                Some(patch) => {
                    let current: TenantSettings = serde_json::from_value(row.settings)
                        .map_err(|error| Problem::new(internal()).because(error))?;
                    Some(json!(current.patched(patch)?))
                }
            };
            let changes = TenantChanges {
                name: name.value().cloned(),
                subscription_tier: subscription_tier
                    .value()
                    .map(|tier| tier.as_str().to_owned()),
                settings,
                ..TenantChanges::default()
            };
            Ok(store::update(conn, id, &changes).await?)
        })
        .await?;
    Ok(answer(row))
}

/// How long a subdomain that a tenant gave up is nobody else's, in days: links to it are about.
const QUARANTINE_DAYS: i64 = 90;

/// Refuses a subdomain that was another tenant's until lately.
async fn check_quarantine(conn: &mut PlatformConn<'_>, row: &TenantRow) -> Result<(), TenantError> {
    let (subdomain, id) = (row.subdomain.as_str(), row.id);
    if store::is_in_quarantine(conn, subdomain, id, QUARANTINE_DAYS).await? {
        return Err(TenantError::SubdomainTaken);
    }
    Ok(())
}

/// Subdomains that a tenant may hold back from all others at once.
const MOST_RELEASED: i64 = 5;

/// Refuses another change after many: each holds a name back for months.
async fn check_changes(conn: &mut PlatformConn<'_>, id: Uuid) -> Result<(), TenantError> {
    if store::count_released(conn, id, QUARANTINE_DAYS).await? < MOST_RELEASED {
        return Ok(());
    }
    Err(Problem::new(codes::LIMIT_REACHED)
        .detail(format!(
            "A subdomain may change {MOST_RELEASED} times in {QUARANTINE_DAYS} days."
        ))
        .with("limit", "subdomain_changes")
        .with("maximum", MOST_RELEASED)
        .into())
}

/// Locks a tenant that the caller has seen as it is.
async fn locked(
    conn: &mut PlatformConn<'_>,
    id: Uuid,
    seen: SeenVersion,
) -> Result<TenantRow, TenantError> {
    let row = store::lock(conn, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    seen.check(row.version)?;
    Ok(row)
}
