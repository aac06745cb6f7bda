//! Every address of this service.

use actix_web::web::{self, Data, ServiceConfig, resource};
use averis_service_kit::openapi;
use averis_tenant_db::TenantPool;
use serde_json::Value;
use utoipa::OpenApi;

use crate::http::{
    audit, carts, checkouts, complete, lines, merging, shipping, storefront, totals,
};
use crate::{State, codes};

#[rustfmt::skip]
pub fn routes(app: &mut ServiceConfig, state: &Data<State>, pool: &Data<TenantPool>) {
    app.service(web::scope("/api/ecomm/v1").app_data(state.clone()).app_data(pool.clone())
        .service(resource("/shipping-methods").get(shipping::list_shipping_methods).post(shipping::create_shipping_method))
        .service(resource("/shipping-methods/{id}").patch(shipping::update_shipping_method))
        .service(resource("/storefront/products").get(storefront::list_shelf))
        .service(resource("/storefront/products/key={key}").get(storefront::show_product_by_key))
        .service(resource("/storefront/products/{id}").get(storefront::show_product))
        .service(resource("/carts").post(carts::create_cart))
        .service(resource("/carts/{id}").get(carts::get_cart).patch(carts::update_cart))
        .service(resource("/carts/{id}/lines").post(lines::add_cart_line))
        .service(resource("/carts/{id}/lines/{part_id}").post(lines::set_cart_quantity))
        .service(resource("/carts/{id}/shipping-options").get(totals::list_shipping_options))
        .service(resource("/carts/{id}/totals").get(totals::read_cart_totals))
        .service(resource("/carts/{id}/merge").post(merging::merge_carts))
        .service(resource("/carts/{id}/complete").post(complete::complete_cart))
        .service(resource("/checkouts").get(checkouts::list_checkouts))
        .service(resource("/checkouts/{id}").get(checkouts::get_checkout))
        .service(resource("/audit-events").get(audit::list_audit_events)));
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Averis ecomm service",
        description = "What a tenant's shop shows, its shoppers' carts, and the checkouts that make orders of them."
    ),
    paths(
        shipping::list_shipping_methods,
        shipping::create_shipping_method,
        shipping::update_shipping_method,
        storefront::list_shelf,
        storefront::show_product,
        storefront::show_product_by_key,
        carts::create_cart,
        carts::get_cart,
        carts::update_cart,
        lines::add_cart_line,
        lines::set_cart_quantity,
        totals::list_shipping_options,
        totals::read_cart_totals,
        merging::merge_carts,
        complete::complete_cart,
        checkouts::list_checkouts,
        checkouts::get_checkout,
        audit::list_audit_events,
    )
)]
struct Document;

/// Returns the OpenAPI document of this service.
#[must_use]
pub fn document() -> Value {
    openapi::complete(&Document::openapi(), codes::ALL)
}
