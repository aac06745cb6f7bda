//! What a handler works with.

use std::sync::Arc;

use averis_tenant_context::{Domain, SchemaName, TenantContext, TenantId, TenantKey};
use averis_trace::{Kind, Span};
use tokio::sync::mpsc;

use crate::config::{DatabaseUrl, PoolConfig};
use crate::connection::TenantConn;
use crate::error::{DbError, Failure};
use crate::pipeline::Pipeline;
use crate::pool::{Pool, PoolStats, PoolWatch};

/// The connections of one domain's service.
#[derive(Clone)]
pub struct TenantPool {
    domain: Domain,
    pool: Arc<Pool>,
}

impl TenantPool {
    /// Makes the pool of `domain`'s service. `url` must log in as that domain's role. Opens nothing yet.
    #[must_use]
    pub fn new(domain: Domain, url: DatabaseUrl, config: PoolConfig) -> Self {
        Self {
            domain,
            pool: Pool::new(url, config),
        }
    }

    /// Returns the domain whose data it reaches.
    #[must_use]
    pub const fn domain(&self) -> Domain {
        self.domain
    }

    /// Returns the database of the tenant that a request was resolved to.
    #[must_use]
    pub fn tenant(&self, tenant: &TenantContext) -> TenantDb {
        TenantDb {
            pool: Arc::clone(&self.pool),
            schema: SchemaName::new(&tenant.key, self.domain),
            key: tenant.key.clone(),
            id: tenant.id,
        }
    }

    /// Returns the tenants in which transactions of this process have announced something, each after its commit. There is
    /// one listener: who asks later takes the place of who asked before.
    #[must_use]
    pub fn announcements(&self) -> mpsc::UnboundedReceiver<TenantDb> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.pool.announce_to(sender);
        receiver
    }

    /// Checks that the database answers, for readiness.
    ///
    /// # Errors
    /// When no connection can be opened in time.
    pub async fn ping(&self) -> Result<(), DbError> {
        // A fresh one: those at rest may have been cut off without having noticed.
        self.pool.open().await.map(drop)
    }

    /// Returns what the pool has done so far.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        self.pool.stats()
    }

    /// Returns what reads that for as long as the pool is there, without keeping it.
    #[must_use]
    pub fn watch(&self) -> PoolWatch {
        PoolWatch(Arc::downgrade(&self.pool))
    }
}

/// One tenant's database in one domain.
#[derive(Clone)]
pub struct TenantDb {
    pool: Arc<Pool>,
    id: TenantId,
    key: TenantKey,
    schema: SchemaName,
}

impl TenantDb {
    /// Returns the tenant's id.
    #[must_use]
    pub const fn id(&self) -> TenantId {
        self.id
    }

    /// Returns the tenant's key.
    #[must_use]
    pub fn tenant(&self) -> &TenantKey {
        &self.key
    }

    /// Runs reads on a connection that is bound to the tenant, each statement by itself.
    ///
    /// The work is repeated once on a fresh connection when its connection was lost or a plan was stale.
    ///
    /// # Errors
    /// Those of the work, and [`DbError`] when no connection could be had.
    pub async fn read<R, E, F>(&self, work: F) -> Result<R, E>
    where
        F: AsyncFn(&mut TenantConn) -> Result<R, E>,
        E: From<DbError>,
    {
        if averis_trace::is_recorded() {
            return self
                .traced("read", Box::pin(self.read_untraced(work)))
                .await;
        }
        self.read_untraced(work).await
    }

    async fn read_untraced<R, E, F>(&self, work: F) -> Result<R, E>
    where
        F: AsyncFn(&mut TenantConn) -> Result<R, E>,
        E: From<DbError>,
    {
        let mut conn = self.checkout().await?;
        let result = work(&mut conn).await;
        if result.is_ok() || conn.repeatable().is_none() {
            return result;
        }
        self.renew(&mut conn).await?;
        work(&mut conn).await
    }

