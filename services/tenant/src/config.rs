//! Variables of the tenant service, besides those that every service has (see `averis_service_kit::config`).
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `AVERIS_PROVISIONER_URL` | required | the login that owns schemas and makes roles |
//! | `AVERIS_DATABASE_CAPACITY` | 400 | tenants that the database may hold |
//! | `AVERIS_MAIL_FROM` | `averis@localhost` | sender of mails |
//! | `AVERIS_MAIL_FOLDER` | | folder in which mails are left where there is no server, for development |
//! | `AVERIS_SMTP_URL` | required without a folder | the mail server, `smtps://user:password@host`; `smtp://host:port?tls=none` in a network where nobody listens |
//! | `AVERIS_WEBHOOKS_DATABASE_URL` | required | the login that reaches tenants' schemas of webhooks |
//! | `AVERIS_WEBHOOK_TARGETS` | `public` | whom webhooks may call: `public`, or `any` for development |
//! | `AVERIS_SIGNING_SECRET` | required | what the keys that sign access tokens are derived from |
//! | `AVERIS_STYTCH_PROJECT_ID` | | project of Stytch B2B, if tenants may be organizations there |
//! | `AVERIS_STYTCH_SECRET` | required with a project | the project's API secret |
//! | `AVERIS_STYTCH_REDIRECT_URL` | required with a project | page that links in Stytch's mails lead to |
//! | `AVERIS_STYTCH_URL` | `https://api.stytch.com` | Stytch itself |
//! | `AVERIS_OIDC_ISSUER` | | OpenID Connect issuer that speaks for the whole installation, to the letter |
//! | `AVERIS_OIDC_CLIENT_ID` | required with an issuer | who the installation is to it |

use averis_identity::{MailConfig, OidcConfig, ProvidersConfig, StytchConfig, mail_config};
use averis_service_kit::config::{ConfigError, Env, ServiceConfig, base_domain, database};
use averis_tenant_context::BaseDomain;
use averis_tenant_db::DatabaseUrl;
use averis_tokens::SigningSecret;
use url::Url;

pub use crate::domain::webhooks::targets::Targets;

/// Tenants that one database carries well: beyond, a dump of everything hits the lock table.
pub const DEFAULT_CAPACITY: u32 = 400;

/// How the tenant service is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every service has.
    pub common: ServiceConfig,
    /// The login that owns schemas and makes roles.
    pub provisioner: DatabaseUrl,
    /// Tenants that the database may hold.
    pub capacity: u32,
    /// `iss` of the access tokens that are made here.
    pub issuer: String,
    /// What the keys that sign them are derived from.
    pub signing: SigningSecret,
    /// How mails are sent.
    pub mail: MailConfig,
    /// How tenants' own systems are told what happens.
    pub webhooks: WebhooksConfig,
    /// Identity providers besides local accounts.
    pub providers: ProvidersConfig,
    /// Page that links in Stytch's mails lead to; there wherever Stytch is.
    pub stytch_redirect: Option<Url>,
}

/// How tenants' own systems are told what happens.
#[derive(Clone, Debug)]
pub struct WebhooksConfig {
    /// The login that reaches tenants' schemas of webhooks, and nothing of the platform's.
    pub database: DatabaseUrl,
    /// Whom they may call.
    pub targets: Targets,
    /// Where the platform is: nobody is called there.
    pub base_domain: BaseDomain,
}

/// Reads whom webhooks may call.
///
/// # Errors
/// When the variable is malformed.
pub fn webhook_targets(env: Env<'_>) -> Result<Targets, ConfigError> {
    env.or("AVERIS_WEBHOOK_TARGETS", Targets::default())
}

impl Config {
    /// Reads the variables.
    ///
    /// # Errors
    /// When one is missing or malformed.
    pub fn from_env(env: Env<'_>) -> Result<Self, ConfigError> {
        let (providers, stytch_redirect) = provider_config(env)?;
        Ok(Self {
            common: ServiceConfig::from_env(env, "tenant")?,
            provisioner: database(env, "AVERIS_PROVISIONER_URL")?,
            capacity: env.or("AVERIS_DATABASE_CAPACITY", DEFAULT_CAPACITY)?,
            issuer: env.or("AVERIS_ISSUER", "averis".to_owned())?,
            signing: env.required("AVERIS_SIGNING_SECRET")?,
            mail: mail_config(env, None)?,
            webhooks: WebhooksConfig {
                database: database(env, "AVERIS_WEBHOOKS_DATABASE_URL")?,
                targets: webhook_targets(env)?,
                base_domain: base_domain(env)?,
            },
            providers,
            stytch_redirect,
        })
    }
}

/// Reads which identity providers there are, and where links in Stytch's mails lead to.
///
/// # Errors
/// When a variable is malformed, or one of two that belong together is missing.
pub fn provider_config(env: Env<'_>) -> Result<(ProvidersConfig, Option<Url>), ConfigError> {
    let mut providers = ProvidersConfig::default();
    let mut redirect = None;
    if let Some(project_id) = env.optional("AVERIS_STYTCH_PROJECT_ID")? {
        let default = "https://api.stytch.com".to_owned();
        let base_url: String = env.or("AVERIS_STYTCH_URL", default)?;
        providers.stytch = Some(StytchConfig {
            base_url: base_url.parse().map_err(|error: url::ParseError| {
                ConfigError::Invalid("AVERIS_STYTCH_URL".to_owned(), error.to_string())
            })?,
            project_id,
            secret: env.required("AVERIS_STYTCH_SECRET")?,
        });
        redirect = Some(env.required("AVERIS_STYTCH_REDIRECT_URL")?);
    }
    if let Some(issuer) = env.optional("AVERIS_OIDC_ISSUER")? {
        providers.oidc = Some(OidcConfig {
            issuer,
            client_id: env.required("AVERIS_OIDC_CLIENT_ID")?,
        });
    }
    Ok((providers, redirect))
}
