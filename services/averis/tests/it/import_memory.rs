//! An import of very many rows needs little memory, and a job survives the death of its process.

use std::time::{Duration, Instant};

use averis_test_kit::{Client, Database};
use futures_util::stream;
use reqwest::{Body, Method};
use serde_json::{Value, json};

use crate::process::{Process, is_long};

const HEADER: &str = "Handle,Title,Body (HTML),Vendor,Option1 Name,Option1 Value,Variant SKU,Variant Grams,Variant Price\n";
const ROWS_PER_PRODUCT: usize = 100;

/// Rows of products with a hundred variants each, made as they are sent.
fn rows(total: usize) -> Body {
    let pieces = (0..total / ROWS_PER_PRODUCT).map(|product| {
        let mut piece = if product == 0 { HEADER.to_owned() } else { String::new() };
        for row in 0..ROWS_PER_PRODUCT {
            let (title, body, vendor, option) = if row == 0 {
                (format!("Thing {product}"), "\"A, thing\nof two lines\"", "Maker", "Size")
            } else {
                (String::new(), "", "", "")
            };
            piece.push_str(&format!(
                "thing-{product},{title},{body},{vendor},{option},S{row},SKU-{product}-{row},10,9.99\n"
            ));
        }
        Ok::<_, std::io::Error>(piece)
    });
    Body::wrap_stream(stream::iter(pieces.collect::<Vec<_>>()))
}

/// Makes the tenant that imports.
async fn bulk(process: &Process) -> Client {
    let body = json!({"key": "bulk", "name": "Bulk", "subscription_tier": "enterprise"});
    process
        .client()
        .post("/api/tenant/v1/tenants", &body)
        .await
        .expect(201);
    process.under("bulk").await
}

async fn begin(client: &Client, total: usize) -> String {
    let request = client
        .request(Method::POST, "/api/product/v1/imports")
        .header("content-type", "text/csv")
        .header("idempotency-key", "one")
        .body(rows(total));
    averis_test_kit::Answer::of(request).await.expect(202).id()
}

async fn finish(client: &Client, id: &str, patience: Duration) -> Value {
    let deadline = Instant::now() + patience;
    loop {
        let job = client
            .get(&format!("/api/product/v1/imports/{id}"))
            .await
            .expect(200)
            .body;
        if job["status"] == "done" || job["status"] == "failed" {
            return job;
        }
        assert!(Instant::now() < deadline, "the job did not end: {job}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn count(job: &Value, name: &str) -> usize {
    usize::try_from(job["counts"][name].as_u64().expect("a count")).expect("a size")
}

#[actix_web::test]
async fn stress_a_million_rows_need_little_memory() {
    let total = if is_long() { 1_000_000 } else { 60_000 };
    let directory = tempfile::tempdir().expect("a directory");
    let database = Database::own(false).await;
    let process = Process::start(directory.path().into(), Some(&database.admin_text), &[]).await;
    let client = bulk(&process).await;
    let before = process.peak_memory();
    let start = Instant::now();
    let id = begin(&client, total).await;
    let job = finish(&client, &id, Duration::from_secs(1800)).await;
    assert_eq!(job["status"], "done", "{job}");
    assert_eq!(count(&job, "rows"), total);
    assert_eq!(count(&job, "products_created"), total / ROWS_PER_PRODUCT);
    assert_eq!(count(&job, "variants_created"), total);
    let peak = process.peak_memory();
    println!(
        "{total} rows in {:.1} s; resident memory rose from {before} to {peak} KiB",
        start.elapsed().as_secs_f64()
    );
    // What the process needs besides depends on how many services are in it.
    let rise = peak - before;
    assert!(
        rise < 24 * 1024,
        "the import took {rise} KiB besides {before}"
    );
}

#[actix_web::test]
async fn stress_a_job_survives_the_kill_of_its_process() {
    let total = 20_000;
    let directory = tempfile::tempdir().expect("a directory");
    let database = Database::own(true).await;
    let process = Process::start(directory.path().into(), Some(&database.admin_text), &[]).await;
    let client = bulk(&process).await;
    let id = begin(&client, total).await;
    let path = format!("/api/product/v1/imports/{id}");
    let deadline = Instant::now() + Duration::from_secs(30);
    while count(&client.get(&path).await.expect(200).body, "products") < 30 {
        assert!(Instant::now() < deadline, "the job does not get on");
    }
    let killed = client.get(&path).await.expect(200).body;
    process.kill().await;
    let process = Process::start(directory.path().into(), Some(&database.admin_text), &[]).await;
    let client = process.under("bulk").await;
    let job = finish(&client, &id, Duration::from_secs(120)).await;
    println!(
        "killed after {} products, ended with {job}",
        count(&killed, "products")
    );
    assert_eq!(job["status"], "done", "{job}");
    assert_eq!(count(&job, "rows"), total);
    assert_eq!(count(&job, "products"), total / ROWS_PER_PRODUCT);
    assert_eq!(count(&job, "products_created"), total / ROWS_PER_PRODUCT);
    assert_eq!(count(&job, "variants_created"), total);
}
