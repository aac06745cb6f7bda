//! What the tests of this service start with, and what many of them do.

use std::time::{Duration, Instant};

use averis_oms::{ProvidersConfig, StripeConfig};
use averis_payment_simulator::{Behaviour, Payment, Simulator};
use averis_tenant_context::Domain;
use averis_test_kit::shop::open_shop;
pub use averis_test_kit::shop::{agreed, berlin, buy, cart, change, complete, eur, path, total};
use averis_test_kit::{Client, Setup, TestPlatform, TestTenant};
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
        Self::of(Setup::new().await, away, behaviour)
    }

    /// With limits on how much anybody may ask.
    pub async fn limited() -> Self {
        let mut setup = Setup::new().await;
        setup.rate_limits = true;
        Self::of(setup, Away::default(), Behaviour::default())
    }

    fn of(setup: Setup, away: Away, behaviour: Behaviour) -> Self {
        let address = "127.0.0.1:0".parse().expect("an address");
        let provider = Simulator::start(address, SECRET, behaviour).expect("a simulator");
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
            averis_erp::service(erp).expect("the ERP service"),
            averis_oms::service(oms).expect("the OMS service"),
            averis_ecomm::service(averis_ecomm::Config {
                common: ecomm,
                lease: averis_ecomm::DEFAULT_LEASE,
                cart_lifetime: averis_ecomm::DEFAULT_CART_LIFETIME,
            })
            .expect("the ecomm service"),
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
        open_shop(&staff, tenant.key.as_str(), stock).await;
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

/// Has a shopper prove an address, and returns the customer that it is then.
pub async fn sign_in(platform: &Platform, shopper: &Client, email: &str) -> Value {
    let mails = platform.platform.mails_to(email).len();
    let asked = shopper
        .post("/api/customer/v1/verifications", &json!({"email": email}))
        .await
        .expect(201);
    let mail = until("a mail", async || {
        platform.platform.mails_to(email).get(mails).cloned()
    });
    let mail = mail.await;
    let code = mail
        .lines()
        .map(str::trim)
        .find(|line| line.len() == 8 && line.bytes().all(|b| b.is_ascii_digit()))
        .expect("a code");
    let confirm = format!("/api/customer/v1/verifications/{}/confirm", asked.id());
    let hot = shopper
        .post(&confirm, &json!({"code": code}))
        .await
        .expect(200)
        .body;
    hot["customer"]["id"].clone()
}

/// Makes a promotion of half the document, for whoever has the code `ONE`, once.
pub async fn half_once(staff: &Client) {
    let body = json!({"name": "One", "code": "ONE", "usage_limit": 1, "action": {"kind": "percent", "rate": "0.5"}, "target": {"on": "document"}});
    let promotions = "/api/pricing/v1/promotions";
    let made = staff.post(promotions, &body).await.expect(201);
    let activate = format!("{promotions}/{}/activate", made.id());
    let _ = staff.command(&activate, 1, &json!({})).await.expect(200);
}
