//! The migration of every tenant's schemas to the newest version.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use averis_tenant_context::{Domain, SchemaName, TenantKey};
use diesel::sql_types::{Nullable, Text};
use diesel::{ExpressionMethods as _, QueryDsl as _};
use diesel_async::{RunQueryDsl as _, SimpleAsyncConnection as _};
use tokio::sync::mpsc;

use crate::error::{DbError, causes};
use crate::migrations::{migrate_schema, migration_error, stamp};
use crate::provisioning::{OpenTransaction, Provisioner, platform_tenants};

/// Attempts per schema: a lock that a long statement holds may be gone at the next.
const ATTEMPTS: u32 = 4;
const LOCK_TIMEOUT: &str = "2s";

/// What to migrate and how.
#[derive(Clone, Debug)]
pub struct FleetOptions {
    /// Only this tenant.
    pub tenant: Option<TenantKey>,
    /// Schemas migrated at once.
    pub concurrency: usize,
    /// Tell what would be done and do nothing.
    pub dry_run: bool,
    /// Failed schemas after which no more are begun. Those that succeeded stay migrated, and the next run picks
    /// up the rest.
    pub max_failures: usize,
}

impl Default for FleetOptions {
    fn default() -> Self {
        Self {
            tenant: None,
            concurrency: 4,
            dry_run: false,
            max_failures: 5,
        }
    }
}

/// Told after each schema.
#[derive(Clone, Debug)]
pub struct FleetProgress {
    /// Schemas that were pending at the start.
    pub total: usize,
    /// Schemas that are done, failures included.
    pub done: usize,
    /// The schema just done.
    pub schema: String,
}

/// A schema that could not be migrated.
#[derive(Clone, Debug)]
pub struct MigrationFailure {
    /// Its name.
    pub schema: String,
    /// Why, with causes.
    pub reason: String,
}

/// What a run did.
#[derive(Clone, Debug, Default)]
pub struct FleetReport {
    /// Migrations of the platform that ran.
    pub platform: usize,
    /// Schemas looked at.
    pub schemas: usize,
    /// Schemas that lacked something.
    pub pending: Vec<String>,
    /// Schemas that were migrated.
    pub migrated: usize,
    /// Schemas that failed.
    pub failures: Vec<MigrationFailure>,
    /// Pending schemas that were not begun because too many failed.
    pub skipped: usize,
    /// Time from start to end.
    pub elapsed: Duration,
}

/// Migrates the platform and then all tenants of all domains in parallel, each schema in a transaction of its own.
///
/// # Errors
/// When the platform's own migration fails or the database cannot be asked. Failures of single schemas are in
/// the report.
pub async fn migrate_fleet(
    provisioner: &Provisioner,
    options: &FleetOptions,
    progress: impl Fn(FleetProgress) + Send + Sync + 'static,
) -> Result<FleetReport, DbError> {
    let start = Instant::now();
    let mut report = FleetReport::default();
    if !options.dry_run {
        report.platform = provisioner.migrate_platform().await?;
    }
    let (schemas, pending) = pending(provisioner, options.tenant.as_ref()).await?;
    report.schemas = schemas;
    report.pending = pending
        .iter()
        .map(|(key, domain)| SchemaName::new(key, *domain).to_string())
        .collect();
    if !options.dry_run && !pending.is_empty() {
        run(provisioner, options, pending, progress, &mut report).await?;
    }
    report.elapsed = start.elapsed();
    Ok(report)
}

#[derive(diesel::QueryableByName)]
struct StampRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    stamp: Option<String>,
}

/// Tells how many schemas there should be, and which of them are missing or behind, by one look at the catalog.
async fn pending(
    provisioner: &Provisioner,
    only: Option<&TenantKey>,
) -> Result<(usize, Vec<(TenantKey, Domain)>), DbError> {
    let (mut conn, _turn) = provisioner.connect().await?;
    let keys: Vec<String> = platform_tenants::table
        .filter(platform_tenants::status.ne("purged"))
        .order(platform_tenants::key)
        .select(platform_tenants::key)
        .load(&mut conn)
        .await?;
    let rows: Vec<StampRow> = diesel::sql_query(
        "SELECT nspname::text AS name, obj_description(oid, 'pg_namespace') AS stamp \
         FROM pg_namespace WHERE nspname LIKE 'tenant\\_%'",
    )
    .load(&mut conn)
    .await?;
    let stamps: BTreeMap<String, Option<String>> =
        rows.into_iter().map(|row| (row.name, row.stamp)).collect();
    let mut wanted = BTreeMap::new();
    for domain in Domain::ALL {
        let text = stamp(domain).map_err(|source| migration_error(domain.as_str(), source))?;
        wanted.insert(domain, text);
    }
    let mut pending = Vec::new();
    let mut schemas = 0;
    for key in keys {
        let Ok(key) = key.parse::<TenantKey>() else {
            continue;
        };
        if only.is_some_and(|only| *only != key) {
            continue;
        }
        for (domain, wanted) in &wanted {
            schemas += 1;
            let found = stamps.get(SchemaName::new(&key, *domain).as_str());
            if found.and_then(Option::as_ref) != Some(wanted) {
                pending.push((key.clone(), *domain));
            }
        }
    }
    Ok((schemas, pending))
}

