//! Variables of the product service, besides those that every service has (see `averis_service_kit::config`).
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `AVERIS_IMPORT_MAX_BYTES` | 1 GiB | largest file of an import |

use averis_service_kit::config::{ConfigError, Env, ServiceConfig};

/// Largest file of an import, in bytes, when nothing else is set.
pub const DEFAULT_MAX_IMPORT: u64 = 1 << 30;

/// How the product service is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every service has.
    pub common: ServiceConfig,
    /// Largest file of an import, in bytes.
    pub max_import_bytes: u64,
}

impl Config {
    /// Reads the variables.
    ///
    /// # Errors
    /// When one is missing or malformed.
    pub fn from_env(env: Env<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            common: ServiceConfig::from_env(env, "product")?,
            max_import_bytes: env.or("AVERIS_IMPORT_MAX_BYTES", DEFAULT_MAX_IMPORT)?,
        })
    }
}
