//! Every service is replaced while people shop and staff works, and nobody is told of it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Instant;

use averis_test_kit::Client;
use averis_test_kit::fleet::{Fleet, FleetTenant, SERVICES};
use averis_test_kit::shop::{agreed, berlin, open_shop, path};
use futures_util::future::join_all;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::provider;
use crate::process::is_long;

/// What was asked, and how it ended.
#[derive(Default)]
struct Tally {
    answers: BTreeMap<u16, u64>,
    bought: u64,
    failures: Vec<String>,
}

/// Somebody who asks once, as browsers do, and notes what came back.
struct Person {
    client: Client,
    tally: Tally,
}

impl Person {
    fn new(client: Client) -> Self {
        let tally = Tally::default();
        Self { client, tally }
    }

    async fn get(&mut self, path: &str) -> Value {
        let request = self.client.request(Method::GET, path);
        self.ask(&format!("GET {path}"), request).await
    }

    async fn post(&mut self, path: &str, body: &Value) -> Value {
        let request = self.client.request(Method::POST, path).json(body);
        let key = Uuid::now_v7().to_string();
        let request = request.header("idempotency-key", key);
        self.ask(&format!("POST {path}"), request).await
    }

    async fn patch(&mut self, path: &str, version: &Value, body: &Value) -> Value {
        let request = self.client.request(Method::PATCH, path).json(body);
        let request = request.header("if-match", format!("\"{version}\""));
        self.ask(&format!("PATCH {path}"), request).await
    }

    async fn ask(&mut self, what: &str, request: RequestBuilder) -> Value {
        let failures = &mut self.tally.failures;
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                failures.push(format!("{what}: {error:?}"));
                return Value::Null;
            }
        };
        let status = answer.status().as_u16();
        *self.tally.answers.entry(status).or_default() += 1;
        let text = answer
            .text()
            .await
            .unwrap_or_else(|error| error.to_string());
        // 202: the checkout goes on, and its shopper looks again.
        if !matches!(status, 200..=202) {
            failures.push(format!("{what}: {status} {text}"));
        }
        serde_json::from_str(&text).unwrap_or_default()
    }
}

/// Looks at what there is, fills a cart and buys it, again and again.
async fn shop(shopper: Client, done: Rc<Cell<bool>>) -> Tally {
    let mut shopper = Person::new(shopper);
    while !done.get() {
        shopper.get(&path("/storefront/products?country=DE")).await;
        let country = json!({"country": "DE"});
        let made = shopper.post(&path("/carts"), &country).await;
        let Some(id) = made["id"].as_str() else {
            continue;
        };
        let own = path(&format!("/carts/{id}"));
        let line = json!({"sku": "BULB", "quantity": 1});
        shopper.post(&format!("{own}/lines"), &line).await;
        let seen = shopper.get(&own).await;
        let more =
            json!({"email": "ana@example.com", "ship_to": berlin(), "shipping_method": "standard"});
        shopper.patch(&own, &seen["version"], &more).await;
        let seen = shopper.get(&format!("{own}/totals")).await;
        let agreed = agreed(&seen["total"], Some("pm_ok"));
        let placed = shopper.post(&format!("{own}/complete"), &agreed).await;
        shopper.tally.bought += u64::from(placed["status"] == "placed");
    }
    shopper.tally
}

/// Drafts products and looks at orders and stock, again and again.
async fn work(staff: Client, number: usize, done: Rc<Cell<bool>>) -> Tally {
    let mut staff = Person::new(staff);
    let mut drafted = 0;
    while !done.get() {
        let name = format!("draft-{number}-{drafted}");
        let body = json!({"key": name, "name": name, "variants": [{"sku": name}]});
        staff.post("/api/product/v1/products", &body).await;
        for path in [
            "/api/oms/v1/orders",
            "/api/erp/v1/stock-levels?sku=BULB",
            "/api/customer/v1/customers",
            "/api/pricing/v1/prices",
            "/api/tenant/v1/webhook-endpoints",
        ] {
            staff.get(path).await;
        }
        drafted += 1;
    }
    staff.tally
}

/// Replaces every instance of every service: in short one of each at once, in long one after the other, three times.
async fn roll(fleet: &mut Fleet) -> usize {
    let mut replaced = 0;
    if !is_long() {
        for number in 0..2 {
            fleet.replace(&SERVICES, number).await;
            replaced += SERVICES.len();
        }
        return replaced;
    }
    for _ in 0..3 {
        for service in SERVICES {
            for number in 0..2 {
                fleet.replace(&[service], number).await;
                replaced += 1;
            }
        }
    }
    replaced
}

#[actix_web::test]
async fn edge_loses_no_request_while_every_service_is_replaced() {
    let (_provider, besides) = provider(&[("AVERIS_DRAIN_SECONDS", "5".to_owned())]);
    let mut fleet = Fleet::behind_edge(2, besides).await;
    let mut tenants: Vec<FleetTenant> = Vec::new();
    for _ in 0..2 {
        let tenant = fleet.tenant("rolling").await;
        open_shop(&tenant.staff, &tenant.key, 1_000_000).await;
        tenants.push(tenant);
    }
    let done = Rc::new(Cell::new(false));
    let people = (0..6).map(|number| {
        let tenant = &tenants[number % tenants.len()];
        let (staff, shopper, done) = (
            tenant.staff.clone(),
            fleet.shopper(tenant),
            Rc::clone(&done),
        );
        actix_web::rt::spawn(async move {
            match number % 3 {
                0 => work(staff, number, done).await,
                _ => shop(shopper, done).await,
            }
        })
    });
    let people: Vec<_> = people.collect();
    let start = Instant::now();
    let replaced = roll(&mut fleet).await;
    done.set(true);
    let tallies = join_all(people)
        .await
        .into_iter()
        .map(|tally| tally.expect("its end"));
    let (mut answers, mut bought, mut failures) = (BTreeMap::new(), 0, Vec::new());
    for tally in tallies {
        for (status, count) in tally.answers {
            *answers.entry(status).or_insert(0) += count;
        }
        bought += tally.bought;
        failures.extend(tally.failures);
    }
    println!(
        "{replaced} instances replaced in {:.0} s; {bought} bought; answers {answers:?}; {} failures",
        start.elapsed().as_secs_f64(),
        failures.len()
    );
    let first: Vec<String> = failures.iter().take(10).cloned().collect();
    assert!(failures.is_empty(), "{}", first.join("\n"));
    assert!(bought > 10, "nothing was bought meanwhile");
}
