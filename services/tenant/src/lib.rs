#![doc = include_str!("../README.md")]

mod accounts;
mod config;
mod domain;
mod error;
mod http;
mod routes;
mod schema;
mod store;
mod tokens;

use std::sync::Arc;

use actix_web::web;
use averis_identity::Mailer;
use averis_service_kit::cursor::CursorSecret;
use averis_service_kit::serve::Service;
use averis_tenant_db::{PlatformDb, Provisioner};

pub use accounts::{AccountError, Accounts};
pub use config::{Config, DEFAULT_CAPACITY, mail_config};
pub use error::codes;
pub use routes::document;
pub use tokens::{AccessTokens, Grantee};

use crate::domain::passwords::Passwords;

/// What the handlers of this service work with.
#[derive(Clone)]
pub struct State {
    platform: PlatformDb,
    provisioner: Provisioner,
    capacity: u32,
    cursors: CursorSecret,
    tokens: AccessTokens,
    passwords: Passwords,
    mailer: Arc<Mailer>,
}

/// Makes the service.
///
/// # Errors
/// When its database pool or its way to send mail cannot be built.
pub fn service(config: Config) -> anyhow::Result<Service> {
    let common = config.common;
    let state = State {
        platform: PlatformDb::new(&common.database, &common.pool)?,
        provisioner: Provisioner::new(config.provisioner, common.pool),
        capacity: config.capacity,
        cursors: common.cursor_secret,
        tokens: AccessTokens::new(config.signing, &config.issuer),
        passwords: Passwords::new(),
        mailer: Arc::new(Mailer::new(&config.mail)?),
    };
    let trusted = web::Data::new(common.trusted);
    let platform = state.platform.clone();
    Ok(Service {
        name: "tenant",
        openapi: document(),
        ready: Arc::new(move || {
            let platform = platform.clone();
            Box::pin(async move { platform.ping().await.map_err(|error| error.to_string()) })
        }),
        routes: Arc::new(move |app| {
            routes::routes(app, &web::Data::new(state.clone()), &trusted);
        }),
    })
}
