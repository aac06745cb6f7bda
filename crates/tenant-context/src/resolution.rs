//! How a request names the tenant that it means.
//!
//! Three strategies: the host's label in front of the base domain, a `/t/{key}` prefix of the path, and a
//! header. Each is a *clue*. Clues that are present must lead to one tenant; whether they do is decided by who
//! looks the tenants up, since a subdomain and a key are different names.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::{InvalidName, Subdomain, TenantKey};

/// The header of the header strategy.
pub const TENANT_HEADER: &str = "x-tenant-id";

/// One way to name a tenant in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// `acme.averis.example`
    Subdomain,
    /// `/t/acme/api/...`
    Path,
    /// `X-Tenant-ID: acme`
    Header,
}

/// The strategies that are switched on, in the order in which they are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolutionStrategies(Vec<Strategy>);

impl Default for ResolutionStrategies {
    fn default() -> Self {
        Self(vec![Strategy::Subdomain, Strategy::Path, Strategy::Header])
    }
}

impl ResolutionStrategies {
    /// Whether `strategy` is switched on.
    #[must_use]
    pub fn allows(&self, strategy: Strategy) -> bool {
        self.0.contains(&strategy)
    }
}

impl FromStr for ResolutionStrategies {
    type Err = String;

    /// Reads a list such as `subdomain,path,header`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut strategies = Vec::new();
        for word in text.split(',').map(str::trim) {
            let strategy = match word {
                "subdomain" => Strategy::Subdomain,
                "path" => Strategy::Path,
                "header" => Strategy::Header,
                other => return Err(format!("{other:?} is none of subdomain, path, header")),
            };
            if strategies.contains(&strategy) {
                return Err(format!("{word:?} stands there twice"));
            }
            strategies.push(strategy);
        }
        Ok(Self(strategies))
    }
}

/// The domain under which each tenant has a label of its own, `averis.example` or `localhost`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseDomain(String);

impl BaseDomain {
    /// Returns the domain as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BaseDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BaseDomain {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        if text.len() <= 200 && text.split('.').all(is_label) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "{text:?} is no lower-case domain name without port or trailing dot"
            ))
        }
    }
}

/// What of a request may name a tenant.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestAddress<'a> {
    /// The `Host` header or `:authority`, as it came.
    pub host: Option<&'a str>,
    /// The path, without query.
    pub path: &'a str,
    /// Values of the tenant header. More than one is a contradiction.
    pub headers: &'a [&'a str],
}

/// A name that a request gives its tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Clue {
    /// By the host's label.
    Subdomain(Subdomain),
    /// By path or header.
    Key(TenantKey),
}

/// What a request says about its tenant, and the path without the tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clues<'a> {
    /// Names in the order of the strategies; empty when the request names no tenant.
    pub names: Vec<Clue>,
    /// Set when the path named the tenant: the rest that routing should see.
    pub rest_of_path: Option<&'a str>,
}

/// Why a request names no tenant that could exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidResolution {
    /// A clue is there, but no tenant can have this name.
    #[error("the request names no tenant")]
    Invalid,
    /// One strategy contradicts itself.
    #[error("the request names more than one tenant")]
    Contradiction,
}

impl From<InvalidName> for InvalidResolution {
    fn from(_: InvalidName) -> Self {
        Self::Invalid
    }
}

/// Collects the clues of a request.
///
/// The host counts only when it is exactly one label in front of `base`; it is compared without regard to case
/// (RFC 9110 4.2.3) and may carry a port. Any other host is no clue, so that a service can be called by an
/// address inside a cluster with the header. A host that ends in the base domain but is no tenant's (two
/// labels, a reserved name, a trailing dot) is invalid rather than silently no clue.
///
/// # Errors
/// When a clue cannot be the name of any tenant, or one strategy names two.
pub fn clues<'a>(
    address: RequestAddress<'a>,
    strategies: &ResolutionStrategies,
    base: &BaseDomain,
) -> Result<Clues<'a>, InvalidResolution> {
    let mut found = Clues::default();
    for strategy in &strategies.0 {
        match strategy {
            Strategy::Subdomain => {
                if let Some(host) = address.host
                    && let Some(subdomain) = subdomain_of(host, base)?
                {
                    found.names.push(Clue::Subdomain(subdomain));
                }
            }
            Strategy::Path => {
                if let Some((key, rest)) = split_tenant_path(address.path)? {
                    found.names.push(Clue::Key(key));
                    found.rest_of_path = Some(rest);
                }
            }
            Strategy::Header => match address.headers {
                [] => {}
                [value] => found.names.push(Clue::Key(value.parse()?)),
                _ => return Err(InvalidResolution::Contradiction),
            },
        }
    }
    Ok(found)
}

/// Whether `host` is the platform's own address: the base domain itself, or loopback. Under any other host that
/// names no tenant nothing is served, or whoever points a name at the platform would see it as its owner.
#[must_use]
pub fn is_platform_host(host: &str, base: &BaseDomain) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.to_ascii_lowercase();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name == base.as_str()
        || name == "localhost"
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn subdomain_of(host: &str, base: &BaseDomain) -> Result<Option<Subdomain>, InvalidResolution> {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
        Some(_) => return Err(InvalidResolution::Invalid),
        None => host,
    };
    let name = name.to_ascii_lowercase();
    let without_dot = name.strip_suffix('.');
    let bare = without_dot.unwrap_or(&name);
    if bare == base.as_str() {
        return if without_dot.is_some() {
            Err(InvalidResolution::Invalid)
        } else {
            Ok(None)
        };
    }
    let Some(label) = bare
        .strip_suffix(base.as_str())
        .and_then(|rest| rest.strip_suffix('.'))
    else {
        return Ok(None);
    };
    if without_dot.is_some() {
        return Err(InvalidResolution::Invalid);
    }
    Ok(Some(label.parse()?))
}

