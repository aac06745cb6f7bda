//! Every address of this service.

use actix_web::web::{self, Data, JsonConfig, ServiceConfig, resource};
use averis_contracts::events::MAX_EVENTS;
use averis_service_kit::auth::AcceptedCallers;
use averis_service_kit::openapi;
use averis_tenant_db::TenantPool;
use averis_tokens::TrustedServices;
use serde_json::Value;
use utoipa::OpenApi;

use crate::http::webhooks::{deliveries, receive};
use crate::http::{
    access, access_entries, api_keys, audit, grants, lookup, me, members, reference, shoppers,
    sign_in, tenants, tokens, webhooks,
};
use crate::{State, WebhookState, codes};

#[rustfmt::skip]
pub fn routes(
    app: &mut ServiceConfig, state: &Data<State>, webhooks: &Data<WebhookState>, pool: &Data<TenantPool>, trusted: &Data<TrustedServices>,
) {
    app.service(web::scope("/api/tenant/v1").app_data(state.clone()).app_data(webhooks.clone()).app_data(pool.clone())
        .service(resource("/tenants").get(tenants::list_tenants).post(tenants::provision_tenant))
        .service(resource("/tenants/{id}").get(tenants::get_tenant).patch(tenants::update_tenant))
        .service(resource("/tenants/{id}/change-subdomain").post(tenants::commands::change_subdomain))
        .service(resource("/tenants/{id}/suspend").post(tenants::commands::suspend_tenant))
        .service(resource("/tenants/{id}/resume").post(tenants::commands::resume_tenant))
        .service(resource("/tenants/{id}/close").post(tenants::commands::close_tenant))
        .service(resource("/tenants/{id}/purge").post(tenants::purge::purge_tenant))
        .service(resource("/tenants/{id}/purge-certificate").get(tenants::purge::get_purge_certificate))
        .service(resource("/tenants/{id}/connect-stytch").post(tenants::stytch::connect_stytch))
        .service(resource("/tenants/{id}/disconnect-stytch").post(tenants::stytch::disconnect_stytch))
        .service(resource("/sign-in").post(sign_in::sign_in))
        .service(resource("/sign-in/codes").post(sign_in::codes::request_code))
        .service(resource("/sign-in/code").post(sign_in::codes::sign_in_with_code))
        .service(resource("/sign-in/provider").post(sign_in::providers::sign_in_with_provider))
        .service(resource("/reset-password").post(sign_in::codes::reset_password))
        .service(resource("/tokens").post(tokens::exchange_token))
        .service(resource("/sign-out").post(sign_in::sign_out))
        .service(resource("/me").get(me::get_me).patch(me::update_me))
        .service(resource("/me/change-password").post(sign_in::change_password))
        .service(resource("/members").get(members::list_members).post(members::invitations::invite_member))
        .service(resource("/members/{id}").get(members::get_member).patch(members::update_member).delete(members::remove_member))
        .service(resource("/members/{id}/suspend").post(members::suspend_member))
        .service(resource("/members/{id}/resume").post(members::resume_member))
        .service(resource("/members/{id}/resend-invitation").post(members::invitations::resend_invitation))
        .service(resource("/invitations/accept").post(members::acceptance::accept_invitation))
        .service(resource("/api-keys").get(api_keys::list_api_keys).post(api_keys::create_api_key))
        .service(resource("/api-keys/{id}").get(api_keys::get_api_key))
        .service(resource("/api-keys/{id}/rotate").post(api_keys::rotate_api_key))
        .service(resource("/api-keys/{id}/revoke").post(api_keys::revoke_api_key))
        .service(resource("/audit-events").get(audit::list_audit_events))
        .service(resource("/access-entries").get(access_entries::list_access_entries))
        .service(resource("/shopper-sessions").post(shoppers::open_shopper_session))
        .service(resource("/storefront").get(shoppers::get_storefront))
        .service(resource("/support-grants").get(grants::list_grants).post(grants::open_grant))
        .service(resource("/support-grants/{id}/end").post(grants::end_grant))
        .service(resource("/webhook-endpoints").get(webhooks::list_webhook_endpoints).post(webhooks::create_webhook_endpoint))
        .service(resource("/webhook-endpoints/{id}").get(webhooks::get_webhook_endpoint).patch(webhooks::update_webhook_endpoint).delete(webhooks::delete_webhook_endpoint))
        .service(resource("/webhook-endpoints/{id}/secret").get(webhooks::commands::get_webhook_secret))
        .service(resource("/webhook-endpoints/{id}/rotate-secret").post(webhooks::commands::rotate_webhook_secret))
        .service(resource("/webhook-endpoints/{id}/enable").post(webhooks::commands::enable_webhook_endpoint))
        .service(resource("/webhook-endpoints/{id}/disable").post(webhooks::commands::disable_webhook_endpoint))
        .service(resource("/webhook-endpoints/{id}/test").post(deliveries::test_webhook_endpoint))
        .service(resource("/webhook-endpoints/{id}/replay").post(deliveries::replay_webhooks))
        .service(resource("/webhook-deliveries").get(deliveries::list_webhook_deliveries))
        .service(resource("/webhook-deliveries/{id}").get(deliveries::get_webhook_delivery))
        .service(resource("/webhook-deliveries/{id}/redeliver").post(deliveries::redeliver_webhook))
        .service(resource("/webhook-event-types").get(webhooks::list_webhook_event_types))
        .service(resource("/webhook-audit-events").get(webhooks::list_webhook_audit_events))
        .service(resource("/currencies").get(reference::list_currencies))
        .service(resource("/countries").get(reference::list_countries))
        .service(resource("/regions").get(reference::list_regions)))
    .service(web::scope("/internal/tenant/v1").app_data(state.clone()).app_data(trusted.clone()).app_data(Data::new(CALLERS))
        .service(resource("/api-keys/inspect").post(access::inspect_key))
        .service(resource("/revocations").get(access::list_revocations))
        .service(resource("/lookup").get(lookup::look_up_tenant))
        .service(resource("/tenants").get(lookup::list_routable_tenants))
        .service(web::scope("/tenants/{tenant}").app_data(webhooks.clone()).app_data(pool.clone())
            .app_data(JsonConfig::default().limit(MAX_EVENTS)).app_data(Data::new(PUBLISHERS))
            .service(resource("/events").post(receive::receive_events))))
    .service(web::scope("/.well-known").app_data(state.clone())
        .service(resource("/jwks.json").get(tokens::list_keys)));
}

