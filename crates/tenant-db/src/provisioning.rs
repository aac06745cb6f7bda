//! The making and removing of tenants: everything or nothing, in one transaction each.

use std::sync::Arc;

use averis_tenant_context::{Domain, SchemaName, TenantKey};
use diesel::sql_types::{BigInt, Text};
use diesel::{ExpressionMethods as _, QueryDsl as _};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::actor::begin_message;
use crate::config::{DatabaseUrl, PoolConfig};
use crate::connect;
use crate::error::DbError;
use crate::migrations::{migrate_platform, migrate_schema};
use crate::platform::{PlatformConn, check_not_aborted};

/// Provisionings and purges that run at once. Each makes or drops a few dozen relations, so more of them only
/// fight for the same locks.
const CONCURRENT: usize = 4;
/// Serialises the count of tenants against the capacity, for the last moment of a provisioning only.
const CAPACITY_LOCK: i64 = 0x6176_6572_6973_0001;

/// The role that owns all schemas and may make roles. Only the tenant service and the operator's tools hold it.
#[derive(Clone)]
pub struct Provisioner {
    url: DatabaseUrl,
    config: PoolConfig,
    turns: Arc<Semaphore>,
}

/// How many rows a table of a purged tenant held.
#[derive(Clone, Debug, PartialEq, Eq, diesel::QueryableByName)]
pub struct TableCount {
    /// The schema.
    #[diesel(sql_type = Text)]
    pub schema_name: String,
    /// The table.
    #[diesel(sql_type = Text)]
    pub table_name: String,
    /// Its rows at the moment of the purge.
    #[diesel(sql_type = BigInt)]
    pub rows: i64,
}

impl Provisioner {
    /// `url` must log in as `averis_provisioner`. Opens nothing yet.
    #[must_use]
    pub fn new(url: DatabaseUrl, config: PoolConfig) -> Self {
        Self {
            url,
            config,
            turns: Arc::new(Semaphore::new(CONCURRENT)),
        }
    }

