//! Who buys and who serves, and neither gives up.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::sync::Arc;
use std::time::{Duration, Instant};

use averis_payment_simulator::Simulator;
use averis_test_kit::fleet::FleetTenant;
use averis_test_kit::shop::{agreed, berlin, eur, path};
use averis_test_kit::{Answer, Client};
use rand::RngExt as _;
use rand::rngs::StdRng;
use reqwest::Method;
use serde_json::{Value, json};

/// How long anybody tries.
const PATIENCE: Duration = Duration::from_secs(180);

/// A shopper, and the staff that serves this order.
pub struct People {
    number: u64,
    shopper: Client,
    staff: Client,
    random: StdRng,
    /// Whether it pays by transfer.
    transfers: bool,
}

/// What became of all.
#[derive(Default)]
pub struct Tally {
    pub bought: u64,
    /// How many of them lack something that was not there.
    short: u64,
    prepaid: u64,
    /// How often which refusal was given.
    refused: BTreeMap<String, u64>,
    shipped: u64,
    cancelled: u64,
    refunded: u64,
    returned: u64,
    tries: u64,
    /// Answers that nobody should be given.
    pub unexpected: Vec<String>,
}

impl Tally {
    pub fn and(mut self, other: Self) -> Self {
        self.bought += other.bought;
        self.short += other.short;
        self.prepaid += other.prepaid;
        self.shipped += other.shipped;
        self.cancelled += other.cancelled;
        self.refunded += other.refunded;
        self.returned += other.returned;
        self.tries += other.tries;
        for (code, count) in other.refused {
            *self.refused.entry(code).or_default() += count;
        }
        self.unexpected.extend(other.unexpected);
        self
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} bought ({} short, {} prepaid), {} shipped, {} cancelled, {} refunded, {} returned, refused {:?}, {} requests",
            self.bought,
            self.short,
            self.prepaid,
            self.shipped,
            self.cancelled,
            self.refunded,
            self.returned,
            self.refused,
            self.tries
        )
    }
}

/// Lets every payment that waits for its buyer be confirmed.
pub fn confirm_all(provider: &Simulator) {
    for payment in provider.payments() {
        if payment.status == "requires_action" {
            let _ = provider.confirm(&payment.id);
        }
    }
}

/// What is asked, and asked again until it is answered.
struct Ask<'a> {
    method: Method,
    path: &'a str,
    key: String,
    version: Option<i64>,
    body: &'a Value,
}

impl People {
    pub fn new(number: u64, tenant: &FleetTenant, shopper: Client, random: StdRng) -> Self {
        Self {
            number,
            shopper,
            staff: tenant.staff.clone(),
            random,
            transfers: false,
        }
    }

    /// Buys something, and has it sent, cancelled or refunded.
    pub async fn buy(mut self, provider: Arc<Simulator>) -> Tally {
        let mut tally = Tally::default();
        let Some(order) = self.order(&provider, &mut tally).await else {
            return tally;
        };
        tally.bought += 1;
        let path = format!("/api/oms/v1/orders/{order}");
        // Some pay before anything leaves.
        let is_prepaid = self.transfers && self.random.random_range(0..2) == 0;
        if is_prepaid {
            self.transfer(&path, &mut tally).await;
        }
        match self.random.random_range(0..100) {
            0..50 => {
                self.ship(&order, None, &mut tally).await;
                match self.random.random_range(0..4) {
                    0 => self.give_back(&path, &mut tally).await,
                    1 => self.send_back(&path, &mut tally).await,
                    _ => {}
                }
            }
            50..65 => self.cancel(&path, &mut tally).await,
            65..80 => {
                self.ship(&order, Some(1), &mut tally).await;
                self.cancel(&path, &mut tally).await;
            }
            _ => {}
        }
        if is_prepaid {
            self.give_back(&path, &mut tally).await;
        }
        tally
    }

    async fn order(&mut self, provider: &Simulator, tally: &mut Tally) -> Option<String> {
        let carts = path("/carts");
        let country = json!({"country": "DE"});
        let made = self.post(&carts, "cart", &country, tally).await;
        if made.status != 201 {
            tally.unexpected.push(format!("a cart: {}", made.text));
            return None;
        }
        let own = path(&format!("/carts/{}", made.id()));
        let mut lines = vec![("LAMP", self.random.random_range(1..4))];
        if self.random.random_range(0..2) == 0 {
            lines.push(("BULB", self.random.random_range(1..3)));
        }
        for (sku, quantity) in lines {
            let line = json!({"sku": sku, "quantity": quantity});
            let _ = self.post(&format!("{own}/lines"), sku, &line, tally).await;
        }
        let more =
            json!({"email": "ana@example.com", "ship_to": berlin(), "shipping_method": "standard"});
        loop {
            let version = self.get(&self.shopper.clone(), &own, tally).await.version();
            let ask = Ask {
                method: Method::PATCH,
                path: &own,
                key: self.key("more"),
                version: Some(version),
                body: &more,
            };
            // Another version: an answer that was lost on its way has changed it.
            if self.insist(&self.shopper.clone(), ask, tally).await.status == 200 {
                break;
            }
        }
        self.complete(&own, provider, tally).await
    }