/// Whose events tenants' own systems are told.
const PUBLISHERS: AcceptedCallers = AcceptedCallers {
    own: "tenant",
    callers: &[
        ("customer", &[]),
        ("ecomm", &[]),
        ("erp", &[]),
        ("oms", &[]),
        ("pricing", &[]),
        ("product", &[]),
    ],
};

/// Every service asks about tenants and callers; `averis` is all of them in one process.
const CALLERS: AcceptedCallers = AcceptedCallers {
    own: "tenant",
    callers: &[
        ("averis", &[]),
        ("customer", &[]),
        ("ecomm", &[]),
        ("erp", &[]),
        ("oms", &[]),
        ("pricing", &[]),
        ("product", &[]),
        ("tenant", &[]),
    ],
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Averis tenant service",
        description = "Tenants from provisioning to purge, their people and keys, what their own systems are told, and shared reference data."
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
        tenants::stytch::connect_stytch,
        tenants::stytch::disconnect_stytch,
        sign_in::sign_in,
        sign_in::codes::request_code,
        sign_in::codes::sign_in_with_code,
        sign_in::codes::reset_password,
        sign_in::providers::sign_in_with_provider,
        tokens::exchange_token,
        sign_in::sign_out,
        me::get_me,
        me::update_me,
        sign_in::change_password,
        members::list_members,
        members::get_member,
        members::update_member,
        members::suspend_member,
        members::resume_member,
        members::remove_member,
        members::invitations::invite_member,
        members::invitations::resend_invitation,
        members::acceptance::accept_invitation,
        api_keys::list_api_keys,
        api_keys::get_api_key,
        api_keys::create_api_key,
        api_keys::rotate_api_key,
        api_keys::revoke_api_key,
        audit::list_audit_events,
        access_entries::list_access_entries,
        shoppers::open_shopper_session,
        shoppers::get_storefront,
        grants::list_grants,
        grants::open_grant,
        grants::end_grant,
        webhooks::list_webhook_endpoints,
        webhooks::create_webhook_endpoint,
        webhooks::get_webhook_endpoint,
        webhooks::update_webhook_endpoint,
        webhooks::delete_webhook_endpoint,
        webhooks::commands::get_webhook_secret,
        webhooks::commands::rotate_webhook_secret,
        webhooks::commands::enable_webhook_endpoint,
        webhooks::commands::disable_webhook_endpoint,
        deliveries::test_webhook_endpoint,
        deliveries::replay_webhooks,
        deliveries::list_webhook_deliveries,
        deliveries::get_webhook_delivery,
        deliveries::redeliver_webhook,
        webhooks::list_webhook_event_types,
        webhooks::list_webhook_audit_events,
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
