//! The import of files, as jobs that outlive the request and the process.
//!
//! A file lies in the tenant's own schema until its job is done. Products are applied in small batches, each in
//! one transaction together with the job's progress, so a job that was killed goes on after the last product
//! that it applied, and none is applied twice or by halves.

mod apply;
mod file;
mod parts;
mod run;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use averis_contracts::client::Correlation;
use averis_contracts::tenant::TenantClient;
use averis_tenant_context::{TenantContext, TenantId};
use averis_tenant_db::{TenantDb, TenantPool, acting, current_actor};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::error::ProductError;
use crate::store::imports;

pub use apply::{CATEGORY, OWN_TRACKER, PUBLISHED, SEO_DESCRIPTION, SEO_TITLE, TRACKER};
pub use file::{Upload, UploadFailure, store as store_file};

/// Jobs that one process runs at once.
const CONCURRENT: usize = 2;
/// How long to wait before a job that lost its database is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// Tries before a job is left to whoever asks for it next.
const TRIES: u32 = 60;

/// Runs jobs of this process.
#[derive(Clone)]
pub struct Importer {
    inner: Arc<Inner>,
}

struct Inner {
    /// Tells this process's claims from another's.
    runner: Uuid,
    turns: Semaphore,
    /// Jobs that this process runs or is about to, each with its tenant.
    taken: Mutex<HashSet<(TenantId, Uuid)>>,
    /// One job of a tenant at a time: two would lock the same products in different orders, and hold the
    /// connections that the tenant's own requests need.
    lanes: Mutex<HashMap<TenantId, Arc<Semaphore>>>,
}

impl Importer {
    /// Starts, and takes up the jobs of all tenants that an earlier process left.
    pub fn start(pool: TenantPool, tenants: TenantClient) -> Self {
        let inner = Inner {
            runner: Uuid::new_v4(),
            turns: Semaphore::new(CONCURRENT),
            taken: Mutex::default(),
            lanes: Mutex::default(),
        };
        let importer = Self {
            inner: Arc::new(inner),
        };
        let resuming = importer.clone();
        #[expect(
            clippy::disallowed_methods,
            reason = "visits the tenants one by one, each by its context"
        )]
        actix_web::rt::spawn(async move { resuming.take_up_all(pool, tenants).await });
        importer
    }

    /// Runs a job of the tenant in the background, unless this process does so already.
    pub fn take_up(&self, tenant: &TenantContext, db: TenantDb, job: Uuid) {
        // A job is writing, whoever's question revives it.
        if !tenant.status.is_writable() {
            return;
        }
        let inner = Arc::clone(&self.inner);
        let actor = current_actor();
        let entry = (tenant.id, job);
        let max_products = tenant.settings.limits.max_products;
        if !inner
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(entry)
        {
            return;
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "the job carries its tenant's database"
        )]
        actix_web::rt::spawn(async move {
            let lane = inner.lane(entry.0);
            if let (Ok(_lane), Ok(_turn)) = (lane.acquire().await, inner.turns.acquire().await) {
                let running = run_until_done(&db, job, inner.runner, max_products);
                Box::pin(acting(actor, running)).await;
            }
            inner
                .taken
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&entry);
        });
    }

    async fn take_up_all(&self, pool: TenantPool, tenants: TenantClient) {
        let mut after = None;
        loop {
            let page = match tenants.list(after.as_ref(), &Correlation::default()).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::debug!(error = %error, "the tenants cannot be listed yet");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let Some(last) = page.last() else { return };
            after = Some(last.key.clone());
            for tenant in &page {
                let db = pool.tenant(tenant);
                let found = db.read(async |conn| -> Result<_, ProductError> {
                    Ok(imports::list_unfinished(conn).await?)
                });
                match found.await {
                    Ok(rows) => {
                        for row in rows.iter().filter(|row| row.is_abandoned()) {
                            self.take_up(tenant, db.clone(), row.id);
                        }
                    }
                    // Whoever asks for one of its jobs revives it.
                    Err(error) => {
                        tracing::warn!(tenant = %tenant.key, error = %error, "jobs cannot be listed");
                    }
                }
            }
        }
    }
}

impl Inner {
    fn lane(&self, tenant: TenantId) -> Arc<Semaphore> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(
            lanes
                .entry(tenant)
                .or_insert_with(|| Arc::new(Semaphore::new(1))),
        )
    }
}

async fn run_until_done(db: &TenantDb, job: Uuid, runner: Uuid, max_products: u32) {
    for _ in 0..TRIES {
        match run::run(db, job, runner, max_products).await {
            Ok(()) => return,
            Err(error) => {
                tracing::warn!(tenant = %db.tenant(), job = %job, error = %error, "an import pauses");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