    async fn complete(
        &mut self,
        cart: &str,
        provider: &Simulator,
        tally: &mut Tally,
    ) -> Option<String> {
        let token = match self.random.random_range(0..100) {
            0..8 => Some("pm_declined"),
            8..16 => Some("pm_silent"),
            16..24 => Some("pm_broken"),
            24..32 => Some("pm_later"),
            32..40 => None,
            _ => Some("pm_ok"),
        };
        self.transfers = token.is_none();
        let is_modest = self.random.random_range(0..2) == 0;
        let shopper = self.shopper.clone();
        let start = Instant::now();
        let mut known: Option<String> = None;
        while start.elapsed() < PATIENCE {
            let totals = self.get(&shopper, &format!("{cart}/totals"), tally).await;
            let body = match known.as_deref() {
                // Locked or ordered: what was agreed to stands.
                Some(total) => serde_json::from_str(total).expect("what was agreed"),
                None if totals.status == 200 => {
                    let mut body = agreed(&totals.body["total"], token);
                    body["short_ship"] = is_modest.into();
                    body
                }
                None => return self.refusal(&totals, tally),
            };
            known = Some(body.to_string());
            let complete = format!("{cart}/complete");
            let answer = self.post(&complete, "buy", &body, tally).await;
            let code = answer.body["code"].as_str().unwrap_or_default().to_owned();
            match (answer.status, code.as_str()) {
                (200, _) => {
                    tally.short += u64::from(answer.body["left_out"] != json!([]));
                    return answer.body["order_id"].as_str().map(str::to_owned);
                }
                (202, _) => {
                    if token == Some("pm_later") {
                        confirm_all(provider);
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                (409, "cart_locked") => tokio::time::sleep(Duration::from_millis(100)).await,
                _ => return self.refusal(&answer, tally),
            }
        }
        tally
            .unexpected
            .push(format!("{cart} cannot be bought for three minutes"));
        None
    }

    fn refusal(&self, answer: &Answer, tally: &mut Tally) -> Option<String> {
        let code = answer.body["code"].as_str().unwrap_or_default();
        match (answer.status, code) {
            (402, "payment_declined") | (409, "out_of_stock") => {
                *tally.refused.entry(code.to_owned()).or_default() += 1;
            }
            _ => tally.unexpected.push(format!("buying: {}", answer.text)),
        }
        None
    }

    async fn ship(&mut self, order: &str, pieces: Option<i64>, tally: &mut Tally) {
        let staff = self.staff.clone();
        let work = format!("/api/oms/v1/fulfilment-orders?order_id={order}");
        let found = self.get(&staff, &work, tally).await;
        let work = found.body["data"].as_array().cloned().unwrap_or_default();
        for one in work {
            let id = one["id"].as_str().unwrap_or_default();
            let slip = format!("slip {id}");
            let mut body = json!({"slip": slip, "carrier": "DHL"});
            if let Some(pieces) = pieces {
                let line = one["lines"][0]["line"].clone();
                body["lines"] = json!([{"line": line, "quantity": pieces}]);
            }
            let ship = format!("/api/oms/v1/fulfilment-orders/{id}/ship");
            let answer = self.serve(&ship, "ship", &body, tally).await;
            tally.shipped += u64::from(answer.status == 201);
        }
    }

    async fn cancel(&mut self, order: &str, tally: &mut Tally) {
        let cancel = format!("{order}/cancel");
        let body = json!({"reason": "Another mind"});
        let answer = self.serve(&cancel, "cancel", &body, tally).await;
        tally.cancelled += u64::from(answer.status == 200);
    }

    /// Notes that all of an order is paid by transfer.
    async fn transfer(&self, order: &str, tally: &mut Tally) {
        let read = self.get(&self.staff, order, tally).await;
        let body =
            json!({"amount": read.body["total"], "reference": format!("bank {}", self.number)});
        let noted = self
            .serve(&format!("{order}/payments"), "transfer", &body, tally)
            .await;
        tally.prepaid += u64::from(noted.status == 200);
    }

    async fn give_back(&mut self, order: &str, tally: &mut Tally) {
        let refund = format!("{order}/refunds");
        let body = json!({"amount": eur(100), "reason": "A scratch", "reference": format!("scratch {}", self.number)});
        let answer = self.serve(&refund, "refund", &body, tally).await;
        tally.refunded += u64::from(answer.status == 200);
    }

    /// Sends one piece back, with what it cost to send it where nothing was kept.
    async fn send_back(&self, order: &str, tally: &mut Tally) {
        let shipments = self
            .get(&self.staff, &format!("{order}/shipments"), tally)
            .await;
        let shipment = shipments.body["data"][0].clone();
        if shipment.is_null() {
            return;
        }
        let line = json!({"line": shipment["lines"][0]["line"], "quantity": 1});
        let body = json!({"shipment_id": shipment["id"], "reason": "Too small", "lines": [line]});
        let announce = format!("{order}/returns");
        let announced = self.serve(&announce, "return", &body, tally).await;
        if announced.status != 201 {
            return;
        }
        let own = format!("/api/oms/v1/returns/{}", announced.id());
        for (name, body) in [
            ("approve", json!({})),
            ("receive", json!({})),
            ("refund", json!({"with_shipping": true})),
        ] {
            let key = format!("return-{name}");
            let answer = self
                .serve(&format!("{own}/{name}"), &key, &body, tally)
                .await;
            tally.returned += u64::from(name == "refund" && answer.status == 200);
        }
    }

    /// A command of staff. That something is not there to be shipped, cancelled or refunded is no news here.
    async fn serve(&self, path: &str, name: &str, body: &Value, tally: &mut Tally) -> Answer {
        let answer = self.command(&self.staff, path, name, body, tally).await;
        if answer.status >= 400 {
            let code = answer.body["code"].as_str().unwrap_or_default();
            // Whoever asks for nonsense tests nothing.
            if [400, 422].contains(&answer.status) {
                tally.unexpected.push(format!("{path}: {}", answer.text));
            }
            *tally.refused.entry(format!("{name} {code}")).or_default() += 1;
        }
        answer
    }

    async fn post(&self, path: &str, name: &str, body: &Value, tally: &mut Tally) -> Answer {
        self.command(&self.shopper, path, name, body, tally).await
    }

    async fn command(
        &self,
        client: &Client,
        path: &str,
        name: &str,
        body: &Value,
        tally: &mut Tally,
    ) -> Answer {
        let ask = Ask {
            method: Method::POST,
            path,
            key: self.key(name),
            version: None,
            body,
        };
        self.insist(client, ask, tally).await
    }

    async fn get(&self, client: &Client, path: &str, tally: &mut Tally) -> Answer {
        let ask = Ask {
            method: Method::GET,
            path,
            key: String::new(),
            version: None,
            body: &Value::Null,
        };
        self.insist(client, ask, tally).await
    }

    fn key(&self, name: &str) -> String {
        format!("{name}-{}", self.number)
    }

    /// Asks until somebody answers who knows. What was killed, or cannot reach what was killed, does not.
    async fn insist(&self, client: &Client, ask: Ask<'_>, tally: &mut Tally) -> Answer {
        let start = Instant::now();
        loop {
            tally.tries += 1;
            if let Some(answer) = self.once(client, &ask).await {
                match answer.status {
                    429 | 502 | 503 | 504 => {}
                    409 if ["idempotency_in_progress", "money_under_way"]
                        .contains(&answer.body["code"].as_str().unwrap_or_default()) => {}
                    500 => {
                        let what = format!("{} {}: {}", ask.method, ask.path, answer.text);
                        tally.unexpected.push(what);
                    }
                    _ => return answer,
                }
            }
            assert!(
                start.elapsed() < PATIENCE,
                "{} {} has no answer",
                ask.method,
                ask.path
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn once(&self, client: &Client, ask: &Ask<'_>) -> Option<Answer> {
        let mut request = client
            .request(ask.method.clone(), ask.path)
            .timeout(Duration::from_secs(60));
        if ask.method != Method::GET {
            request = request.header("idempotency-key", &ask.key).json(ask.body);
        }
        if let Some(version) = ask.version {
            request = request.header("if-match", format!("\"{version}\""));
        }
        let answer = request.send().await.ok()?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.ok()?;
        let body = serde_json::from_str(&text).unwrap_or_default();
        Some(Answer {
            status,
            headers,
            body,
            text,
        })
    }
}
