//! Clients that hang up cost nobody connections (checklist S41).

use std::time::Duration;

use averis_test_kit::{Database, Setup};
use futures_util::future::join_all;
use serde_json::json;

use crate::setup::{all, path, sellable, start, until};

#[actix_web::test]
async fn s41_a_storm_of_clients_that_hang_up_costs_no_connections() {
    // A server of its own, so that nobody else's connections are counted.
    let platform = start(Setup::on(Database::own(false).await));
    let acme = platform.tenant("acme").await.client;
    let globex = platform.tenant("globex").await.client;
    for client in [&acme, &globex] {
        sellable(client, "p").await;
    }
    let connection = platform.database.connect().await;
    let opened = async || {
        let counted = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()";
        connection
            .query_one(counted, &[])
            .await
            .expect("a count")
            .get::<_, i64>(0)
    };
    let marked = "SELECT now()::text";
    let start: String = connection
        .query_one(marked, &[])
        .await
        .expect("a time")
        .get(0);
    let before = opened().await;
    let (list, body) = (
        path("/products?expand=variants"),
        json!({"key": "k", "name": "n"}),
    );
    let search = path("/products/search?q=name&facets=status,tags");
    let products = path("/products");
    let storm = |number: u64| {
        let client = if number.is_multiple_of(2) {
            &acme
        } else {
            &globex
        };
        let (list, search, products, body) = (&list, &search, &products, &body);
        async move {
            let patience = Duration::from_micros(300 + number * 37 % 2_500);
            let call = async {
                match number % 3 {
                    0 => client.get(list).await,
                    1 => client.get(search).await,
                    _ => client.post(products, body).await,
                }
            };
            tokio::time::timeout(patience, call).await.is_err()
        }
    };
    let mut dropped = 0;
    for round in 0..30 {
        let calls = (0..10).map(|n| storm(round * 10 + n));
        dropped += join_all(calls)
            .await
            .into_iter()
            .filter(|dropped| *dropped)
            .count();
    }
    assert!(dropped > 150, "only {dropped} of 300 hung up");
    for client in [&acme, &globex] {
        client.get(&list).await.expect(200);
        // One product was there; the key of the storm can have been taken once.
        let rows = all(client, &path("/products")).await;
        assert!((1..=2).contains(&rows.len()), "{}", rows.len());
    }
    let alive = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'averis_product' AND backend_start > $1::text::timestamptz";
    let alive: i64 = connection
        .query_one(alive, &[&start])
        .await
        .expect("a count")
        .get(0);
    assert!(
        alive <= 4,
        "{alive} connections of the product service are new"
    );
    let working = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'averis_product' AND state <> 'idle'";
    until("all work is done", async || {
        let busy: i64 = connection
            .query_one(working, &[])
            .await
            .expect("a count")
            .get(0);
        (busy == 0).then_some(())
    })
    .await;
    let after = opened().await;
    assert!(
        after - before <= 12,
        "{} connections were opened",
        after - before
    );
}
