//! Configuration from environment variables, read once at the start.
//!
//! What is not among the variables is looked for as a file of that name in the folder that `AVERIS_SECRETS_DIR` names, as
//! orchestrators mount secrets. The tables here and in the services' own `config.rs` are what `docs/operations/configure.md` is
//! made from, and a test holds them against what is read.
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `AVERIS_HTTP_BIND` | `127.0.0.1` | address to listen on |
//! | `AVERIS_HTTP_PORT` | the service's own | port to listen on |
//! | `AVERIS_METRICS_PORT` | 1000 more | port of the metrics, which need no credential: keep it inside |
//! | `AVERIS_BASE_DOMAIN` | `localhost` | domain under which each tenant has a label |
//! | `TENANT_RESOLUTION_STRATEGY` | `subdomain,path,header` | how requests may name their tenant |
//! | `DATABASE_STRATEGY` | `schema_per_tenant` | how tenants are kept apart; the only one so far |
//! | `AVERIS_TRUSTED_PROXIES` | none | addresses and networks, `10.0.0.7,10.1.0.0/16`, whose `X-Forwarded-Host` and `X-Forwarded-For` count |
//! | `AVERIS_PRODUCT_URL` | `http://127.0.0.1:6001` | the product service |
//! | `AVERIS_PRICING_URL` | `http://127.0.0.1:6003` | the pricing service |
//! | `AVERIS_OMS_URL` | `http://127.0.0.1:6005` | the OMS service |
//! | `AVERIS_ERP_URL` | `http://127.0.0.1:6006` | the ERP service |
//! | `AVERIS_CUSTOMER_URL` | `http://127.0.0.1:6007` | the customer service |
//! | `AVERIS_TENANT_URL` | `http://127.0.0.1:6012` | the tenant service |
//! | `AVERIS_ISSUER` | `averis` | `iss` of access tokens |
//! | `AVERIS_RATE_LIMITS` | `true` | whether requests are limited here: `false` where something before the services does |
//! | `AVERIS_ACCESS_LOG` | `changes` | requests to tenants that get a line in the log: `none`, `all`, or changes, refusals and what staff reads |
//! | `AVERIS_SERVICE_SECRET` | required | what the service's own key is derived from; each service has another |
//! | `AVERIS_TRUSTED_SERVICES` | none | public keys of services whose calls are accepted, `name:key,name:key` |
//! | `AVERIS_CURSOR_SECRET` | required | signs page cursors; the same for all instances |
//! | `AVERIS_DATABASE_URL` | required | the service's own login; of a server elsewhere with `?sslmode=verify-full&sslrootcert=FILE`, or `?sslmode=disable` |
//! | `AVERIS_DATABASE_POOL` | 4 per core | connections |
//! | `AVERIS_LEFT_AFTER` | 30 | seconds after which work that is due and that nobody does counts as left by a crash |
//! | `AVERIS_DRAIN_SECONDS` | 0 | seconds between being asked to stop and taking no more requests, 0 to 300: at least as long as whoever sends them needs to learn of it and keeps idle connections |
//! | `AVERIS_OTLP_URL` | | OTLP receiver (over HTTP) that traces go to, such as `http://collector:4318`; without one nothing is recorded |
//! | `AVERIS_TRACE_PARENTS` | `services` | whose word counts for which trace a request belongs to and whether it is recorded: `services`, or `any` where what stands before the services says it of every request |
//! | `AVERIS_TRACE_RATIO` | `0.1` | share of the traces that begin here which is recorded, 0 to 1; of others their beginner decides |
//! | `AVERIS_LOG` | `info` | log filter |
//! | `AVERIS_LOG_FORMAT` | `text` on a terminal, else `json` | form of log lines |
//! | `AVERIS_SECRETS_DIR` | none | folder with a file for each variable that is not set otherwise |

mod env;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use averis_tenant_context::{BaseDomain, ResolutionStrategies};
use averis_tenant_db::{DatabaseUrl, PoolConfig};
use averis_tokens::{ServiceIdentity, SigningSecret, TrustedServices};
use ipnet::IpNet;
use url::Url;

pub use self::env::{ConfigError, Env, database, optional_database, seconds, web_address, whole};
use crate::access_log::AccessLog;

/// Whose traces are gone on with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TraceParents {
    /// Those of other services. A caller outside decides neither what is recorded nor under which name.
    #[default]
    Services,
    /// Everybody's: what stands before the services names the trace of every request itself.
    Any,
}

impl FromStr for TraceParents {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "services" => Ok(Self::Services),
            "any" => Ok(Self::Any),
            _ => Err("must be services or any"),
        }
    }
}

