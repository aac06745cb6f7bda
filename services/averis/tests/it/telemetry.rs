//! What an operator sees: traces that cross services.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use averis_test_kit::Answer;
use averis_test_kit::fleet::Fleet;
use averis_test_kit::otlp::{Collector, ReceivedSpan};
use averis_test_kit::shop::{agreed, cart, open_shop, path, total};
use reqwest::Method;

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
