//! What this process knows of tenants: asked from the tenant service once, kept, and corrected within a second
//! of a change; while the tenant service is away, known tenants go on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use averis_contracts::access::Revocation;
use averis_contracts::tenant::TenantClient;
use averis_tenant_context::{Clue, TenantContext, TenantKey};
use averis_tenant_db::{DatabaseUrl, TenantChange, TenantChanges};
use moka::future::Cache;
use moka::ops::compute::{CompResult, Op};

use crate::auth::Access;
use crate::metrics::Counter;
use crate::problem::{Problem, codes};
use crate::request;

/// Names remembered at most, unknown ones included.
const CAPACITY: u64 = 20_000;
/// How long an answer counts while changes are being heard.
const FRESH: Duration = Duration::from_secs(60);
/// How long an answer counts otherwise, how long "there is none" counts, and how long to leave an absent tenant
/// service alone.
const BRIEF: Duration = Duration::from_millis(800);

static LOOKUPS: LazyLock<Counter> = LazyLock::new(|| {
    Counter::new(
        "averis_tenant_lookups",
        "Which tenant a request means: known here, asked from the tenant service, stale while that is away, or failed.",
    )
});

/// The directory of tenants of one process, and the check of callers, which hears of changes in the same way.
#[derive(Clone)]
pub struct TenantDirectory(Arc<Inner>);

struct Inner {
    client: Arc<TenantClient>,
    access: Access,
    /// The key is the name that requests use for a tenant, so no entry is anybody's but that tenant's.
    known: Cache<Clue, Arc<Entry>>,
    listening: AtomicBool,
    /// Counts changes: an answer that was under way when one came may be older than it.
    changes: AtomicU64,
}

struct Entry {
    tenant: Option<Arc<TenantContext>>,
    learned: Instant,
    /// How many changes had been heard when the answer was asked for.
    asked_at: u64,
    outdated: AtomicBool,
    /// The last attempt to renew this entry failed at that time.
    failed: Option<Instant>,
}

impl TenantDirectory {
    /// Makes an empty directory that asks `client`, hears of changes through the database, and takes access tokens of
    /// `issuer`.
    #[must_use]
    pub fn new(client: TenantClient, database: DatabaseUrl, issuer: &str) -> Self {
        let client = Arc::new(client);
        let directory = Self(Arc::new(Inner {
            access: Access::new(Arc::clone(&client), issuer.to_owned()),
            client,
            known: Cache::new(CAPACITY),
            listening: AtomicBool::new(false),
            changes: AtomicU64::new(0),
        }));
        let weak = Arc::downgrade(&directory.0);
        #[expect(
            clippy::disallowed_methods,
            reason = "belongs to no tenant and ends with the directory"
        )]
        tokio::spawn(async move {
            let mut changes = TenantChanges::listen(database);
            while let Some(change) = changes.next().await {
                let Some(inner) = weak.upgrade() else { return };
                inner.hear(&change);
                if change == TenantChange::Listening
                    && let Err(error) = inner.access.ensure_current().await
                {
                    // The next request tries again.
                    tracing::debug!(error = %error, "what was taken back meanwhile is not known yet");
                }
            }
        });
        directory
    }

    /// Returns what checks credentials.
    pub(crate) fn access(&self) -> &Access {
        &self.0.access
    }

    /// Returns the tenant of that name, `None` if requests may reach none of that name.
    ///
    /// # Errors
    /// 503 when the tenant is not known here and the tenant service is away.
    pub async fn find(&self, clue: &Clue) -> Result<Option<Arc<TenantContext>>, Problem> {
        let inner = &self.0;
        if let Some(entry) = inner.known.get(clue).await
            && inner.is_usable(&entry)
        {
            LOOKUPS.count(&[("answer", "known")]);
            return Ok(entry.tenant.clone());
        }
        // One request asks, the others of this name wait for its answer.
        let outcome = inner
            .known
            .entry_by_ref(clue)
            .and_try_compute_with(async |present| {
                let present = present.map(moka::Entry::into_value);
                match present {
                    Some(entry) if inner.is_usable(&entry) => Ok(Op::Nop),
                    other => inner.ask(clue, other).await.map(Op::Put),
                }
            })
            .await?;
        let entry = match outcome {
            CompResult::Inserted(entry) | CompResult::ReplacedWith(entry) => {
                let entry = entry.into_value();
                // Compared only now that the entry stands where changes look for it: a change that came while
                // the answer was under way is counted already, and a later one finds the entry.
                if entry.asked_at != inner.changes.load(Ordering::Acquire) {
                    entry.outdated.store(true, Ordering::Release);
                }
                entry
            }
            CompResult::Unchanged(entry) | CompResult::Removed(entry) => entry.into_value(),
            CompResult::StillNone(_) => return Ok(None),
        };
        Ok(entry.tenant.clone())
    }
}

