#![doc = include_str!("../README.md")]

mod basket;
mod config;
mod domain;
pub mod engine;
mod error;
mod forgotten;
mod http;
mod known;
mod routes;
mod schema;
mod starting;
mod store;

use std::sync::Arc;

use actix_web::web::Data;
use averis_contracts::client::CallError;
use averis_contracts::product::ProductClient;
use averis_contracts::tenant::TenantClient;
use averis_outbox::{Delivery, Subscriber};
use averis_service_kit::cursor::CursorSecret;
use averis_service_kit::rounds::Rounds;
use averis_service_kit::serve::{Service, answers};
use averis_tenant_context::Domain;
use averis_tenant_db::TenantPool;
use chrono::TimeDelta;

pub use config::{Config, quote_lifetime};
pub use error::codes;
pub use http::quotes::DEFAULT_LIFETIME;
pub use routes::document;

/// What the handlers of this service work with, besides the tenant's database.
#[derive(Clone)]
pub struct State {
    cursors: CursorSecret,
    products: Arc<ProductClient>,
    quote_lifetime: TimeDelta,
}

/// Makes the service.
///
/// # Errors
/// When the product service's client cannot be built.
pub fn service(config: Config) -> Result<Service, CallError> {
    let Config {
        common,
        quote_lifetime,
    } = config;
    let pool = TenantPool::new(Domain::Pricing, common.database, common.pool);
    let (urls, own) = (common.urls, common.identity);
    let subscribers = vec![Subscriber::new("tenant", &urls.tenant, &own)?];
    let tenants = || TenantClient::new(urls.tenant.clone(), own.clone());
    let delivery = Delivery::start(pool.clone(), tenants()?, subscribers);
    let rounds = Rounds::start(
        pool.clone(),
        tenants()?,
        common.left_after / 3,
        async |tenant, db| {
            if let Err(error) = starting::sweep(&db).await {
                tracing::warn!(tenant = %tenant.key, error = %error, "prices that begin cannot be looked for");
            }
        },
    );
    let background = Arc::new((rounds, delivery));
    let state = Data::new(State {
        cursors: common.cursor_secret,
        products: Arc::new(ProductClient::new(urls.product, own)?),
        quote_lifetime,
    });
    let trusted = Data::new(common.trusted);
    let (ready, measured) = (answers(&pool), pool.clone());
    let pool = Data::new(pool);
    Ok(Service {
        name: "pricing",
        openapi: document,
        ready,
        pool: measured,
        routes: Arc::new(move |app| {
            // Kept as long as anybody is served.
            app.app_data(Data::from(Arc::clone(&background)));
            routes::routes(app, &state, &pool, &trusted);
        }),
    })
}