/// How requests come in.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Where to listen.
    pub bind: SocketAddr,
    /// Where metrics are to be had.
    pub metrics: SocketAddr,
    /// `iss` of access tokens.
    pub issuer: String,
    /// Whether requests are limited here.
    pub rate_limits: bool,
    /// Which requests to tenants get a line in the log.
    pub access_log: AccessLog,
    /// Domain under which each tenant has a label.
    pub base_domain: BaseDomain,
    /// How requests may name their tenant.
    pub strategies: ResolutionStrategies,
    /// Proxies whose forwarded headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// Threads that serve requests.
    pub workers: usize,
    /// Whose traces are gone on with.
    pub trace_parents: TraceParents,
    /// How long requests are still taken after the process was asked to stop.
    pub drain: Duration,
}

impl HttpConfig {
    /// Reads the variables.
    ///
    /// # Errors
    /// When one is malformed.
    pub fn from_env(env: Env<'_>, port: u16) -> Result<Self, ConfigError> {
        let ip = env.or("AVERIS_HTTP_BIND", IpAddr::V4(Ipv4Addr::LOCALHOST))?;
        let strategy = env.or("DATABASE_STRATEGY", "schema_per_tenant".to_owned())?;
        if strategy != "schema_per_tenant" {
            return Err(ConfigError::Invalid(
                "DATABASE_STRATEGY".to_owned(),
                format!("is {strategy:?}; the only strategy is schema_per_tenant"),
            ));
        }
        let proxies: String = env.or("AVERIS_TRUSTED_PROXIES", String::new())?;
        let trusted_proxies = proxies
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(network)
            .collect::<Option<Vec<IpNet>>>()
            .ok_or_else(|| {
                ConfigError::Invalid(
                    "AVERIS_TRUSTED_PROXIES".to_owned(),
                    format!(
                        "is {proxies:?}; it must be addresses or networks, 10.0.0.7,10.1.0.0/16"
                    ),
                )
            })?;
        let port = env.or("AVERIS_HTTP_PORT", port)?;
        let metrics = env.or("AVERIS_METRICS_PORT", port.saturating_add(1000))?;
        Ok(Self {
            bind: SocketAddr::new(ip, port),
            metrics: SocketAddr::new(ip, metrics),
            issuer: env.or("AVERIS_ISSUER", "averis".to_owned())?,
            rate_limits: env.or("AVERIS_RATE_LIMITS", true)?,
            access_log: env.or("AVERIS_ACCESS_LOG", AccessLog::default())?,
            base_domain: base_domain(env)?,
            strategies: env.or(
                "TENANT_RESOLUTION_STRATEGY",
                ResolutionStrategies::default(),
            )?,
            trusted_proxies,
            trace_parents: env.or("AVERIS_TRACE_PARENTS", TraceParents::default())?,
            drain: drain(env)?,
            workers: std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
        })
    }
}

impl HttpConfig {
    /// Whether what the peer at that address says of where a request comes from counts.
    #[must_use]
    pub fn trusts(&self, peer: &IpAddr) -> bool {
        self.trusted_proxies
            .iter()
            .any(|network| network.contains(peer))
    }
}

/// Reads an address or a network.
fn network(text: &str) -> Option<IpNet> {
    match text.parse::<IpAddr>() {
        Ok(address) => Some(address.into()),
        Err(_) => text.parse().ok(),
    }
}

fn drain(env: Env<'_>) -> Result<Duration, ConfigError> {
    let seconds = whole(env, "AVERIS_DRAIN_SECONDS", 0..=300)?;
    let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
    Ok(Duration::from_secs(seconds.unwrap_or_default()))
}

/// Reads under which domain each tenant has a label.
///
/// # Errors
/// When it is no domain.
pub fn base_domain(env: Env<'_>) -> Result<BaseDomain, ConfigError> {
    #[expect(clippy::expect_used, reason = "the text is a domain")]
    let localhost = "localhost".parse().expect("a domain");
    env.or("AVERIS_BASE_DOMAIN", localhost)
}

/// The variables that every service with a database has.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// The service's own login.
    pub database: DatabaseUrl,
    /// Connections.
    pub pool: PoolConfig,
    /// Where the services are.
    pub urls: ServiceUrls,
    /// Signs page cursors.
    pub cursor_secret: crate::cursor::CursorSecret,
    /// Signs this service's calls of others.
    pub identity: ServiceIdentity,
    /// Whose calls it can check.
    pub trusted: TrustedServices,
    /// After which time work that is due and that nobody does counts as left by a crash.
    pub left_after: Duration,
}

/// When work counts as left by a crash, where nothing else is set.
pub const LEFT_AFTER: Duration = Duration::from_secs(30);

