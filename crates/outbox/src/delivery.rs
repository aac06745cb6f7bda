//! Pushing events to those who want to know.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use averis_contracts::client::{CallError, Correlation, ServiceClient};
use averis_contracts::events::{Event, EventBatch, Taken, events_path};
use averis_contracts::tenant::TenantClient;
use averis_service_kit::metrics::PerTenant;
use averis_service_kit::rounds::Rounds;
use averis_tenant_context::TenantId;
use averis_tenant_db::{DbError, TenantDb, TenantPool};
use averis_tokens::ServiceIdentity;
use averis_trace::{Kind, Span};
use chrono::{DateTime, Utc};
use reqwest::Url;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::store;

/// Events that travel together, at most.
const BATCH: i64 = 50;
/// Bytes of data that travel together, unless one event alone has more.
const MAX_BYTES: usize = 512 * 1024;
/// How long what comes while something is delivered is gathered, so that it travels together. What comes alone leaves at once.
const GATHER: Duration = Duration::from_millis(100);
/// Tenants that one process delivers for at once.
const CONCURRENT: usize = 4;
/// One event in so many pays for the tidying of the rest.
const TIDY_EVERY: i64 = 16;
/// How often all tenants are looked through for what another process has left behind.
const SWEEP: Duration = Duration::from_secs(60);
/// How long to wait after a failure: longer each time, up to the last.
const PAUSES: [Duration; 6] = [
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// A service that wants to know.
#[derive(Clone)]
pub struct Subscriber {
    /// Its name.
    pub service: &'static str,
    /// Calls it.
    pub client: Arc<ServiceClient>,
}

impl Subscriber {
    /// A service at that address, called by the service `own`.
    ///
    /// # Errors
    /// When its client cannot be built.
    pub fn new(service: &'static str, url: &Url, own: &ServiceIdentity) -> Result<Self, CallError> {
        let client = ServiceClient::new(service, url.clone(), own.clone())?;
        Ok(Self {
            service,
            client: Arc::new(client),
        })
    }
}

/// Delivers the events of one service's tenants for as long as it is kept.
pub struct Delivery {
    inner: Arc<Inner>,
    _sweep: Rounds,
}

struct Inner {
    /// Tells this process's deliveries from another's.
    holder: Uuid,
    subscribers: Vec<Subscriber>,
    turns: Semaphore,
    /// Deliveries under way: whether something has come meanwhile.
    lanes: Mutex<HashMap<(TenantId, &'static str), bool>>,
    /// Since when which subscriber lacks something of whom, in seconds since 1970.
    behind: PerTenant,
}

#[derive(Debug, thiserror::Error)]
enum DeliveryError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the subscriber does not know the tenant")]
    UnknownTenant,
    #[error("another process delivers")]
    Held,
}

impl From<diesel::result::Error> for DeliveryError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl Delivery {
    /// Starts delivering what is announced on the pool from now on, and what is found to be left from before.
    #[must_use]
    pub fn start(pool: TenantPool, tenants: TenantClient, subscribers: Vec<Subscriber>) -> Self {
        let inner = Arc::new(Inner {
            holder: Uuid::now_v7(),
            subscribers,
            turns: Semaphore::new(CONCURRENT),
            lanes: Mutex::default(),
            behind: PerTenant::default(),
        });
        inner.be_measured(pool.domain().as_str());
        let mut news = pool.announcements();
        let weak = Arc::downgrade(&inner);
        #[expect(
            clippy::disallowed_methods,
            reason = "each piece of news names its tenant by its database"
        )]
        tokio::task::spawn_local(async move {
            while let Some(db) = news.recv().await {
                let Some(inner) = weak.upgrade() else { return };
                inner.wake(&db);
            }
        });
        let weak = Arc::downgrade(&inner);
        let sweep = Rounds::start(pool, tenants, SWEEP, async move |_, db| {
            if let Some(inner) = weak.upgrade() {
                inner.wake_if_behind(&db).await;
            }
        });
        Self {
            inner,
            _sweep: sweep,
        }
    }

    /// Tells whether a delivery is under way or waits for its next try.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.inner.lanes().is_empty()
    }
}

