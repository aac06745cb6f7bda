//! Isolation under stress: many clients, many tenants, few connections, requests that are broken off.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use averis_service_kit::serve::Service;
use averis_tenant_context::Domain;
use averis_tenant_db::{PoolConfig, TenantPool};
use averis_test_kit::{Answer, Database, Setup, TestTenant};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::process::is_long;

const CLIENTS: u64 = 64;
const TENANTS: usize = 50;
const PRODUCTS: usize = 5;

#[derive(Default)]
struct Tally {
    answered: AtomicU64,
    dropped: AtomicU64,
    rows: AtomicU64,
    writes: AtomicU64,
}

/// Each product of a tenant carries its tenant's key in its name, so a row of another tenant shows itself.
async fn fill(tenant: &TestTenant) {
    for number in 0..PRODUCTS {
        let body = json!({
            "key": format!("thing-{number}"), "name": format!("CANARY-{} {number}", tenant.key),
            "variants": [{"sku": format!("SKU-{number}")}]
        });
        tenant
            .client
            .post("/api/product/v1/products", &body)
            .await
            .expect(201);
    }
}

/// Checks that every row of an answer is the tenant's own.
fn check(tenant: &TestTenant, answer: &Answer, tally: &Tally) {
    assert!(
        answer.status < 500 || answer.status == 503,
        "{}: {}",
        answer.status,
        answer.text
    );
    let own = format!("CANARY-{} ", tenant.key);
    for (place, _) in answer.text.match_indices("CANARY-") {
        assert!(
            answer.text[place..].starts_with(&own),
            "{} got {}",
            tenant.key,
            answer.text
        );
        tally.rows.fetch_add(1, Ordering::Relaxed);
    }
    tally.answered.fetch_add(1, Ordering::Relaxed);
}

async fn one_request(tenant: &TestTenant, random: &mut StdRng, tally: &Tally) {
    let path = match random.random_range(0..5) {
        0 => "/api/product/v1/products?limit=20".to_owned(),
        1 => "/api/product/v1/products/search?q=canary&facets=status".to_owned(),
        2 => format!(
            "/api/product/v1/products/key=thing-{}",
            random.random_range(0..PRODUCTS)
        ),
        3 => "/api/product/v1/products?sort=-name&limit=3&expand=variants".to_owned(),
        _ => "/api/product/v1/categories".to_owned(),
    };
    let request = if random.random_range(0..10) == 0 {
        tally.writes.fetch_add(1, Ordering::Relaxed);
        let key = format!("new-{}", Uuid::new_v4().simple());
        let body = json!({"key": key, "name": format!("CANARY-{} new", tenant.key)});
        tenant
            .client
            .request(Method::POST, "/api/product/v1/products")
            .header("idempotency-key", key)
            .json(&body)
    } else {
        tenant.client.request(Method::GET, &path)
    };
    if random.random_range(0..5) == 0 {
        // Hangs up at a random moment: before the request is read, inside a statement, or after the answer.
        let patience = Duration::from_micros(random.random_range(50..3000));
        if tokio::time::timeout(patience, Answer::of(request))
            .await
            .is_err()
        {
            tally.dropped.fetch_add(1, Ordering::Relaxed);
        }
        return;
    }
    check(tenant, &Answer::of(request).await, tally);
}

#[actix_web::test]
async fn stress_no_row_ever_reaches_another_tenant() {
    let total: u64 = if is_long() { 100_000 } else { 8_000 };
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut setup = Setup::on(Database::own(false).await);
    setup.pool = PoolConfig {
        max_tenants: 20,
        ..PoolConfig::sized(8)
    };
    setup.pool.per_tenant = 8;
    setup.pool.wait = Duration::from_secs(20);
    let config = averis_product::Config {
        common: setup.service_config(Domain::Product),
        max_import_bytes: 1 << 20,
    };
    let pool = TenantPool::new(
        Domain::Product,
        config.common.database.clone(),
        config.common.pool.clone(),
    );
    let product: Service = averis_product::service_on(config, pool.clone()).expect("the service");
    let platform = setup.start(vec![product]);
    let mut tenants = Vec::new();
    for _ in 0..TENANTS {
        let tenant = platform.tenant("stress").await;
        fill(&tenant).await;
        tenants.push(tenant);
    }
    let tenants = Arc::new(tenants);
    let tally = Arc::new(Tally::default());
    let start = Instant::now();
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..CLIENTS {
        let (tenants, tally) = (Arc::clone(&tenants), Arc::clone(&tally));
        clients.spawn(async move {
            let mut random = StdRng::seed_from_u64(seed.wrapping_add(number));
            for _ in 0..total / CLIENTS {
                let tenant = &tenants[random.random_range(0..TENANTS)];
                one_request(tenant, &mut random, &tally).await;
            }
        });
    }
    while let Some(client) = clients.join_next().await {
        client.expect("no client met a foreign row");
    }
    let elapsed = start.elapsed();
    // What was begun for clients that have gone runs to its end, and then every connection is back.
    let deadline = Instant::now() + Duration::from_secs(20);
    while pool.stats().in_use > 0 {
        assert!(
            Instant::now() < deadline,
            "connections leaked: {:?}",
            pool.stats()
        );
        tokio::task::yield_now().await;
    }
    let stats = pool.stats();
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    println!(
        "{} requests of {CLIENTS} clients over {TENANTS} tenants in {:.1} s: {} answered, {} broken off, {} writes, \
         {} rows checked; {stats:?}",
        total,
        elapsed.as_secs_f64(),
        count(&tally.answered),
        count(&tally.dropped),
        count(&tally.writes),
        count(&tally.rows),
    );
    assert!(
        count(&tally.rows) > total,
        "too few rows were seen to prove anything"
    );
    assert!(count(&tally.dropped) > 0, "no request was broken off");
    assert!(stats.idle <= 8, "more connections than the pool may have");
    // Each connection, asked for each tenant once more, still gives that tenant's rows alone.
    for tenant in tenants.iter() {
        let answer = tenant
            .client
            .get("/api/product/v1/products?limit=250")
            .await
            .expect(200);
        check(tenant, &answer, &tally);
    }
    // Hang-ups cost nobody a connection: handlers run to their end. What was opened beyond the pool's size
    // replaced connections that had served their number of tenants.
    assert_eq!(stats.closed_in_doubt, 0, "{stats:?}");
    assert!(stats.opened <= 8 + stats.retired, "{stats:?}");
}
