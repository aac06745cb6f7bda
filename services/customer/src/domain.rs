//! Rules: pure, no I/O.

pub mod companies;
pub mod money;
pub mod tax_ids;
pub mod vat;

use rand::RngExt as _;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

pub use averis_service_kit::clock::now;

/// Returns a new code of eight digits, for people to type: few enough to guess that guesses have to be counted.
pub fn random_code() -> String {
    format!("{:08}", rand::rng().random_range(0..100_000_000_u32))
}

/// Returns what is kept of a code. The verification's id makes each digest another.
pub fn code_digest(verification: Uuid, code: &str) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(verification.as_bytes());
    hash.update(code.as_bytes());
    hash.finalize().to_vec()
}
