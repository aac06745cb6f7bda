#![doc = include_str!("../README.md")]

mod context;
mod key;
mod permissions;
mod resolution;
mod roles;
mod schema_name;
mod settings;
mod words;

pub use context::{TenantContext, TenantId, TenantStatus, Tier};
pub use key::{InvalidName, Subdomain, TenantKey, is_reserved};
pub use permissions::{Need, Permission, PermissionSet, may};
pub use resolution::{
    BaseDomain, Clue, Clues, InvalidResolution, RequestAddress, ResolutionStrategies, Strategy,
    TENANT_HEADER, clues, is_platform_host,
};
pub use roles::{GlobalRole, TenantRole};
pub use schema_name::{Domain, SchemaName, UnknownDomain};
pub use settings::{
    Branding, ComplianceRegion, Features, InvalidSettings, Limits, MoneyRules, RoundingRule,
    SettingsPatch, TaxRule, TenantSettings,
};
