//! An issuer's published keys, as one who checks its tokens keeps them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::JwkSet;
use tokio::sync::Mutex;

/// Tokens that name unknown keys cause no more than one request in this time.
const PATIENCE: Duration = Duration::from_secs(30);
/// An issuer that failed is left alone for this time, so that those who wait do not all wait for it in turn.
const RESPITE: Duration = Duration::from_secs(1);
/// Keys are asked for again after this time: an issuer may have withdrawn one.
const FRESH: Duration = Duration::from_secs(600);

/// An issuer's keys could not be had.
#[derive(Debug, thiserror::Error)]
#[error("the issuer's keys are not to be had: {0}")]
pub struct FetchError(pub String);

type Fetch = Box<dyn Fn() -> BoxFuture<'static, Result<JwkSet, FetchError>> + Send + Sync>;

/// An issuer's keys.
pub struct KeySet {
    fetch: Fetch,
    known: RwLock<Known>,
    /// Held while keys are asked for, so that one request asks and the others wait.
    asking: Mutex<Asked>,
}

#[derive(Default)]
struct Asked {
    answered: Option<Instant>,
    failed: Option<Instant>,
}

#[derive(Default)]
struct Known {
    keys: HashMap<String, Arc<DecodingKey>>,
    learned: Option<Instant>,
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySet")
    }
}

impl KeySet {
    /// Makes a set that asks `fetch` for the keys when it first needs one.
    pub fn new(
        fetch: impl Fn() -> BoxFuture<'static, Result<JwkSet, FetchError>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            fetch: Box::new(fetch),
            known: RwLock::default(),
            asking: Mutex::default(),
        }
    }

    /// Makes a set of keys that never change.
    #[must_use]
    pub fn fixed(keys: JwkSet) -> Self {
        Self::new(move || {
            let keys = keys.clone();
            Box::pin(async move { Ok(keys) })
        })
    }

    /// Returns the key of that id, after asking the issuer if it is not known. `None` says that the issuer has no such
    /// key, or was asked less than half a minute ago.
    ///
    /// # Errors
    /// When nothing is known yet and the issuer cannot be asked.
    pub async fn find(&self, id: &str) -> Result<Option<Arc<DecodingKey>>, FetchError> {
        let (found, fresh) = self.look(id);
        if found.is_some() && fresh {
            return Ok(found);
        }
        let mut asked = self.asking.lock().await;
        let (found, fresh) = self.look(id);
        let again = asked.answered.is_some_and(|at| at.elapsed() < PATIENCE);
        if again || (found.is_some() && fresh) {
            return Ok(found);
        }
        if asked.failed.is_some_and(|at| at.elapsed() < RESPITE) {
            return Err(FetchError("the issuer failed a moment ago".to_owned()));
        }
        match (self.fetch)().await {
            Ok(keys) => {
                asked.answered = Some(Instant::now());
                self.learn(&keys);
                Ok(self.look(id).0)
            }
            // An issuer that is away for a while does not make its tokens wrong.
            Err(error) if self.knows_any() => {
                asked.answered = Some(Instant::now());
                tracing::warn!(error = %error, "going on with the keys that are known");
                Ok(found)
            }
            Err(error) => {
                asked.failed = Some(Instant::now());
                Err(error)
            }
        }
    }

    fn look(&self, id: &str) -> (Option<Arc<DecodingKey>>, bool) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let fresh = known.learned.is_some_and(|at| at.elapsed() < FRESH);
        (known.keys.get(id).cloned(), fresh)
    }

    fn knows_any(&self) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        !known.keys.is_empty()
    }

    fn learn(&self, keys: &JwkSet) {
        let usable = keys.keys.iter().filter_map(|key| {
            let id = key.common.key_id.clone()?;
            // A key of a kind that we cannot use is as good as none.
            let key = DecodingKey::from_jwk(key).ok()?;
            Some((id, Arc::new(key)))
        });
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.keys = usable.collect();
        known.learned = Some(Instant::now());
    }
}