impl Inner {
    fn lanes(&self) -> MutexGuard<'_, HashMap<(TenantId, &'static str), bool>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn be_measured(&self, service: &'static str) {
        for subscriber in &self.subscribers {
            let labels = [("service", service), ("subscriber", subscriber.service)];
            self.behind.watch(
                "averis_outbox_lag_seconds",
                "How long the event that has waited longest for its subscriber has waited, of all tenants.",
                &labels,
                subscriber.service,
                longest_wait,
            );
            self.behind.watch(
                "averis_outbox_tenants_behind",
                "Tenants of which a subscriber lacks events, and got none at the last try.",
                &labels,
                subscriber.service,
                |all| f64::from(u32::try_from(all.len()).unwrap_or(u32::MAX)),
            );
        }
    }

    /// Wakes the deliveries of a tenant that has something to deliver.
    async fn wake_if_behind(self: &Arc<Self>, db: &TenantDb) {
        for subscriber in &self.subscribers {
            let service = subscriber.service;
            let behind = db.read(async |conn| -> Result<_, DeliveryError> {
                Ok(store::behind_since(conn, service).await?)
            });
            match behind.await {
                Ok(Some(since)) => {
                    self.behind.note(db.id(), service, Some(seconds(since)));
                    self.deliver_to(db, subscriber);
                }
                Ok(None) => self.behind.note(db.id(), service, None),
                // Looked at again at the next sweep.
                Err(error) => {
                    tracing::warn!(tenant = %db.tenant(), error = %error, "events cannot be looked for");
                }
            }
        }
    }

    fn wake(self: &Arc<Self>, db: &TenantDb) {
        for subscriber in &self.subscribers {
            self.deliver_to(db, subscriber);
        }
    }

    /// Delivers to one subscriber in the background; if that is under way, lets it go on.
    fn deliver_to(self: &Arc<Self>, db: &TenantDb, subscriber: &Subscriber) {
        let lane = (db.id(), subscriber.service);
        match self.lanes().entry(lane) {
            Entry::Occupied(mut again) => {
                again.insert(true);
                return;
            }
            Entry::Vacant(free) => free.insert(false),
        };
        let (weak, db, subscriber) = (Arc::downgrade(self), db.clone(), subscriber.clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "the delivery carries its tenant's database"
        )]
        tokio::task::spawn_local(async move {
            let mut failures = 0;
            while let Some(inner) = weak.upgrade() {
                match inner.deliver(&db, &subscriber).await {
                    Ok(more) => {
                        failures = 0;
                        inner.behind.note(db.id(), subscriber.service, None);
                        if !more {
                            if inner.is_done(lane) {
                                return;
                            }
                            drop(inner);
                            tokio::time::sleep(GATHER).await;
                        }
                    }
                    Err(error) => {
                        if !matches!(error, DeliveryError::Held) {
                            let since = seconds(Utc::now());
                            inner.behind.note_first(db.id(), subscriber.service, since);
                        }
                        drop(inner);
                        pause(&db, subscriber.service, failures, &error).await;
                        failures += 1;
                    }
                }
            }
        });
    }

    /// Closes a lane unless something has come meanwhile.
    fn is_done(&self, lane: (TenantId, &'static str)) -> bool {
        let mut lanes = self.lanes();
        let again = lanes.insert(lane, false).unwrap_or_default();
        if !again {
            lanes.remove(&lane);
        }
        !again
    }

    /// Delivers the next events. Tells whether there may be more.
    async fn deliver(&self, db: &TenantDb, to: &Subscriber) -> Result<bool, DeliveryError> {
        let Ok(_turn) = self.turns.acquire().await else {
            return Ok(false);
        };
        let name = to.service;
        let (seq, events) = db
            .transaction(async |conn| -> Result<_, DeliveryError> {
                // What is lost of it with the database is delivered again, and known there.
                conn.need_not_last();
                let held = store::hold(conn, name, self.holder).await?;
                let seq = held.ok_or(DeliveryError::Held)?;
                Ok((seq, store::after(conn, seq, BATCH).await?))
            })
            .await?;
        let found = events.len();
        let events = within(events, MAX_BYTES);
        let last = events.last().map_or(seq, |event| event.seq);
        let more = events.len() < found || i64::try_from(found).is_ok_and(|count| count == BATCH);
        if !events.is_empty() {
            let path = events_path(name, db.tenant());
            let correlation = Correlation {
                tenant: Some(db.id().0),
                ..Correlation::default()
            };
            let causes = events.iter().filter_map(|event| event.trace.as_deref());
            let span = Span::after(format!("deliver events to {name}"), Kind::Producer, causes);
            span.set_tenant(db.tenant(), db.id());
            let batch = EventBatch { events };
            let post = to.client.post::<Taken>(&path, &batch, &correlation);
            span.around(post)
                .await?
                .ok_or(DeliveryError::UnknownTenant)?;
        }
        db.transaction(async |conn| -> Result<_, DeliveryError> {
            conn.need_not_last();
            store::advance(conn, name, self.holder, last).await?;
            if last / TIDY_EVERY != seq / TIDY_EVERY {
                store::discard_delivered(conn).await?;
            }
            Ok(())
        })
        .await?;
        Ok(more)
    }
}

/// Returns a time as metrics tell it.
fn seconds(at: DateTime<Utc>) -> f64 {
    Duration::from_millis(u64::try_from(at.timestamp_millis()).unwrap_or_default()).as_secs_f64()
}

/// Returns how many seconds ago the first of these times was.
fn longest_wait(since: &[f64]) -> f64 {
    let now = seconds(Utc::now());
    let waits = since.iter().map(|since| now - since);
    waits.fold(0.0, f64::max)
}

/// Returns the first events that are of so many bytes together, and at least one.
fn within(mut events: Vec<Event>, most: usize) -> Vec<Event> {
    let mut bytes = 0_usize;
    let fitting = events.iter().take_while(|event| {
        bytes = bytes.saturating_add(event.data.to_string().len());
        bytes <= most
    });
    let fitting = fitting.count().max(1);
    events.truncate(fitting);
    events
}

/// Waits after a failure, longer each time, and says so: the first time, and then now and again.
async fn pause(db: &TenantDb, subscriber: &str, failures: usize, error: &DeliveryError) {
    let last = PAUSES.len() - 1;
    let pause = PAUSES.get(failures.min(last)).copied();
    if !matches!(error, DeliveryError::Held) && (failures == 3 || failures % 100 == 99) {
        tracing::warn!(
            tenant = %db.tenant(), subscriber, failures = failures + 1, error = %error,
            "events wait for their subscriber"
        );
    }
    tokio::time::sleep(pause.unwrap_or(SWEEP)).await;
}
