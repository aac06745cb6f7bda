//! What was changed about a tenant: settings, members, invitations, keys, grants.

use actix_web::web::Data;
use averis_service_kit::audit::{AuditEvent, Chain, ListAuditEvents, page};
use averis_service_kit::cursor::Page;
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::query::Query;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;

use crate::State;
use crate::http::scope::OwnTenant;

/// Reads the tenant's trail, the latest change first. Each domain has one of its own.
#[utoipa::path(get, path = "/api/tenant/v1/audit-events", tag = "audit", security(("token" = ["audit:read"])),
    params(ListAuditEvents), responses((status = 200, description = "A page of events.", body = Page<AuditEvent>)))]
pub async fn list_audit_events(
    tenant: OwnTenant<may::AuditRead>,
    state: Data<State>,
    query: Query<ListAuditEvents>,
) -> ApiResult<Reply> {
    let chain = Chain::About(tenant.context.id);
    state
        .platform
        .read(async |conn| -> Result<_, Problem> {
            page(&mut **conn, chain, &query.0, &state.cursors, "tenant").await
        })
        .await
}
