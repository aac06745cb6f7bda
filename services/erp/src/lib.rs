#![doc = include_str!("../README.md")]

mod config;
mod costing;
mod domain;
mod error;
mod http;
mod routes;
mod schema;
mod store;
mod told;

use std::sync::Arc;

use actix_web::web::Data;
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
#[must_use]
pub fn service(config: Config) -> Service {
    let Config {
        common,
        reservation_lifetime,
    } = config;
    let pool = TenantPool::new(Domain::Erp, common.database, common.pool);
    let state = Data::new(State {
        cursors: common.cursor_secret,
        reservation_lifetime,
    });
    let ready = answers(&pool);
    let (pool, trusted) = (Data::new(pool), Data::new(common.trusted));
    Service {
        name: "erp",
        openapi: document,
        ready,
        routes: Arc::new(move |app| routes::routes(app, &state, &pool, &trusted)),
    }
}