    /// Runs work in one transaction, which is committed when the work succeeds and rolled back when it fails.
    ///
    /// The work is repeated once when two transactions stood in each other's way, when a plan was stale, or when
    /// the connection turned out to be dead before anything was written. A connection that is lost at COMMIT is
    /// not repeated: whether it was committed is unknown, and the caller's idempotency key tells at its retry.
    ///
    /// # Errors
    /// Those of the work, and [`DbError`] for the connection, the commit, or a failed statement that the work
    /// ignored.
    pub async fn transaction<R, E, F>(&self, work: F) -> Result<R, E>
    where
        F: AsyncFn(&mut TenantConn) -> Result<R, E>,
        E: From<DbError>,
    {
        self.transaction_after(async |_| (), async |conn, ()| work(conn).await)
            .await
    }

    /// Runs work in one transaction like [`transaction`](Self::transaction), with what was read first: those reads travel
    /// with BEGIN, where the work would have to wait for each.
    ///
    /// # Errors
    /// As of [`transaction`](Self::transaction). A first read that failed is the work's to tell.
    pub async fn transaction_after<T, R, E>(
        &self,
        first: impl AsyncFn(Pipeline<'_>) -> T,
        work: impl AsyncFn(&mut TenantConn, T) -> Result<R, E>,
    ) -> Result<R, E>
    where
        E: From<DbError>,
    {
        if averis_trace::is_recorded() {
            return self
                .traced("transaction", Box::pin(self.write(first, work)))
                .await;
        }
        self.write(first, work).await
    }

    /// Has work with the database be a part of the trace that is under way.
    async fn traced<R, E>(
        &self,
        what: &'static str,
        work: impl Future<Output = Result<R, E>>,
    ) -> Result<R, E> {
        let span = Span::within(what, Kind::Client);
        span.set("db.system.name", "postgresql");
        span.set("db.namespace", self.schema.to_string());
        span.set_tenant(&self.key, self.id);
        let outcome = span.around(work).await;
        if outcome.is_err() {
            span.set("averis.rolled_back", true);
        }
        outcome
    }

    async fn write<T, R, E>(
        &self,
        first: impl AsyncFn(Pipeline<'_>) -> T,
        work: impl AsyncFn(&mut TenantConn, T) -> Result<R, E>,
    ) -> Result<R, E>
    where
        E: From<DbError>,
    {
        let mut conn = self.checkout().await?;
        let read = match conn.begin(&first).await {
            Ok(read) => read,
            Err(error) => {
                if conn.repeatable().is_none() {
                    return Err(DbError::Query(error).into());
                }
                self.renew(&mut conn).await?;
                conn.begin(&first).await.map_err(DbError::Query)?
            }
        };
        let mut result = work(&mut conn, read).await;
        if result.is_err()
            && matches!(
                conn.repeatable(),
                Some(Failure::Conflict | Failure::StalePlan)
            )
        {
            self.renew(&mut conn).await?;
            let read = conn.begin(&first).await.map_err(DbError::Query)?;
            result = work(&mut conn, read).await;
        }
        match result {
            Ok(value) => match conn.commit().await {
                Ok(true) => {
                    if conn.has_announced() {
                        self.pool.announce(self);
                    }
                    Ok(value)
                }
                Ok(false) => Err(DbError::IgnoredFailure.into()),
                Err(error) => Err(DbError::Query(error).into()),
            },
            Err(error) => {
                conn.rollback().await;
                Err(error)
            }
        }
    }

    async fn checkout(&self) -> Result<TenantConn, DbError> {
        let (slot, lease) = self.pool.checkout(&self.key, &self.schema).await?;
        Ok(TenantConn::new(slot, lease, &self.key, self.schema.clone()))
    }

    /// Gives `conn` a fresh connection in place of its own, which is closed.
    async fn renew(&self, conn: &mut TenantConn) -> Result<(), DbError> {
        let mut slot = conn.discard().pool().open().await?;
        slot.note_served(&self.key);
        conn.replace(slot);
        Ok(())
    }
}
