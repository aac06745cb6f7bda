//! What the tests share: tenants, their canary rows, and a look at the catalog from above.

use std::fmt::Display;
use std::time::{Duration, Instant};

use averis_tenant_context::{
    Domain, SchemaName, TenantContext, TenantId, TenantKey, TenantSettings, TenantStatus, Tier,
};
use averis_tenant_db::{
    DbError, LoginRole, PlatformConn, PoolConfig, Provisioner, Reader, TenantConn, TenantDb,
    TenantPool,
};
use averis_test_kit::{Database, unique_key};
use diesel::sql_types::{Nullable, Text};
use diesel::{ExpressionMethods as _, QueryDsl as _, QueryResult};
use diesel_async::RunQueryDsl as _;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

pub const PLENTY: u32 = 1_000_000;

diesel::table! {
    products (id) {
        id -> Uuid,
        key -> Text,
        kind -> Text,
        status -> Text,
        name -> Text,
        vendor -> Text,
        description -> Text,
    }
}

/// A database, its administrator, and the maker of its tenants.
pub struct Bench {
    pub database: Database,
    pub admin: Client,
    pub provisioner: Provisioner,
}

impl Bench {
    /// The run's shared database.
    pub async fn shared() -> Self {
        Self::on(Database::get().await).await
    }

    /// A server of the test's own.
    pub async fn own() -> Self {
        Self::on(Database::own(false).await).await
    }

    pub async fn on(database: Database) -> Self {
        Self {
            admin: login(&database.admin_text).await,
            provisioner: database.provisioner(),
            database,
        }
    }

    /// A pool of the product service.
    pub fn pool(&self, config: PoolConfig) -> TenantPool {
        let role = LoginRole::Service(Domain::Product);
        TenantPool::new(Domain::Product, self.database.url(role), config)
    }

    /// Makes a tenant without products.
    pub async fn bare_tenant(&self, prefix: &str) -> TenantKey {
        let key = unique_key(prefix);
        provision(&self.provisioner, &key, PLENTY)
            .await
            .expect("the tenant is made");
        key
    }

    /// Makes a tenant with one product, its canary: name, vendor and key are the tenant's key.
    pub async fn tenant(&self, prefix: &str) -> TenantKey {
        let key = self.bare_tenant(prefix).await;
        self.plant(&key, key.as_str()).await;
        key
    }

    /// Plants a product as administrator.
    pub async fn plant(&self, key: &TenantKey, product: &str) {
        let schema = product_schema(key);
        let sql = format!(
            "INSERT INTO {schema}.products (id, key, kind, status, name, vendor) \
             VALUES (gen_random_uuid(), $1, 'physical', 'active', $2, $2)"
        );
        Client::execute(&self.admin, &sql, &[&product, &key.as_str()])
            .await
            .expect("the canary is planted");
    }

    /// Runs SQL as administrator.
    pub async fn sql(&self, sql: impl AsRef<str>) {
        let sql = sql.as_ref();
        if let Err(error) = self.admin.batch_execute(sql).await {
            panic!("{sql}: {error:?}");
        }
    }

    /// Asks for one number as administrator.
    pub async fn number(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> i64 {
        match self.admin.query_one(sql, values).await {
            Ok(row) => row.get(0),
            Err(error) => panic!("{sql}: {error:?}"),
        }
    }

    /// What there is of a tenant: its row, schemas and roles, as of one moment.
    pub async fn remains(&self, key: &TenantKey) -> (i64, i64, i64) {
        let schemas: Vec<String> = schemas(key).iter().map(SchemaName::to_string).collect();
        let row = self
            .admin
            .query_one(
                "SELECT (SELECT count(*) FROM platform_shared.tenants WHERE key = $1), \
                 (SELECT count(*) FROM pg_namespace WHERE nspname = ANY($2)), \
                 (SELECT count(*) FROM pg_roles WHERE rolname = ANY($2))",
                &[&key.as_str(), &schemas],
            )
            .await
            .expect("the catalog answers");
        (row.get(0), row.get(1), row.get(2))
    }
}

/// Everything, and nothing, of a tenant as [`Bench::remains`] counts it.
pub const WHOLE: (i64, i64, i64) = (1, 7, 7);
pub const NOTHING: (i64, i64, i64) = (0, 0, 0);

/// Provisions with the row that the tenant service would write.
pub async fn provision(
    provisioner: &Provisioner,
    key: &TenantKey,
    capacity: u32,
) -> Result<(), DbError> {
    provisioner
        .provision(key, capacity, async |conn: &mut PlatformConn<'_>| {
            record(conn, key).await
        })
        .await
}

