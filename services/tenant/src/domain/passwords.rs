//! Passwords: how they are kept, and what too many wrong ones lead to.
//!
//! Rules of length only, as NIST SP 800-63B asks: at least 12 characters, no demand for kinds of them. Argon2id with the
//! library's parameters (19 MiB, two passes), which are OWASP's.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;

/// Fewest characters.
pub const MIN_LENGTH: usize = 12;
/// Most bytes: hashing takes what it is given.
pub const MAX_BYTES: usize = 256;
/// Wrong passwords in a row, of one address, before it is not listened to for a while.
pub const PATIENCE: i32 = 5;
/// Wrong passwords in a row of all addresses together before nobody is: high, or any stranger could keep anybody out.
pub const LONG_PATIENCE: i32 = 200;
/// How long a password waits for its turn.
const WAIT: Duration = Duration::from_secs(5);
/// Longest lock, in seconds.
const LONGEST_LOCK: u64 = 15 * 60;

/// Hashes and compares on threads of their own, few at once: each takes tens of milliseconds and 19 MiB.
#[derive(Clone)]
pub struct Passwords(Arc<Semaphore>);

/// A password could not be worked on.
#[derive(Debug, thiserror::Error)]
pub enum HashingFailed {
    /// For want of memory.
    #[error("hashing failed: {0}")]
    Failed(String),
    /// Too many wait for their turn.
    #[error("too many passwords wait to be hashed")]
    Busy,
}

impl Passwords {
    /// Makes the workshop.
    #[must_use]
    pub fn new() -> Self {
        // Half of the cores: the other half is for those who are in.
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self(Arc::new(Semaphore::new((cores / 2).max(1))))
    }

    /// Returns what is kept of a password.
    ///
    /// # Errors
    /// When hashing fails, for want of memory.
    pub async fn hash(&self, password: String) -> Result<String, HashingFailed> {
        self.work(move || hash(&password)).await?
    }

    /// Whether it is the kept one's password. Where nothing is kept, it takes as long to say no.
    ///
    /// # Errors
    /// When hashing fails, for want of memory.
    pub async fn matches(
        &self,
        password: String,
        kept: Option<String>,
    ) -> Result<bool, HashingFailed> {
        self.work(move || {
            let known = kept.is_some();
            let kept = kept.unwrap_or_else(|| nobodys().to_owned());
            let kept = PasswordHash::new(&kept).map_err(failed)?;
            let matches = Argon2::default().verify_password(password.as_bytes(), &kept);
            Ok(matches.is_ok() && known)
        })
        .await?
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashingFailed> {
        let turn = tokio::time::timeout(WAIT, self.0.acquire()).await;
        let _turn = turn
            .map_err(|_ignored| HashingFailed::Busy)?
            .map_err(failed)?;
        tokio::task::spawn_blocking(work).await.map_err(failed)
    }
}

fn hash(password: &str) -> Result<String, HashingFailed> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(failed)
}

/// A hash that no password is compared with but by those whom nobody knows.
fn nobodys() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| hash(&super::secrets::random()).unwrap_or_default())
}

fn failed(error: impl std::fmt::Display) -> HashingFailed {
    HashingFailed::Failed(error.to_string())
}

/// Says what is wrong with a new password, if anything is.
#[must_use]
pub fn fault(password: &str) -> Option<&'static str> {
    if password.chars().count() < MIN_LENGTH {
        Some("must have at least 12 characters")
    } else if password.len() > MAX_BYTES {
        Some("must not be longer than 256 bytes")
    } else {
        None
    }
}

/// Returns for how long no password is looked at after that many wrong ones in a row: not at all before `patience` is
/// reached, then twice as long each time.
#[must_use]
pub fn lock_after(failures: i32, patience: i32) -> Option<Duration> {
    let over = u32::try_from(failures.saturating_sub(patience)).ok()?;
    let seconds = 2_u64.saturating_pow(over.min(20)).saturating_mul(2);
    Some(Duration::from_secs(seconds.min(LONGEST_LOCK)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_grow_and_end() {
        assert_eq!(lock_after(4, 5), None);
        assert_eq!(lock_after(5, 5), Some(Duration::from_secs(2)));
        assert_eq!(lock_after(8, 5), Some(Duration::from_secs(16)));
        assert_eq!(lock_after(i32::MAX, 5), Some(Duration::from_secs(900)));
    }

    #[tokio::test]
    async fn only_the_password_matches() {
        let passwords = Passwords::new();
        let kept = passwords
            .hash("correct horse battery".to_owned())
            .await
            .expect("a hash");
        assert!(
            kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{kept}"
        );
        let matches = async |text: &str, kept: Option<String>| {
            passwords
                .matches(text.to_owned(), kept)
                .await
                .expect("an answer")
        };
        assert!(matches("correct horse battery", Some(kept.clone())).await);
        assert!(!matches("correct horse batterz", Some(kept)).await);
        assert!(!matches("correct horse battery", None).await);
    }
}
