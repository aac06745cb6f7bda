//! S15 and S16: what one tenant's state or load does to the others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use averis_tenant_context::TenantKey;
use averis_tenant_db::{DbError, PoolConfig, TenantConn, TenantPool};
use futures_util::future::join_all;

use crate::support::{Bench, beside, describe, of, owners, p99, product_schema, seen, text, until};

/// Reads and writes a tenant's canary until told to stop; returns how often.
async fn hammer(
    pool: TenantPool,
    key: TenantKey,
    stop: Arc<AtomicBool>,
    turns: Arc<AtomicU64>,
) -> u64 {
    let db = of(&pool, &key);
    let mut done = 0;
    while !stop.load(Ordering::Relaxed) {
        let found = seen(&db).await.expect("a caller saw an error in a read");
        assert_eq!(found, [key.as_str()]);
        let found = db
            .transaction(async |conn: &mut TenantConn| -> Result<_, DbError> {
                let changed = describe(conn, "seen").await?;
                assert_eq!(owners(conn).await?, changed);
                Ok(changed)
            })
            .await
            .expect("a caller saw an error in a transaction");
        assert_eq!(found, [key.as_str()]);
        done += 1;
        turns.fetch_add(1, Ordering::Relaxed);
    }
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn s15_a_half_migrated_fleet_shows_no_error() {
    const CHANGES: usize = 12;
    let bench = Bench::shared().await;
    let (a, b) = (bench.tenant("s15a").await, bench.tenant("s15b").await);
    let mut config = PoolConfig::sized(4);
    config.wait = Duration::from_secs(20);
    let pool = bench.pool(config);
    let stop = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> = [&a, &a, &b, &b]
        .into_iter()
        .map(|key| {
            let turns = Arc::new(AtomicU64::new(0));
            let (pool, key) = (pool.clone(), key.clone());
            let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&turns));
            (turns, beside(move || hammer(pool, key, stopped, counted)))
        })
        .collect();
    // Waits until every hammer has come to an end of what it was doing, and has done more.
    let turned = async || {
        let before: Vec<u64> = workers
            .iter()
            .map(|(turns, _)| turns.load(Ordering::Relaxed))
            .collect();
        until("three turns of each hammer", async || {
            assert!(
                !workers.iter().any(|(_, worker)| worker.is_finished()),
                "a hammer broke"
            );
            let now = workers
                .iter()
                .map(|(turns, _)| turns.load(Ordering::Relaxed));
            now.zip(&before).all(|(now, before)| now >= before + 3)
        })
        .await;
    };
    // A migrates, B does not; then A's column changes again and again, between the same two types.
    let schema = product_schema(&a);
    for change in 0..CHANGES {
        turned().await;
        let new = if change % 2 == 0 {
            "varchar(300)"
        } else {
            "text"
        };
        bench
            .sql(format!(
                "SET lock_timeout = '10s'; ALTER TABLE {schema}.products ALTER COLUMN vendor TYPE {new}"
            ))
            .await;
    }
    turned().await;
    stop.store(true, Ordering::Relaxed);
    let mut done = BTreeMap::new();
    for (key, (_, worker)) in [&a, &a, &b, &b].into_iter().zip(workers) {
        *done.entry(key).or_insert(0) += worker.await.expect("no caller saw an error");
    }
    let stats = pool.stats();
    assert_eq!(stats.in_use, 0);
    assert!(done.values().all(|count| *count > 0));
    // Each change made the prepared statement of at least one connection stale.
    assert!(stats.opened > 4, "no plan was ever stale: {stats:?}");
    eprintln!("{CHANGES} changes of a column's type, {done:?} turns, 0 errors, {stats:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_a_tenant_that_sleeps_does_not_slow_its_neighbour() {
    const ROUNDS: usize = 10;
    const READS: usize = 150;
    let bench = Bench::shared().await;
    let (a, b) = (bench.tenant("s16a").await, bench.tenant("s16b").await);
    let pool = bench.pool(PoolConfig::sized(4));
    let (of_a, of_b) = (of(&pool, &a), of(&pool, &b));
    let (mut quiet, mut loaded) = (Vec::new(), Vec::new());
    let measure = async |times: &mut Vec<Duration>| {
        for _ in 0..READS {
            let start = Instant::now();
            assert_eq!(seen(&of_b).await.expect("B is served"), [b.as_str()]);
            times.push(start.elapsed());
        }
    };
    // In turns, so that whatever else the machine does burdens both alike.
    for _ in 0..ROUNDS {
        measure(&mut quiet).await;
        let asleep = AtomicU64::new(0);
        let sleepers = join_all((0..20).map(|_| async {
            let outcome = of_a
                .read(async |conn: &mut TenantConn| -> Result<_, DbError> {
                    asleep.fetch_add(1, Ordering::Relaxed);
                    Ok(text(conn, "pg_sleep(60)").await?)
                })
                .await;
            // The ones without a connection give up after their wait, the others sleep on.
            assert!(matches!(outcome, Err(DbError::Busy)), "{outcome:?}");
        }));
        let neighbour = async {
            let share = async || asleep.load(Ordering::Relaxed) == 2;
            until("A's sleeps", share).await;
            measure(&mut loaded).await;
        };
        tokio::select! {
            _ = sleepers => panic!("the sleeps ended"),
            () = neighbour => {}
        }
        assert_eq!(
            asleep.load(Ordering::Relaxed),
            2,
            "A held more than its share"
        );
    }
    let (quiet, loaded) = (p99(&mut quiet), p99(&mut loaded));
    let bound = quiet * 2 + Duration::from_millis(20);
    assert!(
        loaded < bound,
        "p99 {loaded:?} under load, {quiet:?} without"
    );
    let stats = pool.stats();
    assert_eq!(
        (stats.in_use, stats.closed_in_doubt),
        (0, 2 * ROUNDS as u64),
        "{stats:?}"
    );
    eprintln!("B's p99 {quiet:?} alone, {loaded:?} beside 20 sleeping requests of A; {stats:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_every_statement_and_wait_has_an_end() {
    let bench = Bench::shared().await;
    let a = bench.tenant("s16c").await;
    let pool = bench.pool(PoolConfig::sized(2));
    let limits = of(&pool, &a)
        .read(async |conn: &mut TenantConn| -> Result<_, DbError> {
            let limits = "concat_ws(' ', current_setting('statement_timeout'), current_setting('lock_timeout'), \
                          current_setting('idle_in_transaction_session_timeout'), \
                          current_setting('temp_file_limit'), current_setting('lc_messages'))";
            Ok(text(conn, limits).await?)
        })
        .await
        .expect("A is served");
    assert_eq!(limits, "15s 5s 20s 256MB C");
    // A statement that a lock holds up ends after the lock's time, and says what it was.
    let schema = product_schema(&a);
    let locked = format!("BEGIN; LOCK TABLE {schema}.products IN ACCESS EXCLUSIVE MODE");
    bench.sql(locked).await;
    let start = Instant::now();
    let outcome = seen(&of(&pool, &a)).await;
    let took = start.elapsed();
    bench.sql("ROLLBACK").await;
    let Err(DbError::Query(error)) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(
        averis_tenant_db::failure(&error),
        averis_tenant_db::Failure::Timeout
    );
    assert!((5..9).contains(&took.as_secs()), "{took:?}");
    assert_eq!(
        seen(&of(&pool, &a)).await.expect("served again"),
        [a.as_str()]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s41_a_storm_of_hang_ups_leaves_the_neighbour_its_connections() {
    const HANG_UPS: u64 = 30;
    let bench = Bench::shared().await;
    let (a, b) = (bench.tenant("s41a").await, bench.tenant("s41b").await);
    let mut config = PoolConfig::sized(4);
    config.wait = Duration::from_secs(10);
    let pool = bench.pool(config);
    let (of_a, of_b) = (of(&pool, &a), of(&pool, &b));
    let storm = async {
        for _ in 0..HANG_UPS {
            let sent = AtomicBool::new(false);
            let request = of_a.read(async |conn: &mut TenantConn| -> Result<_, DbError> {
                owners(conn).await?;
                sent.store(true, Ordering::Relaxed);
                Ok(text(conn, "pg_sleep(60)").await?)
            });
            tokio::select! {
                outcome = request => panic!("the sleep ended: {outcome:?}"),
                () = until("the statement", async || sent.load(Ordering::Relaxed)) => {}
            }
        }
    };
    let neighbour = async {
        for _ in 0..100 {
            assert_eq!(seen(&of_b).await.expect("B is served"), [b.as_str()]);
        }
    };
    tokio::join!(storm, neighbour);
    let stats = pool.stats();
    assert_eq!(
        (stats.in_use, stats.closed_in_doubt),
        (0, HANG_UPS),
        "{stats:?}"
    );
    assert_eq!(
        stats.opened,
        HANG_UPS + 1,
        "B kept its connection: {stats:?}"
    );
    eprintln!("{HANG_UPS} hang-ups beside 100 reads: {stats:?}");
}
