//! The platform's own tables, for the tenant service.

use std::ops::{Deref, DerefMut};

use deadpool::managed::{Object, Pool, Timeouts};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _, TransactionManager as _};
use futures_util::FutureExt as _;

use crate::actor::begin_message;
use crate::config::{DatabaseUrl, PoolConfig};
use crate::connect;
use crate::error::DbError;

type Manager = AsyncDieselConnectionManager<AsyncPgConnection>;
type Transactions = <AsyncPgConnection as diesel_async::AsyncConnection>::TransactionManager;

/// The database of the tenant service: schema `platform_shared`, and no tenant's schema at all.
#[derive(Clone)]
pub struct PlatformDb {
    pool: Pool<Manager>,
}

/// A connection to `platform_shared`. Its role can reach no tenant's schema.
pub struct PlatformConn<'a>(&'a mut AsyncPgConnection);

impl<'a> PlatformConn<'a> {
    pub(crate) fn new(conn: &'a mut AsyncPgConnection) -> Self {
        Self(conn)
    }
}

impl Deref for PlatformConn<'_> {
    type Target = AsyncPgConnection;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl DerefMut for PlatformConn<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.0
    }
}

impl PlatformDb {
    /// Makes the pool. `url` must log in as the tenant service's role. Opens nothing yet.
    ///
    /// # Errors
    /// When the pool cannot be built, which only a missing runtime causes.
    pub fn new(url: &DatabaseUrl, config: &PoolConfig) -> Result<Self, DbError> {
        let server = url.clone();
        let mut opening = ManagerConfig::default();
        opening.custom_setup = Box::new(move |_| {
            let server = server.clone();
            async move { connect::open(&server).await }.boxed()
        });
        let manager = Manager::new_with_config(url.with_password(), opening);
        let pool = Pool::builder(manager)
            .max_size(config.size)
            .timeouts(Timeouts {
                wait: Some(config.wait),
                create: Some(config.connect),
                recycle: Some(config.connect),
            })
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(|_ignored| DbError::Interrupted)?;
        Ok(Self { pool })
    }

    /// Runs reads, each statement by itself.
    ///
    /// # Errors
    /// Those of the work, and [`DbError`] when no connection could be had.
    pub async fn read<R, E, F>(&self, work: F) -> Result<R, E>
    where
        F: AsyncFn(&mut PlatformConn<'_>) -> Result<R, E>,
        E: From<DbError>,
    {
        let mut conn = self.checkout().await?;
        work(&mut PlatformConn(&mut conn)).await
    }

    /// Runs work in one transaction.
    ///
    /// # Errors
    /// Those of the work, and [`DbError`] for the connection, the commit, or a failed statement that the work
    /// ignored.
    pub async fn transaction<R, E, F>(&self, work: F) -> Result<R, E>
    where
        F: AsyncFn(&mut PlatformConn<'_>) -> Result<R, E>,
        E: From<DbError>,
    {
        let mut conn = self.checkout().await?;
        in_transaction(&mut conn, async |conn| work(&mut PlatformConn(conn)).await).await
    }

    /// Checks that the database answers, for readiness.
    ///
    /// # Errors
    /// When no connection can be had in time.
    pub async fn ping(&self) -> Result<(), DbError> {
        self.checkout().await.map(drop)
    }

    async fn checkout(&self) -> Result<Object<Manager>, DbError> {
        use deadpool::managed::PoolError;
        use diesel_async::pooled_connection::PoolError as Opening;
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(Opening::ConnectionError(error)) => DbError::Unreachable(error),
            PoolError::Backend(Opening::QueryError(error)) => DbError::Query(error),
            PoolError::Timeout(deadpool::managed::TimeoutType::Wait) => DbError::Busy,
            PoolError::Timeout(_) => DbError::ConnectTimeout,
            PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
                DbError::Interrupted
            }
        })
    }
}

/// Runs `work` in one transaction on `conn`.
pub(crate) async fn in_transaction<R, E, F>(conn: &mut AsyncPgConnection, work: F) -> Result<R, E>
where
    F: AsyncFnOnce(&mut AsyncPgConnection) -> Result<R, E>,
    E: From<DbError>,
{
    Transactions::begin_transaction_sql(conn, &begin_message())
        .await
        .map_err(DbError::Query)?;
    match work(conn).await {
        Ok(value) => {
            if let Err(ignored) = check_not_aborted(conn).await {
                roll_back(conn).await;
                return Err(ignored.into());
            }
            Transactions::commit_transaction(conn)
                .await
                .map_err(DbError::Query)?;
            Ok(value)
        }
        Err(error) => {
            roll_back(conn).await;
            Err(error)
        }
    }
}

async fn roll_back(conn: &mut AsyncPgConnection) {
    if let Err(error) = Transactions::rollback_transaction(conn).await {
        // The connection is broken then; the pool closes it, which rolls back as well.
        tracing::warn!(error = %error, "rolling back failed");
    }
}

/// Fails in an aborted transaction, whose COMMIT would report success and store nothing.
pub(crate) async fn check_not_aborted(conn: &mut AsyncPgConnection) -> Result<(), DbError> {
    let checked = conn.batch_execute("SELECT 1").await;
    checked.map_err(|_ignored| DbError::IgnoredFailure)
}
