//! Variables of the tenant service, besides those that every service has (see `averis_service_kit::config`).
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `AVERIS_PROVISIONER_URL` | required | the login that owns schemas and makes roles |
//! | `AVERIS_DATABASE_CAPACITY` | 400 | tenants that the database may hold |

use averis_service_kit::config::{ConfigError, Env, ServiceConfig};
use averis_service_kit::cursor::CursorSecret;
use averis_tenant_db::{DatabaseUrl, PoolConfig};
use url::Url;

/// Tenants that one database carries well: beyond, a dump of everything hits the lock table.
pub const DEFAULT_CAPACITY: u32 = 400;

/// How the tenant service is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// The login for the platform's tables.
    pub database: DatabaseUrl,
    /// The login that owns schemas and makes roles.
    pub provisioner: DatabaseUrl,
    /// Connections.
    pub pool: PoolConfig,
    /// Where this service itself is reached.
    pub tenant_url: Url,
    /// Signs page cursors.
    pub cursor_secret: CursorSecret,
    /// Tenants that the database may hold.
    pub capacity: u32,
}

impl Config {
    /// Reads the variables.
    ///
    /// # Errors
    /// When one is missing or malformed.
    pub fn from_env(env: Env<'_>) -> Result<Self, ConfigError> {
        let common = ServiceConfig::from_env(env)?;
        Ok(Self {
            database: common.database,
            provisioner: env.required("AVERIS_PROVISIONER_URL")?,
            pool: common.pool,
            tenant_url: common.tenant_url,
            cursor_secret: common.cursor_secret,
            capacity: env.or("AVERIS_DATABASE_CAPACITY", DEFAULT_CAPACITY)?,
        })
    }
}
