//! S1: nothing of one borrower reaches the next, however the first one ends.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use averis_tenant_context::TenantKey;
use averis_tenant_db::{DbError, PoolConfig, TenantConn, TenantPool};
use diesel::{ExpressionMethods as _, QueryDsl as _};
use futures_util::FutureExt as _;
use rand::RngExt as _;
use std::panic::AssertUnwindSafe;
use tokio::sync::Notify;
use tokio::time::timeout;
use uuid::Uuid;

use crate::support::{
    Bench, add, beside, execute, of, owners, product_schema, products, seen, text, until,
};

/// Statements that would leave something behind.
const STATE: &[&str] = &[
    "SET ROLE {b}",
    "SET LOCAL ROLE {b}",
    "RESET ROLE",
    "SET SESSION AUTHORIZATION DEFAULT",
    "RESET ALL",
    "DISCARD ALL",
    "SET search_path TO {b}, public",
    "SET app.tenant = 'a'",
    "/* a comment */ SET ROLE {b}",
    "-- a line\nSET ROLE {b}",
    "(SET ROLE {b})",
    "SELECT set_config('role', '{b}', false)",
    "SELECT set_config('search_path', '{b}', false)",
    "SELECT set_config('app.tenant', 'a', false)",
    "SELECT pg_catalog.set_config('app.tenant', 'a', false) FROM products",
    "UPDATE pg_settings SET setting = '{b}' WHERE name = 'search_path'",
    "WITH s AS (UPDATE pg_settings SET setting = '{b}' WHERE name = 'role' RETURNING 1) SELECT 1",
    "CREATE TEMP TABLE orders2 (card text)",
    "CREATE TEMP TABLE products (vendor text)",
    "CREATE TEMP VIEW products AS SELECT 'x' AS vendor",
    "SELECT 'x' AS vendor INTO TEMP products",
    "SELECT 'x' AS vendor INTO products2",
    "SELECT pg_advisory_lock(7)",
    "SELECT pg_advisory_lock_shared(7)",
    "SELECT pg_try_advisory_lock(7, 7)",
    "SELECT pg_try_advisory_lock_shared(7)",
    "SELECT lo_create(0)",
    "SELECT lo_from_bytea(0, 'x')",
    "LISTEN averis_tenants",
    "LOCK TABLE products",
    "BEGIN",
    "START TRANSACTION",
    "COMMIT",
    "END",
    "ROLLBACK",
    "SAVEPOINT a",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DEALLOCATE ALL",
    "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    "PREPARE TRANSACTION 'a'",
    "COPY products TO STDOUT",
    "DO $$ BEGIN PERFORM 1; END $$",
    "CALL p()",
    "EXPLAIN ANALYZE SELECT 1",
    "TRUNCATE products",
    "DROP TABLE products",
    "CREATE TABLE leftovers (a int)",
    "SELECT 1; SET ROLE {b}",
];

struct Pair {
    bench: Bench,
    pool: TenantPool,
    a: TenantKey,
    b: TenantKey,
}

async fn pair() -> Pair {
    let bench = Bench::shared().await;
    let (a, b) = (bench.tenant("s1a").await, bench.tenant("s1b").await);
    let pool = bench.pool(PoolConfig::sized(1));
    Pair { bench, pool, a, b }
}

impl Pair {
    /// Borrows the only connection for B and looks for anything of A.
    async fn next_borrower_is_clean(&self, after: &str) {
        let schema = product_schema(&self.b).to_string();
        let (pid, facts) = of(&self.pool, &self.b)
            .read(async |conn: &mut TenantConn| -> Result<_, DbError> {
                let pid: i32 = text(conn, "pg_backend_pid()").await?.parse().expect("pid");
                assert_eq!(owners(conn).await?, [self.b.as_str()], "after {after}");
                let facts = text(
                    conn,
                    "concat_ws('|', current_user, session_user, current_setting('search_path'), \
                     pg_my_temp_schema(), current_setting('app.tenant', true), \
                     (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'), \
                     (SELECT count(*) FROM pg_listening_channels()), \
                     (SELECT count(*) FROM pg_cursors WHERE is_holdable), \
                     (SELECT count(*) FROM pg_prepared_statements WHERE name IN ('p', 'P')), \
                     current_setting('transaction_isolation'), current_setting('statement_timeout'))",
                )
                .await?;
                Ok((pid, facts))
            })
            .await
            .expect("B is served");
        let wanted =
            format!("{schema}|averis_product|{schema}, pg_temp|0|0|0|0|0|read committed|15s");
        assert_eq!(facts, wanted, "after {after}");
        let open = self
            .bench
            .number(
                "SELECT count(*) FROM pg_stat_activity \
                 WHERE pid = $1 AND (state <> 'idle' OR xact_start IS NOT NULL)",
                &[&pid],
            )
            .await;
        assert_eq!(open, 0, "a transaction is open after {after}");
    }

