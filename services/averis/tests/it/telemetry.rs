//! What an operator sees: traces that cross services, and metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use averis_test_kit::edge::tool;
use averis_test_kit::fleet::{Fleet, SERVICES, free_port};
use averis_test_kit::otlp::{Collector, ReceivedSpan};
use averis_test_kit::shop::{agreed, cart, complete, open_shop, path, total};
use averis_test_kit::{Answer, Client};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

use crate::edge::provider;

const SERVER: i32 = 2;
const CLIENT: i32 = 3;

/// What a checkout causes: who is asked for what, as the services' routes have it.
const HOPS: [(&str, &str); 8] = [
    ("ecomm", "POST /api/ecomm/v1/carts/{id}/complete"),
    (
        "pricing",
        "POST /internal/pricing/v1/tenants/{tenant}/price-quotes",
    ),
    ("erp", "POST /internal/erp/v1/tenants/{tenant}/reservations"),
    ("oms", "POST /internal/oms/v1/tenants/{tenant}/orders"),
    ("oms", "ask the payment provider"),
    ("erp", "POST /internal/erp/v1/tenants/{tenant}/events"),
    (
        "customer",
        "POST /internal/customer/v1/tenants/{tenant}/events",
    ),
    ("tenant", "POST /internal/tenant/v1/tenants/{tenant}/events"),
];

fn has(spans: &[ReceivedSpan], hop: (&str, &str)) -> bool {
    spans
        .iter()
        .any(|span| (span.service.as_str(), span.name.as_str()) == hop)
}

