//! The connections of one service and who gets which.
//!
//! A tenant is best served by a connection of the thread that asks, since waking another thread costs more than
//! a switch of tenant; among these by the one that is bound to the tenant, next by one that has served it before
//! (its tables are in the backend's caches, its statements prepared), next by a new one, and last by the one that
//! nobody used for longest. No general pool chooses by who asks, so the choice is made here.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use averis_tenant_context::{SchemaName, TenantKey};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

use crate::binding::{Fitness, Slot, home};
use crate::config::{DatabaseUrl, PoolConfig};
use crate::connect;
use crate::error::DbError;
use crate::tenant_db::TenantDb;

/// What a pool has done, for metrics and tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// Connections opened since the start.
    pub opened: u64,
    /// Connections closed because what they were doing was not known to have ended.
    pub closed_in_doubt: u64,
    /// Connections closed for age or for the number of tenants served.
    pub retired: u64,
    /// Checkouts that found a connection bound to their tenant.
    pub hits: u64,
    /// All checkouts.
    pub checkouts: u64,
    /// Connections at rest.
    pub idle: usize,
    /// Connections held.
    pub in_use: usize,
    /// Connections that there may be.
    pub most: usize,
    /// Checkouts that waited so long that they were given up.
    pub busy: u64,
}

/// Reads what a pool has done, for as long as it is there.
#[derive(Clone)]
pub struct PoolWatch(pub(crate) Weak<Pool>);

impl PoolWatch {
    /// Returns what the pool has done so far; `None` when it is gone.
    #[must_use]
    pub fn now(&self) -> Option<PoolStats> {
        self.0.upgrade().map(|pool| pool.stats())
    }
}

#[derive(Default)]
struct Counters {
    opened: AtomicU64,
    closed_in_doubt: AtomicU64,
    retired: AtomicU64,
    hits: AtomicU64,
    checkouts: AtomicU64,
    busy: AtomicU64,
}

pub(crate) struct Pool {
    url: DatabaseUrl,
    config: PoolConfig,
    /// One permit per connection that may be held.
    permits: Arc<Semaphore>,
    /// The share of each tenant that has asked; at most as many entries as the database has tenants.
    shares: Mutex<HashMap<TenantKey, Arc<Semaphore>>>,
    /// Least recently used first.
    idle: Mutex<Vec<Slot>>,
    counters: Counters,
    /// Who is told of tenants with news.
    announcements: Mutex<Option<mpsc::UnboundedSender<TenantDb>>>,
}

