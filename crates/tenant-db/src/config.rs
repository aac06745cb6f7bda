//! Where the database is and how many connections a service may hold.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::error::causes;

/// A PostgreSQL address with its credentials. Shows itself without the password.
///
/// Of the parameters that PostgreSQL's own programs know, it may have a few, each once (`sslmode`, `sslrootcert`, `hostaddr`,
/// `connect_timeout`, `application_name`, and those that keep connections alive). `sslmode` is `verify-full` or
/// `disable`, and has to be said of a server elsewhere: modes that encrypt without checking with whom are refused, and nothing goes over
/// a network in the clear unasked. `sslrootcert` names the file with the certificates of the authorities that are believed; it is read
/// anew for each connection, so an authority is replaced without a restart.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    url: Url,
    authorities: Option<PathBuf>,
}

/// What may follow the `?`. Not who logs in, nor where and with what: that is said before it, and told by [`DatabaseUrl`].
const PARAMETERS: [&str; 9] = [
    "application_name",
    "connect_timeout",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "sslmode",
    "sslrootcert",
    "tcp_user_timeout",
];

/// The text is no address of a database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDatabaseUrl {
    /// No `postgres://` address with a user, a host and a database.
    #[error("is no postgres://user:password@host:port/database address")]
    NoAddress,
    /// Something follows the `?` that may not.
    #[error("has the parameter {0:?} twice, or should not have it")]
    Parameter(String),
    /// The driver does not understand it.
    #[error("is no address of a database: {0}")]
    Driver(String),
    /// Encrypted perhaps, or with anybody.
    #[error("has sslmode={0}; it must be verify-full or disable")]
    Mode(String),
    /// Whether the way there is encrypted has to be said.
    #[error("is of a server elsewhere, so it must have sslmode=verify-full or sslmode=disable")]
    Unsaid,
    /// Authorities and what they are for come together.
    #[error("must have sslrootcert=FILE with sslmode=verify-full, and neither without the other")]
    Authorities,
}

/// The file of authorities says nothing about whom to believe.
#[derive(Debug, thiserror::Error)]
pub enum InvalidAuthorities {
    /// It cannot be read.
    #[error("the file of sslrootcert, {0:?}, cannot be read: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// There is no certificate in it.
    #[error("the file of sslrootcert, {0:?}, holds no certificate")]
    None(PathBuf),
}

impl DatabaseUrl {
    /// Returns the same database as another login role sees it.
    #[must_use]
    pub fn for_role(&self, role: &str, password: &str) -> Self {
        let mut other = self.clone();
        // Both fail only for addresses without a host, which `from_str` has refused.
        let _ = other.url.set_username(role);
        let _ = other.url.set_password(Some(password));
        other
    }

    /// Returns the address with the password, as PostgreSQL's own programs take it.
    pub(crate) fn with_password(&self) -> &str {
        self.url.as_str()
    }

    /// Returns what the driver takes: all but how the server is checked, which it does not know.
    pub(crate) fn driver(&self) -> Result<tokio_postgres::Config, tokio_postgres::Error> {
        let mut url = self.url.clone();
        let others: Vec<&str> = pairs(&self.url)
            .filter(|(name, _)| !["sslmode", "sslrootcert"].contains(name))
            .map(|(_, pair)| pair)
            .collect();
        let others = others.join("&");
        url.set_query(Some(others.as_str()).filter(|others| !others.is_empty()));
        url.as_str().parse()
    }

    /// Returns the file with the authorities that a server's certificate has to be of; without one nothing is encrypted.
    pub(crate) fn authorities(&self) -> Option<&Path> {
        self.authorities.as_deref()
    }

    /// Checks that the authorities can be read now, so that a wrong name is told at the start.
    ///
    /// # Errors
    /// When they cannot.
    pub fn check_authorities(&self) -> Result<(), InvalidAuthorities> {
        let Some(file) = self.authorities() else {
            return Ok(());
        };
        crate::connect::authorities(file, std::fs::read(file)).map(drop)
    }

    /// Returns the name of the database.
    #[must_use]
    pub fn database(&self) -> &str {
        self.url.path().trim_start_matches('/')
    }
}

/// What follows the `?`, each with its name.
fn pairs(url: &Url) -> impl Iterator<Item = (&str, &str)> {
    let pairs = url.query().unwrap_or_default().split('&');
    let pairs = pairs.filter(|pair| !pair.is_empty());
    pairs.map(|pair| (pair.split('=').next().unwrap_or_default(), pair))
}