/// Writes the platform's row of a tenant.
pub async fn record(conn: &mut PlatformConn<'_>, key: &TenantKey) -> Result<(), DbError> {
    diesel::sql_query(
        "INSERT INTO platform_shared.tenants \
         (id, key, name, subdomain, subscription_tier, status, settings) \
         VALUES (gen_random_uuid(), $1, $1, $1, 'starter', 'active', '{}')",
    )
    .bind::<Text, _>(key.as_str())
    .execute(&mut **conn)
    .await?;
    Ok(())
}

/// Opens a connection of a plain driver.
pub async fn login(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .expect("the database can be reached");
    drop(tokio::spawn(connection));
    client
}

pub fn product_schema(key: &TenantKey) -> SchemaName {
    SchemaName::new(key, Domain::Product)
}

pub fn schemas(key: &TenantKey) -> Vec<SchemaName> {
    Domain::ALL
        .iter()
        .map(|domain| SchemaName::new(key, *domain))
        .collect()
}

/// The database of a tenant as a request's handler gets it.
pub fn of(pool: &TenantPool, key: &TenantKey) -> TenantDb {
    pool.tenant(&TenantContext {
        id: TenantId(Uuid::now_v7()),
        key: key.clone(),
        name: key.to_string(),
        subdomain: key.as_str().parse().expect("a key is a subdomain too"),
        tier: Tier::Starter,
        status: TenantStatus::Active,
        settings: TenantSettings::defaults(Tier::Starter),
        version: 1,
    })
}

#[derive(diesel::QueryableByName)]
struct Cell {
    #[diesel(sql_type = Nullable<Text>)]
    value: Option<String>,
}

/// Reads one expression through a tenant's connection.
pub async fn text(conn: &mut impl Reader, expression: &str) -> QueryResult<String> {
    let cell: Cell = diesel::sql_query(format!("SELECT ({expression})::text AS value"))
        .get_result(conn)
        .await?;
    Ok(cell.value.unwrap_or_default())
}

/// Runs any text through a tenant's connection, as a careless or injected query would.
pub async fn execute(conn: &mut impl Reader, sql: &str) -> QueryResult<usize> {
    diesel::sql_query(sql).execute(conn).await
}

/// Reads whose products are seen: every canary bears its tenant's key.
pub async fn owners(conn: &mut impl Reader) -> QueryResult<Vec<String>> {
    products::table.select(products::vendor).load(conn).await
}

/// Adds a product that bears its tenant's key.
pub async fn add(conn: &mut TenantConn, tenant: &TenantKey, key: &str) -> QueryResult<usize> {
    diesel::insert_into(products::table)
        .values((
            products::id.eq(Uuid::now_v7()),
            products::key.eq(key),
            products::kind.eq("physical"),
            products::status.eq("active"),
            products::name.eq(tenant.as_str()),
            products::vendor.eq(tenant.as_str()),
        ))
        .execute(conn)
        .await
}

/// Describes all of a tenant's products and returns whose they are.
pub async fn describe(conn: &mut TenantConn, words: &str) -> QueryResult<Vec<String>> {
    diesel::update(products::table)
        .set(products::description.eq(words))
        .returning(products::vendor)
        .get_results(conn)
        .await
}

/// Reads a tenant's owners in a unit of its own.
pub async fn seen(db: &TenantDb) -> Result<Vec<String>, DbError> {
    db.read(async |conn: &mut TenantConn| -> Result<_, DbError> { Ok(owners(conn).await?) })
        .await
}

/// Runs work beside the test on a thread of its own. Not `tokio::spawn`: the compiler cannot tell yet that a
/// borrowing async closure may move between threads.
pub fn beside<T, F>(work: impl FnOnce() -> F + Send + 'static) -> JoinHandle<T>
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    tokio::task::spawn_blocking(move || Handle::current().block_on(work()))
}

/// Polls `condition` until it holds.
pub async fn until(what: impl Display, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition().await {
        assert!(Instant::now() < deadline, "never came: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The SQLSTATE of a driver's answer, empty when all was well.
pub fn state<T>(answer: &Result<T, tokio_postgres::Error>) -> String {
    match answer {
        Ok(_) => String::new(),
        Err(error) => error
            .code()
            .map_or_else(|| error.to_string(), |code| code.code().to_owned()),
    }
}

/// The 99th of a hundred.
pub fn p99(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() * 99 / 100]
}
