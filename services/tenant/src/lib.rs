#![doc = include_str!("../README.md")]

mod accounts;
mod config;
mod domain;
mod error;
mod http;
mod routes;
mod schema;
mod sending;
mod store;
mod tokens;

use std::sync::Arc;

use actix_web::web;
use averis_contracts::tenant::TenantClient;
use averis_identity::{MailQueue, Mailer, Providers, StytchClient};
use averis_service_kit::cursor::CursorSecret;
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::rounds::Rounds;
use averis_service_kit::serve::Service;
use averis_tenant_context::{BaseDomain, Domain};
use averis_tenant_db::{PlatformDb, Provisioner, TenantPool};
use url::Url;

pub use accounts::{AccountError, Accounts};
pub use config::{
    Config, DEFAULT_CAPACITY, Targets, WebhooksConfig, provider_config, webhook_targets,
};
pub use error::codes;
pub use routes::document;
pub use tokens::{AccessTokens, Grantee};

use crate::domain::passwords::Passwords;
use crate::error::provider_problem;
use crate::sending::Sending;

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

/// What the handlers of webhooks work with, besides the tenant's database.
#[derive(Clone)]
pub struct WebhookState {
    cursors: CursorSecret,
    sending: Sending,
    base_domain: BaseDomain,
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
    let webhook_pool = common.pool.clone();
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
    let pool = TenantPool::new(Domain::Webhooks, config.webhooks.database, webhook_pool);
    let webhooks = WebhookState {
        cursors: state.cursors.clone(),
        sending: Sending::new(
            config.webhooks.targets,
            state.platform.clone(),
            state.mails.clone(),
        )?,
        base_domain: config.webhooks.base_domain,
    };
    let (sending, left_after) = (webhooks.sending.clone(), common.left_after);
    let tenants = TenantClient::new(common.urls.tenant, common.identity)?;
    let rounds = Rounds::start(pool.clone(), tenants, left_after * 2, async move |_, db| {
        sending.look_after(&db, left_after).await;
    });
    let rounds = web::Data::new(rounds);
    let measured = pool.clone();
    let (webhooks, pool) = (web::Data::new(webhooks), web::Data::new(pool));
    let trusted = web::Data::new(common.trusted);
    let platform = state.platform.clone();
    Ok(Service {
        name: "tenant",
        openapi: document,
        pool: measured,
        ready: Arc::new(move || {
            let platform = platform.clone();
            Box::pin(async move { platform.ping().await.map_err(Into::into) })
        }),
        routes: Arc::new(move |app| {
            // Kept as long as anybody is served.
            app.app_data(rounds.clone());
            let state = web::Data::new(state.clone());
            routes::routes(app, &state, &webhooks, &pool, &trusted);
        }),
    })
}