impl Inner {
    fn is_usable(&self, entry: &Entry) -> bool {
        if entry.failed.is_some_and(|failed| failed.elapsed() < BRIEF) {
            return true;
        }
        let brief = entry.tenant.is_none() || !self.listening.load(Ordering::Acquire);
        let lasts = if brief { BRIEF } else { FRESH };
        !entry.outdated.load(Ordering::Acquire) && entry.learned.elapsed() < lasts
    }

    async fn ask(&self, clue: &Clue, present: Option<Arc<Entry>>) -> Result<Arc<Entry>, Problem> {
        let asked_at = self.changes.load(Ordering::Acquire);
        match self.client.lookup(clue, &request::correlation()).await {
            Ok(tenant) => {
                LOOKUPS.count(&[("answer", "asked")]);
                Ok(Arc::new(Entry {
                    tenant: tenant.map(Arc::new),
                    learned: Instant::now(),
                    asked_at,
                    outdated: AtomicBool::new(false),
                    failed: None,
                }))
            }
            Err(error) => match present.filter(|entry| entry.tenant.is_some()) {
                Some(old) => {
                    LOOKUPS.count(&[("answer", "stale")]);
                    tracing::warn!(error = %error, "going on with what is known of the tenant");
                    Ok(Arc::new(Entry {
                        tenant: old.tenant.clone(),
                        learned: old.learned,
                        asked_at,
                        outdated: AtomicBool::new(true),
                        failed: Some(Instant::now()),
                    }))
                }
                None => {
                    LOOKUPS.count(&[("answer", "failed")]);
                    Err(Problem::new(codes::TENANT_LOOKUP_UNAVAILABLE).because(error))
                }
            },
        }
    }

    fn hear(&self, change: &TenantChange) {
        match change {
            TenantChange::Changed(key) => {
                self.changes.fetch_add(1, Ordering::AcqRel);
                self.outdate(Some(key));
            }
            TenantChange::Listening => {
                self.changes.fetch_add(1, Ordering::AcqRel);
                self.outdate(None);
                self.listening.store(true, Ordering::Release);
                self.access.hears(true);
            }
            TenantChange::Revoked(taken_back) => self.access.revoke(&Revocation {
                tenant: taken_back.tenant,
                subject: taken_back.subject,
                at_ms: taken_back.at_ms,
            }),
            TenantChange::Deaf => {
                self.listening.store(false, Ordering::Release);
                self.access.hears(false);
            }
        }
    }

    /// Marks what the change of `key` may have made wrong: its entries, and every "there is none", since the
    /// tenant may just have got that name. Nothing is removed: it may be all that there is for a while.
    fn outdate(&self, key: Option<&TenantKey>) {
        for (_, entry) in &self.known {
            let concerned = match (&entry.tenant, key) {
                (Some(tenant), Some(key)) => tenant.key == *key,
                _ => true,
            };
            if concerned {
                entry.outdated.store(true, Ordering::Release);
            }
        }
    }
}
