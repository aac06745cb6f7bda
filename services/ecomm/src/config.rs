//! Variables of the ecomm service, besides those that every service has (see `averis_service_kit::config`).
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `AVERIS_CHECKOUT_LEASE` | 100 | seconds that whoever works on a checkout has it to itself; begun anew with its steps |
//! | `AVERIS_CART_DAYS` | 30 | days after which a cart that nobody has touched expires, 1 to 365 |

use std::time::Duration;

use averis_service_kit::config::{ConfigError, Env, ServiceConfig, seconds, whole};
use chrono::TimeDelta;

/// How long whoever works on a checkout has it to itself, where nothing else is set: longer than the calls of the longest step, with
/// all that is tried again. Less is safe, since of two that work on one the slower stops, and wasteful.
pub const DEFAULT_LEASE: Duration = Duration::from_secs(100);

/// How the ecomm service is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every service has.
    pub common: ServiceConfig,
    /// How long whoever works on a checkout has it to itself.
    pub lease: Duration,
    /// After how long a cart that nobody has touched expires.
    pub cart_lifetime: TimeDelta,
}

impl Config {
    /// Reads the variables.
    ///
    /// # Errors
    /// When one is missing or malformed.
    pub fn from_env(env: Env<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            common: ServiceConfig::from_env(env, "ecomm")?,
            lease: lease(env)?,
            cart_lifetime: cart_lifetime(env)?,
        })
    }
}

/// Reads how long whoever works on a checkout has it to itself.
///
/// # Errors
/// When it is no number of seconds from 1 to 3600.
pub fn lease(env: Env<'_>) -> Result<Duration, ConfigError> {
    seconds(env, "AVERIS_CHECKOUT_LEASE", DEFAULT_LEASE)
}

/// After how long a cart that nobody has touched expires when nothing else is set.
pub const DEFAULT_CART_LIFETIME: TimeDelta = TimeDelta::days(30);

/// Reads after how long a cart that nobody has touched expires.
///
/// # Errors
/// When it is malformed or out of its bounds.
pub fn cart_lifetime(env: Env<'_>) -> Result<TimeDelta, ConfigError> {
    let days = whole(env, "AVERIS_CART_DAYS", 1..=365)?;
    Ok(days.map_or(DEFAULT_CART_LIFETIME, TimeDelta::days))
}
