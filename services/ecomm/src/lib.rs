#![doc = include_str!("../README.md")]

mod asking;
mod config;
mod domain;
mod error;
mod expiring;
mod http;
mod routes;
mod saga;
mod schema;
mod store;

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Data;
use averis_contracts::client::CallError;
use averis_contracts::customer::CustomerClient;
use averis_contracts::erp::ErpClient;
use averis_contracts::oms::OmsClient;
use averis_contracts::pricing::PricingClient;
use averis_contracts::product::ProductClient;
use averis_contracts::tenant::TenantClient;
use averis_outbox::{Delivery, Subscriber};
use averis_service_kit::cursor::CursorSecret;
use averis_service_kit::metrics::PerTenant;
use averis_service_kit::rounds::Rounds;
use averis_service_kit::serve::{Service, answers};
use averis_tenant_context::Domain;
use averis_tenant_db::TenantPool;

pub use config::{Config, DEFAULT_CART_LIFETIME, DEFAULT_LEASE, cart_lifetime, lease};
pub use error::codes;
pub use routes::document;

/// What the handlers of this service work with, besides the tenant's database.
#[derive(Clone)]
pub struct State {
    cursors: CursorSecret,
    /// How long whoever works on a checkout has it to itself.
    lease: Duration,
    calls: Arc<Calls>,
    /// Attempts that are under way, as the last round has found them.
    open: PerTenant,
}

/// The services that checkouts ask.
pub struct Calls {
    product: ProductClient,
    pricing: PricingClient,
    customer: CustomerClient,
    erp: ErpClient,
    oms: OmsClient,
}

/// Makes the service.
///
/// # Errors
/// When a client of another service cannot be built.
pub fn service(config: Config) -> Result<Service, CallError> {
    let Config {
        common,
        lease,
        cart_lifetime,
    } = config;
    let pool = TenantPool::new(Domain::Ecomm, common.database, common.pool);
    let (urls, own) = (common.urls, common.identity);
    let state = State {
        cursors: common.cursor_secret,
        lease,
        calls: Arc::new(Calls {
            product: ProductClient::new(urls.product, own.clone())?,
            pricing: PricingClient::new(urls.pricing, own.clone())?,
            customer: CustomerClient::new(urls.customer, own.clone())?,
            erp: ErpClient::new(urls.erp, own.clone())?,
            oms: OmsClient::new(urls.oms, own.clone())?,
        }),
        open: saga::measured(),
    };
    let (swept, left_after) = (state.clone(), common.left_after);
    let subscribers = vec![Subscriber::new("tenant", &urls.tenant, &own)?];
    let tenants = || TenantClient::new(urls.tenant.clone(), own.clone());
    let delivery = Delivery::start(pool.clone(), tenants()?, subscribers);
    let rounds = Rounds::start(
        pool.clone(),
        tenants()?,
        left_after / 3,
        async move |tenant, db| {
            if let Err(error) = saga::sweep(&swept, tenant, &db, left_after).await {
                // Looked at again in the next round.
                tracing::warn!(tenant = %tenant.key, error = %error, "checkouts cannot be gone on with");
            }
            if let Err(error) = expiring::sweep(&db, cart_lifetime).await {
                tracing::warn!(tenant = %tenant.key, error = %error, "carts cannot be looked through");
            }
        },
    );
    let background = Arc::new((rounds, delivery));
    let (ready, measured) = (answers(&pool), pool.clone());
    let (state, pool) = (Data::new(state), Data::new(pool));
    Ok(Service {
        name: "ecomm",
        openapi: document,
        ready,
        pool: measured,
        routes: Arc::new(move |app| {
            // Kept as long as anybody is served.
            app.app_data(Data::from(Arc::clone(&background)));
            routes::routes(app, &state, &pool);
        }),
    })
}
