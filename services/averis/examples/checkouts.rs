//! Measures checkouts over HTTP, with all services as processes of their own on this machine: how many there are in a second, how
//! long each step takes, and what they cost in CPU and memory. Needs the release builds of the services beside it.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement fails by panicking, and prints"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use averis_payment_simulator::{Behaviour, Simulator};
use averis_test_kit::fleet::{Fleet, FleetTenant};
use averis_test_kit::launch::launch_product;
use averis_test_kit::shop::{agreed, berlin, eur, open_shop, path, price};
use averis_test_kit::{Answer, Client};
use futures_util::StreamExt as _;
use futures_util::stream;
use reqwest::Method;
use serde_json::json;

const SECRET: &str = "what-the-simulator-is-asked-with";
const SKUS: usize = 200;
const AT_ONCE: usize = 8;

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

    fn print(mut self) {
        for step in ["cart", "line", "address", "totals", "complete", "all"] {
            let times = self.0.entry(step).or_default();
            times.sort_by(f64::total_cmp);
            let at = |share: usize| times.get(times.len() * share / 100).copied();
            let (p50, p99) = (at(50).unwrap_or_default(), at(99).unwrap_or_default());
            println!("  {step}\t{p50:.1}\t{p99:.1}");
        }
    }
}

/// Buys one piece.
async fn buy(shopper: Client, sku: &str, times: &mut Times) {
    let start = Instant::now();
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
    step = Instant::now();
    let agree = agreed(&totals.body["total"], Some("pm_ok"));
    let bought = shopper.post(&format!("{own}/complete"), &agree).await;
    let _ = bought.expect(200);
    times.note("complete", step);
    times.note("all", start);
}

/// Lets the shop sell many SKUs besides.
async fn sell_many(tenant: &FleetTenant, stock: i64) -> Vec<String> {
    let staff = &tenant.staff;
    let skus: Vec<String> = (0..SKUS).map(|number| format!("SKU-{number}")).collect();
    let names: Vec<&str> = skus.iter().map(String::as_str).collect();
    let product = launch_product(staff, "many", &names).await;
    let catalogs = staff.get("/api/pricing/v1/catalogs?limit=1").await;
    let catalog = catalogs.expect(200).body["data"][0].clone();
    let own = format!(
        "/api/pricing/v1/catalogs/{}",
        catalog["id"].as_str().expect("an id")
    );
    let version = staff.get(&own).await.expect(200).version();
    let entries = json!({"entries": [{"product_id": product}]});
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
    let stock = i64::try_from(count()).expect("small") * 2 + 100;
    open_shop(&tenant.staff, &tenant.key, stock).await;
    let many = sell_many(&tenant, stock).await;
    for number in 0..50 {
        let mut ignored = Times::default();
        buy(fleet.shopper(&tenant), &many[number % SKUS], &mut ignored).await;
    }
    for (name, skus) in [
        ("distinct SKUs", many.as_slice()),
        ("one hot SKU", &["LAMP".to_owned()]),
    ] {
        let shoppers: Vec<Client> = (0..count()).map(|_| fleet.shopper(&tenant)).collect();
        let before = (cpu("averis-"), cpu("postgres"));
        let start = Instant::now();
        let bought = stream::iter(shoppers.into_iter().enumerate())
            .map(async |(number, shopper)| {
                let mut times = Times::default();
                buy(shopper, &skus[number % skus.len()], &mut times).await;
                times
            })
            .buffer_unordered(AT_ONCE);
        let times = bought
            .fold(Times::default(), async |mut all, one| {
                for (step, own) in one.0 {
                    all.0.entry(step).or_default().extend(own);
                }
                all
            })
            .await;
        let taken = start.elapsed();
        let rate = count() as f64 / taken.as_secs_f64();
        println!("{name}: {rate:.0} checkouts/s, {AT_ONCE} shoppers at once");
        println!("  step\tp50 ms\tp99 ms");
        times.print();
        let per = 1_000.0 / count() as f64;
        println!(
            "  CPU seconds per 1,000: services {:.1}, PostgreSQL {:.1}",
            (cpu("averis-") - before.0) * per,
            (cpu("postgres") - before.1) * per
        );
    }
    for (name, bytes) in fleet.resident() {
        println!("{name}\t{} MB resident", bytes / 1_000_000);
    }
    // What is left of the news is delivered before the database goes.
    tokio::time::sleep(Duration::from_millis(200)).await;
}
