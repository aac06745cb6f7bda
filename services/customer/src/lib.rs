#![doc = include_str!("../README.md")]

mod config;
mod disclosure;
mod domain;
mod error;
mod http;
mod routes;
mod schema;
mod store;

use std::sync::Arc;

use actix_web::web::Data;
use averis_contracts::client::CallError;
use averis_contracts::tenant::TenantClient;
use averis_identity::{
    ConfigError as IdentityConfigError, MailError, MailQueue, Mailer, OidcClient,
};
use averis_outbox::{Delivery, Subscriber};
use averis_service_kit::cursor::CursorSecret;
use averis_service_kit::serve::{Service, answers};
use averis_tenant_context::Domain;
use averis_tenant_db::TenantPool;

pub use config::{Config, shopper_provider};
pub use error::codes;
pub use routes::document;

/// What the handlers of this service work with, besides the tenant's database.
#[derive(Clone)]
pub struct State {
    cursors: CursorSecret,
    mails: MailQueue,
    /// By whom shoppers sign in, besides by codes.
    shoppers: Option<Arc<OidcClient>>,
    /// Ends with the service.
    _delivery: Arc<Delivery>,
}

/// Why the service cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Its way to send mail cannot be built.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// The identity provider of the shops cannot be one.
    #[error(transparent)]
    Identity(#[from] IdentityConfigError),
    /// A client of another service cannot be built.
    #[error(transparent)]
    Client(#[from] CallError),
}

/// Makes the service.
///
/// # Errors
/// When its way to send mail, or a client of another service, cannot be built.
pub fn service(config: Config) -> Result<Service, SetupError> {
    let Config {
        common,
        mail,
        shoppers,
    } = config;
    let shoppers = shoppers.map(OidcClient::new).transpose()?.map(Arc::new);
    let pool = TenantPool::new(Domain::Customer, common.database, common.pool);
    let (mails, sending) = MailQueue::new(Arc::new(Mailer::new(&mail)?));
    #[expect(
        clippy::disallowed_methods,
        reason = "each mail was written for its tenant; ends with the queue"
    )]
    actix_web::rt::spawn(sending);
    let tenants = TenantClient::new(common.urls.tenant.clone(), common.identity.clone())?;
    let subscribers = vec![
        Subscriber::new("pricing", &common.urls.pricing, &common.identity)?,
        Subscriber::new("tenant", &common.urls.tenant, &common.identity)?,
    ];
    let state = Data::new(State {
        cursors: common.cursor_secret,
        mails,
        shoppers,
        _delivery: Arc::new(Delivery::start(pool.clone(), tenants, subscribers)),
    });
    let (ready, measured) = (answers(&pool), pool.clone());
    let (pool, trusted) = (Data::new(pool), Data::new(common.trusted));
    Ok(Service {
        name: "customer",
        openapi: document,
        ready,
        pool: measured,
        routes: Arc::new(move |app| routes::routes(app, &state, &pool, &trusted)),
    })
}
