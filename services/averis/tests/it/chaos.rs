//! The crash test: shoppers buy and staff ships, cancels and refunds, while services and PostgreSQL are killed and the payment
//! provider is slow, silent, late and tells things twice or not at all. Then an auditor reads everything.

mod auditor;
mod people;
mod receiver;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use averis_payment_simulator::{Behaviour, Simulator};
use averis_test_kit::fleet::{Fleet, FleetTenant, SERVICES};
use averis_test_kit::shop::open_shop;
use futures_util::StreamExt as _;
use futures_util::stream;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use crate::process::is_long;
use auditor::Auditor;
use people::{People, Tally};
use receiver::Receiver;

const SECRET: &str = "what-the-simulator-is-asked-with";
/// Who buys at once.
const BUYERS: usize = 8;

/// How much is bought, where, and of how much.
struct Size {
    checkouts: u64,
    tenants: usize,
    stock: i64,
}

fn size() -> Size {
    if is_long() {
        Size {
            checkouts: 2_000,
            tenants: 10,
            stock: 250,
        }
    } else {
        Size {
            checkouts: 30,
            tenants: 2,
            stock: 20,
        }
    }
}

/// What this run follows from: `AVERIS_SEED`, or something new.
fn seed() -> u64 {
    let said = std::env::var("AVERIS_SEED");
    said.map_or_else(|_| rand::random(), |text| text.parse().expect("a number"))
}

fn provider(seed: u64) -> Simulator {
    let behaviour = Behaviour {
        seed,
        silent: 20,
        slow: 50,
        untold: 100,
        twice: 100,
        late_ms: 300,
    };
    let address = "127.0.0.1:0".parse().expect("an address");
    Simulator::start(address, SECRET, behaviour).expect("a simulator")
}

/// Starts everything so that a crash is noticed after seconds rather than minutes.
async fn fleet(provider: &Simulator) -> Fleet {
    let left = |besides: &[(&'static str, String)]| {
        let mut all = vec![("AVERIS_LEFT_AFTER", "3".to_owned())];
        all.extend(besides.iter().cloned());
        all
    };
    Fleet::start(BTreeMap::from([
        ("ecomm", left(&[("AVERIS_CHECKOUT_LEASE", "5".to_owned())])),
        ("tenant", left(&[])),
        (
            "oms",
            left(&[
                ("AVERIS_PAYMENT_SIMULATOR_URL", provider.url()),
                ("AVERIS_PAYMENT_SIMULATOR_SECRET", SECRET.to_owned()),
            ]),
        ),
    ]))
    .await
}

/// Kills one thing after another, and starts it again a moment later, until it is told to stop. Returns how often what was killed.
async fn kill(
    fleet: &mut Fleet,
    mut random: StdRng,
    mut stop: tokio::sync::oneshot::Receiver<()>,
) -> BTreeMap<&'static str, u32> {
    let mut kills = BTreeMap::new();
    loop {
        let pause = Duration::from_millis(random.random_range(200..1_500));
        tokio::select! {
            _ = &mut stop => return kills,
            () = tokio::time::sleep(pause) => {}
        }
        let away = Duration::from_millis(random.random_range(0..400));
        let victim = random.random_range(0..=SERVICES.len());
        match SERVICES.get(victim) {
            Some(name) => {
                fleet.kill(name).await;
                tokio::time::sleep(away).await;
                fleet.run(name);
                *kills.entry(*name).or_default() += 1;
            }
            None => {
                let server = fleet.database.server.as_mut().expect("its own server");
                server.kill().await.expect("killed");
                tokio::time::sleep(away).await;
                server.restart().await.expect("restarted");
                *kills.entry("postgresql").or_default() += 1;
            }
        }
    }
}

/// Kills all services once more and lets them find what was left.
async fn start_anew(fleet: &mut Fleet) {
    for name in SERVICES {
        fleet.kill(name).await;
    }
    // What was begun in the last moment has to count as left.
    tokio::time::sleep(Duration::from_secs(6)).await;
    for name in SERVICES {
        fleet.run(name);
    }
    for name in SERVICES {
        fleet.wait(name).await;
    }
}

#[actix_web::test]
async fn chaos_nothing_is_sold_twice_charged_twice_or_lost() {
    let (size, seed) = (size(), seed());
    println!("AVERIS_SEED={seed}");
    let provider = Arc::new(provider(seed));
    let mut fleet = fleet(&provider).await;
    let receiver = Receiver::start();
    let mut tenants: Vec<FleetTenant> = Vec::new();
    for _ in 0..size.tenants {
        let tenant = fleet.tenant("chaos").await;
        let hooks = json!({"url": receiver.url(&tenant.key)});
        let staff = &tenant.staff;
        let made = staff.post("/api/tenant/v1/webhook-endpoints", &hooks).await;
        let _ = made.expect(201);
        open_shop(staff, &tenant.key, size.stock).await;
        let webhooks = format!(
            "{}/t/{}/api/oms/v1/payment-webhooks/simulator",
            fleet.base(),
            tenant.key
        );
        provider.tell(&format!("acct_{}", tenant.key), &webhooks);
        tenants.push(tenant);
    }
    let people: Vec<People> = (0..size.checkouts)
        .map(|number| {
            let random = StdRng::seed_from_u64(seed.wrapping_add(number));
            let tenant = &tenants[usize::try_from(number).expect("small") % tenants.len()];
            People::new(number, tenant, fleet.shopper(tenant), random)
        })
        .collect();
    let start = Instant::now();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let buying = async {
        let all = stream::iter(people)
            .map(|people| people.buy(Arc::clone(&provider)))
            .buffer_unordered(BUYERS);
        let tally = all
            .fold(Tally::default(), async |tally, one| tally.and(one))
            .await;
        let _ = stop.send(());
        tally
    };
    let random = StdRng::seed_from_u64(seed);
    let (tally, kills) = tokio::join!(buying, kill(&mut fleet, random, stopped));
    let crashes: u32 = kills.values().sum();
    println!("{} in {:.0} s", tally, start.elapsed().as_secs_f64());
    println!("{crashes} crashes survived: {kills:?}");
    people::confirm_all(&provider);
    start_anew(&mut fleet).await;
    let auditor = Auditor::new(&fleet.database, &provider, Some(&receiver)).await;
    let settled = Instant::now();
    for tenant in &tenants {
        auditor.wait_for_quiet(&tenant.key).await;
    }
    println!("all at rest after {:.1} s", settled.elapsed().as_secs_f64());
    let mut findings = tally.unexpected.clone();
    findings.extend(receiver.strange());
    for tenant in &tenants {
        findings.extend(auditor.audit(&tenant.key).await);
    }
    println!("{} findings", findings.len());
    assert!(findings.is_empty(), "seed {seed}:\n{}", findings.join("\n"));
    assert!(crashes > 1, "nothing was killed");
    assert!(tally.bought > 0, "nothing was bought");
}
