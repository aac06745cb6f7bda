//! Variables of the customer service, besides those that every service has (see `averis_service_kit::config`).
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `AVERIS_SMTP_URL` | required without a folder | the mail server, `smtps://user:password@host`; `smtp://host:port?tls=none` in a network where nobody listens |
//! | `AVERIS_MAIL_FOLDER` | | folder in which mails are left where there is no server, for development |
//! | `AVERIS_MAIL_FROM` | `averis@localhost` | sender of mails |
//! | `AVERIS_SHOPPER_OIDC_ISSUER` | | OpenID Connect issuer by which shoppers sign in, to the letter |
//! | `AVERIS_SHOPPER_OIDC_CLIENT_ID` | required with an issuer | who the shops are to it |

use averis_identity::{MailConfig, OidcConfig, mail_config};
use averis_service_kit::config::{ConfigError, Env, ServiceConfig};

/// How the customer service is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every service has.
    pub common: ServiceConfig,
    /// How mails are sent.
    pub mail: MailConfig,
    /// By whom shoppers sign in, besides by codes.
    pub shoppers: Option<OidcConfig>,
}

impl Config {
    /// Reads the variables.
    ///
    /// # Errors
    /// When one is missing or malformed.
    pub fn from_env(env: Env<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            common: ServiceConfig::from_env(env, "customer")?,
            mail: mail_config(env, None)?,
            shoppers: shopper_provider(env)?,
        })
    }
}

/// Reads by whom shoppers sign in, besides by codes.
///
/// # Errors
/// When one of two variables that belong together is missing.
pub fn shopper_provider(env: Env<'_>) -> Result<Option<OidcConfig>, ConfigError> {
    let Some(issuer) = env.optional("AVERIS_SHOPPER_OIDC_ISSUER")? else {
        return Ok(None);
    };
    let client_id = env.required("AVERIS_SHOPPER_OIDC_CLIENT_ID")?;
    Ok(Some(OidcConfig { issuer, client_id }))
}
