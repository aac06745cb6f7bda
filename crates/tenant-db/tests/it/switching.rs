//! The switch of a connection from one tenant to another, and what the pool does with connections.

use std::time::{Duration, Instant};

use averis_tenant_db::{DbError, Failure, PoolConfig, TenantConn, failure};
use averis_test_kit::Database;
use tokio::sync::Semaphore;

use crate::support::{
    Bench, add, execute, of, owners, product_schema, products, seen, text, until,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_switch_gives_no_row_of_the_old_tenant() {
    let bench = Bench::shared().await;
    let (a, b) = (bench.tenant("swa").await, bench.tenant("swb").await);
    let pool = bench.pool(PoolConfig::sized(1));
    let schema = product_schema(&b);
    // B has been served before, so that its statement is prepared and would run as it is.
    assert_eq!(
        seen(&of(&pool, &b)).await.expect("B is served"),
        [b.as_str()]
    );
    assert_eq!(
        seen(&of(&pool, &a)).await.expect("A is served"),
        [a.as_str()]
    );
    bench
        .sql(format!("ALTER ROLE {schema} RENAME TO {schema}_away"))
        .await;
    for round in 0_u64..3 {
        let before = pool.stats();
        let outcome = of(&pool, &b)
            .read(async |conn: &mut TenantConn| -> Result<_, DbError> {
                let first = owners(conn).await;
                // A handler that tries again on the same connection gets nothing else.
                let second = owners(conn).await;
                assert!(
                    first.is_err() && second.is_err(),
                    "{round}: {first:?} {second:?}"
                );
                first.map_err(DbError::Query)
            })
            .await;
        let Err(DbError::Query(error)) = outcome else {
            panic!("round {round}: {outcome:?}");
        };
        assert_eq!(
            error.to_string(),
            format!("role \"{schema}\" does not exist")
        );
        let written = of(&pool, &b)
            .transaction(async |conn: &mut TenantConn| -> Result<_, DbError> {
                Ok(add(conn, &b, "stray").await?)
            })
            .await;
        assert!(written.is_err());
        let after = pool.stats();
        assert_eq!(
            after.closed_in_doubt,
            before.closed_in_doubt + 2,
            "{after:?}"
        );
        assert_eq!((after.idle, after.in_use), (0, 0), "{after:?}");
        assert_eq!(
            seen(&of(&pool, &a)).await.expect("A is served"),
            [a.as_str()]
        );
    }
    bench
        .sql(format!("ALTER ROLE {schema}_away RENAME TO {schema}"))
        .await;
    assert_eq!(
        seen(&of(&pool, &b)).await.expect("B is served"),
        [b.as_str()]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_served_by_the_connection_that_is_bound_to_it() {
    let bench = Bench::shared().await;
    let (a, b) = (bench.tenant("afa").await, bench.tenant("afb").await);
    let pool = bench.pool(PoolConfig::sized(2));
    let pid = async |key| {
        of(&pool, key)
            .read(async |conn: &mut TenantConn| -> Result<_, DbError> {
                Ok(text(conn, "pg_backend_pid()").await?)
            })
            .await
            .expect("served")
    };
    let (of_a, of_b) = (pid(&a).await, pid(&b).await);
    assert_ne!(of_a, of_b, "there is room for a connection each");
    for _ in 0..10 {
        assert_eq!(pid(&a).await, of_a);
        assert_eq!(pid(&b).await, of_b);
    }
    let stats = pool.stats();
    assert_eq!(
        (stats.checkouts, stats.hits, stats.opened),
        (22, 20, 2),
        "{stats:?}"
    );
    // A third tenant takes the one that was idle for longest, and gets it back afterwards.
    let c = bench.tenant("afc").await;
    assert_eq!(pid(&c).await, of_a);
    assert_eq!(pid(&b).await, of_b);
    assert_eq!(pid(&c).await, of_a);
    assert_eq!(pid(&a).await, of_a, "the one that has served it before");
    assert_eq!(pool.stats().opened, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_retires_after_so_many_tenants() {
    let bench = Bench::shared().await;
    let mut config = PoolConfig::sized(1);
    config.max_tenants = 2;
    let pool = bench.pool(config);
    let mut keys = Vec::new();
    for _ in 0..4 {
        keys.push(bench.tenant("ret").await);
    }
    for (number, key) in (1_u64..).zip(&keys) {
        for _ in 0..2 {
            assert_eq!(seen(&of(&pool, key)).await.expect("served"), [key.as_str()]);
        }
        let stats = pool.stats();
        // The second tenant's first borrow fills the connection, its second borrow opens the next.
        assert!(stats.retired >= number / 2, "{number}: {stats:?}");
    }
    let stats = pool.stats();
    assert_eq!(stats.opened, stats.retired + stats.idle as u64, "{stats:?}");

    let mut config = PoolConfig::sized(1);
    config.max_age = Duration::ZERO;
    let pool = bench.pool(config);
    for _ in 0..3 {
        seen(&of(&pool, &keys[0])).await.expect("served");
    }
    let stats = pool.stats();
    assert_eq!(
        (stats.opened, stats.retired, stats.idle),
        (3, 3, 0),
        "{stats:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swallowed_failure_stores_nothing_and_says_so() {
    let bench = Bench::shared().await;
    let a = bench.tenant("swl").await;
    let pool = bench.pool(PoolConfig::sized(1));
    let swallow = async |careless: &str| {
        of(&pool, &a)
            .transaction(async |conn: &mut TenantConn| -> Result<(), DbError> {
                add(conn, &a, "before").await?;
                if careless == "duplicate" {
                    assert!(add(conn, &a, a.as_str()).await.is_err());
                } else {
                    assert!(execute(conn, careless).await.is_err());
                }
                Ok(())
            })
            .await
    };
    for careless in [
        "duplicate",
        "SELECT 1 / 0",
        "SELECT nothing FROM nowhere",
        "SELECT set_config('a.b', 'c', false)",
    ] {
        let outcome = swallow(careless).await;
        assert!(
            matches!(outcome, Err(DbError::IgnoredFailure)),
            "{careless}: {outcome:?}"
        );
        assert_eq!(
            seen(&of(&pool, &a)).await.expect("served"),
            [a.as_str()],
            "{careless}"
        );
    }
    // Refused before it was sent, a statement has not failed in PostgreSQL: the rest is stored.
    let outcome = swallow("SET ROLE none").await;
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(seen(&of(&pool, &a)).await.expect("served").len(), 2);
    let stats = pool.stats();
    assert_eq!((stats.opened, stats.closed_in_doubt), (1, 0), "{stats:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_writes_nothing() {
    let bench = Bench::shared().await;
    let a = bench.tenant("rdo").await;
    let pool = bench.pool(PoolConfig::sized(1));
    of(&pool, &a)
        .read(async |conn: &mut TenantConn| -> Result<_, DbError> {
            let refused = add(conn, &a, "stray").await;
            assert!(matches!(
                refused,
                Err(diesel::result::Error::QueryBuilderError(_))
            ));
            for sql in [
                "INSERT INTO products SELECT * FROM products",
                "UPDATE products SET name = 'x'",
                "DELETE FROM products",
                "WITH gone AS (DELETE FROM products RETURNING 1) SELECT count(*) FROM gone",
                "  \n( WITH gone AS (DELETE FROM products RETURNING 1) SELECT count(*) FROM gone)",
                "/* SELECT */ DELETE FROM products",
                "TABLE products",
                "VALUES (1)",
                "MERGE INTO products p USING products q ON p.id = q.id WHEN MATCHED THEN DELETE",
                "",
            ] {
                assert!(execute(conn, sql).await.is_err(), "{sql}");
            }
            use diesel_async::RunQueryDsl as _;
            assert!(diesel::delete(products::table).execute(conn).await.is_err());
            Ok(())
        })
        .await
        .expect("A is served");
    assert_eq!(seen(&of(&pool, &a)).await.expect("served"), [a.as_str()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_recover_when_postgresql_was_killed() {
    let mut bench = Bench::on(Database::own(true).await).await;
    let (a, b) = (bench.tenant("kia").await, bench.tenant("kib").await);
    let pool = bench.pool(PoolConfig::sized(4));
    for round in 0..2 {
        for key in [&a, &b] {
            assert_eq!(seen(&of(&pool, key)).await.expect("served"), [key.as_str()]);
        }
        let server = bench
            .database
            .server
            .as_mut()
            .expect("the test's own server");
        server.kill().await.expect("killed");
        let away = seen(&of(&pool, &a)).await;
        let unavailable = match &away {
            Err(DbError::Unreachable(_) | DbError::ConnectTimeout) => true,
            Err(DbError::Query(error)) => failure(error) == Failure::Unavailable,
            _ => false,
        };
        assert!(unavailable, "{away:?}");
        assert!(pool.stats().in_use == 0);
        server.restart().await.expect("restarted");
        let start = Instant::now();
        for key in [&b, &a, &b] {
            assert_eq!(
                seen(&of(&pool, key)).await.expect("recovered"),
                [key.as_str()]
            );
        }
        of(&pool, &a)
            .transaction(async |conn: &mut TenantConn| -> Result<_, DbError> {
                execute(conn, "UPDATE products SET version = version + 1").await?;
                Ok(())
            })
            .await
            .expect("writes recover too");
        eprintln!(
            "round {round}: served {:?} after the restart, {:?}",
            start.elapsed(),
            pool.stats()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_need_not_last_waits_for_no_disk_and_what_comes_after_it_does() {
    let bench = Bench::shared().await;
    let key = bench.tenant("qua").await;
    let pool = bench.pool(PoolConfig::sized(1));
    let waits = async |conn: &mut TenantConn| -> Result<String, DbError> {
        use diesel_async::RunQueryDsl as _;
        let setting = diesel::dsl::sql::<diesel::sql_types::Text>(
            "SELECT current_setting('synchronous_commit')",
        );
        Ok(setting.get_result(conn).await?)
    };
    of(&pool, &key)
        .transaction(async |conn: &mut TenantConn| -> Result<_, DbError> {
            conn.need_not_last();
            execute(conn, "UPDATE products SET version = version + 1").await?;
            assert_eq!(waits(conn).await?, "on", "it goes with the commit");
            Ok(())
        })
        .await
        .expect("committed");
    let after = of(&pool, &key).transaction(waits).await;
    assert_eq!(after.expect("the same connection"), "on");
    assert_eq!(pool.stats().opened, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_survive_connections_that_the_server_cuts() {
    let bench = Bench::shared().await;
    let (a, b) = (bench.tenant("cta").await, bench.tenant("ctb").await);
    let pool = bench.pool(PoolConfig::sized(2));
    for round in 0..5 {
        for key in [&a, &b] {
            let pid: i32 = of(&pool, key)
                .read(async |conn: &mut TenantConn| -> Result<_, DbError> {
                    Ok(text(conn, "pg_backend_pid()").await?)
                })
                .await
                .expect("served")
                .parse()
                .expect("a pid");
            bench
                .number(
                    "SELECT pg_terminate_backend($1, 5000)::int::bigint",
                    &[&pid],
                )
                .await;
        }
        // Whether or not the driver has noticed yet.
        for key in [&b, &a] {
            let read = seen(&of(&pool, key)).await;
            assert_eq!(read.expect("served"), [key.as_str()], "round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_gets_its_share_and_no_more() {
    let bench = Bench::shared().await;
    let (a, b) = (bench.tenant("sha").await, bench.tenant("shb").await);
    let mut config = PoolConfig::sized(4);
    config.wait = Duration::from_millis(150);
    assert_eq!(config.per_tenant, 2);
    let pool = bench.pool(config);
    let (of_a, of_b) = (of(&pool, &a), of(&pool, &b));
    let release = Semaphore::new(0);
    let hold = || {
        of_a.read(async |conn: &mut TenantConn| -> Result<_, DbError> {
            owners(conn).await?;
            let _permit = release.acquire().await;
            Ok(owners(conn).await?)
        })
    };
    let third = async {
        until("A's share", async || pool.stats().in_use == 2).await;
        let start = Instant::now();
        let (busy, served) = tokio::join!(seen(&of_a), seen(&of_b));
        let waited = start.elapsed();
        assert!(matches!(busy, Err(DbError::Busy)), "{busy:?}");
        assert_eq!(served.expect("B is served"), [b.as_str()]);
        assert!(waited >= Duration::from_millis(150), "{waited:?}");
        release.add_permits(2);
    };
    let (first, second, ()) = tokio::join!(hold(), hold(), third);
    assert_eq!(first.expect("held"), [a.as_str()]);
    assert_eq!(second.expect("held"), [a.as_str()]);
    assert_eq!(seen(&of_a).await.expect("A is served again"), [a.as_str()]);
    assert_eq!(pool.stats().in_use, 0);
}
