//! What was changed in the tenant's shop.

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::audit::{AuditEvent, ListAuditEvents, page_of_schema};
use averis_service_kit::cursor::Page;
use averis_service_kit::problem::ApiResult;
use averis_service_kit::query::Query;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;

use crate::State;

/// Reads the trail of this domain, the latest change first.
#[utoipa::path(get, path = "/api/ecomm/v1/audit-events", tag = "audit", security(("token" = ["audit:read"])),
    params(ListAuditEvents), responses((status = 200, description = "A page of events.", body = Page<AuditEvent>)))]
pub async fn list_audit_events(
    tenant: Tenant<may::AuditRead>,
    state: Data<State>,
    query: Query<ListAuditEvents>,
) -> ApiResult<Reply> {
    page_of_schema(&tenant.db, &query.0, &state.cursors).await
}
