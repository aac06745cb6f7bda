//! Variables of the ERP service, besides those that every service has (see `averis_service_kit::config`).
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `AVERIS_RESERVATION_MINUTES` | 15 | how long stock is held for a checkout, 1 to 1440 |

use averis_service_kit::config::{ConfigError, Env, ServiceConfig, whole};
use chrono::TimeDelta;

/// How the ERP service is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every service has.
    pub common: ServiceConfig,
    /// How long stock is held for a checkout.
    pub reservation_lifetime: TimeDelta,
}

impl Config {
    /// Reads the variables.
    ///
    /// # Errors
    /// When one is missing or malformed.
    pub fn from_env(env: Env<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            common: ServiceConfig::from_env(env, "erp")?,
            reservation_lifetime: reservation_lifetime(env)?,
        })
    }
}

/// How long stock is held for a checkout when nothing else is set.
pub const DEFAULT_LIFETIME: TimeDelta = TimeDelta::minutes(15);

/// Reads how long stock is held for a checkout.
///
/// # Errors
/// When it is malformed or out of its bounds.
pub fn reservation_lifetime(env: Env<'_>) -> Result<TimeDelta, ConfigError> {
    let minutes = whole(env, "AVERIS_RESERVATION_MINUTES", 1..=1440)?;
    Ok(minutes.map_or(DEFAULT_LIFETIME, TimeDelta::minutes))
}
