//! Whom a tenant may have called: addresses of the open internet alone. Anything else would let a tenant ask the inside of the
//! installation, the metadata of its cloud, or another tenant, in the platform's name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use averis_tenant_context::BaseDomain;
use url::{Host, Url};

/// Longest address.
pub const MAX_URL: usize = 2_000;

/// Whom webhooks may call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Targets {
    /// Over `https`, addresses of the open internet.
    #[default]
    Public,
    /// Whoever is named, for development.
    Any,
}

impl FromStr for Targets {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "public" => Ok(Self::Public),
            "any" => Ok(Self::Any),
            other => Err(format!("is {other:?}; it must be public or any")),
        }
    }
}

/// Why an address cannot be called: a code, and a sentence for people.
pub type Unfit = (&'static str, &'static str);

/// Checks an address as it is written. Where its name leads to is checked each time it is called.
///
/// # Errors
/// Why it cannot be called.
pub fn check(text: &str, targets: Targets, own: &BaseDomain) -> Result<Url, Unfit> {
    let url = Url::parse(text).map_err(|_ignored| ("not_a_url", "must be an absolute URL"))?;
    let https = url.scheme() == "https";
    if !(https || targets == Targets::Any && url.scheme() == "http") {
        return Err(("not_https", "must begin with https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(("credentials", "must not hold a name or password"));
    }
    if url.fragment().is_some() {
        return Err(("fragment", "must not hold a fragment"));
    }
    // As it is called, which may be longer than it was written.
    if url.as_str().len() > MAX_URL {
        return Err(("too_long", "must have at most 2,000 characters"));
    }
    let inside = ("not_public", "must lead to the open internet");
    match url.host() {
        None => Err(("not_a_url", "must name a host")),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) if names_inside(&url, targets) => Err(inside),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => Ok(url),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            let own = own.as_str();
            let is_own = name == own
                || name
                    .strip_suffix(own)
                    .is_some_and(|rest| rest.ends_with('.'));
            if is_own {
                return Err(("own_host", "must not lead back to this platform"));
            }
            if targets == Targets::Public && !name.contains('.') {
                return Err(inside);
            }
            Ok(url)
        }
    }
}

/// Whether a URL names by its number something that may not be called.
pub fn names_inside(url: &Url, targets: Targets) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => !is_allowed(targets, ip.into()),
        Some(Host::Ipv6(ip)) => !is_allowed(targets, ip.into()),
        Some(Host::Domain(_)) | None => false,
    }
}

/// Whether something at that address may be called.
pub fn is_allowed(targets: Targets, ip: IpAddr) -> bool {
    targets == Targets::Any || is_public(ip)
}

/// Whether an address is one of the open internet. Source: the registries of special-purpose addresses, RFC 6890 and its
/// successors. Of IPv6 only what is given out to networks is, and nothing that wraps another address.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || a == 0
        // Shared by carriers.
        || a == 100 && (64..128).contains(&b)
        // Protocols, and the old relays from IPv6.
        || a == 192 && b == 0 && c == 0
        || a == 192 && b == 88 && c == 99
        // Measurements.
        || a == 198 && (b == 18 || b == 19)
        // Multicast, reserved and broadcast.
        || a >= 224;
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    // 2000::/3, without 2001::/23 (protocols, tunnels), documentation, and 2002::/16, which wraps IPv4.
    (0x2000..0x4000).contains(&a)
        && !(a == 0x2001 && b < 0x200)
        && !(a == 0x2001 && b == 0xdb8)
        && a != 0x2002
        && a != 0x3fff
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<&'static str> {
        let own: BaseDomain = "averis.example".parse().expect("a domain");
        check(text, Targets::Public, &own)
            .err()
            .map(|unfit| unfit.0)
    }

    #[test]
    fn s37_nothing_inside_is_called() {
        for (text, why) in [
            ("hooks", "not_a_url"),
            ("ftp://shop.example/x", "not_https"),
            ("http://shop.example/x", "not_https"),
            ("http://169.254.169.254/latest/meta-data", "not_https"),
            ("https://169.254.169.254/latest/meta-data", "not_public"),
            ("https://127.0.0.1/", "not_public"),
            // The same in other clothes.
            ("https://2130706433/", "not_public"),
            ("https://0x7f.1/", "not_public"),
            ("https://0177.0.0.1/", "not_public"),
            ("https://10.1.2.3/", "not_public"),
            ("https://172.16.0.1/", "not_public"),
            ("https://192.168.0.1/", "not_public"),
            ("https://100.64.0.1/", "not_public"),
            ("https://0.0.0.0/", "not_public"),
            ("https://198.18.0.1/", "not_public"),
            ("https://224.0.0.1/", "not_public"),
            ("https://255.255.255.255/", "not_public"),
            ("https://[::]/", "not_public"),
            ("https://[::1]/", "not_public"),
            ("https://[::ffff:10.0.0.1]/", "not_public"),
            ("https://[::ffff:a00:1]/", "not_public"),
            ("https://[64:ff9b::a00:1]/", "not_public"),
            ("https://[2002:a00:1::]/", "not_public"),
            ("https://[2001::1]/", "not_public"),
            ("https://[2001:db8::1]/", "not_public"),
            ("https://[fe80::1]/", "not_public"),
            ("https://[fd00::1]/", "not_public"),
            ("https://[ff02::1]/", "not_public"),
            ("https://localhost/", "not_public"),
            ("https://kubernetes/", "not_public"),
            ("https://averis.example/", "own_host"),
            ("https://globex.averis.example/api", "own_host"),
            ("https://GLOBEX.averis.example./api", "own_host"),
            ("https://me:secret@shop.example/", "credentials"),
            ("https://shop.example/#x", "fragment"),
        ] {
            assert_eq!(code(text), Some(why), "{text}");
        }
        for text in [
            "https://shop.example/hooks?from=averis",
            "https://shop.example:8443/",
            "https://notaveris.example/",
            "https://93.184.215.14/",
            "https://[2606:2800:21f:cb07::1]/",
        ] {
            assert_eq!(code(text), None, "{text}");
        }
    }

    #[test]
    fn development_calls_whom_it_likes_but_not_itself() {
        let own: BaseDomain = "localhost".parse().expect("a domain");
        let check = |text| {
            check(text, Targets::Any, &own)
                .map(drop)
                .map_err(|unfit| unfit.0)
        };
        assert_eq!(check("http://127.0.0.1:9000/"), Ok(()));
        assert_eq!(check("http://hooks:9000/"), Ok(()));
        assert_eq!(check("http://acme.localhost/"), Err("own_host"));
    }
}
