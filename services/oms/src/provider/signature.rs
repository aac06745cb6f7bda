//! Who has signed what a provider tells.
//!
//! `Stripe-Signature: t=<unix seconds>,v1=<hex of HMAC-SHA256 of "<t>.<body>">[,v1=...]`, as Stripe documents it. While a secret is
//! replaced there are several signatures; one that fits is enough.

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// How old a signature may be, and how far ahead our clocks may be apart, in seconds.
const TOLERANCE: i64 = 300;

/// Whether the body was signed with the secret, lately.
pub fn is_signed(secret: &str, header: &str, body: &[u8], now: DateTime<Utc>) -> bool {
    let parts = || {
        header
            .split(',')
            .filter_map(|part| part.trim().split_once('='))
    };
    let Some((_, at)) = parts().find(|(name, _)| *name == "t") else {
        return false;
    };
    let Ok(seconds) = at.parse::<i64>() else {
        return false;
    };
    if now.timestamp().abs_diff(seconds) > TOLERANCE.unsigned_abs() {
        return false;
    }
    parts()
        .filter(|(name, _)| *name == "v1")
        .filter_map(|(_, hex)| bytes(hex))
        .any(|signature| {
            mac(secret, at, body).is_some_and(|mac| mac.verify_slice(&signature).is_ok())
        })
}

fn mac(secret: &str, at: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(at.as_bytes());
    mac.update(b".");
    mac.update(body);
    Some(mac)
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_counts_as_it_was_signed_and_not_for_long() {
        let (secret, body) = ("whsec_test", br#"{"id":"evt_1"}"#);
        let at = DateTime::from_timestamp(1_700_000_000, 0).expect("a time");
        let own = mac(secret, "1700000000", body).expect("a key");
        let hex: String = own
            .finalize()
            .into_bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let header = format!("t=1700000000,v1={hex}");
        let later = |seconds| at + chrono::TimeDelta::seconds(seconds);
        assert!(is_signed(secret, &header, body, at));
        assert!(is_signed(secret, &header, body, later(300)));
        let rotated = format!("t=1700000000,v1={},v1={hex}", "0".repeat(64));
        assert!(is_signed(secret, &rotated, body, at));
        for (secret, header, body, at) in [
            ("whsec_other", header.as_str(), &body[..], at),
            (secret, &header, br#"{"id":"evt_2"}"#, at),
            (secret, &header, body, later(301)),
            (secret, &header, body, later(-301)),
            (secret, &format!("t=1700000001,v1={hex}"), body, at),
            (secret, &format!("v1={hex}"), body, at),
            (secret, "t=1700000000", body, at),
            (secret, "", body, at),
            (secret, "t=1700000000,v1=zz", body, at),
            (secret, &format!("t=1700000000,v0={hex}"), body, at),
        ] {
            assert!(!is_signed(secret, header, body, at), "{header}");
        }
    }
}
