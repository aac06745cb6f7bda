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
    addresses, approvals, audit, companies, consents, context, credit, customers, erasure, events,
    locations, members, merging, own, rules, sign_in, tax_ids, telemetry, verifications, visitors,
};
use crate::{State, codes};

#[rustfmt::skip]
pub fn routes(app: &mut ServiceConfig, state: &Data<State>, pool: &Data<TenantPool>, trusted: &Data<TrustedServices>) {
    app.service(web::scope("/api/customer/v1").app_data(state.clone()).app_data(pool.clone())
        .service(resource("/visitor").get(visitors::get_visitor).post(visitors::see_visitor))
        .service(resource("/visitor/contact").post(visitors::say_contact))
        .service(resource("/visitor/addresses").post(visitors::add_own_address))
        .service(resource("/visitor/consents").post(visitors::give_own_consent))
        .service(resource("/visitor/addresses/{id}").patch(own::update_own_address).delete(own::delete_own_address))
        .service(resource("/visitor/sign-in").post(sign_in::sign_in))
        .service(resource("/visitor/telemetry").post(telemetry::allow_telemetry))
        .service(resource("/visitor/events").post(telemetry::note_visitor_events))
        .service(resource("/visitor/memberships").get(own::list_own_memberships))
        .service(resource("/visitor/approvals").get(approvals::list_own_approvals))
        .service(resource("/visitor/sign-out").post(own::sign_out))
        .service(resource("/verifications").post(verifications::request_verification))
        .service(resource("/verifications/{id}/confirm").post(verifications::confirm_verification))
        .service(resource("/customers").get(customers::list_customers).post(customers::create_customer))
        .service(resource("/customers/{id}").get(customers::get_customer).patch(customers::update_customer))
        .service(resource("/customers/{id}/suspend").post(customers::suspend_customer))
        .service(resource("/customers/{id}/resume").post(customers::resume_customer))
        .service(resource("/customers/{id}/sign-out").post(customers::sign_customer_out))
        .service(resource("/customers/{id}/merge").post(merging::merge_customer))
        .service(resource("/customers/{id}/context").get(context::get_buyer_context))
        .service(resource("/customers/{id}/export").get(erasure::export_customer))
        .service(resource("/customers/{id}/erase").post(erasure::erase_customer))
        .service(resource("/customers/{id}/addresses").get(addresses::list_addresses).post(addresses::create_address))
        .service(resource("/customers/{id}/addresses/{part_id}").patch(addresses::update_address).delete(addresses::delete_address))
        .service(resource("/customers/{id}/addresses/{part_id}/validate").post(addresses::validate_address))
        .service(resource("/customers/{id}/events").get(telemetry::list_visitor_events))
        .service(resource("/customers/{id}/consents").get(consents::list_consents).post(consents::create_consent))
        .service(resource("/companies").get(companies::list_companies).post(companies::create_company))
        .service(resource("/companies/{id}").get(companies::get_company).patch(companies::update_company))
        .service(resource("/companies/{id}/approve").post(companies::approve_company))
        .service(resource("/companies/{id}/suspend").post(companies::suspend_company))
        .service(resource("/companies/{id}/resume").post(companies::resume_company))
        .service(resource("/companies/{id}/close").post(companies::close_company))
        .service(resource("/companies/{id}/tax-id-check").post(tax_ids::check_tax_id))
        .service(resource("/companies/{id}/locations").get(locations::list_locations).post(locations::create_location))
        .service(resource("/companies/{id}/locations/{part_id}").patch(locations::update_location).delete(locations::delete_location))
        .service(resource("/companies/{id}/approval-rules").get(rules::list_rules).post(rules::create_rule))
        .service(resource("/companies/{id}/approval-rules/{part_id}").delete(rules::delete_rule))
        .service(resource("/companies/{id}/members").get(members::list_members).post(members::add_member))
        .service(resource("/companies/{id}/members/{part_id}").patch(members::update_member).delete(members::remove_member))
        .service(resource("/credit-holds").get(credit::list_credit_holds).post(credit::hold_credit))
        .service(resource("/credit-holds/{id}").get(credit::get_credit_hold))
        .service(resource("/credit-holds/{id}/confirm").post(credit::confirm_credit))
        .service(resource("/credit-holds/{id}/release").post(credit::release_credit))
        .service(resource("/credit-holds/{id}/settle").post(credit::settle_credit))
        .service(resource("/approvals").get(approvals::list_approvals).post(approvals::request_approval))
        .service(resource("/approvals/{id}").get(approvals::get_approval))
        .service(resource("/approvals/{id}/approve").post(approvals::approve_order))
        .service(resource("/approvals/{id}/reject").post(approvals::reject_order))
        .service(resource("/audit-events").get(audit::list_audit_events)))
    .service(web::scope("/internal/customer/v1/tenants/{tenant}").app_data(state.clone()).app_data(pool.clone()).app_data(trusted.clone())
        .app_data(JsonConfig::default().limit(MAX_EVENTS)).app_data(Data::new(CALLERS))
        .service(resource("/events").app_data(Data::new(PUBLISHERS)).post(events::receive_events))
        .service(resource("/visitors/{id}/context").get(context::get_visitor_context))
        .service(resource("/credit-holds").post(credit::hold_credit))
        .service(resource("/credit-holds/{id}/confirm").post(credit::confirm_credit))
        .service(resource("/credit-holds/{id}/release").post(credit::release_credit))
        .service(resource("/approvals").post(approvals::request_approval)));
}

