#![doc = include_str!("../README.md")]

mod config;
mod domain;
mod error;
mod http;
mod import;
mod routes;
mod schema;
mod staging;
mod stewardship;
mod store;

use std::sync::Arc;

use actix_web::web::Data;
use averis_contracts::client::CallError;
use averis_contracts::tenant::TenantClient;
use averis_outbox::{Delivery, Subscriber};
use averis_service_kit::cursor::CursorSecret;
use averis_service_kit::serve::{Service, answers};
use averis_tenant_context::Domain;
use averis_tenant_db::TenantPool;

pub use config::{Config, DEFAULT_MAX_IMPORT};
pub use error::codes;
pub use routes::document;

use crate::import::Importer;

/// What the handlers of this service work with, besides the tenant's database.
#[derive(Clone)]
pub struct State {
    cursors: CursorSecret,
    importer: Importer,
    max_import_bytes: u64,
    /// Lives as long as the service.
    _delivery: Arc<Delivery>,
}

/// Makes the service and starts its importer, which takes up what an earlier process left.
///
/// # Errors
/// When the tenant service's client cannot be built.
pub fn service(config: Config) -> Result<Service, CallError> {
    let common = &config.common;
    let pool = TenantPool::new(
        Domain::Product,
        common.database.clone(),
        common.pool.clone(),
    );
    service_on(config, pool)
}

/// Makes the service on a pool whose counters somebody else reads too.
///
/// # Errors
/// When the tenant service's client cannot be built.
pub fn service_on(config: Config, pool: TenantPool) -> Result<Service, CallError> {
    let Config {
        common,
        max_import_bytes,
    } = config;
    let tenants = || TenantClient::new(common.urls.tenant.clone(), common.identity.clone());
    let own = &common.identity;
    let subscribers = vec![
        Subscriber::new("product", &common.urls.product, own)?,
        Subscriber::new("pricing", &common.urls.pricing, own)?,
        Subscriber::new("tenant", &common.urls.tenant, own)?,
    ];
    let delivery = Delivery::start(pool.clone(), tenants()?, subscribers);
    let trusted = Data::new(common.trusted.clone());
    let state = Data::new(State {
        importer: Importer::start(pool.clone(), tenants()?),
        cursors: common.cursor_secret,
        max_import_bytes,
        _delivery: Arc::new(delivery),
    });
    let (ready, measured) = (answers(&pool), pool.clone());
    let pool = Data::new(pool);
    Ok(Service {
        name: "product",
        openapi: document,
        ready,
        pool: measured,
        routes: Arc::new(move |app| routes::routes(app, &state, &pool, &trusted)),
    })
}
