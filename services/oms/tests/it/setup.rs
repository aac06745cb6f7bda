//! What the tests of this service start with, and what many of them do.

use std::time::{Duration, Instant};

use averis_oms::{ProvidersConfig, StripeConfig};
use averis_payment_simulator::{Behaviour, Payment, Simulator};
use averis_tenant_context::Domain;
use averis_test_kit::{Answer, Client, Setup, TestPlatform, TestTenant};
use serde_json::{Value, json};
use uuid::Uuid;

const SECRET: &str = "what-the-simulator-is-asked-with";

/// The tenant, OMS and ERP services, and a payment provider.
pub struct Shop {
    pub platform: TestPlatform,
    pub provider: Simulator,
}

impl Shop {
    pub async fn start() -> Self {
        Self::with(Behaviour::default()).await
    }

    pub async fn with(behaviour: Behaviour) -> Self {
        let address = "127.0.0.1:0".parse().expect("an address");
        let provider = Simulator::start(address, SECRET, behaviour).expect("a simulator");
        let setup = Setup::new().await;
        let config = averis_oms::Config {
            common: setup.service_config(Domain::Oms),
            providers: ProvidersConfig {
                stripe: None,
                simulator: Some(StripeConfig {
                    url: provider.url().parse().expect("an address"),
                    secret: SECRET.to_owned(),
                    webhook_secret: SECRET.to_owned(),
                }),
            },
        };
        let erp = averis_erp::Config {
            common: setup.service_config(Domain::Erp),
            reservation_lifetime: averis_erp::DEFAULT_LIFETIME,
        };
        let oms = averis_oms::service(config).expect("the OMS service");
        let platform = setup.start(vec![
            oms,
            averis_erp::service(erp).expect("the ERP service"),
        ]);
        Self { platform, provider }
    }

    /// Makes a tenant with an account at the provider.
    pub async fn tenant(&self, name: &str) -> TestTenant {
        let tenant = self.platform.tenant(name).await;
        let body = json!({"provider": "simulator", "account": account(&tenant)});
        let set = tenant.client.post(&path("/payment-accounts"), &body).await;
        let _ = set.expect(200);
        tenant
    }

    /// Lets the provider tell that tenant what happens.
    pub fn listen(&self, tenant: &TestTenant) {
        let base = self.platform.base();
        let url = format!(
            "{base}/t/{}/api/oms/v1/payment-webhooks/simulator",
            tenant.key
        );
        self.provider.tell(&account(tenant), &url);
    }

    /// What the provider knows of an order.
    pub fn books(&self, order: &str) -> Vec<Payment> {
        let all = self.provider.payments().into_iter();
        all.filter(|payment| payment.order == order).collect()
    }
}

pub fn account(tenant: &TestTenant) -> String {
    format!("acct_{}", tenant.key)
}

pub fn path(rest: &str) -> String {
    format!("/api/oms/v1{rest}")
}

pub fn eur(amount: i64) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

/// Goods, all at one place.
pub fn goods(sku: &str, quantity: i64, net: i64, tax: i64, place: Uuid) -> Value {
    json!({
        "kind": "goods", "sku": sku, "name": sku, "quantity": quantity, "net": eur(net), "tax": eur(tax),
        "tax_rate": "0.19", "allocation": [{"location_id": place, "quantity": quantity}],
    })
}

pub fn shipping(net: i64, tax: i64) -> Value {
    json!({"kind": "shipping", "name": "Shipping", "quantity": 1, "net": eur(net), "tax": eur(tax), "tax_rate": "0.19"})
}

/// An order of those lines, paid with that token of the simulator, or by transfer.
pub fn draft(lines: &[Value], token: Option<&str>) -> Value {
    let payment = match token {
        Some(token) => json!({"provider": "simulator", "token": token}),
        None => json!({"provider": "offline", "days": 14}),
    };
    json!({
        "checkout_id": Uuid::now_v7(), "cart_id": Uuid::now_v7(), "customer_id": Uuid::now_v7(), "lines": lines,
        "payment": payment, "snapshot": {"quote_id": Uuid::now_v7()},
    })
}

/// Three lamps and what it costs to send them: 119.00 and 5.95.
pub fn three_lamps() -> Vec<Value> {
    vec![
        goods("LAMP", 3, 10_000, 1_900, Uuid::from_u128(7)),
        shipping(500, 95),
    ]
}

pub async fn drafted(client: &Client, body: &Value) -> Answer {
    client.post(&path("/orders"), body).await
}

pub async fn command(client: &Client, id: &str, name: &str, body: Value) -> Answer {
    client
        .post(&path(&format!("/orders/{id}/{name}")), &body)
        .await
}

/// Places an order, and returns its id.
pub async fn placed(client: &Client, lines: &[Value], token: Option<&str>) -> String {
    let order = drafted(client, &draft(lines, token)).await.expect(201).id();
    let placed = command(client, &order, "authorise", json!({})).await;
    assert_eq!(placed.expect(200).body["status"], "placed");
    order
}

pub async fn order(client: &Client, id: &str) -> Value {
    let found = client.get(&path(&format!("/orders/{id}"))).await;
    found.expect(200).body
}

/// What warehouses are to do for an order.
pub async fn work(client: &Client, order: &str) -> Vec<Value> {
    let address = path(&format!("/fulfilment-orders?order_id={order}"));
    let found = client.get(&address).await.expect(200).body;
    found["data"].as_array().expect("a list").clone()
}

/// Ships pieces of lines, or all that is open.
pub async fn ship(
    client: &Client,
    order: &str,
    slip: &str,
    lines: Option<&[(i32, i64)]>,
) -> Answer {
    let work = work(client, order).await;
    let id = work[0]["id"].as_str().expect("an id");
    let mut body = json!({"slip": slip});
    if let Some(lines) = lines {
        let lines = lines
            .iter()
            .map(|(line, quantity)| json!({"line": line, "quantity": quantity}));
        body["lines"] = lines.collect();
    }
    let address = path(&format!("/fulfilment-orders/{id}/ship"));
    client.post(&address, &body).await
}

/// The kinds of what happened to an order.
pub async fn events(client: &Client, order: &str) -> Vec<String> {
    let found = client
        .get(&path(&format!("/orders/{order}/events?limit=250")))
        .await;
    let found = found.expect(200).body;
    let all = found["data"].as_array().expect("a list").iter();
    all.map(|event| event["kind"].as_str().expect("a kind").to_owned())
        .collect()
}

/// Asks until there is an answer.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not within a minute");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