/// Whose events this service takes.
const PUBLISHERS: AcceptedCallers = AcceptedCallers {
    own: "customer",
    callers: &[("oms", &[])],
};

/// Who asks about buyers, and uses companies' credit.
const CALLERS: AcceptedCallers = AcceptedCallers {
    own: "customer",
    callers: &[(
        "ecomm",
        &[Permission::CustomerRead, Permission::CreditWrite],
    )],
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Averis customer service",
        description = "Visitors, customers and companies of one tenant."
    ),
    paths(
        visitors::get_visitor,
        visitors::see_visitor,
        visitors::say_contact,
        visitors::add_own_address,
        visitors::give_own_consent,
        own::update_own_address,
        own::delete_own_address,
        own::list_own_memberships,
        own::sign_out,
        sign_in::sign_in,
        telemetry::allow_telemetry,
        telemetry::note_visitor_events,
        telemetry::list_visitor_events,
        approvals::list_own_approvals,
        verifications::request_verification,
        verifications::confirm_verification,
        customers::list_customers,
        customers::create_customer,
        customers::get_customer,
        customers::update_customer,
        customers::suspend_customer,
        customers::resume_customer,
        customers::sign_customer_out,
        merging::merge_customer,
        context::get_buyer_context,
        erasure::export_customer,
        erasure::erase_customer,
        addresses::list_addresses,
        addresses::create_address,
        addresses::update_address,
        addresses::delete_address,
        addresses::validate_address,
        consents::list_consents,
        consents::create_consent,
        companies::list_companies,
        companies::create_company,
        companies::get_company,
        companies::update_company,
        companies::approve_company,
        companies::suspend_company,
        companies::resume_company,
        companies::close_company,
        tax_ids::check_tax_id,
        locations::list_locations,
        locations::create_location,
        locations::update_location,
        locations::delete_location,
        rules::list_rules,
        rules::create_rule,
        rules::delete_rule,
        members::list_members,
        members::add_member,
        members::update_member,
        members::remove_member,
        credit::list_credit_holds,
        credit::hold_credit,
        credit::get_credit_hold,
        credit::confirm_credit,
        credit::release_credit,
        credit::settle_credit,
        approvals::list_approvals,
        approvals::request_approval,
        approvals::get_approval,
        approvals::approve_order,
        approvals::reject_order,
        audit::list_audit_events,
    )
)]
struct Document;

/// Returns the OpenAPI document of this service.
#[must_use]
pub fn document() -> Value {
    openapi::complete(&Document::openapi(), codes::ALL)
}
