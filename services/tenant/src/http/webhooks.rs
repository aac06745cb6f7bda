//! Endpoints of tenants' own systems.

pub mod commands;
pub mod deliveries;
pub mod receive;

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::audit::{AuditEvent, ListAuditEvents, page_of_schema};
use averis_service_kit::body::{MergePatch, one_line};
use averis_service_kit::clock::now;
use averis_service_kit::cursor::{Page, limit};
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::locks::lock_name;
use averis_service_kit::openapi::IfMatch;
use averis_service_kit::patch::not_null;
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::{PathId, Query};
use averis_service_kit::reply::Reply;
use averis_service_kit::version::SeenVersion;
use averis_tenant_context::{TenantContext, may};
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::WebhookState;
use crate::domain::webhooks::events::{self, EVENT_TYPES};
use crate::domain::webhooks::signature::new_secret;
use crate::domain::webhooks::{MAX_ENDPOINTS, targets};
use crate::error::{TenantError, codes};
use crate::store::webhook_endpoints::{self as endpoints, ENABLED, EndpointRow, HealthRow};

/// Where a system of the tenant is told what happens.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookEndpointView {
    id: Uuid,
    #[schema(example = "https://shop.example/hooks/averis")]
    url: String,
    description: String,
    /// What it is told of; none says all.
    event_types: Vec<String>,
    /// `enabled` or `disabled`.
    #[schema(example = "enabled")]
    status: String,
    /// `by_hand`, `gone` (it has answered 410) or `failing` (nothing has come through for five days).
    disabled_reason: Option<String>,
    /// Since when nothing comes through; null where something does.
    failing_since: Option<DateTime<Utc>>,
    /// Until when it is left alone for that.
    not_before: Option<DateTime<Utc>>,
    /// Until when the secret before the present one signs too.
    previous_secret_until: Option<DateTime<Utc>>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl WebhookEndpointView {
    fn of(row: EndpointRow, health: Option<&HealthRow>) -> Self {
        let EndpointRow {
            id,
            url,
            description,
            event_types,
            status,
            disabled_reason,
            secret: _,
            previous_secret: _,
            previous_until,
            version,
            created_at,
            updated_at,
        } = row;
        Self {
            id,
            url,
            description,
            event_types,
            status,
            disabled_reason,
            failing_since: health.map(|health| health.failing_since),
            not_before: health.map(|health| health.not_before),
            previous_secret_until: previous_until.filter(|until| *until > now()),
            version,
            created_at,
            updated_at,
        }
    }
}

async fn answer(conn: &mut TenantConn, row: EndpointRow) -> Result<Reply, TenantError> {
    let version = row.version;
    let health = endpoints::health_of(conn, &[row.id]).await?;
    Ok(Reply::ok(&WebhookEndpointView::of(row, health.first())).version(version))
}

/// Checks that the tenant may use webhooks.
fn check_feature(context: &TenantContext) -> Result<(), Problem> {
    if context.settings.features.webhooks {
        return Ok(());
    }
    Err(Problem::new(codes::WEBHOOKS_NOT_ALLOWED))
}

/// Checks what an endpoint is to be told of, and returns it in order and once.
fn checked_types(mut types: Vec<String>) -> Result<Vec<String>, Problem> {
    let unknown: Vec<FieldProblem> = types
        .iter()
        .enumerate()
        .filter(|(_, name)| events::find(name).is_none())
        .map(|(place, _)| {
            let pointer = format!("/event_types/{place}");
            FieldProblem::new(pointer, "unknown", "is none of GET /webhook-event-types")
        })
        .collect();
    if !unknown.is_empty() {
        return Err(Problem::invalid(unknown));
    }
    types.sort_unstable();
    types.dedup();
    Ok(types)
}

/// Checks an address, and returns it as it is called.
fn checked_url(state: &WebhookState, url: &str) -> Result<String, Problem> {
    let checked = targets::check(url, state.sending.targets, &state.base_domain);
    let refused =
        |(code, message)| Problem::invalid(vec![FieldProblem::new("/url", code, message)]);
    Ok(checked.map_err(refused)?.into())
}

/// An endpoint to be made.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWebhookEndpoint {
    /// `https` and open to the internet.
    #[garde(length(bytes, min = 1, max = targets::MAX_URL))]
    #[schema(example = "https://shop.example/hooks/averis")]
    url: String,
    #[serde(default)]
    #[garde(length(chars, max = 200), custom(one_line))]
    #[schema(example = "Warehouse")]
    description: String,
    /// What it is told of; none says all.
    #[serde(default)]
    #[garde(length(max = 100))]
    #[schema(example = json!(["order.placed", "shipment.shipped"]))]
    event_types: Vec<String>,
}