/// Returns a parameter's value. Unlike a form's, a `+` in it is a `+`.
fn parameter(url: &Url, name: &str) -> Option<String> {
    let (_, pair) = pairs(url).find(|(own, _)| *own == name)?;
    let value = pair.split_once('=')?.1;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

/// Whether what is said leads to another machine: by the name, or by the address that is taken in its place.
fn is_elsewhere(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    // A path, percent-encoded, is that of a socket.
    let is_named_here = host == "localhost" || host.starts_with("%2F") || host.starts_with("%2f");
    let is_loopback = |text: &str| {
        text.parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
    };
    let taken = parameter(url, "hostaddr");
    let stays = taken.is_none_or(|address| is_loopback(&address));
    !(stays && (is_named_here || is_loopback(host)))
}

impl FromStr for DatabaseUrl {
    type Err = InvalidDatabaseUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Ok(url) = Url::parse(text) else {
            return Err(InvalidDatabaseUrl::NoAddress);
        };
        let complete = matches!(url.scheme(), "postgres" | "postgresql")
            && url.host_str().is_some_and(|host| !host.is_empty())
            && !url.username().is_empty()
            && url.path().len() > 1
            && url.fragment().is_none();
        if !complete {
            return Err(InvalidDatabaseUrl::NoAddress);
        }
        let mut known: Vec<&str> = Vec::new();
        for (name, _) in pairs(&url) {
            if known.contains(&name) || !PARAMETERS.contains(&name) {
                return Err(InvalidDatabaseUrl::Parameter(name.to_owned()));
            }
            known.push(name);
        }
        let checked = match parameter(&url, "sslmode").as_deref() {
            None if is_elsewhere(&url) => return Err(InvalidDatabaseUrl::Unsaid),
            None | Some("disable") => false,
            Some("verify-full") => true,
            Some(other) => return Err(InvalidDatabaseUrl::Mode(other.to_owned())),
        };
        let authorities = parameter(&url, "sslrootcert").map(PathBuf::from);
        if authorities.is_some() != checked {
            return Err(InvalidDatabaseUrl::Authorities);
        }
        let address = Self { url, authorities };
        match address.driver() {
            Ok(_) => Ok(address),
            Err(error) => Err(InvalidDatabaseUrl::Driver(causes(&error))),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.url.clone();
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
            let refused = bad.parse::<DatabaseUrl>();
            assert_eq!(refused, Err(InvalidDatabaseUrl::NoAddress), "{bad}");
        }
    }

    #[test]
    fn a_server_is_checked_or_nothing_is_encrypted() {
        let of = |query: &str| format!("postgres://u:p@h/db{query}").parse::<DatabaseUrl>();
        assert_eq!(of("?sslmode=disable").expect("plain").authorities(), None);
        let checked = of("?connect_timeout=3&sslmode=verify-full&sslrootcert=/a%20b/c+a.crt");
        let checked = checked.expect("an address");
        assert_eq!(checked.authorities(), Some(Path::new("/a b/c+a.crt")));
        let driver = checked.for_role("r", "s").driver().expect("the driver's");
        assert_eq!(driver.get_user(), Some("r"));
        assert_eq!(driver.get_connect_timeout(), Some(&Duration::from_secs(3)));
        for mode in ["prefer", "require", "allow", "verify-ca", ""] {
            let refused = of(&format!("?sslmode={mode}&sslrootcert=/ca.crt"));
            assert_eq!(refused, Err(InvalidDatabaseUrl::Mode(mode.to_owned())));
        }
        for half in [
            "?sslmode=verify-full",
            "?sslmode=disable&sslrootcert=/ca.crt",
        ] {
            assert_eq!(of(half), Err(InvalidDatabaseUrl::Authorities));
        }
    }

    #[test]
    fn in_the_clear_is_said_of_a_server_elsewhere() {
        let at = |host: &str| format!("postgres://u:p@{host}/db").parse::<DatabaseUrl>();
        for here in [
            "127.0.0.1:5432",
            "localhost",
            "[::1]:1",
            "%2Fvar%2Frun:5432",
        ] {
            assert!(at(here).is_ok(), "{here}");
        }
        for elsewhere in ["db", "10.0.0.1:5432", "[2001:db8::1]", "localhost.example"] {
            assert_eq!(
                at(elsewhere),
                Err(InvalidDatabaseUrl::Unsaid),
                "{elsewhere}"
            );
        }
        let taken = "postgres://u:p@localhost/db?hostaddr=10.0.0.1".parse::<DatabaseUrl>();
        assert_eq!(taken, Err(InvalidDatabaseUrl::Unsaid));
    }

    #[test]
    fn parameters_say_nothing_that_is_said_before_them() {
        let of =
            |query: &str| format!("postgres://u:p@localhost/db?{query}").parse::<DatabaseUrl>();
        for (query, name) in [
            ("password=x", "password"),
            ("user=postgres", "user"),
            ("dbname=other", "dbname"),
            ("host=other", "host"),
            ("sslcert=/a", "sslcert"),
            ("options=-c%20role=x", "options"),
            ("sslmode=disable&sslmode=disable", "sslmode"),
        ] {
            let refused = InvalidDatabaseUrl::Parameter(name.to_owned());
            assert_eq!(of(query), Err(refused));
        }
        let driver = of("connect_timeout=soon").expect_err("no number");
        assert!(driver.to_string().contains("connect_timeout"), "{driver}");
        let fragment = "postgres://u:p@localhost/db#x".parse::<DatabaseUrl>();
        assert_eq!(fragment, Err(InvalidDatabaseUrl::NoAddress));
    }
}
