#![doc = include_str!("../README.md")]

mod config;
mod domain;
mod error;
mod http;
mod import;
mod routes;
mod schema;
mod stewardship;
mod store;

use std::sync::Arc;

use actix_web::web::Data;
use averis_contracts::client::CallError;
use averis_contracts::tenant::TenantClient;
use averis_service_kit::cursor::CursorSecret;
use averis_service_kit::serve::Service;
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
    let tenants = TenantClient::new(common.tenant_url, common.identity)?;
    let state = Data::new(State {
        cursors: common.cursor_secret,
        importer: Importer::start(pool.clone(), tenants),
        max_import_bytes,
    });
    let checked = pool.clone();
    let pool = Data::new(pool);
    Ok(Service {
        name: "product",
        openapi: document(),
        ready: Arc::new(move || {
            let pool = checked.clone();
            Box::pin(async move { pool.ping().await.map_err(|error| error.to_string()) })
        }),
        routes: Arc::new(move |app| routes::routes(app, &state, &pool)),
    })
}
