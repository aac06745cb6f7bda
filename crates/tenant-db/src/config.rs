//! Where the database is and how many connections a service may hold.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use url::Url;

/// A PostgreSQL address with its credentials. Shows itself without the password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Url);

/// The text is no `postgres://` address with a user, a host and a database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no postgres://user:password@host:port/database address")]
pub struct InvalidDatabaseUrl;

impl DatabaseUrl {
    /// Returns the same database as another login role sees it.
    #[must_use]
    pub fn for_role(&self, role: &str, password: &str) -> Self {
        let mut url = self.0.clone();
        // Both fail only for addresses without a host, which `from_str` has refused.
        let _ = url.set_username(role);
        let _ = url.set_password(Some(password));
        Self(url)
    }

    /// Returns the address with the password, as a driver needs it.
    pub(crate) fn with_password(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the name of the database.
    #[must_use]
    pub fn database(&self) -> &str {
        self.0.path().trim_start_matches('/')
    }
}

impl FromStr for DatabaseUrl {
    type Err = InvalidDatabaseUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Ok(url) = Url::parse(text) else {
            return Err(InvalidDatabaseUrl);
        };
        let complete = matches!(url.scheme(), "postgres" | "postgresql")
            && url.host_str().is_some_and(|host| !host.is_empty())
            && !url.username().is_empty()
            && url.path().len() > 1;
        if complete {
            Ok(Self(url))
        } else {
            Err(InvalidDatabaseUrl)
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.0.clone();
        let _ = url.set_password(None);
        f.write_str(url.as_str())
    }
}

/// How a service uses its database.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// Connections that may be open at once. About four per core of the database serve best: each has caches
    /// of its own.
    pub size: usize,
    /// Connections that one tenant may hold at once. The rest stays for the others, whatever one does.
    pub per_tenant: usize,
    /// How long a request waits for a connection.
    pub wait: Duration,
    /// How long opening a connection may take.
    pub connect: Duration,
    /// Distinct tenants after which a connection is closed: a backend keeps caches of every tenant's tables
    /// that it ever touched, and only closing frees them.
    pub max_tenants: usize,
    /// Age after which a connection is closed.
    pub max_age: Duration,
}

impl Default for PoolConfig {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self::sized(4 * cores)
    }
}

impl PoolConfig {
    /// Returns the defaults for a pool of `size` connections (at least one).
    #[must_use]
    pub fn sized(size: usize) -> Self {
        let size = size.max(1);
        Self {
            size,
            per_tenant: (size / 2).max(1),
            wait: Duration::from_secs(3),
            connect: Duration::from_secs(3),
            max_tenants: 400,
            max_age: Duration::from_secs(30 * 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let url: DatabaseUrl = "postgres://u:secret@localhost:5432/db"
            .parse()
            .expect("url");
        assert_eq!(format!("{url:?}"), "postgres://u@localhost:5432/db");
        let other = url.for_role("averis_product", "hidden");
        assert_eq!(
            format!("{other:?}"),
            "postgres://averis_product@localhost:5432/db"
        );
        assert!(other.with_password().contains("hidden"));
        assert_eq!(other.database(), "db");
        for bad in [
            "",
            "localhost/db",
            "http://u:p@h/db",
            "postgres://h/db",
            "postgres://u@h/",
        ] {
            assert!(bad.parse::<DatabaseUrl>().is_err(), "{bad}");
        }
    }
}
