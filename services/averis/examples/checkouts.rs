//! Measures checkouts over HTTP, with all services as processes of their own on this machine: how many there are in a second, how
//! long each step takes, and what they cost in CPU and memory. Needs the release builds of the services beside it.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement fails by panicking, and prints"
)]

/// What has to hold is that of the crash test.
#[path = "../tests/it/chaos/auditor.rs"]
mod auditor;
#[expect(dead_code, reason = "nobody hears here")]
#[path = "../tests/it/chaos/receiver.rs"]
mod receiver;

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use auditor::Auditor;
use averis_payment_simulator::{Behaviour, Simulator};
use averis_test_kit::fleet::{Fleet, FleetTenant};
use averis_test_kit::launch::launch_product;
use averis_test_kit::shop::{agreed, berlin, eur, open_shop, path, price};
use averis_test_kit::{Answer, Client};
use futures_util::StreamExt as _;
use futures_util::stream;
use reqwest::Method;
use serde_json::{Value, json};

const SECRET: &str = "what-the-simulator-is-asked-with";
const SKUS: usize = 200;
/// Of a product.
const VARIANTS: usize = 8;
const AT_ONCE: usize = 8;
/// Checkouts before anything is measured.
const WARMING: usize = 400;

/// How many checkouts are measured, from `BENCH_CHECKOUTS`.
fn count() -> usize {
    let said = std::env::var("BENCH_CHECKOUTS");
    said.map_or(2_000, |text| text.parse().expect("a number"))
}