    /// Makes a tenant in one transaction: first `record` writes the tenant's row (so that a second tenant of the
    /// same key fails there, on the row's constraint), then each domain gets its role, schema, tables and
    /// grants, and last the number of tenants is held against `capacity`.
    ///
    /// # Errors
    /// Those of `record`; [`DbError::CapacityReached`]; anything that the database refuses. Nothing remains then.
    pub async fn provision<R, E>(
        &self,
        key: &TenantKey,
        capacity: u32,
        record: impl AsyncFnOnce(&mut PlatformConn<'_>) -> Result<R, E>,
    ) -> Result<R, E>
    where
        E: From<DbError>,
    {
        let (conn, _turn) = self.connect().await?;
        let mut open = OpenTransaction::begin(conn).await?;
        let value = record(&mut PlatformConn::new(&mut open.conn)).await?;
        for domain in Domain::ALL {
            open = open.create_schema(key, domain).await?;
        }
        open.check_capacity(capacity).await?;
        open.commit().await?;
        Ok(value)
    }

    /// Drops a tenant's schemas and roles in one transaction, after `record` was told what they held.
    ///
    /// # Errors
    /// Those of `record`, and anything that the database refuses. Nothing has changed then.
    pub async fn purge<R, E>(
        &self,
        key: &TenantKey,
        record: impl AsyncFnOnce(&mut PlatformConn<'_>, Vec<TableCount>) -> Result<R, E>,
    ) -> Result<R, E>
    where
        E: From<DbError>,
    {
        let (conn, _turn) = self.connect().await?;
        let mut open = OpenTransaction::begin(conn).await?;
        open.lock_tenant(key).await?;
        let counts = open.count_rows(key).await?;
        let value = record(&mut PlatformConn::new(&mut open.conn), counts).await?;
        for domain in Domain::ALL {
            open.drop_schema(&SchemaName::new(key, domain)).await?;
        }
        open.commit().await?;
        Ok(value)
    }

    /// Runs the platform's pending migrations. Returns how many ran.
    ///
    /// # Errors
    /// When a migration fails; nothing has changed then.
    pub async fn migrate_platform(&self) -> Result<usize, DbError> {
        let (conn, _turn) = self.connect().await?;
        let mut open = OpenTransaction::begin(conn).await?;
        // Two starting processes must not migrate at once.
        open.conn
            .batch_execute(&format!("SELECT pg_advisory_xact_lock({CAPACITY_LOCK})"))
            .await?;
        let (conn, ran) = migrate_platform(open.conn).await;
        let open = OpenTransaction { conn };
        let ran = ran?;
        open.commit().await?;
        Ok(ran)
    }

    pub(crate) async fn connect(
        &self,
    ) -> Result<(AsyncPgConnection, OwnedSemaphorePermit), DbError> {
        let Ok(turn) = Arc::clone(&self.turns).acquire_owned().await else {
            return Err(DbError::Interrupted);
        };
        Ok((self.open().await?, turn))
    }

    pub(crate) async fn open(&self) -> Result<AsyncPgConnection, DbError> {
        match timeout(self.config.connect, connect::open(&self.url)).await {
            Ok(opened) => opened.map_err(DbError::Unreachable),
            Err(_) => Err(DbError::ConnectTimeout),
        }
    }
}

/// A transaction on a connection of its own. Dropping it closes the connection, which rolls back.
pub(crate) struct OpenTransaction {
    pub conn: AsyncPgConnection,
}

impl OpenTransaction {
    pub async fn begin(mut conn: AsyncPgConnection) -> Result<Self, DbError> {
        // Through diesel, so that it runs migrations in savepoints of this transaction.
        <AsyncPgConnection as diesel_async::AsyncConnection>::TransactionManager::begin_transaction_sql(
            &mut conn,
            &begin_message(),
        )
        .await?;
        Ok(Self { conn })
    }

    pub async fn commit(mut self) -> Result<AsyncPgConnection, DbError> {
        use diesel_async::TransactionManager as _;
        check_not_aborted(&mut self.conn).await?;
        <AsyncPgConnection as diesel_async::AsyncConnection>::TransactionManager::commit_transaction(
            &mut self.conn,
        )
        .await?;
        Ok(self.conn)
    }

    /// Makes the role and schema of one domain. Never IF NOT EXISTS: what exists already is somebody's.
    pub async fn create_schema(mut self, key: &TenantKey, domain: Domain) -> Result<Self, DbError> {
        let schema = SchemaName::new(key, domain);
        let login = domain.login_role();
        self.conn
            .batch_execute(&format!(
                r#"CREATE ROLE "{schema}" NOLOGIN;
                   GRANT averis_reference TO "{schema}";
                   GRANT "{schema}" TO {login};
                   CREATE SCHEMA "{schema}";
                   GRANT USAGE ON SCHEMA "{schema}" TO "{schema}""#
            ))
            .await?;
        let (conn, migrated) = migrate_schema(self.conn, &schema, domain).await;
        migrated?;
        Ok(Self { conn })
    }

    async fn check_capacity(&mut self, capacity: u32) -> Result<(), DbError> {
        self.conn
            .batch_execute(&format!("SELECT pg_advisory_xact_lock({CAPACITY_LOCK})"))
            .await?;
        let tenants: i64 = platform_tenants::table
            .filter(platform_tenants::status.ne("purged"))
            .count()
            .get_result(&mut self.conn)
            .await?;
        if tenants > i64::from(capacity) {
            return Err(DbError::CapacityReached(capacity));
        }
        Ok(())
    }

    /// Makes a second purge of the same tenant, and whatever else changes its row, wait for this one.
    async fn lock_tenant(&mut self, key: &TenantKey) -> Result<(), DbError> {
        let _: uuid::Uuid = platform_tenants::table
            .filter(platform_tenants::key.eq(key.as_str()))
            .select(platform_tenants::id)
            // Not more: a purge takes long, and whoever only names the tenant need not wait for it.
            .for_no_key_update()
            .first(&mut self.conn)
            .await?;
        Ok(())
    }

    /// Counts what the tenant's tables hold, after the last writer has finished and before any other can begin.
    async fn count_rows(&mut self, key: &TenantKey) -> Result<Vec<TableCount>, DbError> {
        let schemas: Vec<String> = Domain::ALL
            .iter()
            .map(|domain| SchemaName::new(key, *domain).to_string())
            .collect();
        let names = schemas.join("', '");
        self.conn
            .batch_execute(&format!(
                "DO $$ DECLARE t record; BEGIN
                   FOR t IN SELECT schemaname, tablename FROM pg_tables
                            WHERE schemaname IN ('{names}') ORDER BY schemaname, tablename LOOP
                     EXECUTE format('LOCK TABLE %I.%I IN ACCESS EXCLUSIVE MODE', t.schemaname, t.tablename);
                   END LOOP;
                 END $$"
            ))
            .await?;
        let counts = diesel::sql_query(
            "SELECT schemaname::text AS schema_name, tablename::text AS table_name, \
             (xpath('//c/text()', query_to_xml(format('SELECT count(*) AS c FROM %I.%I', schemaname, \
             tablename), false, true, '')))[1]::text::bigint AS rows \
             FROM pg_tables WHERE schemaname = ANY($1) ORDER BY schemaname, tablename",
        )
        .bind::<diesel::sql_types::Array<Text>, _>(schemas)
        .load(&mut self.conn)
        .await?;
        Ok(counts)
    }

    async fn drop_schema(&mut self, schema: &SchemaName) -> Result<(), DbError> {
        self.conn
            .batch_execute(&format!(
                r#"DROP SCHEMA "{schema}" CASCADE; DROP ROLE "{schema}""#
            ))
            .await
            .map_err(DbError::Query)
    }
}

diesel::table! {
    #[sql_name = "tenants"]
    platform_shared.platform_tenants (id) {
        id -> Uuid,
        key -> Text,
        status -> Text,
    }
}
