//! What is launched reaches shops: whatever is killed meanwhile, and while much else is going on.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use averis_test_kit::{Answer, Client, Database, unique_key};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::RwLock;

use crate::process::{Process, is_long};

const API: &str = "/api/product/v1";
const SECTIONS: [&str; 5] = ["marketing", "legal", "finance", "salesops", "contracts"];
/// Who edits, approves and launches at once, each products of its own.
const STEWARDS: usize = 4;
const PRODUCTS_EACH: usize = 3;

/// A process that may be killed and started again at any moment, and a tenant in it that needs no second pair of eyes.
struct Place {
    directory: tempfile::TempDir,
    database: Database,
    key: String,
    process: RwLock<Option<Process>>,
}

impl Place {
    async fn new() -> Arc<Self> {
        let directory = tempfile::tempdir().expect("a directory");
        let database = Database::own(true).await;
        let key = unique_key("launch").to_string();
        let process = Self::start(directory.path(), &database).await;
        let body = json!({"key": key, "name": "Launches", "subscription_tier": "enterprise"});
        let tenants = "/api/tenant/v1/tenants";
        let made = process.client().post(tenants, &body).await.expect(201);
        let settings = json!({"settings": {"stewardship": {"four_eyes": false}}});
        let own = format!("{tenants}/{}", made.id());
        let changed = process.client().patch(&own, 1, &settings).await;
        let _ = changed.expect(200);
        Arc::new(Self {
            directory,
            database,
            key,
            process: RwLock::new(Some(process)),
        })
    }

    async fn start(directory: &Path, database: &Database) -> Process {
        Process::start(directory.into(), Some(&database.admin_text), &[]).await
    }

    /// The tenant's admin, at the process that runs now.
    async fn client(&self) -> Client {
        let process = self.process.read().await;
        process.as_ref().expect("it runs").under(&self.key).await
    }

    /// Kills the process wherever it is, and starts it again.
    async fn kill(&self) {
        let mut process = self.process.write().await;
        process.take().expect("it runs").kill().await;
        *process = Some(Self::start(self.directory.path(), &self.database).await);
    }
}

/// Sends a request; none is the answer of a process that was killed, or is not there any more.
async fn send(
    client: &Client,
    method: Method,
    path: &str,
    version: i64,
    body: &Value,
) -> Option<Answer> {
    let request = client
        .request(method, &format!("{API}{path}"))
        .header("if-match", format!("\"{version}\""))
        .header("idempotency-key", unique_key("once").as_str())
        .json(body);
    let answer = request.send().await.ok()?;
    let status = answer.status().as_u16();
    let headers = answer.headers().clone();
    let text = answer.text().await.ok()?;
    let body = serde_json::from_str(&text).unwrap_or_default();
    Some(Answer {
        status,
        headers,
        body,
        text,
    })
}

async fn read(client: &Client, path: &str) -> Option<Answer> {
    send(client, Method::GET, path, 0, &Value::Null).await
}

async fn version(client: &Client, product: &str) -> Option<i64> {
    let product = read(client, &format!("/products/{product}")).await?;
    product.body["version"].as_i64()
}

/// Has every section of a product that is not approved submitted and approved, and launches it. Whatever of it a kill has
/// left undone is done at the next try.
async fn launch(client: &Client, product: &str) -> Option<Answer> {
    let own = format!("/products/{product}");
    let sections = read(client, &format!("{own}/sections")).await?;
    for section in sections.body["data"].as_array()? {
        let name = section["section"].as_str()?;
        for (command, due) in [
            ("submit", section["status"] == "open"),
            ("approve", section["status"] != "approved"),
        ] {
            if due {
                let path = format!("{own}/sections/{name}/{command}");
                let version = version(client, product).await?;
                send(client, Method::POST, &path, version, &json!({})).await?;
            }
        }
    }
    let version = version(client, product).await?;
    send(
        client,
        Method::POST,
        &format!("{own}/launch"),
        version,
        &json!({}),
    )
    .await
}

async fn draft(client: &Client, key: &str) -> String {
    let body = json!({"key": key, "name": key, "description": key, "variants": [{"sku": key}]});
    client
        .post(&format!("{API}/products"), &body)
        .await
        .expect(201)
        .id()
}

