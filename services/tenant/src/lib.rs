#![doc = include_str!("../README.md")]

mod config;
mod domain;
mod error;
mod http;
mod routes;
mod schema;
mod store;

use std::sync::Arc;

use actix_web::web;
use averis_service_kit::cursor::CursorSecret;
use averis_service_kit::serve::Service;
use averis_tenant_db::{DbError, PlatformDb, Provisioner};

pub use config::{Config, DEFAULT_CAPACITY};
pub use error::codes;
pub use routes::document;

/// What the handlers of this service work with.
#[derive(Clone)]
pub struct State {
    platform: PlatformDb,
    provisioner: Provisioner,
    capacity: u32,
    cursors: CursorSecret,
}

/// Makes the service.
///
/// # Errors
/// When its database pool cannot be built.
pub fn service(config: Config) -> Result<Service, DbError> {
    let state = State {
        platform: PlatformDb::new(&config.database, &config.pool)?,
        provisioner: Provisioner::new(config.provisioner, config.pool),
        capacity: config.capacity,
        cursors: config.cursor_secret,
    };
    let platform = state.platform.clone();
    Ok(Service {
        name: "tenant",
        openapi: document(),
        ready: Arc::new(move || {
            let platform = platform.clone();
            Box::pin(async move { platform.ping().await.map_err(|error| error.to_string()) })
        }),
        routes: Arc::new(move |app| {
            routes::routes(app, &web::Data::new(state.clone()));
        }),
    })
}
