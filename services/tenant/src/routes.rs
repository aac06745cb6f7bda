//! Every address of this service.

use actix_web::web::{self, Data, ServiceConfig, resource};
use averis_service_kit::openapi;
use serde_json::Value;
use utoipa::OpenApi;

use crate::http::{lookup, reference, tenants};
use crate::{State, codes};

#[rustfmt::skip]
pub fn routes(app: &mut ServiceConfig, state: &Data<State>) {
    app.service(web::scope("/api/tenant/v1").app_data(state.clone())
        .service(resource("/tenants").get(tenants::list_tenants).post(tenants::provision_tenant))
        .service(resource("/tenants/{id}").get(tenants::get_tenant).patch(tenants::update_tenant))
        .service(resource("/tenants/{id}/change-subdomain").post(tenants::commands::change_subdomain))
        .service(resource("/tenants/{id}/suspend").post(tenants::commands::suspend_tenant))
        .service(resource("/tenants/{id}/resume").post(tenants::commands::resume_tenant))
        .service(resource("/tenants/{id}/close").post(tenants::commands::close_tenant))
        .service(resource("/tenants/{id}/purge").post(tenants::purge::purge_tenant))
        .service(resource("/tenants/{id}/purge-certificate").get(tenants::purge::get_purge_certificate))
        .service(resource("/currencies").get(reference::list_currencies))
        .service(resource("/countries").get(reference::list_countries))
        .service(resource("/regions").get(reference::list_regions)))
    .service(web::scope("/internal/tenant/v1").app_data(state.clone())
        .service(resource("/lookup").get(lookup::look_up_tenant))
        .service(resource("/tenants").get(lookup::list_routable_tenants)));
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Averis tenant service",
        description = "Tenants from provisioning to purge, and shared reference data."
    ),
    paths(
        tenants::list_tenants,
        tenants::provision_tenant,
        tenants::get_tenant,
        tenants::update_tenant,
        tenants::commands::change_subdomain,
        tenants::commands::suspend_tenant,
        tenants::commands::resume_tenant,
        tenants::commands::close_tenant,
        tenants::purge::purge_tenant,
        tenants::purge::get_purge_certificate,
        reference::list_currencies,
        reference::list_countries,
        reference::list_regions,
    )
)]
struct Document;

/// Returns the OpenAPI document of this service.
#[must_use]
pub fn document() -> Value {
    openapi::complete(&Document::openapi(), codes::ALL)
}
