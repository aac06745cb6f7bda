#![doc = include_str!("../README.md")]
#![expect(
    clippy::disallowed_methods,
    reason = "this crate is the one that sends SQL as text and listens on connections of its own"
)]

mod actor;
mod audit;
mod binding;
mod bootstrap;
mod changes;
mod config;
mod connect;
mod connection;
mod error;
mod fleet;
mod migrations;
mod pipeline;
mod platform;
mod pool;
mod provisioning;
mod tagged;
mod tenant_db;

pub use actor::{Actor, acting, current_actor};
pub use audit::ChainReport;
pub use bootstrap::{LoginRole, Passwords, bootstrap, bootstrap_new};
pub use changes::{TakenBack, TenantChange, TenantChanges};
pub use config::{DatabaseUrl, InvalidAuthorities, InvalidDatabaseUrl, PoolConfig};
pub use connection::TenantConn;
pub use error::{Constraint, DbError, Failure, causes, failure};
pub use fleet::{FleetOptions, FleetProgress, FleetReport, MigrationFailure, migrate_fleet};
pub use pipeline::{Pipeline, Reader};
pub use platform::{PlatformConn, PlatformDb};
pub use pool::{PoolStats, PoolWatch};
pub use provisioning::{Provisioner, TableCount};
pub use tenant_db::{TenantDb, TenantPool};
