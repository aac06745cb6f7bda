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
use averis_identity::{MailQueue, Mailer, Providers, StytchClient};
use averis_service_kit::cursor::CursorSecret;
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::serve::Service;
use averis_tenant_db::{PlatformDb, Provisioner};
use url::Url;

pub use accounts::{AccountError, Accounts};
pub use config::{Config, DEFAULT_CAPACITY, provider_config};
pub use error::codes;
pub use routes::document;
pub use tokens::{AccessTokens, Grantee};

use crate::domain::passwords::Passwords;
use crate::error::provider_problem;

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
    mails: MailQueue,
    providers: Arc<Providers>,
    stytch_redirect: Option<Url>,
}

impl State {
    /// Returns the client of Stytch, and where links in its mails lead to.
    fn stytch(&self) -> ApiResult<(&StytchClient, &Url)> {
        let stytch = self.providers.stytch().map_err(provider_problem)?;
        let redirect = self.stytch_redirect.as_ref();
        let redirect = redirect.ok_or_else(|| Problem::new(codes::PROVIDER_NOT_SET_UP))?;
        Ok((stytch, redirect))
    }
}

/// Makes the service.
///
/// # Errors
/// When its database pool or its way to send mail cannot be built.
pub fn service(config: Config) -> anyhow::Result<Service> {
    let common = config.common;
    let mailer = Arc::new(Mailer::new(&config.mail)?);
    let (mails, sending) = MailQueue::new(Arc::clone(&mailer));
    #[expect(
        clippy::disallowed_methods,
        reason = "mails of the platform, which are no tenant's; ends with the queue"
    )]
    actix_web::rt::spawn(sending);
    let state = State {
        platform: PlatformDb::new(&common.database, &common.pool)?,
        provisioner: Provisioner::new(config.provisioner, common.pool),
        capacity: config.capacity,
        cursors: common.cursor_secret,
        tokens: AccessTokens::new(config.signing, &config.issuer),
        passwords: Passwords::new(),
        mailer,
        mails,
        providers: Arc::new(Providers::new(config.providers)?),
        stytch_redirect: config.stytch_redirect,
    };
    let trusted = web::Data::new(common.trusted);
    let platform = state.platform.clone();
    Ok(Service {
        name: "tenant",
        openapi: document,
        ready: Arc::new(move || {
            let platform = platform.clone();
            Box::pin(async move { platform.ping().await.map_err(|error| error.to_string()) })
        }),
        routes: Arc::new(move |app| {
            routes::routes(app, &web::Data::new(state.clone()), &trusted);
        }),
    })
}