/// Makes an endpoint. It is told what happens from now on.
#[utoipa::path(post, path = "/api/tenant/v1/webhook-endpoints", tag = "webhooks", security(("token" = ["webhook:write"])),
    request_body = CreateWebhookEndpoint, responses((status = 201, description = "The endpoint.", body = WebhookEndpointView)))]
pub async fn create_webhook_endpoint(
    tenant: Tenant<may::WebhookWrite>,
    state: Data<WebhookState>,
    post: Post<CreateWebhookEndpoint>,
) -> ApiResult<Reply> {
    check_feature(&tenant.context)?;
    let body = post.body;
    let now = now();
    let row = EndpointRow {
        id: Uuid::now_v7(),
        url: checked_url(&state, &body.url)?,
        description: body.description,
        event_types: checked_types(body.event_types)?,
        status: ENABLED.to_owned(),
        disabled_reason: None,
        secret: new_secret(),
        previous_secret: None,
        previous_until: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, TenantError> {
            lock_name(conn, &tenant.context.key, "webhook endpoints", "").await?;
            if endpoints::count(conn).await? >= MAX_ENDPOINTS {
                return Err(Problem::new(codes::TOO_MANY_ENDPOINTS)
                    .with("most", MAX_ENDPOINTS)
                    .into());
            }
            endpoints::insert(conn, &row).await?;
            let location = format!("/api/tenant/v1/webhook-endpoints/{}", row.id);
            let view = WebhookEndpointView::of(row.clone(), None);
            Ok(Reply::created(location, &view).version(1))
        },
    )
    .await
}

/// A page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListWebhookEndpoints {
    /// Rows per page, 1 to 250.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists endpoints by age.
#[utoipa::path(get, path = "/api/tenant/v1/webhook-endpoints", tag = "webhooks", security(("token" = ["webhook:read"])),
    params(ListWebhookEndpoints), responses((status = 200, description = "A page of endpoints.", body = Page<WebhookEndpointView>)))]
pub async fn list_webhook_endpoints(
    tenant: Tenant<may::WebhookRead>,
    state: Data<WebhookState>,
    query: Query<ListWebhookEndpoints>,
) -> ApiResult<Reply> {
    let limit = limit(query.0.limit)?;
    let list = format!("{} webhook endpoints", tenant.context.key);
    let after = state.cursors.open_asked(&list, query.0.cursor.as_deref())?;
    let page = tenant.db.read(async |conn| -> Result<_, TenantError> {
        let rows = endpoints::list(conn, after, i64::from(limit) + 1).await?;
        let page = Page::new(rows, limit, |row| {
            state.cursors.seal(&list, &(row.created_at, row.id))
        });
        let ids: Vec<Uuid> = page.data.iter().map(|row| row.id).collect();
        let health = endpoints::health_of(conn, &ids).await?;
        Ok(page.map(|row| {
            let own = health.iter().find(|health| health.endpoint_id == row.id);
            WebhookEndpointView::of(row, own)
        }))
    });
    Ok(Reply::ok(&page.await?))
}

async fn found(conn: &mut TenantConn, id: Uuid) -> Result<EndpointRow, TenantError> {
    Ok(endpoints::find(conn, id)
        .await?
        .ok_or_else(Problem::not_found)?)
}

/// Finds an endpoint to change it, as its caller has seen it.
async fn seen_one(
    conn: &mut TenantConn,
    id: Uuid,
    seen: SeenVersion,
) -> Result<EndpointRow, TenantError> {
    let row = endpoints::lock(conn, id).await?;
    let row = row.ok_or_else(Problem::not_found)?;
    seen.check(row.version)?;
    Ok(row)
}

/// Reads an endpoint.
#[utoipa::path(get, path = "/api/tenant/v1/webhook-endpoints/{id}", tag = "webhooks", security(("token" = ["webhook:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The endpoint.", body = WebhookEndpointView)))]
pub async fn get_webhook_endpoint(
    tenant: Tenant<may::WebhookRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let read = tenant.db.read(async |conn| -> Result<Reply, TenantError> {
        let row = found(conn, id).await?;
        answer(conn, row).await
    });
    Ok(read.await?)
}

