#![doc = include_str!("../README.md")]

mod config;
mod costing;
mod deposits;
mod domain;
mod error;
mod http;
mod routes;
mod schema;
mod store;
mod told;

use std::sync::Arc;

use actix_web::web::Data;
use averis_contracts::client::CallError;
use averis_contracts::tenant::TenantClient;
use averis_outbox::{Delivery, Subscriber};
use averis_service_kit::cursor::CursorSecret;
use averis_service_kit::serve::{Service, answers};
use averis_tenant_context::Domain;
use averis_tenant_db::TenantPool;
use chrono::TimeDelta;

pub use config::{Config, DEFAULT_LIFETIME, reservation_lifetime};
pub use error::codes;
pub use routes::document;

/// What the handlers of this service work with, besides the tenant's database.
#[derive(Clone)]
pub struct State {
    cursors: CursorSecret,
    reservation_lifetime: TimeDelta,
}

/// Makes the service.
///
/// # Errors
/// When the client of another service cannot be built.
pub fn service(config: Config) -> Result<Service, CallError> {
    let Config {
        common,
        reservation_lifetime,
    } = config;
    let pool = TenantPool::new(Domain::Erp, common.database, common.pool);
    let tenants = TenantClient::new(common.urls.tenant.clone(), common.identity.clone())?;
    let subscribers = vec![Subscriber::new(
        "tenant",
        &common.urls.tenant,
        &common.identity,
    )?];
    let delivery = Arc::new(Delivery::start(pool.clone(), tenants, subscribers));
    let state = Data::new(State {
        cursors: common.cursor_secret,
        reservation_lifetime,
    });
    let (ready, measured) = (answers(&pool), pool.clone());
    let (pool, trusted) = (Data::new(pool), Data::new(common.trusted));
    Ok(Service {
        name: "erp",
        openapi: document,
        ready,
        pool: measured,
        routes: Arc::new(move |app| {
            // Kept as long as anybody is served.
            app.app_data(Data::from(Arc::clone(&delivery)));
            routes::routes(app, &state, &pool, &trusted);
        }),
    })
}
