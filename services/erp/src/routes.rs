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
    audit, availability, entries, events, invoices, ledger, reservations, stock_levels,
    stock_moves, stock_values, warehouses,
};
use crate::{State, codes};

#[rustfmt::skip]
pub fn routes(app: &mut ServiceConfig, state: &Data<State>, pool: &Data<TenantPool>, trusted: &Data<TrustedServices>) {
    app.service(web::scope("/api/erp/v1").app_data(state.clone()).app_data(pool.clone())
        .service(resource("/warehouses").get(warehouses::list_warehouses).post(warehouses::create_warehouse))
        .service(resource("/warehouses/{id}").get(warehouses::get_warehouse).patch(warehouses::update_warehouse))
        .service(resource("/stock-levels").get(stock_levels::list_stock_levels))
        .service(resource("/stock-limits").post(stock_levels::set_stock_limits))
        .service(resource("/stock-moves").get(stock_moves::list_stock_moves).post(stock_moves::move_stock))
        .service(resource("/stock-values").get(stock_values::list_stock_values))
        .service(resource("/availability").get(availability::read_availability))
        .service(resource("/reservations").post(reservations::reserve))
        .service(resource("/reservations/{id}").get(reservations::get_reservation))
        .service(resource("/reservations/{id}/commit").post(reservations::commit_reservation))
        .service(resource("/reservations/{id}/release").post(reservations::release_reservation))
        .service(resource("/reservations/{id}/consume").post(reservations::consume_reservation))
        .service(resource("/invoices").get(invoices::list_invoices).post(invoices::drafts::create_invoice))
        .service(resource("/invoices/{id}").get(invoices::get_invoice))
        .service(resource("/invoices/{id}/issue").post(invoices::issue_invoice))
        .service(resource("/invoices/{id}/payments").post(invoices::payments::receive_payment))
        .service(resource("/invoices/{id}/refunds").post(invoices::payments::pay_refund))
        .service(resource("/invoices/{id}/credit-notes").post(invoices::credit_notes::credit_invoice))
        .service(resource("/accounts").get(ledger::list_accounts))
        .service(resource("/books").get(ledger::get_books).post(ledger::put_books))
        .service(resource("/entries").get(entries::list_entries).post(entries::post_entry))
        .service(resource("/entries/{id}/reverse").post(entries::reverse_entry))
        .service(resource("/trial-balance").get(ledger::read_trial_balance))
        .service(resource("/periods").post(ledger::close_period))
        .service(resource("/refused-events").get(events::list_refused_events))
        .service(resource("/audit-events").get(audit::list_audit_events)))
    .service(web::scope("/internal/erp/v1/tenants/{tenant}").app_data(state.clone()).app_data(pool.clone()).app_data(trusted.clone())
        .app_data(JsonConfig::default().limit(MAX_EVENTS)).app_data(Data::new(CALLERS))
        .service(resource("/events").app_data(Data::new(PUBLISHERS)).post(events::receive_events))
        .service(resource("/availability").get(availability::read_availability))
        .service(resource("/reservations").post(reservations::reserve))
        .service(resource("/reservations/{id}/commit").post(reservations::commit_reservation))
        .service(resource("/reservations/{id}/release").post(reservations::release_reservation)));
}

/// Whose events this service takes.
const PUBLISHERS: AcceptedCallers = AcceptedCallers {
    own: "erp",
    callers: &[("oms", &[])],
};

/// Who reserves stock.
const CALLERS: AcceptedCallers = AcceptedCallers {
    own: "erp",
    callers: &[(
        "ecomm",
        &[Permission::StockRead, Permission::ReservationWrite],
    )],
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Averis ERP service",
        description = "Warehouses, stock, reservations, invoices and the books of one tenant."
    ),
    paths(
        warehouses::list_warehouses,
        warehouses::create_warehouse,
        warehouses::get_warehouse,
        warehouses::update_warehouse,
        stock_levels::list_stock_levels,
        stock_levels::set_stock_limits,
        stock_moves::list_stock_moves,
        stock_moves::move_stock,
        stock_values::list_stock_values,
        availability::read_availability,
        reservations::reserve,
        reservations::get_reservation,
        reservations::commit_reservation,
        reservations::release_reservation,
        reservations::consume_reservation,
        invoices::list_invoices,
        invoices::drafts::create_invoice,
        invoices::get_invoice,
        invoices::issue_invoice,
        invoices::payments::receive_payment,
        invoices::payments::pay_refund,
        invoices::credit_notes::credit_invoice,
        ledger::list_accounts,
        ledger::get_books,
        ledger::put_books,
        entries::list_entries,
        entries::post_entry,
        entries::reverse_entry,
        ledger::read_trial_balance,
        ledger::close_period,
        events::list_refused_events,
        audit::list_audit_events,
    )
)]
struct Document;

/// Returns the OpenAPI document of this service.
#[must_use]
pub fn document() -> Value {
    openapi::complete(&Document::openapi(), codes::ALL)
}
