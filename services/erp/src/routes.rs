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

use crate::http::purchase_orders::{commands, receive};
use crate::http::{
    audit, availability, entries, events, exchange_rates, invoices, ledger, purchase_orders,
    reservations, stock_levels, stock_moves, stock_values, supplier_bills, suppliers, warehouses,
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
        .service(resource("/suppliers").get(suppliers::list_suppliers).post(suppliers::create_supplier))
        .service(resource("/suppliers/{id}").get(suppliers::get_supplier).patch(suppliers::update_supplier))
        .service(resource("/purchasing-rules").get(suppliers::get_purchasing_rules).post(suppliers::put_purchasing_rules))
        .service(resource("/purchase-orders").get(purchase_orders::list_purchase_orders).post(purchase_orders::create_purchase_order))
        .service(resource("/purchase-orders/{id}").get(purchase_orders::get_purchase_order).patch(purchase_orders::update_purchase_order))
        .service(resource("/purchase-orders/{id}/approve").post(commands::approve_purchase_order))
        .service(resource("/purchase-orders/{id}/send").post(commands::send_purchase_order))
        .service(resource("/purchase-orders/{id}/receive").post(receive::receive_goods))
        .service(resource("/purchase-orders/{id}/close").post(commands::close_purchase_order))
        .service(resource("/purchase-orders/{id}/cancel").post(commands::cancel_purchase_order))
        .service(resource("/goods-receipts").get(receive::list_goods_receipts))
        .service(resource("/supplier-bills").get(supplier_bills::list_supplier_bills).post(supplier_bills::entering::create_supplier_bill))
        .service(resource("/supplier-bills/{id}").get(supplier_bills::get_supplier_bill))
        .service(resource("/supplier-bills/{id}/payments").post(supplier_bills::payments::pay_supplier_bill))
        .service(resource("/invoices").get(invoices::list_invoices).post(invoices::drafts::create_invoice))
        .service(resource("/invoices/{id}").get(invoices::get_invoice))
        .service(resource("/invoices/{id}/issue").post(invoices::issue_invoice))
        .service(resource("/invoices/{id}/payments").post(invoices::payments::receive_payment))
        .service(resource("/invoices/{id}/refunds").post(invoices::payments::pay_refund))
        .service(resource("/invoices/{id}/credit-notes").post(invoices::credit_notes::credit_invoice))
        .service(resource("/accounts").get(ledger::list_accounts))
        .service(resource("/books").get(ledger::get_books).post(ledger::put_books))
        .service(resource("/exchange-rates").get(exchange_rates::list_exchange_rates).post(exchange_rates::note_exchange_rate))
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
        description = "Warehouses, stock, reservations, purchases, invoices and the books of one tenant."
    ),
    paths(
        suppliers::list_suppliers,
        suppliers::create_supplier,
        suppliers::get_supplier,
        suppliers::update_supplier,
        suppliers::get_purchasing_rules,
        suppliers::put_purchasing_rules,
        purchase_orders::list_purchase_orders,
        purchase_orders::create_purchase_order,
        purchase_orders::get_purchase_order,
        purchase_orders::update_purchase_order,
        commands::approve_purchase_order,
        commands::send_purchase_order,
        commands::close_purchase_order,
        commands::cancel_purchase_order,
        receive::receive_goods,
        receive::list_goods_receipts,
        supplier_bills::list_supplier_bills,
        supplier_bills::entering::create_supplier_bill,
        supplier_bills::get_supplier_bill,
        supplier_bills::payments::pay_supplier_bill,
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
        exchange_rates::list_exchange_rates,
        exchange_rates::note_exchange_rate,
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