/// How long each step of each checkout took, in milliseconds.
#[derive(Default)]
struct Times(BTreeMap<&'static str, Vec<f64>>);

impl Times {
    fn note(&mut self, step: &'static str, since: Instant) {
        let taken = since.elapsed().as_secs_f64() * 1_000.0;
        self.0.entry(step).or_default().push(taken);
    }

    fn print(mut self, steps: &[&'static str]) {
        for step in steps {
            let times = self.0.entry(step).or_default();
            times.sort_by(f64::total_cmp);
            let at = |share: usize| times.get(times.len() * share / 100).copied();
            let (p50, p99) = (at(50).unwrap_or_default(), at(99).unwrap_or_default());
            println!("  {step}\t{p50:.1}\t{p99:.1}");
        }
    }
}

/// A cart that is ready to be bought, and what its buyer has seen that it comes to.
struct Ready {
    shopper: Client,
    own: String,
    total: Value,
}

/// Puts one piece into a cart, says where it goes, and looks what it comes to.
async fn fill(shopper: Client, sku: &str, times: &mut Times) -> Ready {
    let mut step = Instant::now();
    let country = json!({"country": "DE"});
    let made = shopper.post(&path("/carts"), &country).await.expect(201);
    let own = path(&format!("/carts/{}", made.id()));
    times.note("cart", step);
    step = Instant::now();
    let line = json!({"sku": sku, "quantity": 1});
    let _ = shopper
        .post(&format!("{own}/lines"), &line)
        .await
        .expect(201);
    times.note("line", step);
    let version = shopper.get(&own).await.expect(200).version();
    step = Instant::now();
    let more =
        json!({"email": "ana@example.com", "ship_to": berlin(), "shipping_method": "standard"});
    let _ = shopper.patch(&own, version, &more).await.expect(200);
    times.note("address", step);
    step = Instant::now();
    let totals = shopper.get(&format!("{own}/totals")).await.expect(200);
    times.note("totals", step);
    let total = totals.body["total"].clone();
    Ready {
        shopper,
        own,
        total,
    }
}

async fn complete(ready: Ready, times: &mut Times) {
    let step = Instant::now();
    let agree = agreed(&ready.total, Some("pm_ok"));
    let own = format!("{}/complete", ready.own);
    let _ = ready.shopper.post(&own, &agree).await.expect(200);
    times.note("complete", step);
}

/// Has the SQL of what is done between `begin` and `end` run by itself, to compare with.
async fn floor(fleet: &Fleet, tenant: &FleetTenant, command: &str, name: &str) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../bench/floor.py");
    let mut asked = Command::new("python3");
    asked.args([script, command, fleet.database.admin_url()]);
    if command == "end" {
        asked.args([tenant.key.as_str(), name]);
    }
    // Meanwhile connections that servers close are seen to be closed.
    let done = tokio::task::spawn_blocking(move || asked.status()).await;
    let status = done.expect("it ends").expect("python3");
    assert!(status.success(), "bench/floor.py");
}

/// Does something for each, so many at once, and prints how that went. Returns what it came to.
async fn measure<T, R>(
    what: &str,
    steps: &[&'static str],
    each: Vec<T>,
    work: impl AsyncFn(usize, T, &mut Times) -> R,
) -> Vec<R> {
    let count = each.len();
    let before = (cpu("averis-"), cpu("postgres"));
    let start = Instant::now();
    let work = &work;
    let done: Vec<(R, Times)> = stream::iter(each.into_iter().enumerate())
        .map(async |(number, one)| {
            let mut times = Times::default();
            let result = work(number, one, &mut times).await;
            (result, times)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let rate = count as f64 / start.elapsed().as_secs_f64();
    let per = 1_000.0 / count as f64;
    println!("{what}: {rate:.0}/s, {AT_ONCE} at once");
    println!(
        "  CPU seconds per 1,000: services {:.1}, PostgreSQL {:.1}",
        (cpu("averis-") - before.0) * per,
        (cpu("postgres") - before.1) * per
    );
    println!("  step\tp50 ms\tp99 ms");
    let mut all = Times::default();
    let mut results = Vec::with_capacity(count);
    for (result, times) in done {
        results.push(result);
        for (step, own) in times.0 {
            all.0.entry(step).or_default().extend(own);
        }
    }
    all.print(steps);
    results
}

/// Issues invoices, all of one series.
async fn invoice(tenant: &FleetTenant) {
    let staff = &tenant.staff;
    let draft = async |number: usize, (), times: &mut Times| {
        let step = Instant::now();
        let line = json!({"text": "Lamp", "sku": "LAMP", "quantity": 1, "net": eur(1_000), "tax": eur(190), "tax_rate": "0.19"});
        let body = json!({"cause": format!("bench {number}"), "lines": [line]});
        let made = staff.post("/api/erp/v1/invoices", &body).await;
        times.note("draft", step);
        made.expect(201).id()
    };
    let drafts = measure("invoices drafted", &["draft"], vec![(); count()], draft).await;
    let issue = async |_, id: String, times: &mut Times| {
        let step = Instant::now();
        let address = format!("/api/erp/v1/invoices/{id}/issue");
        let _ = staff.command(&address, 1, &json!({})).await.expect(200);
        times.note("issue", step);
    };
    measure("invoices issued", &["issue"], drafts, issue).await;
}

/// Lets the shop sell many SKUs besides.
async fn sell_many(tenant: &FleetTenant, stock: i64) -> Vec<String> {
    let staff = &tenant.staff;
    let skus: Vec<String> = (0..SKUS).map(|number| format!("SKU-{number}")).collect();
    let mut entries = Vec::new();
    for (number, own) in skus.chunks(VARIANTS).enumerate() {
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let product = launch_product(staff, &format!("product-{number}"), &own).await;
        entries.push(json!({"product_id": product}));
    }
    let catalogs = staff.get("/api/pricing/v1/catalogs?limit=1").await;
    let catalog = catalogs.expect(200).body["data"][0].clone();
    let own = format!(
        "/api/pricing/v1/catalogs/{}",
        catalog["id"].as_str().expect("an id")
    );
    let version = staff.get(&own).await.expect(200).version();
    let entries = json!({"entries": entries});
    let request = staff.request(Method::PUT, &format!("{own}/entries"));
    let request = request.header("if-match", format!("\"{version}\""));
    let _ = Answer::of(request.json(&entries)).await.expect(200);
    for sku in &skus {
        price(staff, sku, 1_190).await;
    }
    let places = staff.get("/api/erp/v1/warehouses").await.expect(200).body;
    let place = places["data"][0]["stock_location_id"].clone();
    let line = |sku: &String| json!({"sku": sku, "location_id": place, "quantity": stock, "unit_cost": eur(700)});
    let lines: Vec<_> = skus.iter().map(line).collect();
    let body = json!({"kind": "receipt", "cause": "delivery 2", "lines": lines});
    let _ = staff
        .post("/api/erp/v1/stock-moves", &body)
        .await
        .expect(201);
    skus
}

/// Seconds of CPU that processes of that name have taken, on this machine.
fn cpu(name: &str) -> f64 {
    let all = std::fs::read_dir("/proc").expect("/proc").flatten();
    let ticks = all.filter_map(|process| {
        let stat = std::fs::read_to_string(process.path().join("stat")).ok()?;
        let (head, rest) = stat.rsplit_once(") ")?;
        if !head.split_once('(')?.1.starts_with(name) {
            return None;
        }
        let fields: Vec<&str> = rest.split(' ').collect();
        let of = |place: usize| fields.get(place)?.parse::<f64>().ok();
        // With its ended children, as a server's backends are: fields 14 to 17 of proc(5).
        Some(of(11)? + of(12)? + of(13)? + of(14)?)
    });
    ticks.sum::<f64>() / 100.0
}

#[actix_web::main]
async fn main() {
    let address = "127.0.0.1:0".parse().expect("an address");
    let provider = Simulator::start(address, SECRET, Behaviour::default()).expect("a simulator");
    let own = vec![
        ("AVERIS_PAYMENT_SIMULATOR_URL", provider.url()),
        ("AVERIS_PAYMENT_SIMULATOR_SECRET", SECRET.to_owned()),
    ];
    let fleet = Fleet::start(BTreeMap::from([("oms", own)])).await;
    let tenant = fleet.tenant("bench").await;
    let stock = 1_000_000;
    open_shop(&tenant.staff, &tenant.key, stock).await;
    let many = sell_many(&tenant, stock).await;
    // Each service has its connections and statements before anything is measured, and the server knows that its tables are
    // not empty any more, as it finds out by itself within a minute.
    for number in 0..WARMING {
        let mut ignored = Times::default();
        let ready = fill(fleet.shopper(&tenant), &many[number % SKUS], &mut ignored).await;
        complete(ready, &mut ignored).await;
    }
    let database = fleet.database.connect().await;
    database.batch_execute("ANALYZE").await.expect("statistics");
    let steps = ["cart", "line", "address", "totals"];
    for (name, skus) in [
        ("distinct SKUs", many.as_slice()),
        ("one hot SKU", &["LAMP".to_owned()]),
    ] {
        let shoppers: Vec<Client> = (0..count()).map(|_| fleet.shopper(&tenant)).collect();
        let what = format!("carts, {name}");
        let carts = measure(
            &what,
            &steps,
            shoppers,
            async |number, shopper, times: &mut Times| {
                fill(shopper, &skus[number % skus.len()], times).await
            },
        );
        let carts = carts.await;
        measure(
            &format!("checkouts, {name}"),
            &["complete"],
            carts,
            async |_, cart, times: &mut Times| complete(cart, times).await,
        )
        .await;
    }
    invoice(&tenant).await;
    // A figure counts if everything holds after the same run.
    let auditor = Auditor::new(&fleet.database, &provider, None).await;
    auditor.wait_for_quiet(&tenant.key).await;
    let findings = auditor.audit(&tenant.key).await;
    println!("{} findings of the auditor", findings.len());
    findings.iter().for_each(|finding| println!("  {finding}"));
    floor(&fleet, &tenant, "begin", "").await;
    let mut ignored = Times::default();
    let ready = fill(fleet.shopper(&tenant), &many[0], &mut ignored).await;
    complete(ready, &mut ignored).await;
    // What is told of it is heard.
    tokio::time::sleep(Duration::from_secs(1)).await;
    floor(&fleet, &tenant, "end", "cart and checkout").await;
    let mut visitor = fleet.shopper(&tenant);
    let list = path("/storefront/products?country=DE&limit=24");
    let found = visitor.get(&list).await.expect(200);
    let page = found.body["data"][0]["id"].as_str().expect("an id");
    let page = path(&format!("/storefront/products/{page}?country=DE"));
    for (name, address) in [("page of a product", &page), ("list of products", &list)] {
        measure(
            name,
            &["page"],
            vec![(); count()],
            async |_, (), times: &mut Times| {
                let step = Instant::now();
                let _ = visitor.get(address).await.expect(200);
                times.note("page", step);
            },
        )
        .await;
        floor(&fleet, &tenant, "begin", "").await;
        // Over connections that were not at rest meanwhile.
        visitor = fleet.shopper(&tenant);
        let _ = visitor.get(address).await.expect(200);
        floor(&fleet, &tenant, "end", name).await;
        visitor = fleet.shopper(&tenant);
    }
    for (name, bytes) in fleet.resident() {
        println!("{name}\t{} MB resident", bytes / 1_000_000);
    }
    // What is left of the news is delivered before the database goes.
    tokio::time::sleep(Duration::from_millis(200)).await;
}
