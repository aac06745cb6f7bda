//! Names of tenants, checked once when they enter the process.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Names that no tenant may carry, neither as key nor as subdomain: they belong to the platform, to
/// infrastructure, or to addresses that people trust by their name.
const RESERVED: &[&str] = &[
    "about",
    "account",
    "accounts",
    "acme-challenge",
    "admin",
    "administrator",
    "api",
    "app",
    "apps",
    "assets",
    "auth",
    "autoconfig",
    "autodiscover",
    "averis",
    "billing",
    "blog",
    "cdn",
    "console",
    "dashboard",
    "default",
    "demo-admin",
    "dev",
    "dns",
    "docs",
    "email",
    "ftp",
    "git",
    "graphql",
    "health",
    "help",
    "host",
    "hostmaster",
    "id",
    "imap",
    "internal",
    "localhost",
    "login",
    "mail",
    "metrics",
    "mx",
    "news",
    "ns",
    "ns1",
    "ns2",
    "null",
    "oauth",
    "oidc",
    "openapi",
    "ops",
    "platform",
    "pop",
    "postgres",
    "postmaster",
    "private",
    "prod",
    "production",
    "public",
    "root",
    "security",
    "shared",
    "shop",
    "sign-in",
    "sign-up",
    "signin",
    "signup",
    "smtp",
    "sso",
    "staging",
    "static",
    "stats",
    "status",
    "store",
    "support",
    "system",
    "template",
    "tenant",
    "tenants",
    "test",
    "undefined",
    "webhook",
    "webhooks",
    "webmail",
    "webmaster",
    "wpad",
    "www",
];

/// Whether `name` is one of the platform's own and therefore no tenant.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    RESERVED.binary_search(&name).is_ok()
}

/// Why a text is no key or subdomain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// The text does not have the form that its kind asks for.
    #[error("must match {0}")]
    Form(&'static str),
    /// The name belongs to the platform.
    #[error("is a reserved name")]
    Reserved,
}

/// A tenant's immutable key, `[a-z][a-z0-9]{1,29}`: part of its schema and role names.
///
/// Nothing in it needs quoting in SQL, and since it has no underscore, `tenant_{key}_{domain}` names
/// exactly one tenant and domain.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantKey(Arc<str>);

impl TenantKey {
    /// The pattern that every key matches.
    pub const PATTERN: &'static str = "^[a-z][a-z0-9]{1,29}$";

    /// Returns the key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantKey {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = text.bytes();
        let starts_well = bytes.next().is_some_and(|first| first.is_ascii_lowercase());
        let goes_on_well = bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if !(starts_well && goes_on_well && (2..=30).contains(&text.len())) {
            return Err(InvalidName::Form(Self::PATTERN));
        }
        if is_reserved(text) {
            return Err(InvalidName::Reserved);
        }
        Ok(Self(text.into()))
    }
}

/// The label in front of the base domain under which a tenant is reached. It may change.
///
/// Letters, digits and single hyphens, 2 to 63 characters, as a DNS label (RFC 1035) allows; double hyphens
/// are refused because they mark encoded international names (RFC 5891).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Subdomain(Arc<str>);

impl Subdomain {
    /// The pattern that every subdomain matches.
    pub const PATTERN: &'static str = "^[a-z0-9]+(-[a-z0-9]+)*$";

    /// Returns the subdomain as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Subdomain {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let well_formed = (2..=63).contains(&text.len())
            && text.split('-').all(|part| {
                !part.is_empty()
                    && part
                        .bytes()
                        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            });
        if !well_formed {
            return Err(InvalidName::Form(Self::PATTERN));
        }
        if is_reserved(text) {
            return Err(InvalidName::Reserved);
        }
        Ok(Self(text.into()))
    }
}

macro_rules! text_conversions {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().to_owned()
            }
        }
    };
}
text_conversions!(TenantKey);
text_conversions!(Subdomain);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn s24_reserved_names_are_no_tenants() {
        assert!(RESERVED.is_sorted(), "the list is searched by halves");
        for name in [
            "platform", "www", "api", "admin", "auth", "static", "tenant", "postgres",
        ] {
            assert_eq!(
                name.parse::<TenantKey>(),
                Err(InvalidName::Reserved),
                "{name}"
            );
            assert_eq!(
                name.parse::<Subdomain>(),
                Err(InvalidName::Reserved),
                "{name}"
            );
        }
        for name in [
            "_acme-challenge",
            "xn--acme",
            "-acme",
            "acme-",
            "ACME",
            "acme.evil",
            "a",
        ] {
            assert!(name.parse::<Subdomain>().is_err(), "{name}");
        }
        assert!("acme-shop".parse::<Subdomain>().is_ok());
        assert!(
            "acme-shop".parse::<TenantKey>().is_err(),
            "a key has no hyphen"
        );
    }

    proptest! {
        #[test]
        fn any_accepted_key_is_safe_in_sql(text in ".{0,70}") {
            if let Ok(key) = text.parse::<TenantKey>() {
                prop_assert!(key.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
                prop_assert!(key.as_str().len() <= 30);
            }
        }
    }
}
