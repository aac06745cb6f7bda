//! Jobs that outlive what happens to their process.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use averis_tenant_db::PoolConfig;
use averis_test_kit::{Database, Setup, TestPlatform, TestTenant};
use serde_json::json;

use crate::setup::{all, assert_counts, ended, import, path, start, until, upload};

/// A file with that many products of two variants and one image each.
fn large(products: usize) -> String {
    let mut file =
        String::from("Handle,Title,Vendor,Tags,Option1 Name,Option1 Value,Variant SKU,Image Src\n");
    for n in 0..products {
        let _ = write!(
            file,
            "product-{n},Product {n},Vendor {},\"a, b{}\",Size,M,SKU-{n}-M,https://x.example/{n}.jpg\n\
             product-{n},,,,,L,SKU-{n}-L,\n",
            n % 7,
            n % 3
        );
    }
    file
}

/// Starts on a database of its own: a process that starts takes up queued jobs of all tenants, and the processes of
/// other tests end while they run them.
async fn alone() -> TestPlatform {
    start(Setup::on(Database::own(false).await))
}

#[actix_web::test]
async fn five_thousand_products_come_in_exactly_once() {
    let platform = alone().await;
    let acme = platform.tenant("acme").await.client;
    let mut file = String::from("Handle,Title\n");
    for n in 0..5_000 {
        let _ = writeln!(file, "product-{n},Product {n}");
    }
    let job = import(&acme, file).await;
    assert_counts(
        &job,
        &json!({"rows": 5_000, "products": 5_000, "products_created": 5_000, "variants_created": 5_000}),
    );
    let rows = all(&acme, &path("/products?limit=250")).await;
    let keys: BTreeSet<&str> = rows.iter().filter_map(|row| row["key"].as_str()).collect();
    assert_eq!((rows.len(), keys.len()), (5_000, 5_000));
}

/// Says that the job's process has long been silent.
async fn expire(admin: &tokio_postgres::Client, tenant: &TestTenant, set: &str) -> u64 {
    let statement = format!(
        "UPDATE \"tenant_{}_product\".imports SET {set} lease_until = now() - interval '1 minute' WHERE status = 'running'",
        tenant.key
    );
    admin.execute(&statement, &[]).await.expect("an update")
}

#[actix_web::test]
async fn a_job_goes_on_in_the_next_process_and_nothing_comes_twice() {
    const PRODUCTS: i64 = 800;
    let first = alone().await;
    let tenant = first.tenant("acme").await;
    let file = large(800);
    let id = upload(&tenant.client, file.clone()).await.expect(202).id();
    let address = path(&format!("/imports/{id}"));
    let before = until("the job is in its middle", async || {
        let job = tenant.client.get(&address).await.expect(200).body;
        let read = job["counts"]["products"].as_i64().expect("a count");
        assert!(read < PRODUCTS, "the job was too quick to be stopped");
        (read > 100).then_some(job)
    })
    .await;
    assert_eq!(before["status"], "running");
    let database = first.stop().await;
    let connection = database.connect().await;
    let second = start(Setup::on(database));
    let client = second
        .under(tenant.key.as_str())
        .with_token(tenant.client.token());
    let left = client.get(&address).await.expect(200).body;
    assert_eq!(left["status"], "running", "{left}");
    assert!(left["counts"]["products"].as_i64().expect("a count") < PRODUCTS);
    assert_eq!(expire(&connection, &tenant, "").await, 1);
    let job = ended(&client, &id).await;
    assert_eq!(job["status"], "done", "{job}");
    assert_counts(
        &job,
        &json!({"rows": 2 * PRODUCTS, "products": PRODUCTS, "products_created": PRODUCTS, "variants_created": 2 * PRODUCTS}),
    );
    let rows = all(&client, &path("/products?limit=250&expand=variants,media")).await;
    assert_eq!(rows.len(), 800);
    for row in rows {
        assert_eq!(row["variants"].as_array().map(Vec::len), Some(2), "{row}");
        assert_eq!(row["media"].as_array().map(Vec::len), Some(1), "{row}");
        assert_eq!(row["version"], 1, "{row}");
    }
    let again = import(&client, file).await;
    assert_counts(
        &again,
        &json!({"rows": 2 * PRODUCTS, "products": PRODUCTS, "products_unchanged": PRODUCTS}),
    );
}

#[actix_web::test]
async fn a_runner_that_lost_its_job_applies_nothing_more() {
    let platform = alone().await;
    let tenant = platform.tenant("acme").await;
    let connection = platform.database.connect().await;
    let id = upload(&tenant.client, large(600)).await.expect(202).id();
    let address = path(&format!("/imports/{id}"));
    until("the job is in its middle", async || {
        let job = tenant.client.get(&address).await.expect(200).body;
        let read = job["counts"]["products"].as_i64().expect("a count");
        (read > 50).then_some(())
    })
    .await;
    // Another process takes the job, then dies.
    let stolen = expire(&connection, &tenant, "runner = gen_random_uuid(),").await;
    assert_eq!(stolen, 1, "the job was too quick");
    let job = ended(&tenant.client, &id).await;
    assert_counts(
        &job,
        &json!({"rows": 1_200, "products": 600, "products_created": 600, "variants_created": 1_200}),
    );
    assert_eq!(
        all(&tenant.client, &path("/products?limit=250"))
            .await
            .len(),
        600
    );
}

#[actix_web::test]
async fn two_jobs_about_the_same_products_do_not_spoil_each_other() {
    // Each of the two may wait for the other with its connection; whoever asks meanwhile needs a third.
    let mut setup = Setup::new().await;
    setup.pool = PoolConfig::sized(8);
    let platform = start(setup);
    let acme = platform.tenant("acme").await.client;
    let file = large(150);
    let turned: String = {
        let (head, rest) = file.split_once('\n').expect("a header");
        let mut products: Vec<String> = rest
            .lines()
            .collect::<Vec<_>>()
            .chunks(2)
            .map(|rows| format!("{}\n", rows.join("\n")))
            .collect();
        products.reverse();
        format!("{head}\n{}", products.concat())
    };
    let (one, two) = futures_util::join!(import(&acme, file), import(&acme, turned));
    for job in [&one, &two] {
        assert_eq!(
            (&job["status"], &job["counts"]["products"]),
            (&json!("done"), &json!(150)),
            "{job}"
        );
    }
    let created =
        |job: &serde_json::Value| job["counts"]["products_created"].as_i64().expect("a count");
    assert_eq!(created(&one) + created(&two), 150, "{one} {two}");
    let rows = all(&acme, &path("/products?limit=250&expand=variants")).await;
    assert_eq!(rows.len(), 150);
    assert!(
        rows.iter()
            .all(|row| row["variants"].as_array().map(Vec::len) == Some(2))
    );
}