impl ServiceConfig {
    /// Reads the variables of the service `name`.
    ///
    /// # Errors
    /// When one is missing or malformed.
    pub fn from_env(env: Env<'_>, name: &str) -> Result<Self, ConfigError> {
        let pool = match env.optional("AVERIS_DATABASE_POOL")? {
            Some(size) => PoolConfig::sized(size),
            None => PoolConfig::default(),
        };
        let secret: SigningSecret = env.required("AVERIS_SERVICE_SECRET")?;
        Ok(Self {
            database: database(env, "AVERIS_DATABASE_URL")?,
            pool,
            urls: ServiceUrls::from_env(env, None)?,
            cursor_secret: env.required("AVERIS_CURSOR_SECRET")?,
            identity: ServiceIdentity::new(name, &secret),
            trusted: env.or("AVERIS_TRUSTED_SERVICES", TrustedServices::default())?,
            left_after: left_after(env)?,
        })
    }
}

/// Reads after which time work counts as left by a crash.
///
/// # Errors
/// When it is no number of seconds from 1 to 3600.
pub fn left_after(env: Env<'_>) -> Result<Duration, ConfigError> {
    seconds(env, "AVERIS_LEFT_AFTER", LEFT_AFTER)
}

/// Where services find each other. Services of one process too call each other there.
#[derive(Clone, Debug)]
pub struct ServiceUrls {
    /// The product service.
    pub product: Url,
    /// The pricing service.
    pub pricing: Url,
    /// The OMS service.
    pub oms: Url,
    /// The ERP service.
    pub erp: Url,
    /// The customer service.
    pub customer: Url,
    /// The tenant service.
    pub tenant: Url,
}

impl ServiceUrls {
    /// Returns the addresses of services that are all at one.
    #[must_use]
    pub fn all_at(url: &Url) -> Self {
        Self {
            product: url.clone(),
            pricing: url.clone(),
            oms: url.clone(),
            erp: url.clone(),
            customer: url.clone(),
            tenant: url.clone(),
        }
    }

    /// Reads the variables. What is not set is at `together`, where all services of one process are, or else on this
    /// machine at the service's own port.
    ///
    /// # Errors
    /// When one is malformed.
    pub fn from_env(env: Env<'_>, together: Option<&Url>) -> Result<Self, ConfigError> {
        let url = |name, port| {
            let default = || together.cloned().unwrap_or_else(|| local(port));
            Ok(web_address(env, name)?.unwrap_or_else(default))
        };
        Ok(Self {
            product: url("AVERIS_PRODUCT_URL", 6001)?,
            pricing: url("AVERIS_PRICING_URL", 6003)?,
            oms: url("AVERIS_OMS_URL", 6005)?,
            erp: url("AVERIS_ERP_URL", 6006)?,
            customer: url("AVERIS_CUSTOMER_URL", 6007)?,
            tenant: url("AVERIS_TENANT_URL", 6012)?,
        })
    }
}

fn local(port: u16) -> Url {
    #[expect(clippy::expect_used, reason = "the text is an address")]
    Url::parse(&format!("http://127.0.0.1:{port}")).expect("an address")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Result<HttpConfig, ConfigError> {
        let get = |name: &str| {
            let found = vars.iter().find(|(key, _)| *key == name);
            Ok(found.map(|(_, value)| (*value).to_owned()))
        };
        HttpConfig::from_env(Env(&get), 6001)
    }

    #[test]
    fn a_bad_variable_is_named() {
        assert_eq!(
            read(&[]).expect("defaults").bind.to_string(),
            "127.0.0.1:6001"
        );
        for (name, value) in [
            ("AVERIS_HTTP_BIND", "${BIND}"),
            ("AVERIS_HTTP_PORT", "x"),
            ("AVERIS_BASE_DOMAIN", "Averis.Example."),
            ("TENANT_RESOLUTION_STRATEGY", "cookie"),
            ("DATABASE_STRATEGY", "shared"),
            ("AVERIS_TRUSTED_PROXIES", "proxy.local"),
            ("AVERIS_TRUSTED_PROXIES", "10.0.0.0/33"),
            ("AVERIS_DRAIN_SECONDS", "301"),
            ("AVERIS_ACCESS_LOG", "some"),
        ] {
            let error = read(&[(name, value)]).expect_err(name).to_string();
            assert!(error.contains(name), "{error}");
        }
        let near = read(&[("AVERIS_TRUSTED_PROXIES", "10.0.0.7, 10.1.0.0/16, fd00::/8")]);
        let near = near.expect("networks");
        let trusts = |address: &str| near.trusts(&address.parse().expect("an address"));
        assert!(trusts("10.0.0.7") && trusts("10.1.255.1") && trusts("fd12::1"));
        assert!(!trusts("10.0.0.8") && !trusts("10.2.0.1") && !trusts("::1"));
        let get = |_: &str| Ok(None);
        let error = ServiceConfig::from_env(Env(&get), "product")
            .expect_err("nothing is set")
            .to_string();
        assert_eq!(error, "AVERIS_SERVICE_SECRET is not set");
    }
}
