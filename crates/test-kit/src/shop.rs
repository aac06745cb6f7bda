//! A tenant that sells, and shoppers who buy there.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::launch::launch_product;
use crate::platform::colleague_of;

/// Sells lamps at 11.90 and bulbs at 1.19 in the tenant `key`, tax in it, so many of each, sent for 5.95 and paid with the
/// payment simulator. `staff` is an admin there.
pub async fn open_shop(staff: &Client, key: &str, stock: i64) {
    let product = launch_product(staff, "thing", &["LAMP", "BULB"]).await;
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
        price(staff, sku, amount).await;
    }
    let warehouse = json!({"code": "BER", "name": "Berlin", "country": "DE"});
    let made = staff
        .post("/api/erp/v1/warehouses", &warehouse)
        .await
        .expect(201);
    let place = made.body["stock_location_id"].clone();
    let line = |sku: &str, cost: i64| json!({"sku": sku, "location_id": place, "quantity": stock, "unit_cost": eur(cost)});
    let lines = [line("LAMP", 701), line("BULB", 43)];
    let receipt = json!({"kind": "receipt", "cause": "delivery 1", "lines": lines});
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
    let account = json!({"provider": "simulator", "account": format!("acct_{key}")});
    let _ = staff
        .post("/api/oms/v1/payment-accounts", &account)
        .await
        .expect(200);
}

/// Prices a SKU, which a colleague approves.
pub async fn price(staff: &Client, sku: &str, amount: i64) {
    price_for(staff, sku, amount, &json!({})).await;
}

/// Prices a SKU for those whom a scope means.
pub async fn price_for(staff: &Client, sku: &str, amount: i64, scope: &Value) {
    let body = json!({"sku": sku, "amount": eur(amount), "scope": scope});
    let drafted = staff
        .post("/api/pricing/v1/prices", &body)
        .await
        .expect(201);
    let approve = format!("/api/pricing/v1/prices/{}/approve", drafted.id());
    let colleague = colleague_of(staff);
    let _ = colleague.command(&approve, 1, &json!({})).await.expect(200);
}

/// An address of the ecomm service.
#[must_use]
pub fn path(rest: &str) -> String {
    format!("/api/ecomm/v1{rest}")
}

/// Euros, in cents.
#[must_use]
pub fn eur(amount: i64) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

/// Where things are sent.
#[must_use]
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
    let more =
        json!({"email": "ana@example.com", "ship_to": berlin(), "shipping_method": "standard"});
    change(shopper, &made.id(), &more).await;
    made.id()
}

/// Changes a cart as it is now.
pub async fn change(shopper: &Client, cart: &str, patch: &Value) {
    let own = path(&format!("/carts/{cart}"));
    let version = shopper.get(&own).await.expect(200).version();
    let _ = shopper.patch(&own, version, patch).await.expect(200);
}

/// What a cart comes to.
pub async fn total(shopper: &Client, cart: &str) -> Value {
    let found = shopper.get(&path(&format!("/carts/{cart}/totals"))).await;
    found.expect(200).body["total"].clone()
}

/// What a shopper agrees to: that total, paid with that token of the simulator, or by transfer.
#[must_use]
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

/// Buys a cart.
pub async fn buy(shopper: &Client, cart: &str, body: &Value) -> Answer {
    shopper
        .post(&path(&format!("/carts/{cart}/complete")), body)
        .await
}
