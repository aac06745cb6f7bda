//! Random secrets that are shown once: refresh tokens, API keys, words of invitations.
//!
//! They have 256 bits, so a plain digest is all that has to be kept of them.

use rand::distr::{Alphanumeric, SampleString as _};
use sha2::{Digest as _, Sha256};

/// What API keys begin with, so that people and scanners know one when they see it.
pub const KEY_MARK: &str = "avk_";
/// Characters of a key that may be shown later, the mark included.
pub const SHOWN: usize = 12;

/// Returns a new secret of 43 letters and digits, which hold 256 bits.
#[must_use]
pub fn random() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), 43)
}

/// Returns a new code of eight digits, for people to type: few enough to guess that guesses have to be counted.
#[must_use]
pub fn random_code() -> String {
    format!("{:08}", rand::random_range(0..100_000_000_u32))
}

/// Returns what is kept of a secret.
#[must_use]
pub fn digest(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}
