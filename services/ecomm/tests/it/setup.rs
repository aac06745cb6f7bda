//! What the tests of this service start with, and what many of them do.

use std::time::{Duration, Instant};

use averis_oms::{ProvidersConfig, StripeConfig};
use averis_payment_simulator::{Behaviour, Payment, Simulator};
use averis_tenant_context::Domain;
use averis_test_kit::launch::launch_product;
use averis_test_kit::{Answer, Client, Setup, TestPlatform, TestTenant, colleague_of};
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

const SECRET: &str = "what-the-simulator-is-asked-with";

/// All services that a checkout asks, and a payment provider.
pub struct Platform {
    pub platform: TestPlatform,
    pub provider: Simulator,
}

/// Which services are away: nobody listens where they are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Away {
    pub erp: bool,
    pub oms: bool,
}

impl Platform {
    pub async fn start() -> Self {
        Self::with(Away::default(), Behaviour::default()).await
    }

    pub async fn with(away: Away, behaviour: Behaviour) -> Self {
        let address = "127.0.0.1:0".parse().expect("an address");
        let provider = Simulator::start(address, SECRET, behaviour).expect("a simulator");
        let setup = Setup::new().await;
        let common = |domain| setup.service_config(domain);
        let mut ecomm = common(Domain::Ecomm);
        let nobody: Url = "http://127.0.0.1:1/".parse().expect("an address");
        if away.erp {
            ecomm.urls.erp = nobody.clone();
        }
        if away.oms {
            ecomm.urls.oms = nobody;
        }
        let product = averis_product::Config {
            common: common(Domain::Product),
            max_import_bytes: 1 << 20,
        };
        let pricing = averis_pricing::Config {
            common: common(Domain::Pricing),
            quote_lifetime: averis_pricing::DEFAULT_LIFETIME,
        };
        let customer = averis_customer::Config {
            common: common(Domain::Customer),
            mail: setup.mail_config(),
            shoppers: None,
        };
        let erp = averis_erp::Config {
            common: common(Domain::Erp),
            reservation_lifetime: averis_erp::DEFAULT_LIFETIME,
        };
        let oms = averis_oms::Config {
            common: common(Domain::Oms),
            providers: ProvidersConfig {
                stripe: None,
                simulator: Some(StripeConfig {
                    url: provider.url().parse().expect("an address"),
                    secret: SECRET.to_owned(),
                    webhook_secret: SECRET.to_owned(),
                }),
            },
        };
        let services = vec![
            averis_product::service(product).expect("the product service"),
            averis_pricing::service(pricing).expect("the pricing service"),
            averis_customer::service(customer).expect("the customer service"),
            averis_erp::service(erp),
            averis_oms::service(oms).expect("the OMS service"),
            averis_ecomm::service(ecomm).expect("the ecomm service"),
        ];
        Self {
            platform: setup.start(services),
            provider,
        }
    }

    /// Makes a shop that sells lamps at 11.90 and bulbs at 1.19, tax in it, so many of each, sent for 5.95.
    pub async fn shop(&self, name: &str, stock: i64) -> Shop {
        let tenant = self.platform.tenant(name).await;
        let staff = tenant.client.clone();
        let product = launch_product(&staff, "thing", &["LAMP", "BULB"]).await;
        let locale = json!({"code": "de_DE", "name": "Deutsch"});
        let _ = staff
            .post("/api/pricing/v1/locales", &locale)
            .await
            .expect(201);
        let catalog = json!({"code": "eu", "name": "EU", "currency": "EUR", "tax_included": true, "locale": "de_DE", "is_default": true});
        let catalogs = "/api/pricing/v1/catalogs";
        let catalog = staff.post(catalogs, &catalog).await.expect(201).id();
        let own = format!("{catalogs}/{catalog}");
        let _ = staff
            .command(&format!("{own}/activate"), 1, &json!({}))
            .await
            .expect(200);
        let version = staff.get(&own).await.expect(200).version();
        let entries = json!({"entries": [{"product_id": product}]});
        let request = staff.request(Method::PUT, &format!("{own}/entries"));
        let request = request.header("if-match", format!("\"{version}\""));
        let _ = Answer::of(request.json(&entries)).await.expect(200);
        let tax = json!({"country": "DE", "category": "standard", "rate": "0.19"});
        let _ = staff
            .post("/api/pricing/v1/tax-rates", &tax)
            .await
            .expect(201);
        for (sku, amount) in [("LAMP", 1_190), ("BULB", 119)] {
            price(&staff, sku, amount).await;
        }
        let warehouse = json!({"code": "BER", "name": "Berlin", "country": "DE"});
        let made = staff
            .post("/api/erp/v1/warehouses", &warehouse)
            .await
            .expect(201);
        let place = made.body["stock_location_id"].clone();
        let line = |sku: &str| json!({"sku": sku, "location_id": place, "quantity": stock});
        let receipt = json!({"kind": "receipt", "cause": "delivery 1", "lines": [line("LAMP"), line("BULB")]});
        let _ = staff
            .post("/api/erp/v1/stock-moves", &receipt)
            .await
            .expect(201);
        let method =
            json!({"code": "standard", "name": "Standard", "countries": ["DE"], "price": eur(595)});
        let _ = staff
            .post(&path("/shipping-methods"), &method)
            .await
            .expect(201);
        let account = json!({"provider": "simulator", "account": format!("acct_{}", tenant.key)});
        let _ = staff
            .post("/api/oms/v1/payment-accounts", &account)
            .await
            .expect(200);
        Shop { tenant, staff }
    }

