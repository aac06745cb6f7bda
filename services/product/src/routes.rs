//! Every address of this service.

use actix_web::web::{self, Data, JsonConfig, ServiceConfig, resource};
use averis_contracts::events::MAX_EVENTS;
use averis_service_kit::auth::AcceptedCallers;
use averis_service_kit::openapi;
use averis_tenant_context::Permission;
use averis_tenant_db::TenantPool;
use averis_tokens::TrustedServices;
use serde_json::Value;
use utoipa::OpenApi;

use crate::http::{
    attributes, audit, categories, dictionary, exports, imports, media, products, revisions,
    search, sections, staging, variants,
};
use crate::{State, codes};

#[rustfmt::skip]
pub fn routes(app: &mut ServiceConfig, state: &Data<State>, pool: &Data<TenantPool>, trusted: &Data<TrustedServices>) {
    app.service(web::scope("/api/product/v1").app_data(state.clone()).app_data(pool.clone())
        .service(resource("/products").get(products::list::list_products).post(products::create_product))
        .service(resource("/products/search").get(search::search_products))
        .service(resource("/products/export").get(exports::export_products))
        .service(resource("/products/key={key}").get(products::get_product_by_key))
        .service(resource("/products/{id}").get(products::get_product).patch(products::update::update_product))
        .service(resource("/products/{id}/launch").post(products::commands::launch_product))
        .service(resource("/products/{id}/suspend").post(products::commands::suspend_product))
        .service(resource("/products/{id}/resume").post(products::commands::resume_product))
        .service(resource("/products/{id}/archive").post(products::commands::archive_product))
        .service(resource("/products/{id}/sections").get(sections::list_sections))
        .service(resource("/products/{id}/sections/{part}").put(sections::put_section))
        .service(resource("/products/{id}/sections/{part}/submit").post(sections::submit_section))
        .service(resource("/products/{id}/sections/{part}/approve").post(sections::approve_section))
        .service(resource("/products/{id}/sections/{part}/reject").post(sections::reject_section))
        .service(resource("/products/{id}/completeness").get(sections::get_completeness))
        .service(resource("/products/{id}/revisions").get(revisions::list_revisions))
        .service(resource("/products/{id}/revisions/{part}").get(revisions::get_revision))
        .service(resource("/products/{id}/diff").get(revisions::compare_revisions))
        .service(resource("/products/{id}/variants").get(variants::list_variants).post(variants::create_variant))
        .service(resource("/products/{id}/variants/{part_id}").get(variants::get_variant).patch(variants::update_variant).delete(variants::delete_variant))
        .service(resource("/products/{id}/media").get(media::list_media).post(media::create_media))
        .service(resource("/products/{id}/media/{part_id}").patch(media::update_media).delete(media::delete_media))
        .service(resource("/variants").get(variants::list_variants_by_sku))
        .service(resource("/categories").get(categories::list_categories).post(categories::create_category))
        .service(resource("/categories/{id}").get(categories::get_category).patch(categories::update_category).delete(categories::delete_category))
        .service(resource("/categories/{id}/move").post(categories::move_category))
        .service(resource("/attribute-definitions").get(attributes::list_attributes).post(attributes::create_attribute))
        .service(resource("/attribute-definitions/{id}").get(attributes::get_attribute).patch(attributes::update_attribute).delete(attributes::delete_attribute))
        .service(resource("/data-dictionary").get(dictionary::list_dictionary))
        .service(resource("/audit-events").get(audit::list_audit_events))
        .service(resource("/imports").get(imports::list_imports).post(imports::create_import))
        .service(resource("/imports/{id}").get(imports::get_import))
        .service(resource("/imports/{id}/report").get(imports::get_import_report))
        .service(resource("/staging/products").get(staging::list_staged_products))
        .service(resource("/staging/products/key={key}").get(staging::get_staged_product_by_key))
        .service(resource("/staging/products/{id}").get(staging::get_staged_product))
        .service(resource("/staging/variants").get(staging::list_staged_variants))
        .service(resource("/staging/search").get(staging::search_staged_products))
        .service(resource("/staging/changes").get(staging::list_staging_changes)))
    .service(web::scope("/internal/product/v1/tenants/{tenant}").app_data(pool.clone()).app_data(trusted.clone())
        .app_data(JsonConfig::default().limit(MAX_EVENTS))
        .service(resource("/events").app_data(Data::new(PUBLISHERS)).post(staging::internal::receive_events))
        .service(resource("/launched-variants").app_data(Data::new(CALLERS)).post(staging::internal::find_launched_variants))
        .service(web::scope("/staging").app_data(state.clone()).app_data(Data::new(SHOPS))
            .service(resource("/products").get(staging::list_staged_products))
            .service(resource("/products/key={key}").get(staging::get_staged_product_by_key))
            .service(resource("/products/{id}").get(staging::get_staged_product))
            .service(resource("/search").get(staging::search_staged_products))));
}

/// Whose events this service takes: its own.
const PUBLISHERS: AcceptedCallers = AcceptedCallers {
    own: "product",
    callers: &[("product", &[])],
};

/// Who shows what is launched.
const SHOPS: AcceptedCallers = AcceptedCallers {
    own: "product",
    callers: &[("ecomm", &[Permission::StorefrontRead])],
};

/// Who asks what was launched.
const CALLERS: AcceptedCallers = AcceptedCallers {
    own: "product",
    callers: &[("ecomm", &[]), ("oms", &[]), ("erp", &[]), ("pricing", &[])],
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Averis product service",
        description = "Products, variants, categories, media and attributes of one tenant."
    ),
    paths(
        products::list::list_products,
        products::create_product,
        search::search_products,
        exports::export_products,
        products::get_product_by_key,
        products::get_product,
        products::update::update_product,
        products::commands::launch_product,
        products::commands::suspend_product,
        products::commands::resume_product,
        products::commands::archive_product,
        sections::list_sections,
        sections::put_section,
        sections::submit_section,
        sections::approve_section,
        sections::reject_section,
        sections::get_completeness,
        revisions::list_revisions,
        revisions::get_revision,
        revisions::compare_revisions,
        variants::list_variants,
        variants::create_variant,
        variants::get_variant,
        variants::update_variant,
        variants::delete_variant,
        media::list_media,
        media::create_media,
        media::update_media,
        media::delete_media,
        variants::list_variants_by_sku,
        categories::list_categories,
        categories::create_category,
        categories::get_category,
        categories::update_category,
        categories::delete_category,
        categories::move_category,
        attributes::list_attributes,
        attributes::create_attribute,
        attributes::get_attribute,
        attributes::update_attribute,
        attributes::delete_attribute,
        dictionary::list_dictionary,
        audit::list_audit_events,
        imports::list_imports,
        imports::create_import,
        imports::get_import,
        imports::get_import_report,
        staging::list_staged_products,
        staging::get_staged_product_by_key,
        staging::get_staged_product,
        staging::list_staged_variants,
        staging::search_staged_products,
        staging::list_staging_changes,
    )
)]
struct Document;

/// Returns the OpenAPI document of this service.
#[must_use]
pub fn document() -> Value {
    openapi::complete(&Document::openapi(), codes::ALL)
}