/// The right to hold one connection; returns it, and the right, when dropped.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    _share: OwnedSemaphorePermit,
    _permit: OwnedSemaphorePermit,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing inside these locks can panic half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    pub fn new(url: DatabaseUrl, config: PoolConfig) -> Arc<Self> {
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(config.size)),
            shares: Mutex::default(),
            idle: Mutex::default(),
            counters: Counters::default(),
            announcements: Mutex::default(),
            url,
            config,
        })
    }

    /// From now on tells `listener` of tenants with news.
    pub fn announce_to(&self, listener: mpsc::UnboundedSender<TenantDb>) {
        *lock(&self.announcements) = Some(listener);
    }

    /// Tells the listener that the tenant has news. One that is gone is none.
    pub fn announce(&self, db: &TenantDb) {
        if let Some(listener) = lock(&self.announcements).as_ref() {
            let _ = listener.send(db.clone());
        }
    }

    pub fn stats(&self) -> PoolStats {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PoolStats {
            opened: count(&self.counters.opened),
            closed_in_doubt: count(&self.counters.closed_in_doubt),
            retired: count(&self.counters.retired),
            hits: count(&self.counters.hits),
            checkouts: count(&self.counters.checkouts),
            idle: lock(&self.idle).len(),
            in_use: self
                .config
                .size
                .saturating_sub(self.permits.available_permits()),
            most: self.config.size,
            busy: count(&self.counters.busy),
        }
    }

    /// Waits for this tenant's turn and returns the best connection for it.
    pub async fn checkout(
        self: &Arc<Self>,
        key: &TenantKey,
        schema: &SchemaName,
    ) -> Result<(Slot, Lease), DbError> {
        let lease = self.lease(key).await?;
        self.counters.checkouts.fetch_add(1, Ordering::Relaxed);
        let mut slot = loop {
            match self.take_idle(key, schema) {
                Some(mut slot) => {
                    if slot.is_sound() {
                        break slot;
                    } // else closed meanwhile, by the server or the network
                }
                None => break self.open().await?,
            }
        };
        if slot.is_bound_to(schema) {
            self.counters.hits.fetch_add(1, Ordering::Relaxed);
        }
        slot.note_served(key);
        Ok((slot, lease))
    }

    /// Opens a connection that has served nobody.
    pub async fn open(&self) -> Result<Slot, DbError> {
        match timeout(self.config.connect, connect::open(&self.url)).await {
            Ok(Ok(conn)) => {
                self.counters.opened.fetch_add(1, Ordering::Relaxed);
                Ok(Slot::new(conn))
            }
            Ok(Err(error)) => Err(DbError::Unreachable(error)),
            Err(_) => Err(DbError::ConnectTimeout),
        }
    }

    /// Takes this tenant's share first, so that a tenant that waits for its own share holds nothing that
    /// another tenant could use.
    async fn lease(self: &Arc<Self>, key: &TenantKey) -> Result<Lease, DbError> {
        let share = {
            let mut shares = lock(&self.shares);
            match shares.get(key) {
                Some(share) => Arc::clone(share),
                None => {
                    let share = Arc::new(Semaphore::new(self.config.per_tenant));
                    shares.insert(key.clone(), Arc::clone(&share));
                    share
                }
            }
        };
        // Nobody waits as a rule, and then no clock is needed.
        if let Ok(share) = Arc::clone(&share).try_acquire_owned()
            && let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned()
        {
            return Ok(Lease {
                pool: Arc::clone(self),
                _share: share,
                _permit: permit,
            });
        }
        let both = async {
            let share = share.acquire_owned().await;
            let permit = Arc::clone(&self.permits).acquire_owned().await;
            share.ok().zip(permit.ok())
        };
        match timeout(self.config.wait, both).await {
            Ok(Some((share, permit))) => Ok(Lease {
                pool: Arc::clone(self),
                _share: share,
                _permit: permit,
            }),
            _ => {
                self.counters.busy.fetch_add(1, Ordering::Relaxed);
                Err(DbError::Busy)
            }
        }
    }

    fn take_idle(&self, key: &TenantKey, schema: &SchemaName) -> Option<Slot> {
        let mut idle = lock(&self.idle);
        let here = home();
        let mut best: Option<(Fitness, usize)> = None;
        for (place, slot) in idle.iter().enumerate() {
            let fitness = slot.fitness(key, schema, here);
            // Of equals the first, which nobody used for longest.
            if best.is_none_or(|(known, _)| fitness > known) {
                best = Some((fitness, place));
            }
        }
        let (fitness, place) = best?;
        if fitness.near && (fitness.bound || fitness.known) {
            return Some(idle.remove(place));
        }
        // The caller's own permit is among the held ones, so this counts the connection it would open.
        let held = self
            .config
            .size
            .saturating_sub(self.permits.available_permits());
        let room = idle.len() + held <= self.config.size;
        if room { None } else { Some(idle.remove(place)) }
    }
}

impl Lease {
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Puts a connection back, or closes it when it cannot be kept.
    pub fn give_back(&self, mut slot: Slot) {
        if !slot.is_sound() {
            self.closed_in_doubt();
        } else if slot.is_worn(&self.pool.config) {
            self.pool.counters.retired.fetch_add(1, Ordering::Relaxed);
        } else {
            lock(&self.pool.idle).push(slot);
        }
    }

    pub fn closed_in_doubt(&self) {
        self.pool
            .counters
            .closed_in_doubt
            .fetch_add(1, Ordering::Relaxed);
    }
}
