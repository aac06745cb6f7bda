//! What makes a demo tenant a shop: its products approved by five stewards and launched, priced in two catalogs, and somebody who
//! buys for a company.

use std::time::Duration;

use anyhow::Context as _;
use averis_tenant::{AccessTokens, Grantee};
use averis_tenant_context::{TenantKey, TenantRole};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Steward;
use crate::api::Api;

/// The stewards of a demo tenant: a name before the `@`, and what that one does.
pub const STEWARDS: [(&str, TenantRole); 7] = [
    ("marketing", TenantRole::ProductMarketingApprove),
    ("legal", TenantRole::ProductLegalApprove),
    ("finance", TenantRole::ProductFinanceApprove),
    ("salesops", TenantRole::ProductSalesopsApprove),
    ("contracts", TenantRole::ProductContractsApprove),
    ("launch", TenantRole::ProductLaunch),
    ("prices", TenantRole::PricingApprove),
];

/// A demo tenant and those who act in it.
pub struct Shop<'a> {
    pub api: &'a Api,
    pub key: &'a TenantKey,
    pub tenant: Uuid,
    pub tokens: &'a AccessTokens,
    pub stewards: &'a [Steward],
}

impl Shop<'_> {
    /// Approves, launches and prices what is not yet. Once more changes nothing.
    pub async fn open(&self) -> anyhow::Result<()> {
        let drafts = self
            .get("product/v1/products?status=draft&limit=250")
            .await?;
        for product in rows(&drafts) {
            self.launch(text(product, "id")?).await?;
        }
        let catalogs = self.get("pricing/v1/catalogs?limit=1").await?;
        if rows(&catalogs).is_empty() {
            self.price().await.context("pricing the demo products")?;
        }
        self.stock().await.context("receiving the demo stock")?;
        self.sell().await.context("setting up the demo shop")?;
        self.let_a_company_buy().await
    }

    /// Lets goods be sent and paid for: by a provider that moves no money.
    async fn sell(&self) -> anyhow::Result<()> {
        let standard = json!({"code": "standard", "name": "Standard", "countries": ["DE", "AT", "FR"], "price": {"amount": 490, "currency": "EUR"}});
        self.first("ecomm/v1/shipping-methods", &standard).await?;
        let account = json!({"provider": "simulator", "account": format!("acct_{}", self.key)});
        self.post("oms/v1/payment-accounts", &account).await?;
        Ok(())
    }

    /// Makes a warehouse and receives some of everything, once.
    async fn stock(&self) -> anyhow::Result<()> {
        let warehouse = json!({"code": "BER", "name": "Berlin", "country": "DE"});
        let warehouse = self.first("erp/v1/warehouses", &warehouse).await?;
        let place = warehouse.get("stock_location_id");
        let products = self.get("product/v1/staging/products?limit=250").await?;
        for product in rows(&products) {
            let key = text(product, "key")?;
            let variants = format!("product/v1/products/{}/variants", text(product, "id")?);
            let variants = self.get(&variants).await?;
            let lines: Vec<Value> = rows(&variants)
                .iter()
                .map(|variant| json!({"sku": variant.get("sku"), "location_id": place, "quantity": 25}))
                .collect();
            let cause = format!("opening stock of {key}");
            let body = json!({"kind": "receipt", "cause": cause, "lines": lines});
            if !lines.is_empty() {
                self.post("erp/v1/stock-moves", &body).await?;
            }
        }
        Ok(())
    }

    /// Makes a customer who buys for a company on credit.
    async fn let_a_company_buy(&self) -> anyhow::Result<()> {
        let customer = json!({"email": "ana.lima@example.com", "given_name": "Ana", "family_name": "Lima", "locale": "de_DE"});
        let customer = self.first("customer/v1/customers", &customer).await?;
        let company = json!({"name": "Lima Trading GmbH", "payment_days": 30, "credit_limit": {"amount": 500_000, "currency": "EUR"}});
        let company = self.first("customer/v1/companies", &company).await?;
        let own = format!("customer/v1/companies/{}", text(&company, "id")?);
        if company.get("status") == Some(&json!("pending")) {
            self.command(None, &format!("{own}/approve"), &own, &json!({}))
                .await?;
        }
        let member = json!({"customer_id": customer.get("id"), "roles": ["buyer"], "spend_limit": {"amount": 100_000, "currency": "EUR"}});
        self.first(&format!("{own}/members"), &member).await?;
        Ok(())
    }

    /// Returns the first of a list, which is made if there is none.
    async fn first(&self, list: &str, body: &Value) -> anyhow::Result<Value> {
        let there = self.get(list).await?;
        match rows(&there) {
            [] => self.post(list, body).await.context(list.to_owned()),
            [first, ..] => Ok(first.clone()),
        }
    }

    /// Has each section of a product approved by its steward, and the product launched.
    async fn launch(&self, id: &str) -> anyhow::Result<()> {
        let own = format!("product/v1/products/{id}");
        let sections = self.get(&format!("{own}/sections")).await?;
        for section in rows(&sections) {
            let name = text(section, "section")?;
            if section.get("status") == Some(&json!("open")) {
                let submit = format!("{own}/sections/{name}/submit");
                self.command(None, &submit, &own, &json!({})).await?;
            }
            if section.get("status") != Some(&json!("approved")) {
                let approve = format!("{own}/sections/{name}/approve");
                self.command(Some(name), &approve, &own, &json!({})).await?;
            }
        }
        let launch = format!("{own}/launch");
        self.command(Some("launch"), &launch, &own, &json!({}))
            .await?;
        // What is launched is in the copy that shops read a moment later.
        for _ in 0..200 {
            if self
                .find(&format!("product/v1/staging/products/{id}"))
                .await?
                .is_some()
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        anyhow::bail!("the product {id} was launched, and is not staged")
    }

    /// Makes a catalog in euros with tax and one in dollars without, prices in both, taxes and a promotion.
    async fn price(&self) -> anyhow::Result<()> {
        for (locale, name) in [
            ("de_DE", "Deutsch (Deutschland)"),
            ("en_US", "English (US)"),
        ] {
            self.post("pricing/v1/locales", &json!({"code": locale, "name": name}))
                .await?;
        }
        for (country, rate) in [("DE", "0.19"), ("AT", "0.2"), ("FR", "0.2"), ("US", "0")] {
            let body = json!({"country": country, "category": "standard", "rate": rate});
            self.post("pricing/v1/tax-rates", &body).await?;
        }
        let products = self.get("product/v1/staging/products?limit=250").await?;
        let entries: Vec<Value> = rows(&products)
            .iter()
            .map(|product| json!({"product_id": product.get("id")}))
            .collect();
        let euros = json!({"code": "europe", "name": "Europe", "region": "EMEA", "currency": "EUR", "tax_included": true,
            "locale": "de_DE", "is_default": true});
        let dollars = json!({"code": "america", "name": "America", "region": "AMER", "currency": "USD", "tax_included": false,
            "locale": "en_US"});
        for body in [euros, dollars] {
            let made = self.post("pricing/v1/catalogs", &body).await?;
            let own = format!("pricing/v1/catalogs/{}", text(&made, "id")?);
            if !entries.is_empty() {
                let put = self
                    .seen(None, Method::PUT, &format!("{own}/entries"), &own)
                    .await?;
                self.send(put.json(&json!({"entries": entries}))).await?;
            }
            self.command(None, &format!("{own}/activate"), &own, &json!({}))
                .await?;
            if body.get("currency") == Some(&json!("USD")) {
                let rule = json!({"catalog_id": made.get("id"), "priority": 10, "countries": ["US", "CA"]});
                self.post("pricing/v1/catalog-rules", &rule).await?;
            }
        }
        for product in rows(&products) {
            let own = format!("product/v1/products/{}/variants", text(product, "id")?);
            for variant in rows(&self.get(&own).await?) {
                self.price_variant(variant).await?;
            }
        }
        let body = json!({"name": "Welcome", "code": "WELCOME", "action": {"kind": "percent", "rate": "0.1"}, "usage_limit": 100});
        let made = self.post("pricing/v1/promotions", &body).await?;
        let own = format!("pricing/v1/promotions/{}", text(&made, "id")?);
        self.command(None, &format!("{own}/activate"), &own, &json!({}))
            .await?;
        Ok(())
    }

    /// Prices a variant at what its file says, in euros, and a tenth more in dollars.
    async fn price_variant(&self, variant: &Value) -> anyhow::Result<()> {
        let told = variant.pointer("/extra/Price").and_then(Value::as_str);
        let Some(cents) = told.and_then(|price| price.replace('.', "").parse::<i64>().ok()) else {
            return Ok(());
        };
        for (currency, amount) in [("EUR", cents), ("USD", cents + cents / 10)] {
            let amount = json!({"amount": amount, "currency": currency});
            let body = json!({"sku": variant.get("sku"), "amount": amount});
            let made = self.post("pricing/v1/prices", &body).await?;
            let own = format!("pricing/v1/prices/{}", text(&made, "id")?);
            let approve = format!("{own}/approve");
            self.command(Some("prices"), &approve, &own, &json!({}))
                .await?;
        }
        Ok(())
    }

    /// Starts a request of the tenant's admin, or of a steward by its name.
    async fn request(
        &self,
        steward: Option<&str>,
        method: Method,
        rest: &str,
    ) -> anyhow::Result<RequestBuilder> {
        let path = format!("/t/{}/api/{rest}", self.key);
        let Some(name) = steward else {
            return self.api.request(method, &path).await;
        };
        let steward = self.stewards.iter().find(|one| one.name == name);
        let steward = steward.with_context(|| format!("there is no steward {name}"))?;
        let role = STEWARDS
            .iter()
            .find(|(one, _)| *one == name)
            .map(|(_, role)| *role);
        let token = self.tokens.access(&Grantee {
            subject: steward.user,
            tenant: Some(self.tenant),
            tenant_roles: role.into_iter().collect(),
            ..Grantee::default()
        })?;
        self.api.request_with(&token, method, &path)
    }

    /// Starts a request that names the version of a thing as it is now.
    async fn seen(
        &self,
        steward: Option<&str>,
        method: Method,
        rest: &str,
        thing: &str,
    ) -> anyhow::Result<RequestBuilder> {
        let thing = self.get(thing).await?;
        let version = thing
            .get("version")
            .and_then(Value::as_i64)
            .context("a thing without version")?;
        let request = self.request(steward, method, rest).await?;
        Ok(request.header("if-match", format!("\"{version}\"")))
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        self.api.send(request).await?.context("no such address")
    }

    async fn find(&self, rest: &str) -> anyhow::Result<Option<Value>> {
        let request = self.request(None, Method::GET, rest).await?;
        self.api.send(request).await
    }

    async fn get(&self, rest: &str) -> anyhow::Result<Value> {
        self.find(rest).await?.context("no such address")
    }

    async fn post(&self, rest: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.request(None, Method::POST, rest).await?;
        self.send(request.json(body)).await
    }

    async fn command(
        &self,
        steward: Option<&str>,
        rest: &str,
        thing: &str,
        body: &Value,
    ) -> anyhow::Result<Value> {
        let request = self.seen(steward, Method::POST, rest, thing).await?;
        self.send(request.json(body))
            .await
            .with_context(|| rest.to_owned())
    }
}

fn rows(page: &Value) -> &[Value] {
    page.get("data")
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, name: &str) -> anyhow::Result<&'a str> {
    value
        .get(name)
        .and_then(Value::as_str)
        .with_context(|| format!("an answer without {name}"))
}
