//! Reads of a tenant beside each other, and those that travel with BEGIN.

use averis_tenant_db::{DbError, PoolConfig, TenantConn};
use diesel::result::Error;
use futures_util::FutureExt as _;

use crate::support::{Bench, add, execute, of, owners, product_schema, products, seen, text};

#[tokio::test(flavor = "multi_thread")]
async fn reads_beside_each_other_are_the_tenants_own() {
    let bench = Bench::shared().await;
    let (a, b) = (bench.tenant("pia").await, bench.tenant("pib").await);
    let pool = bench.pool(PoolConfig::sized(1));
    for key in [&a, &b, &b, &a] {
        let read = of(&pool, key)
            .read(async |conn: &mut TenantConn| -> Result<_, DbError> {
                let both = conn.pipeline(async |reads| {
                    let [mut one, mut other] = [reads; 2];
                    tokio::join!(owners(&mut one), text(&mut other, "pg_backend_pid()"))
                });
                let (owners, pid) = both.await?;
                assert_eq!(pid?, text(conn, "pg_backend_pid()").await?);
                Ok(owners?)
            })
            .await;
        assert_eq!(read.expect("served"), [key.as_str()]);
        let first = of(&pool, key)
            .transaction_after(
                async |mut reads| owners(&mut reads).await,
                async |_, read| -> Result<_, DbError> { Ok(read?) },
            )
            .await;
        assert_eq!(first.expect("served"), [key.as_str()]);
    }
    assert_eq!(pool.stats().opened, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_switch_gives_no_row_of_the_old_tenant_to_what_travels_with_it() {
    let bench = Bench::shared().await;
    let (a, b) = (bench.tenant("pfa").await, bench.tenant("pfb").await);
    let pool = bench.pool(PoolConfig::sized(1));
    let schema = product_schema(&b);
    for key in [&b, &a] {
        assert_eq!(seen(&of(&pool, key)).await.expect("served"), [key.as_str()]);
    }
    bench
        .sql(format!("ALTER ROLE {schema} RENAME TO {schema}_away"))
        .await;
    let beside = of(&pool, &b)
        .read(async |conn: &mut TenantConn| -> Result<(), DbError> {
            let read = conn.pipeline(async |mut reads| owners(&mut reads).await);
            assert!(read.await.is_err());
            // Nor does a second try on the same connection.
            let read = conn.pipeline(async |mut reads| owners(&mut reads).await);
            assert!(read.await.is_err());
            Ok(())
        })
        .await;
    beside.expect("the handler goes on");
    assert_eq!(pool.stats().closed_in_doubt, 1, "{:?}", pool.stats());
    assert_eq!(seen(&of(&pool, &a)).await.expect("served"), [a.as_str()]);
    let first = of(&pool, &b)
        .transaction_after(
            async |mut reads| owners(&mut reads).await,
            async |_, read| -> Result<(), DbError> { panic!("nobody is told {read:?}") },
        )
        .await;
    assert!(first.is_err());
    assert_eq!(pool.stats().closed_in_doubt, 2, "{:?}", pool.stats());
    assert_eq!(seen(&of(&pool, &a)).await.expect("served"), [a.as_str()]);
    bench
        .sql(format!("ALTER ROLE {schema}_away RENAME TO {schema}"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_select_travels_beside() {
    let bench = Bench::shared().await;
    let a = bench.tenant("pis").await;
    let pool = bench.pool(PoolConfig::sized(1));
    let changed = of(&pool, &a)
        .transaction(async |conn: &mut TenantConn| -> Result<(), DbError> {
            let refused = conn.pipeline(async |mut reads| {
                for sql in [
                    "INSERT INTO products SELECT * FROM products",
                    "UPDATE products SET name = 'x'",
                    "WITH gone AS (DELETE FROM products RETURNING 1) SELECT count(*) FROM gone",
                    "SET ROLE none",
                    "COMMIT",
                    "",
                ] {
                    assert!(execute(&mut reads, sql).await.is_err(), "{sql}");
                    let loaded: Result<Vec<Nothing>, Error> = {
                        use diesel_async::RunQueryDsl as _;
                        diesel::sql_query(sql).load(&mut reads).await
                    };
                    assert!(matches!(loaded, Err(Error::QueryBuilderError(_))), "{sql}");
                }
                use diesel_async::{RunQueryDsl as _, SimpleAsyncConnection as _};
                let deleted = diesel::delete(products::table).execute(&mut reads).await;
                assert!(deleted.is_err() && reads.batch_execute("COMMIT").await.is_err());
            });
            refused.await?;
            // Refused before it was sent, nothing has failed in PostgreSQL.
            add(conn, &a, "more").await?;
            Ok(())
        })
        .await;
    changed.expect("committed");
    assert_eq!(seen(&of(&pool, &a)).await.expect("served").len(), 2);
}

#[derive(diesel::QueryableByName)]
struct Nothing {}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_fails_beside_others_ends_the_transaction() {
    let bench = Bench::shared().await;
    let a = bench.tenant("pif").await;
    let pool = bench.pool(PoolConfig::sized(1));
    let swallowed = of(&pool, &a)
        .transaction(async |conn: &mut TenantConn| -> Result<(), DbError> {
            add(conn, &a, "before").await?;
            let reads = conn.pipeline(async |reads| {
                let [mut one, mut other] = [reads; 2];
                tokio::join!(owners(&mut one), text(&mut other, "1 / 0"))
            });
            let (_, failed) = reads.await?;
            assert!(failed.is_err());
            Ok(())
        })
        .await;
    assert!(matches!(swallowed, Err(DbError::IgnoredFailure)));
    let first = of(&pool, &a)
        .transaction_after(
            async |mut reads| text(&mut reads, "1 / 0").await,
            async |_, _| -> Result<(), DbError> { Ok(()) },
        )
        .await;
    assert!(matches!(first, Err(DbError::IgnoredFailure)));
    assert_eq!(seen(&of(&pool, &a)).await.expect("served"), [a.as_str()]);
    assert_eq!(pool.stats().opened, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_is_given_up_closes_its_connection() {
    let bench = Bench::shared().await;
    let a = bench.tenant("pig").await;
    let pool = bench.pool(PoolConfig::sized(1));
    let hasty = of(&pool, &a)
        .read(async |conn: &mut TenantConn| -> Result<(), DbError> {
            let given_up = conn.pipeline(async |mut reads| {
                owners(&mut reads).await?;
                Ok::<_, Error>(text(&mut reads, "pg_sleep(5)").now_or_never().is_none())
            });
            assert!(given_up.await??, "it was not waited for");
            Ok(())
        })
        .await;
    hasty.expect("the handler goes on");
    let stats = pool.stats();
    assert_eq!((stats.closed_in_doubt, stats.idle), (1, 0), "{stats:?}");
    assert_eq!(seen(&of(&pool, &a)).await.expect("served"), [a.as_str()]);
}
