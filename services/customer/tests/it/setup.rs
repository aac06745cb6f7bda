//! What the tests of this service start with, and what many of them do.

use std::time::{Duration, Instant};

use averis_identity::OidcConfig;
use averis_tenant_context::Domain;
use averis_test_kit::{Answer, Client, Setup, TestPlatform, TestTenant};
use serde_json::{Value, json};

/// Starts the tenant and customer services.
pub async fn platform() -> TestPlatform {
    platform_with(None).await
}

/// Starts them, with an identity provider of the shops.
pub async fn platform_with(shoppers: Option<OidcConfig>) -> TestPlatform {
    let setup = Setup::new().await;
    let config = averis_customer::Config {
        common: setup.service_config(Domain::Customer),
        mail: setup.mail_config(),
        shoppers,
    };
    let customer = averis_customer::service(config).expect("the customer service");
    let pricing = averis_pricing::Config {
        common: setup.service_config(Domain::Pricing),
        quote_lifetime: averis_pricing::DEFAULT_LIFETIME,
    };
    let pricing = averis_pricing::service(pricing).expect("the pricing service");
    setup.start(vec![customer, pricing])
}

pub fn path(rest: &str) -> String {
    format!("/api/customer/v1{rest}")
}

/// A new visitor of a tenant's shop.
pub fn visitor(platform: &TestPlatform, tenant: &TestTenant) -> Client {
    tenant.client.with_token(&platform.shopper_token(tenant.id))
}

/// An address of mail that no other test has: mails are found by it.
pub fn unique_email(name: &str) -> String {
    format!("{name}-{}@example.test", averis_test_kit::unique_key("m"))
}

/// Returns the code of the last mail to an address, once there are so many.
pub async fn code(platform: &TestPlatform, email: &str, mails: usize) -> String {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let all = platform.mails_to(email);
        if all.len() >= mails {
            let last = all.last().expect("a mail");
            let digits = last
                .lines()
                .map(str::trim)
                .find(|line| line.len() == 8 && line.bytes().all(|b| b.is_ascii_digit()));
            return digits.expect("a code").to_owned();
        }
        assert!(Instant::now() < deadline, "no mail to {email}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub async fn ask(visitor: &Client, email: &str) -> Answer {
    visitor
        .post(&path("/verifications"), &json!({"email": email}))
        .await
}

pub async fn confirm(visitor: &Client, id: &str, code: &str) -> Answer {
    let address = path(&format!("/verifications/{id}/confirm"));
    visitor.post(&address, &json!({"code": code})).await
}

/// Has a visitor prove an address to which so many mails went before.
pub async fn prove(platform: &TestPlatform, visitor: &Client, email: &str, before: usize) -> Value {
    let asked = ask(visitor, email).await.expect(201);
    let code = code(platform, email, before + 1).await;
    confirm(visitor, &asked.id(), &code).await.expect(200).body
}

pub fn money(amount: i64) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

/// Enters an approved company with that credit.
pub async fn company(staff: &Client, name: &str, credit: i64) -> String {
    let body =
        json!({"name": name, "credit_limit": money(credit), "payment_days": 30, "segment": "gold"});
    let made = staff.post(&path("/companies"), &body).await.expect(201);
    let approve = path(&format!("/companies/{}/approve", made.id()));
    let _ = staff.command(&approve, 1, &json!({})).await.expect(200);
    made.id()
}

/// Lets a customer act for a company.
pub async fn member(staff: &Client, company: &str, customer: &str, roles: Value, limit: Value) {
    let body = json!({"customer_id": customer, "roles": roles, "spend_limit": limit});
    let members = path(&format!("/companies/{company}/members"));
    let _ = staff.post(&members, &body).await.expect(201);
}
