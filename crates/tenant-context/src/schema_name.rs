//! Physical names, made from a [`TenantKey`] and a [`Domain`] and from nothing else.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::TenantKey;

/// A domain of the platform. Each has one service, and one schema in every tenant; webhooks are the tenant service's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Domain {
    /// Products, variants, categories, media.
    Product,
    /// Prices, catalogs, promotions, taxes.
    Pricing,
    /// Customers, companies, consents.
    Customer,
    /// Sessions, carts, checkouts.
    Ecomm,
    /// Orders, payments, shipments, returns.
    Oms,
    /// Stock, purchasing, invoices, ledger.
    Erp,
    /// What tenants' own systems are told.
    Webhooks,
}

impl Domain {
    /// Every domain, in the order in which a tenant's schemas are made.
    pub const ALL: [Self; 7] = [
        Self::Product,
        Self::Pricing,
        Self::Customer,
        Self::Ecomm,
        Self::Oms,
        Self::Erp,
        Self::Webhooks,
    ];

    /// Returns the name as it stands in URLs, schema names and role names.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Pricing => "pricing",
            Self::Customer => "customer",
            Self::Ecomm => "ecomm",
            Self::Oms => "oms",
            Self::Erp => "erp",
            Self::Webhooks => "webhooks",
        }
    }

    /// Returns the name of the login role of this domain's service, `averis_product`.
    #[must_use]
    pub const fn login_role(self) -> &'static str {
        match self {
            Self::Product => "averis_product",
            Self::Pricing => "averis_pricing",
            Self::Customer => "averis_customer",
            Self::Ecomm => "averis_ecomm",
            Self::Oms => "averis_oms",
            Self::Erp => "averis_erp",
            Self::Webhooks => "averis_webhooks",
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such domain")]
pub struct UnknownDomain;

impl FromStr for Domain {
    type Err = UnknownDomain;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|domain| domain.as_str() == text)
            .ok_or(UnknownDomain)
    }
}

/// The name of one tenant's schema in one domain, and of the role that may use it: `tenant_acme_product`.
///
/// At most 46 bytes, so PostgreSQL (63) never cuts it, and without any character that needs quoting.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SchemaName(Box<str>);

impl SchemaName {
    /// Returns the schema name of `key` in `domain`.
    #[must_use]
    pub fn new(key: &TenantKey, domain: Domain) -> Self {
        Self(format!("tenant_{key}_{domain}").into())
    }

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// A cheap generator is enough here, and a fixed seed repeats the run.
    fn next(state: &mut u64) -> u64 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state
    }

    #[test]
    fn s12_a_million_random_keys_map_to_distinct_names() {
        const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789_- A'";
        let mut state = 0x9e37_79b9_7f4a_7c15;
        let mut keys: HashSet<TenantKey> = HashSet::new();
        let mut names: HashSet<SchemaName> = HashSet::new();
        for _ in 0..1_000_000 {
            // Long names that differ only at the end are the ones that a cut at 63 bytes would merge.
            let length = 2 + (next(&mut state) % 29) as usize;
            let text: String = (0..length)
                .map(|_| ALPHABET[(next(&mut state) % 37) as usize] as char)
                .collect();
            let Ok(key) = text.parse::<TenantKey>() else {
                continue;
            };
            for domain in Domain::ALL {
                let name = SchemaName::new(&key, domain);
                assert!(name.as_str().len() <= 63);
                assert!(
                    name.as_str()
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
                );
                if !keys.contains(&key) {
                    assert!(names.insert(name.clone()), "{name} names two tenants");
                }
            }
            keys.insert(key);
        }
        assert!(keys.len() > 100_000, "only {} keys were tried", keys.len());
        assert_eq!(names.len(), keys.len() * Domain::ALL.len());
    }
}
