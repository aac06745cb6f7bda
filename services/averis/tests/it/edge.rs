//! The whole platform as it is deployed: each service a process of its own, behind nginx with the deployed configuration and TLS.

mod rolling;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use averis_payment_simulator::{Behaviour, Simulator};
use averis_test_kit::edge::Strategy;
use averis_test_kit::fleet::{Fleet, FleetTenant, SERVICES, Variables};
use averis_test_kit::shop::{agreed, cart, eur, open_shop, path, total};
use averis_test_kit::{Answer, Client};
use reqwest::Method;
use serde_json::{Value, json};

const SECRET: &str = "what-the-simulator-is-asked-with";

/// A payment provider, and the variables of services that ask it, besides those that all have.
pub fn provider(all: &[(&'static str, String)]) -> (Simulator, BTreeMap<&'static str, Variables>) {
    let address = "127.0.0.1:0".parse().expect("an address");
    let provider = Simulator::start(address, SECRET, Behaviour::default()).expect("a simulator");
    let mut besides: BTreeMap<&'static str, Variables> = SERVICES
        .into_iter()
        .map(|name| (name, all.to_vec()))
        .collect();
    besides.entry("oms").or_default().extend([
        ("AVERIS_PAYMENT_SIMULATOR_URL", provider.url()),
        ("AVERIS_PAYMENT_SIMULATOR_SECRET", SECRET.to_owned()),
    ]);
    (provider, besides)
}

/// Looks until an answer is as it should be, which is a moment later.
async fn until(client: &Client, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = client.get(path).await.expect(200);
        if is_so(&answer.body) {
            return answer.body;
        }
        assert!(Instant::now() < deadline, "{path} stays {}", answer.text);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Sells a lamp from nothing: a product, its price, its stock, a cart, an order, a shipment, an invoice, a refund.
async fn sell(fleet: &Fleet, tenant: &FleetTenant, strategy: Strategy) {
    let caller = fleet.edge().client(&tenant.key, strategy);
    let staff = caller.with_token(tenant.staff.token());
    let shopper = caller.with_token(fleet.shopper(tenant).token());
    open_shop(&staff, &tenant.key, 10).await;
    let bought = cart(&shopper, &[("LAMP", 2)]).await;
    let comes_to = total(&shopper, &bought).await;
    let complete = path(&format!("/carts/{bought}/complete"));
    let agreed = agreed(&comes_to, Some("pm_ok"));
    let placed = shopper.post(&complete, &agreed).await.expect(200);
    let order = placed.body["order_id"].as_str().expect("an order");
    let order = format!("/api/oms/v1/orders/{order}");
    assert_eq!(staff.get(&order).await.expect(200).body["total"], comes_to);

    let work = format!(
        "/api/oms/v1/fulfilment-orders?order_id={}",
        placed.body["order_id"].as_str().expect("an order")
    );
    let work = staff.get(&work).await.expect(200);
    let id = work.body["data"][0]["id"].as_str().expect("work");
    let ship = format!("/api/oms/v1/fulfilment-orders/{id}/ship");
    let slip = json!({"slip": "slip 1", "carrier": "DHL"});
    let _ = staff.post(&ship, &slip).await.expect(201);
    let invoices = "/api/erp/v1/invoices";
    let is_billed = |body: &Value| body["data"].as_array().is_some_and(|all| !all.is_empty());
    let invoice = until(&staff, invoices, is_billed).await;
    assert_eq!(invoice["data"][0]["total"], comes_to);
    let refund = json!({"amount": eur(100), "reason": "A scratch", "reference": "scratch 1"});
    let refunds = format!("{order}/refunds");
    let _ = staff.post(&refunds, &refund).await.expect(200);
    let customers = staff.get("/api/customer/v1/customers").await.expect(200);
    assert!(customers.body["data"].is_array());
    let left = |body: &Value| body["data"][0]["on_hand"] == json!(8);
    until(&staff, "/api/erp/v1/stock-levels?sku=LAMP", left).await;
}

#[actix_web::test]
async fn edge_sells_from_product_to_refund_by_each_strategy_over_tls() {
    let (_provider, besides) = provider(&[]);
    let fleet = Fleet::behind_edge(1, besides).await;
    let mut tenants = Vec::new();
    for _ in Strategy::ALL {
        tenants.push(fleet.tenant("edge").await);
    }
    let [a, b, c] = Strategy::ALL;
    tokio::join!(
        sell(&fleet, &tenants[0], a),
        sell(&fleet, &tenants[1], b),
        sell(&fleet, &tenants[2], c),
    );
}

#[actix_web::test]
async fn edge_lets_nobody_through_to_what_is_not_theirs() {
    let fleet = Fleet::behind_edge(1, BTreeMap::new()).await;
    let (acme, globex) = (fleet.tenant("acme").await, fleet.tenant("globex").await);
    let edge = fleet.edge();
    let products = "/api/product/v1/products";
    let thing = |name: &str| json!({"key": "thing", "name": name, "description": name, "variants": [{"sku": "THING"}]});
    for (tenant, name) in [(&acme, "Of acme"), (&globex, "Of globex")] {
        let _ = tenant.staff.post(products, &thing(name)).await.expect(201);
    }
    for strategy in Strategy::ALL {
        let own = edge.client(&acme.key, strategy);
        let own = own.with_token(acme.staff.token());
        let seen = own.get(products).await.expect(200);
        assert!(seen.text.contains("Of acme") && !seen.text.contains("Of globex"));
        let foreign = own.with_token(globex.staff.token());
        foreign
            .get(products)
            .await
            .expect_problem(403, "wrong_tenant");
        own.anonymous()
            .get(products)
            .await
            .expect_problem(401, "unauthenticated");
        let nobodys = edge.client("nobody", strategy);
        let nobodys = nobodys.with_token(acme.staff.token());
        nobodys
            .get(products)
            .await
            .expect_problem(400, "invalid_tenant");
    }
    // Two names that disagree, whatever says them.
    let acme_host = edge.client(&acme.key, Strategy::Subdomain);
    let acme_host = acme_host.with_token(acme.staff.token());
    for asked in [
        acme_host
            .with_tenant_header(&globex.key)
            .get(products)
            .await,
        acme_host.get(&format!("/t/{}{products}", globex.key)).await,
    ] {
        asked.expect_problem(400, "tenant_mismatch");
    }
    // What a caller says of proxies is not passed on.
    let spoofed = acme_host.request(Method::GET, products).header(
        "x-forwarded-host",
        format!("{}.averis.localhost", globex.key),
    );
    let spoofed = Answer::of(spoofed).await.expect(200);
    assert!(spoofed.text.contains("Of acme"), "{}", spoofed.text);
    // What services say to each other, and what is measured, has no address outside.
    let platform = fleet.admin();
    for hidden in [
        "/internal/tenant/v1/lookup?key=acme",
        "/api/internal/v1/x",
        "/metrics",
        "/health",
        "/t/acme/internal/oms/v1/tenants/acme/orders",
        "/",
    ] {
        for client in [&platform, &acme_host] {
            let answer = client.get(hidden).await;
            answer.expect_problem(404, "no_such_route");
        }
    }
    // The client library resolves dots itself; what comes as it was written comes from elsewhere.
    for written in [
        "/api/product/v1/%2e%2e/%2e%2e/%2e%2e/internal/product/v1/x",
        "/api/product/v1/..%2f..%2f..%2finternal/product/v1/x",
        "//api/product/v1/products",
    ] {
        let answer = acme_host.get(written).await;
        assert!(
            matches!(answer.status, 400 | 404),
            "{written}: {} {}",
            answer.status,
            answer.text
        );
    }
    let keys = platform.anonymous().get("/.well-known/jwks.json").await;
    assert!(keys.expect(200).body["keys"].is_array());
    // Only hosts of ours have a certificate here.
    let strange = edge.http().danger_accept_invalid_certs(true).build();
    let strange = strange.expect("a client").get(
        edge.url(None)
            .replace("averis.localhost", "other.localhost"),
    );
    assert!(strange.send().await.is_err(), "a strange host was served");
}