async fn run(
    provisioner: &Provisioner,
    options: &FleetOptions,
    pending: Vec<(TenantKey, Domain)>,
    progress: impl Fn(FleetProgress) + Send + Sync + 'static,
    report: &mut FleetReport,
) -> Result<(), DbError> {
    let total = pending.len();
    let queue = Arc::new(Mutex::new(pending.into_iter()));
    let failed = Arc::new(AtomicUsize::new(0));
    let (results, mut finished) = mpsc::unbounded_channel();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..options.concurrency.clamp(1, total) {
        let (provisioner, queue) = (provisioner.clone(), Arc::clone(&queue));
        let (failed, results, max) = (Arc::clone(&failed), results.clone(), options.max_failures);
        workers.spawn(async move {
            while AtomicUsize::load(&failed, Ordering::Relaxed) < max {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((key, domain)) = next else { return };
                let outcome = migrate_with_retries(&provisioner, &key, domain).await;
                if outcome.is_err() {
                    failed.fetch_add(1, Ordering::Relaxed);
                }
                if results
                    .send((SchemaName::new(&key, domain), outcome))
                    .is_err()
                {
                    return;
                }
            }
        });
    }
    drop(results);
    let mut done = 0;
    while let Some((schema, outcome)) = finished.recv().await {
        done += 1;
        match outcome {
            Ok(()) => report.migrated += 1,
            Err(error) => report.failures.push(MigrationFailure {
                schema: schema.to_string(),
                reason: causes(&error),
            }),
        }
        progress(FleetProgress {
            total,
            done,
            schema: schema.to_string(),
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker.map_err(|_ignored| DbError::Interrupted)?;
    }
    report.skipped = total - done;
    Ok(())
}

async fn migrate_with_retries(
    provisioner: &Provisioner,
    key: &TenantKey,
    domain: Domain,
) -> Result<(), DbError> {
    let mut attempt = 1;
    loop {
        match migrate_one(provisioner, key, domain).await {
            Ok(()) => return Ok(()),
            Err(error) if attempt >= ATTEMPTS => return Err(error),
            Err(error) => {
                tracing::warn!(tenant = %key, %domain, attempt, error = %causes(&error), "migrating again");
                tokio::time::sleep(Duration::from_millis(200) * attempt).await;
                attempt += 1;
            }
        }
    }
}

async fn migrate_one(
    provisioner: &Provisioner,
    key: &TenantKey,
    domain: Domain,
) -> Result<(), DbError> {
    let schema = SchemaName::new(key, domain);
    let mut open = OpenTransaction::begin(provisioner.open().await?).await?;
    // Two runs at once, or a run and a purge, take turns at each schema.
    open.conn
        .batch_execute(&format!(
            "SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'; \
             SELECT pg_advisory_xact_lock(hashtext('migrate'), hashtext('{schema}'))"
        ))
        .await?;
    if open.exists(&schema).await? {
        let (conn, ran) = migrate_schema(open.conn, &schema, domain).await;
        ran?;
        open = OpenTransaction { conn };
    } else {
        // The domain is newer than the tenant.
        open = open.create_schema(key, domain).await?;
    }
    open.commit().await.map(drop)
}

impl OpenTransaction {
    async fn exists(&mut self, schema: &SchemaName) -> Result<bool, DbError> {
        let rows: Vec<StampRow> = diesel::sql_query(
            "SELECT nspname::text AS name, NULL::text AS stamp FROM pg_namespace WHERE nspname = $1",
        )
        .bind::<Text, _>(schema.as_str())
        .load(&mut self.conn)
        .await?;
        Ok(!rows.is_empty())
    }
}
