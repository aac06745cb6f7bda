//! Variables of the pricing service, besides those that every service has (see `averis_service_kit::config`).
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `AVERIS_QUOTE_MINUTES` | 15 | how long a quote holds, 1 to 10000 |

use averis_service_kit::config::{ConfigError, Env, ServiceConfig, whole};
use chrono::TimeDelta;

/// How the pricing service is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every service has.
    pub common: ServiceConfig,
    /// How long a quote holds.
    pub quote_lifetime: TimeDelta,
}

impl Config {
    /// Reads the variables.
    ///
    /// # Errors
    /// When one is missing or malformed.
    pub fn from_env(env: Env<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            common: ServiceConfig::from_env(env, "pricing")?,
            quote_lifetime: quote_lifetime(env)?,
        })
    }
}

/// Reads how long a quote holds.
///
/// # Errors
/// When it is malformed or out of its bounds.
pub fn quote_lifetime(env: Env<'_>) -> Result<TimeDelta, ConfigError> {
    let minutes = whole(env, "AVERIS_QUOTE_MINUTES", 1..=10_000)?;
    Ok(minutes.map_or(crate::DEFAULT_LIFETIME, TimeDelta::minutes))
}
