//! What the tests of this service start with, and what many of them do.

use averis_tenant_context::Domain;
use averis_test_kit::launch::launch_product;
use averis_test_kit::{Answer, Client, Setup, TestPlatform, TestTenant, colleague_of};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

pub const API: &str = "/api/pricing/v1";

/// Starts the tenant, product and pricing services.
pub async fn platform() -> TestPlatform {
    platform_with(averis_pricing::DEFAULT_LIFETIME).await
}

/// Starts them with quotes that hold so long.
pub async fn platform_with(quote_lifetime: TimeDelta) -> TestPlatform {
    let setup = Setup::new().await;
    let product = averis_product::Config {
        common: setup.service_config(Domain::Product),
        max_import_bytes: 1 << 20,
    };
    let pricing = averis_pricing::Config {
        common: setup.service_config(Domain::Pricing),
        quote_lifetime,
    };
    let services = vec![
        averis_product::service(product).expect("the product service"),
        averis_pricing::service(pricing).expect("the pricing service"),
    ];
    setup.start(services)
}

pub fn path(rest: &str) -> String {
    format!("{API}{rest}")
}

/// A shop: one catalog with tax in its prices, one without, and the German rate of tax.
pub struct Shop {
    pub client: Client,
    /// In euros with tax; the default.
    pub euros: String,
    /// In dollars without tax.
    pub dollars: String,
    /// A launched product in both.
    pub product: String,
}

/// Makes a shop that sells a product of these SKUs.
pub async fn shop(tenant: &TestTenant, skus: &[&str]) -> Shop {
    let client = tenant.client.clone();
    let product = launch_product(&client, "thing", skus).await;
    for (locale, name) in [("de_DE", "Deutsch"), ("en_US", "English")] {
        let body = json!({"code": locale, "name": name});
        let _ = client.post(&path("/locales"), &body).await.expect(201);
    }
    let euros = catalog(
        &client,
        "eu",
        json!({"currency": "EUR", "tax_included": true, "locale": "de_DE", "is_default": true}),
    )
    .await;
    let dollars = catalog(
        &client,
        "us",
        json!({"currency": "USD", "tax_included": false, "locale": "en_US"}),
    )
    .await;
    for catalog in [&euros, &dollars] {
        let entries = json!({"entries": [{"product_id": product}]});
        let _ = put(&client, &format!("/catalogs/{catalog}/entries"), &entries)
            .await
            .expect(200);
    }
    tax(&client, "DE", "standard", "0.19").await;
    tax(&client, "US", "standard", "0").await;
    Shop {
        client,
        euros,
        dollars,
        product,
    }
}

/// Puts entries into a catalog as it is now.
pub async fn put(client: &Client, rest: &str, body: &Value) -> Answer {
    let catalog = path(rest.trim_end_matches("/entries"));
    let version = client.get(&catalog).await.expect(200).version();
    let request = client.request(Method::PUT, &path(rest));
    let request = request.header("if-match", format!("\"{version}\""));
    Answer::of(request.json(body)).await
}

/// Makes an active catalog.
pub async fn catalog(client: &Client, code: &str, more: Value) -> String {
    let mut body = json!({"code": code, "name": code});
    merge(&mut body, more);
    let made = client.post(&path("/catalogs"), &body).await.expect(201);
    let activate = path(&format!("/catalogs/{}/activate", made.id()));
    let _ = client.command(&activate, 1, &json!({})).await.expect(200);
    made.id()
}

pub async fn tax(client: &Client, country: &str, category: &str, rate: &str) {
    let body = json!({"country": country, "category": category, "rate": rate});
    let _ = client.post(&path("/tax-rates"), &body).await.expect(201);
}

pub fn merge(body: &mut Value, more: Value) {
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
}

pub fn money(amount: i64, currency: &str) -> Value {
    json!({"amount": amount, "currency": currency})
}

/// Drafts a price.
pub async fn draft(client: &Client, sku: &str, amount: i64, currency: &str, more: Value) -> Answer {
    let mut body = json!({"sku": sku, "amount": money(amount, currency)});
    merge(&mut body, more);
    client.post(&path("/prices"), &body).await
}

/// Has somebody else approve a price.
pub async fn approve(client: &Client, id: &str) -> Answer {
    let own = path(&format!("/prices/{id}"));
    let version = client.get(&own).await.expect(200).version();
    let approve = format!("{own}/approve");
    colleague_of(client)
        .command(&approve, version, &json!({}))
        .await
}

/// Drafts a price and has somebody else approve it. Returns its id.
pub async fn price(client: &Client, sku: &str, amount: i64, currency: &str, more: Value) -> String {
    let id = draft(client, sku, amount, currency, more)
        .await
        .expect(201)
        .id();
    let _ = approve(client, &id).await.expect(200);
    id
}

/// Makes an active promotion.
pub async fn promotion(client: &Client, more: Value) -> String {
    let mut body = json!({"name": "Promotion"});
    merge(&mut body, more);
    let made = client.post(&path("/promotions"), &body).await.expect(201);
    let activate = path(&format!("/promotions/{}/activate", made.id()));
    let _ = client.command(&activate, 1, &json!({})).await.expect(200);
    made.id()
}

/// Asks for a quote of lines, as (SKU, quantity), for Germany.
pub async fn quote(client: &Client, lines: &[(&str, i64)], more: Value) -> Answer {
    let lines: Vec<Value> = lines
        .iter()
        .map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity}))
        .collect();
    let mut body = json!({"country": "DE", "lines": lines});
    merge(&mut body, more);
    client.post(&path("/price-quotes"), &body).await
}
