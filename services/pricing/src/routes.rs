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
    assignment, audit, catalogs, entries, explain, fx, internal, market, prices, promotions,
    quotes, redemptions, rules, taxes, unit_prices,
};
use crate::{State, codes};

#[rustfmt::skip]
pub fn routes(app: &mut ServiceConfig, state: &Data<State>, pool: &Data<TenantPool>, trusted: &Data<TrustedServices>) {
    app.service(web::scope("/api/pricing/v1").app_data(state.clone()).app_data(pool.clone())
        .service(resource("/channels").get(market::list_channels).post(market::create_channel))
        .service(resource("/channels/{code}").delete(market::delete_channel))
        .service(resource("/segments").get(market::list_segments).post(market::create_segment))
        .service(resource("/segments/{code}").delete(market::delete_segment))
        .service(resource("/locales").get(market::list_locales).post(market::create_locale))
        .service(resource("/locales/{code}").delete(market::delete_locale))
        .service(resource("/catalogs").get(catalogs::list_catalogs).post(catalogs::create_catalog))
        .service(resource("/catalogs/{id}").get(catalogs::get_catalog).patch(catalogs::update_catalog))
        .service(resource("/catalogs/{id}/activate").post(catalogs::activate_catalog))
        .service(resource("/catalogs/{id}/deactivate").post(catalogs::deactivate_catalog))
        .service(resource("/catalogs/{id}/archive").post(catalogs::archive_catalog))
        .service(resource("/catalogs/{id}/entries").get(entries::list_entries).put(entries::put_entries))
        .service(resource("/catalogs/{id}/entries/{part_id}").delete(entries::delete_entry))
        .service(resource("/catalog-rules").get(rules::list_catalog_rules).post(rules::create_catalog_rule))
        .service(resource("/catalog-rules/{id}").get(rules::get_catalog_rule).patch(rules::update_catalog_rule).delete(rules::delete_catalog_rule))
        .service(resource("/catalog-assignment").get(assignment::get_catalog_assignment))
        .service(resource("/prices").get(prices::list_prices).post(prices::create_price))
        .service(resource("/prices/batch").post(prices::batch::create_prices))
        .service(resource("/prices/explain").get(explain::explain_price))
        .service(resource("/prices/rising-tiers").get(prices::list_rising_tiers))
        .service(resource("/prices/{id}").get(prices::get_price).patch(prices::update_price).delete(prices::delete_price))
        .service(resource("/prices/{id}/approve").post(prices::commands::approve_price))
        .service(resource("/prices/{id}/end").post(prices::commands::end_price))
        .service(resource("/prices/{id}/revise").post(prices::commands::revise_price))
        .service(resource("/prices/{id}/convert").post(prices::commands::convert_price))
        .service(resource("/promotions").get(promotions::list_promotions).post(promotions::create_promotion))
        .service(resource("/promotions/{id}").get(promotions::get_promotion).patch(promotions::update_promotion))
        .service(resource("/promotions/{id}/activate").post(promotions::activate_promotion))
        .service(resource("/promotions/{id}/deactivate").post(promotions::deactivate_promotion))
        .service(resource("/tax-rates").get(taxes::list_tax_rates).post(taxes::create_tax_rate))
        .service(resource("/tax-rates/import").post(taxes::import_tax_rates))
        .service(resource("/tax-rates/{id}").delete(taxes::delete_tax_rate))
        .service(resource("/fx-rates").get(fx::list_fx_rates).post(fx::create_fx_rate))
        .service(resource("/unit-prices").get(unit_prices::read_unit_prices))
        .service(resource("/price-quotes").post(quotes::create_price_quote))
        .service(resource("/price-previews").post(quotes::preview_price))
        .service(resource("/price-quotes/{id}").get(quotes::get_price_quote))
        .service(resource("/price-quotes/{id}/renew").post(quotes::renew_price_quote))
        .service(resource("/redemptions").post(redemptions::hold_promotions))
        .service(resource("/redemptions/{id}").get(redemptions::list_redemptions))
        .service(resource("/redemptions/{id}/confirm").post(redemptions::confirm_redemptions))
        .service(resource("/redemptions/{id}/release").post(redemptions::release_redemptions))
        .service(resource("/audit-events").get(audit::list_audit_events)))
    .service(web::scope("/internal/pricing/v1/tenants/{tenant}").app_data(state.clone()).app_data(pool.clone()).app_data(trusted.clone())
        .app_data(JsonConfig::default().limit(MAX_EVENTS)).app_data(Data::new(CALLERS))
        .service(resource("/unit-prices").get(unit_prices::read_unit_prices))
        .service(resource("/price-previews").post(quotes::preview_price))
        .service(resource("/price-quotes").post(quotes::create_price_quote))
        .service(resource("/redemptions").post(redemptions::hold_promotions))
        .service(resource("/redemptions/{id}/confirm").post(redemptions::confirm_redemptions))
        .service(resource("/redemptions/{id}/release").post(redemptions::release_redemptions))
        .service(resource("/events").app_data(Data::new(PUBLISHERS)).post(internal::receive_events)));
}

/// Who has baskets priced for checkouts.
const CALLERS: AcceptedCallers = AcceptedCallers {
    own: "pricing",
    callers: &[(
        "ecomm",
        &[Permission::QuoteWrite, Permission::RedemptionWrite],
    )],
};

/// Whose events this service takes.
const PUBLISHERS: AcceptedCallers = AcceptedCallers {
    own: "pricing",
    callers: &[("product", &[]), ("customer", &[])],
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Averis pricing service",
        description = "Catalogs, prices, promotions, taxes and quotes of one tenant."
    ),
    paths(
        market::list_channels,
        market::create_channel,
        market::delete_channel,
        market::list_segments,
        market::create_segment,
        market::delete_segment,
        market::list_locales,
        market::create_locale,
        market::delete_locale,
        catalogs::list_catalogs,
        catalogs::create_catalog,
        catalogs::get_catalog,
        catalogs::update_catalog,
        catalogs::activate_catalog,
        catalogs::deactivate_catalog,
        catalogs::archive_catalog,
        entries::list_entries,
        entries::put_entries,
        entries::delete_entry,
        rules::list_catalog_rules,
        rules::create_catalog_rule,
        rules::get_catalog_rule,
        rules::update_catalog_rule,
        rules::delete_catalog_rule,
        assignment::get_catalog_assignment,
        prices::list_prices,
        prices::create_price,
        prices::batch::create_prices,
        explain::explain_price,
        prices::list_rising_tiers,
        prices::get_price,
        prices::update_price,
        prices::delete_price,
        prices::commands::approve_price,
        prices::commands::end_price,
        prices::commands::revise_price,
        prices::commands::convert_price,
        promotions::list_promotions,
        promotions::create_promotion,
        promotions::get_promotion,
        promotions::update_promotion,
        promotions::activate_promotion,
        promotions::deactivate_promotion,
        taxes::list_tax_rates,
        taxes::create_tax_rate,
        taxes::import_tax_rates,
        taxes::delete_tax_rate,
        fx::list_fx_rates,
        fx::create_fx_rate,
        unit_prices::read_unit_prices,
        quotes::create_price_quote,
        quotes::preview_price,
        quotes::get_price_quote,
        quotes::renew_price_quote,
        redemptions::hold_promotions,
        redemptions::list_redemptions,
        redemptions::confirm_redemptions,
        redemptions::release_redemptions,
        audit::list_audit_events,
    )
)]
struct Document;

/// Returns the OpenAPI document of this service.
#[must_use]
pub fn document() -> Value {
    openapi::complete(&Document::openapi(), codes::ALL)
}