/// Edits and launches the steward's products in turn, so often.
async fn steward(place: Arc<Place>, products: Vec<String>, launches: usize) -> usize {
    let mut done = 0;
    let mut tries = 0;
    while done < launches {
        let product = &products[done % products.len()];
        let client = place.client().await;
        tries += 1;
        let tried = async {
            let own = format!("/products/{product}");
            let version = version(&client, product).await?;
            let name = json!({"name": format!("{product} {tries}")});
            send(&client, Method::PATCH, &own, version, &name).await?;
            launch(&client, product).await
        };
        if tried.await.is_some_and(|answer| answer.status == 200) {
            done += 1;
        }
    }
    tries
}

/// Checks that shops read of each product what was launched of it last.
async fn is_converged(client: &Client, products: &[String]) -> bool {
    let changes = client
        .get(&format!("{API}/staging/changes?limit=250"))
        .await
        .expect(200);
    let changes = changes.body["data"].as_array().expect("changes").clone();
    for product in products {
        let staged = changes
            .iter()
            .find(|one| one["product_id"] == json!(product));
        let revisions = format!("{API}/products/{product}/revisions?limit=1");
        let last = client.get(&revisions).await.expect(200).body["data"][0].clone();
        let is_there = staged.is_some_and(|staged| {
            staged["rev"] == last["rev"]
                && staged["hash"] == last["hash"]
                && staged["product"]["name"] == last["document"]["marketing"]["name"]
        });
        if !is_there {
            return false;
        }
    }
    true
}

#[actix_web::test]
async fn stress_what_is_launched_is_staged_whatever_is_killed() {
    let launches = if is_long() { 1_000 } else { 32 };
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let place = Place::new().await;
    let mut products = Vec::new();
    let client = place.client().await;
    for number in 0..STEWARDS * PRODUCTS_EACH {
        products.push(draft(&client, &format!("product-{number}")).await);
    }
    for section in SECTIONS {
        let sections = client
            .get(&format!("{API}/products/{}/sections", products[0]))
            .await
            .expect(200);
        assert!(sections.text.contains(section));
    }
    let mut stewards = tokio::task::JoinSet::new();
    for own in products.chunks(PRODUCTS_EACH) {
        stewards.spawn_local(steward(
            Arc::clone(&place),
            own.to_vec(),
            launches / STEWARDS,
        ));
    }
    let (mut kills, mut tries) = (0, 0);
    while !stewards.is_empty() {
        let pause = Duration::from_millis(random.random_range(50..900));
        tokio::select! {
            Some(ended) = stewards.join_next() => tries += ended.expect("a steward"),
            () = tokio::time::sleep(pause) => {
                place.kill().await;
                kills += 1;
            }
        }
    }
    place.kill().await;
    kills += 1;
    let start = Instant::now();
    let client = place.client().await;
    while !is_converged(&client, &products).await {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "staging does not converge"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!(
        "{launches} launches in {tries} tries under {kills} kills; converged {:.1} s after the last",
        start.elapsed().as_secs_f64()
    );
    assert!(kills > 1, "nothing was killed");
}

#[actix_web::test]
async fn stress_launches_reach_shops_while_products_are_imported() {
    let (imported, launches) = if is_long() { (10_000, 200) } else { (400, 8) };
    let place = Place::new().await;
    let client = place.client().await;
    let id = draft(&client, "lamp").await;
    let mut file = String::from("Handle,Title,Variant SKU\n");
    for number in 0..imported {
        file.push_str(&format!(
            "import-{number},Imported {number},IMPORT-{number}\n"
        ));
    }
    let request = client
        .request(Method::POST, &format!("{API}/imports?file_name=many.csv"))
        .header("idempotency-key", "import")
        .header("content-type", "text/csv")
        .body(file);
    let job = Answer::of(request).await.expect(202).id();
    let job = format!("{API}/imports/{job}");
    let mut times = Vec::new();
    let mut during = 0;
    for number in 0..launches {
        let own = format!("{API}/products/{id}");
        let version = client.get(&own).await.expect(200).version();
        let name = json!({"name": format!("Lamp {number}")});
        let _ = client.patch(&own, version, &name).await.expect(200);
        let launched = launch(&client, &id).await.expect("an answer").expect(200);
        let start = Instant::now();
        let staged = format!("{API}/staging/products/{id}");
        while client.get(&staged).await.body["rev"] != launched.body["launched_rev"] {
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "it is not staged"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        times.push(start.elapsed());
        during += usize::from(client.get(&job).await.expect(200).body["status"] == "running");
    }
    times.sort_unstable();
    let at = |share: usize| {
        times[(times.len() * share / 100).min(times.len() - 1)].as_secs_f64() * 1000.0
    };
    println!(
        "{launches} launches, {during} of them while {imported} products were imported: staged after {:.0} ms (p50), {:.0} ms (p99)",
        at(50),
        at(99)
    );
}
