//! Who has told: `v1,<base64 of HMAC-SHA256 of "<id>.<seconds>.<body>">`, once for each secret that is good. Source: Standard
//! Webhooks 1.0, symmetric signatures.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What a secret begins with as people see it.
const MARK: &str = "whsec_";

/// Returns a new secret.
pub fn new_secret() -> Vec<u8> {
    rand::random::<[u8; 32]>().to_vec()
}

/// Returns a secret as people see it.
pub fn shown(secret: &[u8]) -> String {
    format!("{MARK}{}", STANDARD.encode(secret))
}

/// Signs a message with each of the secrets, as `webhook-signature` has it.
pub fn sign(secrets: &[&[u8]], id: &str, seconds: i64, body: &str) -> String {
    let signed: Vec<String> = secrets
        .iter()
        .filter_map(|secret| Hmac::<Sha256>::new_from_slice(secret).ok())
        .map(|mut mac| {
            mac.update(format!("{id}.{seconds}.").as_bytes());
            mac.update(body.as_bytes());
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        })
        .collect();
    signed.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference vector of the suites of Standard Webhooks. The usual mistake is to take the text of the secret for the key.
    #[test]
    fn signs_as_the_standard_does() {
        let secret = STANDARD
            .decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            .expect("base64");
        assert_eq!(shown(&secret), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = |secrets: &[&[u8]]| {
            let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
            sign(secrets, id, 1_614_265_330, r#"{"test": 2432232314}"#)
        };
        let golden = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signed(&[&secret]), golden);
        // While a secret is replaced, both sign.
        let both = signed(&[b"another-secret-of-24-bytes", &secret]);
        assert_eq!(both.split(' ').nth(1), Some(golden));
        assert_eq!(both.split(' ').count(), 2);
    }

    #[test]
    fn secrets_are_long_and_never_the_same() {
        assert_eq!(new_secret().len(), 32);
        assert_ne!(new_secret(), new_secret());
    }
}