    fn fill(&self, statement: &str) -> String {
        statement.replace("{b}", product_schema(&self.b).as_str())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s1_session_state_never_reaches_the_next_borrower() {
    let pair = pair().await;
    let a = of(&pair.pool, &pair.a);
    for statement in STATE {
        let sql = pair.fill(statement);
        let refused = a
            .read(async |conn: &mut TenantConn| -> Result<_, DbError> {
                Ok(execute(conn, &sql).await.is_err())
            })
            .await
            .expect("A is served");
        assert!(refused, "passed in a read: {sql}");
        pair.next_borrower_is_clean(&sql).await;

        let outcome = a
            .transaction(async |conn: &mut TenantConn| -> Result<_, DbError> {
                Ok(execute(conn, &sql).await?)
            })
            .await;
        assert!(outcome.is_err(), "passed in a transaction: {sql}");
        pair.next_borrower_is_clean(&sql).await;
    }
    let stats = pair.pool.stats();
    assert_eq!((stats.in_use, stats.closed_in_doubt), (0, 0), "{stats:?}");
    eprintln!("{} statements refused twice, {stats:?}", STATE.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn s1_no_way_of_ending_a_borrow_reaches_the_next_borrower() {
    let pair = pair().await;
    let a = of(&pair.pool, &pair.a);

    a.read(async |conn: &mut TenantConn| -> Result<_, DbError> { Ok(owners(conn).await?) })
        .await
        .expect("A reads");
    pair.next_borrower_is_clean("a return").await;

    let failed = a
        .transaction(async |conn: &mut TenantConn| -> Result<(), DbError> {
            add(conn, &pair.a, "rolled-back").await?;
            Err(DbError::Interrupted)
        })
        .await;
    assert!(matches!(failed, Err(DbError::Interrupted)));
    pair.next_borrower_is_clean("an error").await;

    let reading = a.read(async |conn: &mut TenantConn| -> Result<(), DbError> {
        owners(conn).await?;
        panic!("a handler's bug");
    });
    assert!(AssertUnwindSafe(reading).catch_unwind().await.is_err());
    pair.next_borrower_is_clean("a panic in a read").await;

    let writing = a.transaction(async |conn: &mut TenantConn| -> Result<(), DbError> {
        add(conn, &pair.a, "panicked").await?;
        panic!("a handler's bug");
    });
    assert!(AssertUnwindSafe(writing).catch_unwind().await.is_err());
    assert_eq!(pair.pool.stats().closed_in_doubt, 1);
    pair.next_borrower_is_clean("a panic in a transaction")
        .await;

    let sleeping = a.read(async |conn: &mut TenantConn| -> Result<_, DbError> {
        Ok(text(conn, "pg_sleep(60)").await?)
    });
    let asleep = until("A's sleep", async || {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE $1 AND state = 'active'";
        let pattern = format!("/* {} */%pg_sleep%", pair.a);
        pair.bench.number(sql, &[&pattern]).await == 1
    });
    tokio::select! {
        _ = sleeping => panic!("the sleep ended"),
        () = asleep => {}
    }
    assert_eq!(pair.pool.stats().closed_in_doubt, 2);
    pair.next_borrower_is_clean("a statement cut off").await;

    let written = Arc::new(Notify::new());
    let writing = a.transaction(async |conn: &mut TenantConn| -> Result<(), DbError> {
        add(conn, &pair.a, "cut-off").await?;
        written.notify_one();
        pending().await
    });
    tokio::select! {
        _ = writing => panic!("the transaction ended"),
        () = written.notified() => {}
    }
    assert_eq!(pair.pool.stats().closed_in_doubt, 3);
    pair.next_borrower_is_clean("a transaction cut off").await;

    assert_eq!(seen(&a).await.expect("A reads"), [pair.a.as_str()]);
    let stats = pair.pool.stats();
    assert_eq!(
        (stats.in_use, stats.idle, stats.opened),
        (0, 1, 4),
        "{stats:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s1_three_thousand_random_cancellations_leak_nothing() {
    const TENANTS: usize = 5;
    const WORKERS: u64 = 10;
    const CANCELLATIONS: u64 = 3_000;
    const CUT_MIDWAY: u64 = 100;
    let bench = Arc::new(Bench::shared().await);
    let mut keys = Vec::new();
    for _ in 0..TENANTS {
        keys.push(bench.tenant("s1c").await);
    }
    let keys = Arc::new(keys);
    let mut config = PoolConfig::sized(4);
    config.wait = Duration::from_secs(30);
    let pool = bench.pool(config);
    let (cancelled, finished, rows) = <(Arc<AtomicU64>, Arc<AtomicU64>, Arc<AtomicU64>)>::default();
    let mut workers = Vec::new();
    for _ in 0..WORKERS {
        let (pool, keys) = (pool.clone(), Arc::clone(&keys));
        let (cancelled, finished, rows) = (cancelled.clone(), finished.clone(), rows.clone());
        workers.push(beside(async move || {
            let deadline = Instant::now() + Duration::from_secs(45);
            while cancelled.load(Ordering::Relaxed) < CANCELLATIONS
                || pool.stats().closed_in_doubt < CUT_MIDWAY
            {
                assert!(Instant::now() < deadline, "too slow: {:?}", pool.stats());
                let (tenant, limit, writes) = {
                    let mut rng = rand::rng();
                    let (short, uncut) = (rng.random_bool(0.3), rng.random_bool(0.1));
                    let micros = rng.random_range(0..if short { 300 } else { 8_000 });
                    // Some go through, or no connection would ever be opened: that takes longer.
                    let limit = if uncut {
                        Duration::from_secs(30)
                    } else {
                        Duration::from_micros(micros)
                    };
                    (rng.random_range(0..TENANTS), limit, rng.random_bool(0.3))
                };
                let key = &keys[tenant];
                let outcome = timeout(limit, one_unit(&pool, key, writes)).await;
                match outcome {
                    Ok(found) => {
                        let found = found.expect("a unit that is not cut off succeeds");
                        assert!(
                            found.iter().all(|owner| owner == key.as_str()),
                            "{key}: {found:?}"
                        );
                        rows.fetch_add(found.len() as u64, Ordering::Relaxed);
                        finished.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(_) => {
                        cancelled.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        }));
    }
    for worker in workers {
        worker.await.expect("no worker panics");
    }
    let stats = pool.stats();
    assert_eq!(stats.in_use, 0, "{stats:?}");
    assert!(stats.idle <= 4, "{stats:?}");
    // A connection of A that was closed in doubt may not have stored what it had not committed.
    for key in keys.iter() {
        let schema = product_schema(key);
        let foreign = format!("SELECT count(*) FROM {schema}.products WHERE vendor <> $1");
        assert_eq!(bench.number(&foreign, &[&key.as_str()]).await, 0);
        assert!(!seen(&of(&pool, key)).await.expect("served").is_empty());
    }
    eprintln!(
        "{} cancelled, {} finished, {} rows seen, {stats:?}",
        cancelled.load(Ordering::Relaxed),
        finished.load(Ordering::Relaxed),
        rows.load(Ordering::Relaxed),
    );
}

/// Reads a tenant's rows, after having added and removed one when it writes.
async fn one_unit(
    pool: &TenantPool,
    key: &TenantKey,
    writes: bool,
) -> Result<Vec<String>, DbError> {
    let db = of(pool, key);
    if !writes {
        return seen(&db).await;
    }
    db.transaction(async |conn: &mut TenantConn| -> Result<_, DbError> {
        add(conn, key, &uuid::Uuid::now_v7().to_string()).await?;
        let found = owners(conn).await?;
        execute(conn, "DELETE FROM products WHERE key <> vendor").await?;
        Ok(found)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_or_added_again_is_prepared_once() {
    use diesel_async::RunQueryDsl;
    let bench = Bench::shared().await;
    let key = bench.tenant("kept").await;
    let pool = bench.pool(PoolConfig::sized(1));
    let kept = of(&pool, &key)
        .transaction(async |conn: &mut TenantConn| -> Result<_, DbError> {
            for name in ["one", "another"] {
                let row = |place| {
                    (
                        products::id.eq(Uuid::now_v7()),
                        products::key.eq(format!("{name}-{place}")),
                        products::kind.eq("physical"),
                        products::status.eq("active"),
                        products::name.eq(name),
                        products::vendor.eq(key.as_str()),
                    )
                };
                let two: Vec<_> = (0..2).map(row).collect();
                let added = diesel::insert_into(products::table).values(two);
                RunQueryDsl::execute(added, conn).await?;
                let own = products::table.filter(products::name.eq(name));
                let changed = diesel::update(own).set(products::description.eq(name));
                RunQueryDsl::execute(changed, conn).await?;
            }
            let kept = format!(
                "SELECT string_agg(split_part(statement, ' ', 4), ' ' ORDER BY statement) \
                 FROM pg_prepared_statements WHERE statement ~ '^/. {key} ./ (INSERT|UPDATE)'"
            );
            Ok(text(conn, &kept).await?)
        })
        .await
        .expect("written");
    assert_eq!(kept, "INSERT UPDATE");
}