fn split_tenant_path(path: &str) -> Result<Option<(TenantKey, &str)>, InvalidResolution> {
    let Some(rest) = path.strip_prefix("/t/") else {
        return Ok(None);
    };
    let (key, rest) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, "/"),
    };
    Ok(Some((key.parse()?, rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(host: &str, path: &str, headers: &[&str]) -> Result<Vec<Clue>, InvalidResolution> {
        let base = "localhost".parse().expect("base");
        let address = RequestAddress {
            host: Some(host),
            path,
            headers,
        };
        clues(address, &ResolutionStrategies::default(), &base).map(|found| found.names)
    }

    fn subdomain(text: &str) -> Clue {
        Clue::Subdomain(text.parse().expect("subdomain"))
    }

    fn key(text: &str) -> Clue {
        Clue::Key(text.parse().expect("key"))
    }

    #[test]
    fn s21_only_one_exact_label_names_a_tenant() {
        for (host, expected) in [
            ("acme.localhost", Ok(vec![subdomain("acme")])),
            ("acme.localhost:8080", Ok(vec![subdomain("acme")])),
            ("ACME.LocalHost", Ok(vec![subdomain("acme")])),
            ("acme-shop.localhost", Ok(vec![subdomain("acme-shop")])),
            ("localhost", Ok(vec![])),
            ("127.0.0.1:8080", Ok(vec![])),
            ("[::1]", Err(InvalidResolution::Invalid)),
            ("[::1]:8080", Ok(vec![])),
            ("acme.localhost.evil.example", Ok(vec![])),
            ("acme.evil.com", Ok(vec![])),
            ("acmelocalhost", Ok(vec![])),
            ("acme.localhost.", Err(InvalidResolution::Invalid)),
            ("localhost.", Err(InvalidResolution::Invalid)),
            ("acme.globex.localhost", Err(InvalidResolution::Invalid)),
            (".localhost", Err(InvalidResolution::Invalid)),
            ("www.localhost", Err(InvalidResolution::Invalid)),
            ("xn--acme.localhost", Err(InvalidResolution::Invalid)),
            ("acme.localhost:443@x", Err(InvalidResolution::Invalid)),
            ("acme@localhost", Ok(vec![])),
            ("", Ok(vec![])),
        ] {
            assert_eq!(ask(host, "/", &[]), expected, "{host}");
        }
    }

    #[test]
    fn only_the_base_domain_and_loopback_are_the_platform() {
        let base = "averis.example".parse().expect("base");
        for own in [
            "averis.example",
            "AVERIS.example:443",
            "localhost:8080",
            "127.0.0.1",
            "[::1]:80",
        ] {
            assert!(is_platform_host(own, &base), "{own}");
        }
        for foreign in [
            "",
            "evil.example",
            "averis.example.evil.example",
            "192.0.2.1",
            "averis.example.",
            "a@averis.example",
        ] {
            assert!(!is_platform_host(foreign, &base), "{foreign}");
        }
    }

    #[test]
    fn the_path_names_a_tenant_and_is_taken_off() {
        let base = "localhost".parse().expect("base");
        let address = RequestAddress {
            host: None,
            path: "/t/acme/api/product/v1",
            headers: &[],
        };
        let found = clues(address, &ResolutionStrategies::default(), &base).expect("clues");
        assert_eq!(found.names, [key("acme")]);
        assert_eq!(found.rest_of_path, Some("/api/product/v1"));
        assert_eq!(
            ask("x", "/t/ACME/api", &[]),
            Err(InvalidResolution::Invalid)
        );
        assert_eq!(
            ask("x", "/t/a%63me/api", &[]),
            Err(InvalidResolution::Invalid)
        );
        assert_eq!(ask("x", "/tea/acme", &[]), Ok(vec![]));
    }

    #[test]
    fn the_header_names_a_tenant_once() {
        assert_eq!(ask("x", "/", &["acme"]), Ok(vec![key("acme")]));
        assert_eq!(
            ask("x", "/", &["acme", "acme"]),
            Err(InvalidResolution::Contradiction)
        );
        assert_eq!(
            ask("x", "/", &["acme, globex"]),
            Err(InvalidResolution::Invalid)
        );
        assert_eq!(
            ask("acme.localhost", "/t/globex/x", &["initech"]),
            Ok(vec![subdomain("acme"), key("globex"), key("initech")])
        );
    }

    #[test]
    fn a_strategy_that_is_off_is_no_clue() {
        let base = "localhost".parse().expect("base");
        let only_host: ResolutionStrategies = "subdomain".parse().expect("list");
        let address = RequestAddress {
            host: Some("localhost"),
            path: "/t/acme/x",
            headers: &["acme"],
        };
        assert_eq!(clues(address, &only_host, &base), Ok(Clues::default()));
        assert!("subdomain,cookie".parse::<ResolutionStrategies>().is_err());
        assert!("path,path".parse::<ResolutionStrategies>().is_err());
    }
}