#[actix_web::test]
async fn one_checkout_is_one_trace_with_every_hop_and_its_tenant() {
    let collector = Collector::start();
    let (_provider, besides) = provider(&[
        ("AVERIS_OTLP_URL", collector.url()),
        // The edge decides what is recorded, and here that is all.
        ("AVERIS_TRACE_RATIO", "0".to_owned()),
        ("OTEL_BSP_SCHEDULE_DELAY", "50".to_owned()),
    ]);
    let mut fleet = Fleet::behind_edge(1, besides).await;
    let tenant = fleet.tenant("traced").await;
    open_shop(&tenant.staff, &tenant.key, 10).await;
    let shopper = fleet.shopper(&tenant);
    let bought = cart(&shopper, &[("LAMP", 1)]).await;
    let total = total(&shopper, &bought).await;

    let outside = "0af7651916cd43dd8448eb211c80319c";
    let completing = shopper
        .request(Method::POST, &path(&format!("/carts/{bought}/complete")))
        .header("idempotency-key", "complete")
        .header("traceparent", format!("00-{outside}-b7ad6b7169203331-01"))
        .json(&agreed(&total, Some("pm_ok")));
    let placed = Answer::of(completing).await.expect(200);
    // A request that has no name of its own is called as its trace.
    let trace = placed.headers["x-request-id"].to_str().expect("a text");
    let deadline = Instant::now() + Duration::from_secs(60);
    let is_told = |spans: &[ReceivedSpan]| HOPS.iter().all(|hop| has(spans, *hop));
    while !is_told(&collector.trace(trace)) {
        let missing = HOPS
            .iter()
            .filter(|hop| !has(&collector.trace(trace), **hop));
        assert!(
            Instant::now() < deadline,
            "missing: {:?} of {:#?}",
            missing.collect::<Vec<_>>(),
            collector.trace(trace)
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // A process hands over what it has recorded before it ends.
    fleet.stop().await;
    let spans = collector.trace(trace);
    let ids: BTreeSet<&str> = spans.iter().map(|span| span.id.as_str()).collect();
    let roots: Vec<&ReceivedSpan> = spans
        .iter()
        .filter(|span| !ids.contains(span.parent.as_str()))
        .collect();
    assert_eq!(roots.len(), 1, "{roots:#?}");
    // It begins at the edge.
    assert_eq!(roots[0].name, HOPS[0].1);
    assert_eq!(roots[0].parent, trace[..16]);
    assert!(
        collector.trace(outside).is_empty(),
        "a caller chose its trace"
    );
    // Which tenant a name means is asked before it is known.
    let lookups: BTreeSet<&str> = spans
        .iter()
        .filter(|span| span.name == "GET /internal/tenant/v1/lookup")
        .flat_map(|span| [span.id.as_str(), span.parent.as_str()])
        .collect();
    for span in &spans {
        if lookups.contains(span.id.as_str()) {
            continue;
        }
        let key = span.attributes.get("averis.tenant.key");
        assert_eq!(key, Some(&tenant.key), "{span:#?}");
        let id = span.attributes.get("averis.tenant.id");
        assert_eq!(id, Some(&tenant.id.to_string()), "{span:#?}");
    }
    // Each call is seen by both of its sides.
    let parents: BTreeMap<&str, &ReceivedSpan> =
        spans.iter().map(|span| (span.id.as_str(), span)).collect();
    for span in spans.iter().filter(|span| span.kind == SERVER) {
        let Some(caller) = parents.get(span.parent.as_str()) else {
            continue;
        };
        assert_eq!(caller.kind, CLIENT, "{span:#?}");
        assert_eq!(caller.name, format!("call {}", span.service));
        assert_ne!(caller.service, span.service);
    }
    println!("{} spans of {} processes", spans.len(), {
        let services: BTreeSet<&str> = spans.iter().map(|span| span.service.as_str()).collect();
        services.len()
    });
}

/// The metrics that the documents describe.
fn described() -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations/telemetry.md");
    let text = std::fs::read_to_string(file).expect("the document");
    let rows = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `averis_"));
    let names = rows.filter_map(|row| row.split('`').next());
    names.map(|name| format!("averis_{name}")).collect()
}

/// A Prometheus that scrapes a fleet with the rules that are deployed, each second.
struct Prometheus {
    _child: Child,
    _home: tempfile::TempDir,
    client: Client,
}

impl Prometheus {
    fn start(fleet: &Fleet) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let rules = root.join("k8s/components/monitoring/averis.rules.yml");
        let rules = std::fs::read_to_string(rules).expect("the rules");
        let rules = rules.replace("interval: 30s", "interval: 1s");
        std::fs::write(home.path().join("averis.rules.yml"), rules).expect("written");
        let targets = SERVICES.into_iter().flat_map(|name| fleet.metrics(name));
        let targets: Vec<String> = targets.map(|port| format!("127.0.0.1:{port}")).collect();
        let config = json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["averis.rules.yml"],
            "scrape_configs": [{"job_name": "averis", "static_configs": [{"targets": targets}]}],
        });
        // JSON is YAML.
        let file = home.path().join("prometheus.yml");
        std::fs::write(&file, config.to_string()).expect("written");
        let port = free_port();
        let child = Command::new(tool("prometheus"))
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                home.path().join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("Prometheus starts");
        Self {
            _child: child,
            _home: home,
            client: Client::new(&format!("http://127.0.0.1:{port}"), "localhost"),
        }
    }

    /// Asks it, until the answer is as it should be.
    async fn until(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let asked = self.client.request(Method::GET, path).send().await;
            let said: Value = match asked {
                Ok(answer) => answer.json().await.unwrap_or_default(),
                Err(_) => Value::Null,
            };
            if is_so(&said["data"]) {
                return said["data"].clone();
            }
            assert!(Instant::now() < deadline, "{path} stays {said}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[actix_web::test]
async fn a_real_prometheus_scrapes_every_service_and_evaluates_every_rule() {
    let (_provider, mut besides) = provider(&[("AVERIS_LEFT_AFTER", "3".to_owned())]);
    let limited = ("AVERIS_RATE_LIMITS", "true".to_owned());
    besides.entry("ecomm").or_default().push(limited);
    let fleet = Fleet::behind_edge(1, besides).await;
    let tenant = fleet.tenant("scraped").await;
    open_shop(&tenant.staff, &tenant.key, 10).await;
    let shopper = fleet.shopper(&tenant);
    let bought = cart(&shopper, &[("LAMP", 1)]).await;
    let _ = complete(&shopper, &bought, Some("pm_ok")).await.expect(200);
    // More tries than anybody has in a minute.
    let nowhere = path(&format!("/carts/{}/complete", uuid::Uuid::nil()));
    let nothing = json!({});
    let tries = (0..13).map(|_| shopper.post(&nowhere, &nothing));
    let refused = join_all(tries).await;
    assert!(refused.iter().any(|answer| answer.status == 429));
    let prometheus = Prometheus::start(&fleet);
    let is_up = |data: &Value| {
        let targets = data["activeTargets"].as_array();
        targets.is_some_and(|all| {
            all.len() == SERVICES.len() && all.iter().all(|one| one["health"] == "up")
        })
    };
    prometheus.until("/api/v1/targets", is_up).await;
    for name in described() {
        let name = match name.strip_suffix("_seconds") {
            Some(_) if name.contains("duration") => format!("{name}_count"),
            _ => name,
        };
        let query = format!("/api/v1/query?query=count({name})");
        let is_there = |data: &Value| data["result"].as_array().is_some_and(|all| !all.is_empty());
        prometheus.until(&query, is_there).await;
    }
    let own = format!(
        "/api/v1/query?query=averis_tenant_requests_total%7Btenant=%22{}%22%7D",
        tenant.key
    );
    let is_known = |data: &Value| data["result"].as_array().is_some_and(|all| all.len() >= 5);
    prometheus.until(&own, is_known).await;
    let are_evaluated = |data: &Value| {
        let groups = data["groups"].as_array();
        let rules = groups.into_iter().flatten();
        let rules: Vec<&Value> = rules
            .flat_map(|group| group["rules"].as_array().into_iter().flatten())
            .collect();
        rules.len() >= 30 && rules.iter().all(|rule| rule["health"] == "ok")
    };
    prometheus.until("/api/v1/rules", are_evaluated).await;
    // The form is what Prometheus' own tool asks for.
    for service in SERVICES {
        let base = format!("http://127.0.0.1:{}", fleet.metrics(service)[0]);
        let text = Client::new(&base, "localhost")
            .get("/metrics")
            .await
            .expect(200)
            .text;
        let mut lint = Command::new(tool("promtool"))
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("promtool starts");
        let mut input = lint.stdin.take().expect("its input");
        input.write_all(text.as_bytes()).await.expect("written");
        drop(input);
        let said = lint.wait_with_output().await.expect("its end");
        let why = String::from_utf8_lossy(&said.stderr);
        assert!(said.status.success(), "{service}: {why}");
    }
}