/// What of an endpoint may be changed: a merge patch.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateWebhookEndpoint {
    #[garde(inner(length(bytes, min = 1, max = targets::MAX_URL)))]
    #[serde(default, deserialize_with = "not_null")]
    #[schema(example = "https://shop.example/hooks/averis")]
    url: Option<String>,
    #[garde(inner(length(chars, max = 200), custom(one_line)))]
    #[serde(default, deserialize_with = "not_null")]
    #[schema(example = "Warehouse")]
    description: Option<String>,
    /// All of them anew; none says all there are.
    #[garde(inner(length(max = 100)))]
    #[serde(default, deserialize_with = "not_null")]
    #[schema(example = json!(["order.placed"]))]
    event_types: Option<Vec<String>>,
}

/// Changes an endpoint. What is on its way goes to the new address.
#[utoipa::path(patch, path = "/api/tenant/v1/webhook-endpoints/{id}", tag = "webhooks", security(("token" = ["webhook:write"])),
    request_body = UpdateWebhookEndpoint, params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, description = "The changed endpoint.", body = WebhookEndpointView)))]
pub async fn update_webhook_endpoint(
    tenant: Tenant<may::WebhookWrite>,
    state: Data<WebhookState>,
    PathId(id): PathId,
    seen: SeenVersion,
    patch: MergePatch<UpdateWebhookEndpoint>,
) -> ApiResult<Reply> {
    let UpdateWebhookEndpoint {
        url,
        description,
        event_types,
    } = patch.0;
    let url = url.map(|url| checked_url(&state, &url)).transpose()?;
    let event_types = event_types.map(checked_types).transpose()?;
    let changed = tenant
        .db
        .transaction(async |conn| -> Result<_, TenantError> {
            let mut row = seen_one(conn, id, seen).await?;
            row.url = url.clone().unwrap_or(row.url);
            row.description = description.clone().unwrap_or(row.description);
            row.event_types = event_types.clone().unwrap_or(row.event_types);
            let row = endpoints::update(conn, &row).await?;
            answer(conn, row).await
        });
    Ok(changed.await?)
}

/// Removes an endpoint with all that it was told.
#[utoipa::path(delete, path = "/api/tenant/v1/webhook-endpoints/{id}", tag = "webhooks", security(("token" = ["webhook:write"])),
    params(("id" = Uuid, Path), IfMatch), responses((status = 204, description = "It is gone.")))]
pub async fn delete_webhook_endpoint(
    tenant: Tenant<may::WebhookWrite>,
    PathId(id): PathId,
    seen: SeenVersion,
) -> ApiResult<Reply> {
    let gone = tenant
        .db
        .transaction(async |conn| -> Result<_, TenantError> {
            let row = seen_one(conn, id, seen).await?;
            Ok(endpoints::delete(conn, row.id).await?)
        });
    gone.await?;
    Ok(Reply::no_content())
}

/// A kind of event.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookEventType {
    #[schema(example = "order.placed")]
    name: &'static str,
    /// What happened.
    meaning: &'static str,
    /// What the data says, besides `id`, as far as there is any.
    fields: &'static [&'static str],
}

/// All that endpoints can be told of.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookEventTypes {
    data: Vec<WebhookEventType>,
}

/// Lists what endpoints can be told of.
#[utoipa::path(get, path = "/api/tenant/v1/webhook-event-types", tag = "webhooks", security(("token" = ["webhook:read"])),
    responses((status = 200, description = "All kinds of events.", body = WebhookEventTypes)))]
pub async fn list_webhook_event_types(_tenant: Tenant<may::WebhookRead>) -> ApiResult<Reply> {
    let data = EVENT_TYPES.iter().map(|known| WebhookEventType {
        name: known.name,
        meaning: known.meaning,
        fields: known.fields,
    });
    Ok(Reply::ok(&WebhookEventTypes {
        data: data.collect(),
    }))
}

/// Reads what was changed about endpoints, the latest change first.
#[utoipa::path(get, path = "/api/tenant/v1/webhook-audit-events", tag = "audit", security(("token" = ["audit:read"])),
    params(ListAuditEvents), responses((status = 200, description = "A page of events.", body = Page<AuditEvent>)))]
pub async fn list_webhook_audit_events(
    tenant: Tenant<may::AuditRead>,
    state: Data<WebhookState>,
    query: Query<ListAuditEvents>,
) -> ApiResult<Reply> {
    page_of_schema(&tenant.db, &query.0, &state.cursors).await
}
