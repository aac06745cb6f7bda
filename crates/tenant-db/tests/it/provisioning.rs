//! S14 and the making of tenants: whole or absent, whatever happens in between.

use std::time::Duration;

use averis_tenant_context::TenantKey;
use averis_tenant_db::{DbError, Failure, PlatformConn, PoolConfig, TableCount, failure};
use averis_test_kit::unique_key;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl as _;
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use rand::RngExt as _;
use tokio::time::timeout;

use crate::support::{
    Bench, NOTHING, PLENTY, WHOLE, of, product_schema, provision, record, seen, until,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_record_leaves_nothing() {
    let bench = Bench::shared().await;
    let key = unique_key("err");
    let failed: Result<(), DbError> = bench
        .provisioner
        .provision(&key, PLENTY, async |conn: &mut PlatformConn<'_>| {
            record(conn, &key).await?;
            Err(DbError::Interrupted)
        })
        .await;
    assert!(matches!(failed, Err(DbError::Interrupted)));
    assert_eq!(bench.remains(&key).await, NOTHING);
    // Nor does a statement that failed and was ignored, which leaves the transaction aborted.
    let failed: Result<(), DbError> = bench
        .provisioner
        .provision(&key, PLENTY, async |conn: &mut PlatformConn<'_>| {
            record(conn, &key).await?;
            assert!(record(conn, &key).await.is_err());
            Ok(())
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(bench.remains(&key).await, NOTHING);
    provision(&bench.provisioner, &key, PLENTY)
        .await
        .expect("the key is free");
    assert_eq!(bench.remains(&key).await, WHOLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_tenants_are_made_at_once() {
    let bench = Bench::shared().await;
    let keys: Vec<TenantKey> = (0..50).map(|_| unique_key("fif")).collect();
    let start = std::time::Instant::now();
    // Two provisioners, as two processes of the tenant service would be.
    let other = bench.database.provisioner();
    let made = join_all(keys.iter().enumerate().map(|(number, key)| {
        let provisioner = if number % 2 == 0 {
            &bench.provisioner
        } else {
            &other
        };
        provision(provisioner, key, PLENTY)
    }))
    .await;
    let took = start.elapsed();
    for (key, outcome) in keys.iter().zip(made) {
        outcome.expect("made");
        assert_eq!(bench.remains(key).await, WHOLE);
    }
    let pool = bench.pool(PoolConfig::sized(4));
    for key in &keys {
        assert_eq!(seen(&of(&pool, key)).await.expect("served"), [""; 0]);
    }
    eprintln!("50 tenants in {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_tenants_with_one_key_one_is_made() {
    let bench = Bench::shared().await;
    let other = bench.database.provisioner();
    for _ in 0..3 {
        let key = unique_key("two");
        let outcomes = join_all([
            provision(&bench.provisioner, &key, PLENTY),
            provision(&bench.provisioner, &key, PLENTY),
            provision(&other, &key, PLENTY),
            provision(&other, &key, PLENTY),
        ])
        .await;
        let made = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(made, 1, "{outcomes:?}");
        for outcome in outcomes {
            if let Err(error) = outcome {
                let DbError::Query(error) = error else {
                    panic!("{error:?}");
                };
                assert_eq!(
                    failure(&error),
                    Failure::Duplicate("tenants_key_unique".to_owned())
                );
            }
        }
        assert_eq!(bench.remains(&key).await, WHOLE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn capacity_holds_under_parallel_provisionings() {
    let bench = Bench::own().await;
    let other = bench.database.provisioner();
    let keys: Vec<TenantKey> = (0..12).map(|_| unique_key("cap")).collect();
    let outcomes = join_all(keys.iter().enumerate().map(|(number, key)| {
        let provisioner = if number % 2 == 0 {
            &bench.provisioner
        } else {
            &other
        };
        provision(provisioner, key, 5)
    }))
    .await;
    let mut made = 0;
    for (key, outcome) in keys.iter().zip(outcomes) {
        match outcome {
            Ok(()) => {
                made += 1;
                assert_eq!(bench.remains(key).await, WHOLE);
            }
            Err(DbError::CapacityReached(5)) => assert_eq!(bench.remains(key).await, NOTHING),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(made, 5);
    assert_eq!(
        bench
            .number("SELECT count(*) FROM platform_shared.tenants", &[])
            .await,
        5
    );
    // A purged tenant makes room.
    let mut rows = stream::iter(&keys);
    while let Some(key) = rows.next().await {
        if bench.remains(key).await == WHOLE {
            purge(&bench, key).await.expect("purged");
            break;
        }
    }
    provision(&bench.provisioner, &unique_key("cap"), 5)
        .await
        .expect("there is room");
    let full = provision(&bench.provisioner, &unique_key("cap"), 5).await;
    assert!(matches!(full, Err(DbError::CapacityReached(5))), "{full:?}");
    eprintln!("{made} of 12 made");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provisioning_cut_off_is_whole_or_absent() {
    let bench = Bench::shared().await;
    // How long one takes here, so that the cuts fall all over it.
    let start = std::time::Instant::now();
    bench.bare_tenant("cut").await;
    let whole = start.elapsed();
    let (mut absent, mut made, mut cut) = (0, 0, 0);
    let mut keys = Vec::new();
    for number in 0..40_u32 {
        let key = unique_key("cut");
        let jitter = rand::rng().random_range(0.9..1.1);
        let limit = whole.mul_f64(f64::from(number + 1) / 20.0 * jitter);
        let outcome = timeout(limit, provision(&bench.provisioner, &key, PLENTY)).await;
        let now = bench.remains(&key).await;
        assert!(now == NOTHING || now == WHOLE, "half a tenant: {now:?}");
        match outcome {
            Ok(outcome) => {
                outcome.expect("made");
                assert_eq!(now, WHOLE);
            }
            Err(_) => cut += 1,
        }
        keys.push(key);
    }
    // What was still running when it was cut off comes to an end, and no lock outlives it.
    until("the end of all cut-off work", async || {
        let sql = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
                   WHERE a.query LIKE $1 OR a.query LIKE $2";
        let patterns = ["%tenant\\_cut%", "%nothing%"];
        bench.number(sql, &[&patterns[0], &patterns[1]]).await == 0
    })
    .await;
    for key in &keys {
        let now = bench.remains(key).await;
        match now {
            NOTHING => {
                absent += 1;
                if absent > 3 {
                    continue;
                }
                provision(&bench.provisioner, key, PLENTY)
                    .await
                    .expect("the key is free");
                assert_eq!(bench.remains(key).await, WHOLE);
            }
            WHOLE => made += 1,
            half => panic!("half a tenant: {half:?}"),
        }
    }
    assert!(cut >= 8, "only {cut} of 40 were cut off");
    eprintln!("one takes {whole:?}; {cut} of 40 cut off: {absent} absent, {made} whole");
}

/// Purges like the tenant service, without its check of the state: the database itself must hold.
async fn purge(bench: &Bench, key: &TenantKey) -> Result<Vec<TableCount>, DbError> {
    bench
        .provisioner
        .purge(key, async |conn: &mut PlatformConn<'_>, counts: Vec<TableCount>| {
            diesel::sql_query(
                "UPDATE platform_shared.tenants SET status = 'purged', purged_at = now() WHERE key = $1",
            )
            .bind::<Text, _>(key.as_str())
            .execute(&mut **conn)
            .await
            .map_err(DbError::Query)?;
            Ok(counts)
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn s14_a_tenant_is_purged_once_and_no_other_with_it() {
    let bench = Bench::shared().await;
    let a = bench.tenant("s14").await;
    // Names that share a beginning with the purged one.
    let longer: TenantKey = format!("{a}x").parse().expect("a key");
    let shorter: TenantKey = a.as_str()[..a.as_str().len() - 1].parse().expect("a key");
    let neighbours = [longer, shorter, bench.tenant("s14").await];
    for key in &neighbours[..2] {
        provision(&bench.provisioner, key, PLENTY)
            .await
            .expect("made");
        bench.plant(key, "canary").await;
    }
    let digest = async |key: &TenantKey| {
        let sql = "SELECT md5(string_agg(concat_ws(',', c.oid, relname, relowner, relacl::text), ';' ORDER BY c.oid)) \
                   FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname LIKE $1";
        let pattern = format!("tenant\\_{key}\\_%");
        let row = bench
            .admin
            .query_one(sql, &[&pattern])
            .await
            .expect("the catalog answers");
        row.get::<_, Option<String>>(0)
    };
    let before = join_all(neighbours.iter().map(&digest)).await;

    let other = Bench::shared().await;
    let purges =
        join_all((0..8).map(|number| purge(if number % 2 == 0 { &bench } else { &other }, &a)))
            .await;
    let done: Vec<_> = purges
        .iter()
        .filter_map(|outcome| outcome.as_ref().ok())
        .collect();
    assert_eq!(done.len(), 1, "{purges:?}");
    let products = done[0]
        .iter()
        .find(|count| count.table_name == "products")
        .expect("counted");
    assert_eq!(
        (products.schema_name.as_str(), products.rows),
        (product_schema(&a).as_str(), 1)
    );
    assert_eq!(
        bench.remains(&a).await,
        (1, 0, 0),
        "the row stays, so that the key is never used again"
    );

    assert_eq!(join_all(neighbours.iter().map(&digest)).await, before);
    let pool = bench.pool(PoolConfig::sized(1));
    for key in &neighbours {
        assert_eq!(bench.remains(key).await, WHOLE);
        assert_eq!(seen(&of(&pool, key)).await.expect("served"), [key.as_str()]);
    }
    assert!(
        seen(&of(&pool, &a)).await.is_err(),
        "a purged tenant is served"
    );
    let again = provision(&bench.provisioner, &a, PLENTY).await;
    assert!(again.is_err(), "the key of a purged tenant was used again");
    eprintln!(
        "8 purges at once: {} succeeded; {} tables counted",
        done.len(),
        done[0].len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s14_a_purge_whose_record_fails_or_that_is_cut_off_removes_nothing() {
    let bench = Bench::shared().await;
    let a = bench.tenant("s14").await;
    let failed: Result<(), DbError> = bench
        .provisioner
        .purge(&a, async |_: &mut PlatformConn<'_>, _: Vec<TableCount>| {
            Err(DbError::Interrupted)
        })
        .await;
    assert!(matches!(failed, Err(DbError::Interrupted)));
    assert_eq!(bench.remains(&a).await, WHOLE);
    for micros in [500, 2_000, 5_000, 10_000, 20_000, 40_000, 80_000] {
        let outcome = timeout(Duration::from_micros(micros), purge(&bench, &a)).await;
        let now = bench.remains(&a).await;
        assert!(now == WHOLE || now == (1, 0, 0), "half a purge: {now:?}");
        if outcome.is_ok() || now != WHOLE {
            break;
        }
    }
    let unknown = purge(&bench, &unique_key("s14")).await;
    assert!(unknown.is_err(), "a tenant without a row was purged");
}
