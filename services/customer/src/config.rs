//! Variables of the customer service, besides those that every service has (see `averis_service_kit::config`).
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `AVERIS_SMTP_URL` | | server that sends mails |
//! | `AVERIS_MAIL_FOLDER` | | folder in which mails are left where there is no server; one of both is required |
//! | `AVERIS_MAIL_FROM` | `averis@localhost` | sender of mails |

use averis_identity::{MailConfig, mail_config};
use averis_service_kit::config::{ConfigError, Env, ServiceConfig};

/// How the customer service is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every service has.
    pub common: ServiceConfig,
    /// How mails are sent.
    pub mail: MailConfig,
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
        })
    }
}
