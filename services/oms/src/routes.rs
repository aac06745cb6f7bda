//! Every address of this service.

use actix_web::web::{self, Data, ServiceConfig, resource};
use averis_service_kit::auth::AcceptedCallers;
use averis_service_kit::openapi;
use averis_tenant_context::Permission;
use averis_tenant_db::TenantPool;
use averis_tokens::TrustedServices;
use serde_json::Value;
use utoipa::OpenApi;

use crate::http::{
    accounts, audit, authorise, cancel, drafts, fulfilment, orders, payments, returns, ship,
    webhooks,
};
use crate::{State, codes};

#[rustfmt::skip]
pub fn routes(app: &mut ServiceConfig, state: &Data<State>, pool: &Data<TenantPool>, trusted: &Data<TrustedServices>) {
    app.service(web::scope("/api/oms/v1").app_data(state.clone()).app_data(pool.clone())
        .service(resource("/payment-accounts").get(accounts::list_payment_accounts).post(accounts::set_payment_account))
        .service(resource("/payment-webhooks/{provider}").post(webhooks::hear_provider))
        .service(resource("/orders").get(orders::list_orders).post(drafts::draft_order))
        .service(resource("/orders/{id}").get(orders::get_order))
        .service(resource("/orders/{id}/authorise").post(authorise::authorise_order))
        .service(resource("/orders/{id}/hold").post(orders::hold_order))
        .service(resource("/orders/{id}/release").post(orders::release_order))
        .service(resource("/orders/{id}/cancel").post(cancel::cancel_order))
        .service(resource("/orders/{id}/payments").post(payments::note_payment))
        .service(resource("/orders/{id}/refunds").post(payments::refund_order))
        .service(resource("/orders/{id}/transactions").get(payments::list_transactions))
        .service(resource("/orders/{id}/transactions/{part_id}/retry").post(payments::retry_transaction))
        .service(resource("/orders/{id}/shipments").get(ship::list_shipments))
        .service(resource("/orders/{id}/events").get(orders::list_order_events))
        .service(resource("/fulfilment-orders").get(fulfilment::list_fulfilment_orders))
        .service(resource("/fulfilment-orders/{id}").get(fulfilment::get_fulfilment_order))
        .service(resource("/fulfilment-orders/{id}/accept").post(fulfilment::accept_fulfilment))
        .service(resource("/fulfilment-orders/{id}/hold").post(fulfilment::hold_fulfilment))
        .service(resource("/fulfilment-orders/{id}/resume").post(fulfilment::resume_fulfilment))
        .service(resource("/fulfilment-orders/{id}/ship").post(ship::ship))
        .service(resource("/shipments/{id}/delivered").post(ship::note_delivered))
        .service(resource("/orders/{id}/returns").post(returns::request_return))
        .service(resource("/returns").get(returns::list_returns))
        .service(resource("/returns/{id}").get(returns::get_return))
        .service(resource("/returns/{id}/approve").post(returns::approve_return))
        .service(resource("/returns/{id}/decline").post(returns::decline_return))
        .service(resource("/returns/{id}/cancel").post(returns::cancel_return))
        .service(resource("/returns/{id}/receive").post(returns::receive_return))
        .service(resource("/returns/{id}/refund").post(returns::refund_return))
        .service(resource("/audit-events").get(audit::list_audit_events)))
    .service(web::scope("/internal/oms/v1/tenants/{tenant}").app_data(state.clone()).app_data(pool.clone()).app_data(trusted.clone())
        .app_data(Data::new(CALLERS))
        .service(resource("/orders").post(drafts::draft_order))
        .service(resource("/orders/{id}").get(orders::get_order))
        .service(resource("/orders/{id}/authorise").post(authorise::authorise_order))
        .service(resource("/orders/{id}/cancel").post(cancel::cancel_order)));
}

/// Who places orders.
const CALLERS: AcceptedCallers = AcceptedCallers {
    own: "oms",
    callers: &[(
        "ecomm",
        &[
            Permission::OrderRead,
            Permission::OrderPlace,
            Permission::OrderWrite,
        ],
    )],
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Averis OMS service",
        description = "Orders of one tenant: how they are paid, what warehouses are to do, and what has left."
    ),
    paths(
        accounts::list_payment_accounts,
        accounts::set_payment_account,
        webhooks::hear_provider,
        orders::list_orders,
        drafts::draft_order,
        orders::get_order,
        authorise::authorise_order,
        orders::hold_order,
        orders::release_order,
        cancel::cancel_order,
        payments::note_payment,
        payments::refund_order,
        payments::list_transactions,
        payments::retry_transaction,
        ship::list_shipments,
        orders::list_order_events,
        fulfilment::list_fulfilment_orders,
        fulfilment::get_fulfilment_order,
        fulfilment::accept_fulfilment,
        fulfilment::hold_fulfilment,
        fulfilment::resume_fulfilment,
        ship::ship,
        ship::note_delivered,
        returns::request_return,
        returns::list_returns,
        returns::get_return,
        returns::approve_return,
        returns::decline_return,
        returns::cancel_return,
        returns::receive_return,
        returns::refund_return,
        audit::list_audit_events,
    )
)]
struct Document;

/// Returns the OpenAPI document of this service.
#[must_use]
pub fn document() -> Value {
    openapi::complete(&Document::openapi(), codes::ALL)
}
