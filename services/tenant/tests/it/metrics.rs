//! S43: metrics know routes, never callers.

use std::collections::BTreeSet;

use averis_test_kit::{Answer, Client, Setup, TestPlatform, routes, unique_key};
use futures_util::future::join_all;
use reqwest::Method;
use uuid::Uuid;

use crate::tools::{TENANTS, path};

/// Returns the values of a label.
fn values<'a>(text: &'a str, label: &str) -> BTreeSet<&'a str> {
    let start = format!("{label}=\"");
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(start.as_str()))
        .filter_map(|(_, rest)| rest.split('"').next())
        .collect()
}

/// Reads the metrics at their own port.
async fn metrics(platform: &TestPlatform) -> String {
    let address = platform.metrics;
    let client = Client::new(&format!("http://{address}"), &address.to_string());
    client.get("/metrics").await.expect(200).text
}

#[actix_web::test]
async fn metrics_are_told_at_their_own_port_alone() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("scraped").await;
    for client in [
        &platform.client,
        &platform.client.anonymous(),
        &tenant.client,
    ] {
        let answer = client.get("/metrics").await;
        answer.expect_problem(404, "no_such_route");
    }
    assert!(metrics(&platform).await.contains("route=\""));
    let base = format!("http://{}", platform.metrics);
    let scraper = Client::new(&base, "localhost").with_token(platform.client.token());
    let _ = scraper.get(TENANTS).await.expect(404);
}

#[actix_web::test]
async fn s43_no_caller_can_make_series_and_one_counter_alone_names_tenants() {
    let platform = Setup::new().await.start(vec![]);
    let tenants = join_all((0..10).map(|_| platform.tenant("label"))).await;
    let mut secrets: Vec<String> = Vec::new();
    for tenant in &tenants {
        let _ = tenant.client.get(TENANTS).await.expect(200);
        let _ = platform.client.get(&path(tenant, "")).await.expect(200);
        let by_path = format!("/t/{}{TENANTS}", tenant.key);
        let admin = platform.client.with_token(tenant.client.token());
        let _ = admin.get(&by_path).await.expect(200);
        secrets.extend([tenant.key.to_string(), tenant.id.to_string()]);
    }
    for n in 0..200 {
        let made_up = unique_key("made");
        let path = match n % 5 {
            0 => format!("/{made_up}"),
            1 => format!("/api/tenant/v1/{made_up}"),
            2 => format!("/api/tenant/v1/tenants/{}/{made_up}", Uuid::now_v7()),
            3 => format!("/t/{made_up}/api/tenant/v1/tenants"),
            _ => format!("/api/tenant/v1/tenants?{made_up}={made_up}"),
        };
        let method = match n % 3 {
            0 => Method::GET,
            1 => Method::POST,
            _ => Method::from_bytes(made_up.as_str().to_uppercase().as_bytes()).expect("a method"),
        };
        let _ = Answer::of(platform.client.request(method, &path)).await;
        secrets.extend([made_up.to_string(), made_up.as_str().to_uppercase()]);
    }
    let all = metrics(&platform).await;
    let of_tenants = |line: &&str| line.starts_with("averis_tenant_requests_total{");
    let own: Vec<&str> = all.lines().filter(of_tenants).collect();
    for tenant in &tenants {
        let named = format!("tenant=\"{}\"", tenant.key);
        let of_it: Vec<&&str> = own.iter().filter(|line| line.contains(&named)).collect();
        let outcomes = values(&all, "outcome");
        assert!(outcomes.is_subset(&BTreeSet::from(["good", "slow", "failed"])));
        let answered: f64 = of_it
            .iter()
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum();
        // At its own address and by path, of three requests; the other was at the platform's.
        assert!((answered - 2.0).abs() < 0.1, "{of_it:?}");
    }
    let text: Vec<&str> = all.lines().filter(|line| !of_tenants(line)).collect();
    let text = text.join("\n");
    let made_up = secrets.split_off(2 * tenants.len());
    assert!(
        made_up.len() > 200
            && made_up
                .iter()
                .all(|made_up| !all.contains(made_up.as_str()))
    );
    let ids = secrets.iter().filter(|secret| secret.contains('-'));
    assert!(ids.clone().count() > 0);
    for id in ids {
        assert!(!all.contains(id.as_str()), "{id} is in the metrics");
    }
    for secret in &secrets {
        assert!(
            !text.contains(secret.as_str()),
            "{secret} is in the metrics"
        );
    }
    let mut routes: BTreeSet<String> = routes(include_str!("../../src/routes.rs"))
        .into_keys()
        .map(|(_, path)| path)
        .collect();
    routes.extend(
        [
            "none",
            "/health",
            "/health/ready",
            "/health/live",
            "/openapi.json",
        ]
        .map(str::to_owned),
    );
    let found = values(&text, "route");
    assert!(
        found.contains("none") && found.contains("/api/tenant/v1/tenants/{id}"),
        "{found:?}"
    );
    for route in found {
        assert!(routes.contains(route), "{route}");
    }
    let methods = values(&text, "method");
    let known = BTreeSet::from([
        "GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "other",
    ]);
    assert!(
        methods.is_subset(&known) && methods.contains("other"),
        "{methods:?}"
    );
    let series = text.lines().filter(|line| !line.starts_with('#')).count();
    assert!(series < 20 * routes.len() * 4, "{series} series");
}
