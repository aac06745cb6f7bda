//! A tenant is whole or absent, wherever the process that makes it is killed.

use std::collections::BTreeSet;
use std::time::Duration;

use averis_tenant_context::{Domain, SchemaName, TenantKey};
use averis_test_kit::{Answer, Database, unique_key};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;
use serde_json::json;

use crate::process::{Process, is_long};

/// Provisionings under way when the process is killed.
const AT_ONCE: usize = 8;

#[actix_web::test]
async fn stress_a_tenant_is_whole_or_absent_after_any_kill() {
    let total = if is_long() { 200 } else { 48 };
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let directory = tempfile::tempdir().expect("a directory");
    let database = Database::own(true).await;
    let mut keys: Vec<TenantKey> = Vec::new();
    let mut kills = 0;
    while keys.len() < total {
        let process =
            Process::start(directory.path().into(), Some(&database.admin_text), &[]).await;
        let client = process.client();
        let mut requests = tokio::task::JoinSet::new();
        for _ in 0..AT_ONCE {
            let key = unique_key("kill");
            keys.push(key.clone());
            let request = client
                .request(Method::POST, "/api/tenant/v1/tenants")
                .header("idempotency-key", key.as_str())
                .json(&json!({"key": key, "name": "Killed"}));
            requests.spawn(async move { request.send().await.map(drop) });
        }
        // Anywhere from before the first statement to after the last commit.
        tokio::time::sleep(Duration::from_millis(random.random_range(5..700))).await;
        process.kill().await;
        kills += 1;
        while requests.join_next().await.is_some() {}
    }
    let (whole, absent) = count(&database, &keys).await;
    println!(
        "{kills} kills over {} provisionings: {whole} whole, {absent} absent",
        keys.len()
    );
    assert_eq!(whole + absent, keys.len());
    assert!(absent > 0, "no kill came early enough to prove anything");
    // What was absent can be made, by the same request under the same key; what was whole is given again.
    let process = Process::start(directory.path().into(), Some(&database.admin_text), &[]).await;
    for key in &keys {
        let body = json!({"key": key, "name": "Killed"});
        let client = process.client();
        let answer: Answer = client
            .post_as(key.as_str(), "/api/tenant/v1/tenants", &body)
            .await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        process
            .under(key.as_str())
            .await
            .get("/api/product/v1/products")
            .await
            .expect(200);
    }
    assert_eq!(count(&database, &keys).await, (keys.len(), 0));
}

/// Counts tenants that have their row, all schemas with tables and all roles, and those that have none of it.
async fn count(database: &Database, keys: &[TenantKey]) -> (usize, usize) {
    let client = database.connect().await;
    let names = async |sql: &str| -> BTreeSet<String> {
        let rows = client.query(sql, &[]).await.expect("the catalog");
        rows.iter().map(|row| row.get(0)).collect()
    };
    let rows = names("SELECT key FROM platform_shared.tenants WHERE status = 'active'").await;
    let schemas = names(
        "SELECT n.nspname::text FROM pg_namespace n WHERE nspname LIKE 'tenant%' AND EXISTS \
         (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = 'idempotency_keys')",
    )
    .await;
    let all_schemas = names("SELECT nspname::text FROM pg_namespace").await;
    let roles = names("SELECT rolname::text FROM pg_roles").await;
    let (mut whole, mut absent) = (0, 0);
    for key in keys {
        let own = Domain::ALL.map(|domain| SchemaName::new(key, domain).to_string());
        let has_all = rows.contains(key.as_str())
            && own
                .iter()
                .all(|name| schemas.contains(name) && roles.contains(name));
        let has_none = !rows.contains(key.as_str())
            && !own
                .iter()
                .any(|name| all_schemas.contains(name) || roles.contains(name));
        assert!(has_all != has_none, "{key} is there by halves");
        if has_all { whole += 1 } else { absent += 1 }
    }
    (whole, absent)
}
