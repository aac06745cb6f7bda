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
mod store;

use std::sync::Arc;

use actix_web::web::Data;
use averis_contracts::client::CallError;
use averis_contracts::product::ProductClient;
use averis_service_kit::cursor::CursorSecret;
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
    let state = Data::new(State {
        cursors: common.cursor_secret,
        products: Arc::new(ProductClient::new(common.urls.product, common.identity)?),
        quote_lifetime,
    });
    let trusted = Data::new(common.trusted);
    let ready = answers(&pool);
    let pool = Data::new(pool);
    Ok(Service {
        name: "pricing",
        openapi: document,
        ready,
        routes: Arc::new(move |app| routes::routes(app, &state, &pool, &trusted)),
    })
}
