//! Work that goes on in the background for as long as a tenant has any, each piece of it once at a time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use averis_tenant_context::TenantId;
use tokio::sync::Notify;

/// What this process goes on with: for each tenant, each `K` at most once.
#[derive(Clone)]
pub struct Lanes<K = ()>(Arc<Mutex<HashMap<(TenantId, K), Lane>>>);

#[derive(Default)]
struct Lane {
    /// Something has come since it has looked.
    again: bool,
    /// Ends its pause.
    woken: Arc<Notify>,
}

impl<K> Default for Lanes<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Copy + Eq + Hash + 'static> Lanes<K> {
    fn all(&self) -> MutexGuard<'_, HashMap<(TenantId, K), Lane>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `work` in the background, again and again with the pauses that it asks for, until it asks for none. If that is under
    /// way already, it looks again at once.
    pub fn wake<W>(&self, tenant: TenantId, what: K, work: W)
    where
        W: AsyncFn() -> Option<Duration> + 'static,
    {
        let lane = (tenant, what);
        let woken = match self.all().entry(lane) {
            Entry::Occupied(mut known) => {
                let lane = known.get_mut();
                lane.again = true;
                lane.woken.notify_one();
                return;
            }
            Entry::Vacant(free) => Arc::clone(&free.insert(Lane::default()).woken),
        };
        let lanes = self.clone();
        #[expect(
            clippy::disallowed_methods,
            reason = "the lane carries its tenant, and its work the tenant's database"
        )]
        actix_web::rt::spawn(async move {
            loop {
                let pause = work().await;
                if lanes.is_over(lane, pause) {
                    return;
                }
                // Also while nothing is due for long, something new is.
                let _ = tokio::time::timeout(pause.unwrap_or_default(), woken.notified()).await;
            }
        });
    }

    /// Ends a lane in which nothing is open, unless something has come meanwhile.
    fn is_over(&self, lane: (TenantId, K), pause: Option<Duration>) -> bool {
        let mut all = self.all();
        let again = all
            .get_mut(&lane)
            .is_some_and(|lane| std::mem::take(&mut lane.again));
        let is_over = pause.is_none() && !again;
        if is_over {
            all.remove(&lane);
        }
        is_over
    }
}