    pub fn shopper(&self, shop: &Shop) -> Client {
        let token = self.platform.shopper_token(shop.tenant.id);
        shop.staff.with_token(&token)
    }

    /// What the provider knows of an order.
    pub fn books(&self, order: &str) -> Vec<Payment> {
        let all = self.provider.payments().into_iter();
        all.filter(|payment| payment.order == order).collect()
    }
}

/// A tenant that sells.
pub struct Shop {
    pub tenant: TestTenant,
    pub staff: Client,
}

impl Shop {
    /// What there is of a SKU, as (on hand, reserved).
    pub async fn level(&self, sku: &str) -> (i64, i64) {
        let address = format!("/api/erp/v1/stock-levels?sku={sku}");
        let found = self.staff.get(&address).await.expect(200).body;
        let level = &found["data"][0];
        let of = |name: &str| level[name].as_i64().expect("a number");
        (of("on_hand"), of("reserved"))
    }

    /// The orders that are not drafts of attempts that failed.
    pub async fn orders(&self) -> Vec<Value> {
        let found = self
            .staff
            .get("/api/oms/v1/orders?limit=250")
            .await
            .expect(200)
            .body;
        let all = found["data"].as_array().expect("a list").clone();
        all.into_iter()
            .filter(|order| order["status"] != "cancelled")
            .collect()
    }
}

pub async fn price(staff: &Client, sku: &str, amount: i64) {
    let body = json!({"sku": sku, "amount": eur(amount)});
    let drafted = staff
        .post("/api/pricing/v1/prices", &body)
        .await
        .expect(201);
    let approve = format!("/api/pricing/v1/prices/{}/approve", drafted.id());
    let colleague = colleague_of(staff);
    let _ = colleague.command(&approve, 1, &json!({})).await.expect(200);
}

pub fn path(rest: &str) -> String {
    format!("/api/ecomm/v1{rest}")
}

pub fn eur(amount: i64) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

pub fn berlin() -> Value {
    json!({"name": "Ana Lima", "lines": ["Torstr. 1"], "city": "Berlin", "postal_code": "10119", "country": "DE"})
}

/// Begins a cart with those lines that lacks nothing, and returns its id.
pub async fn cart(shopper: &Client, lines: &[(&str, i64)]) -> String {
    let made = shopper
        .post(&path("/carts"), &json!({"country": "DE"}))
        .await
        .expect(201);
    let own = path(&format!("/carts/{}", made.id()));
    for (sku, quantity) in lines {
        let line = json!({"sku": sku, "quantity": quantity});
        let _ = shopper
            .post(&format!("{own}/lines"), &line)
            .await
            .expect(201);
    }
    let version = shopper.get(&own).await.expect(200).version();
    let more =
        json!({"email": "ana@example.com", "ship_to": berlin(), "shipping_method": "standard"});
    let _ = shopper.patch(&own, version, &more).await.expect(200);
    made.id()
}

/// What a cart comes to.
pub async fn total(shopper: &Client, cart: &str) -> Value {
    let found = shopper.get(&path(&format!("/carts/{cart}/totals"))).await;
    found.expect(200).body["total"].clone()
}

pub fn agreed(total: &Value, token: Option<&str>) -> Value {
    let payment = match token {
        Some(token) => json!({"provider": "simulator", "token": token}),
        None => json!({"provider": "offline"}),
    };
    json!({"expected_total": total, "payment": payment})
}

/// Buys a cart at what it comes to.
pub async fn complete(shopper: &Client, cart: &str, token: Option<&str>) -> Answer {
    let total = total(shopper, cart).await;
    buy(shopper, cart, &agreed(&total, token)).await
}

pub async fn buy(shopper: &Client, cart: &str, body: &Value) -> Answer {
    shopper
        .post(&path(&format!("/carts/{cart}/complete")), body)
        .await
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

/// Makes a promotion of half the document, for whoever has the code `ONE`, once.
pub async fn half_once(staff: &Client) {
    let body = json!({"name": "One", "code": "ONE", "usage_limit": 1, "action": {"kind": "percent", "rate": "0.5"}, "target": {"on": "document"}});
    let promotions = "/api/pricing/v1/promotions";
    let made = staff.post(promotions, &body).await.expect(201);
    let activate = format!("{promotions}/{}/activate", made.id());
    let _ = staff.command(&activate, 1, &json!({})).await.expect(200);
}

/// Changes a cart as it is now.
pub async fn change(shopper: &Client, cart: &str, patch: &Value) {
    let own = path(&format!("/carts/{cart}"));
    let version = shopper.get(&own).await.expect(200).version();
    let _ = shopper.patch(&own, version, patch).await.expect(200);
}
