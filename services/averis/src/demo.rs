//! Two demo tenants, each a shop of its own, and the page that says what to do next.

mod shop;

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use averis_tenant::{AccessTokens, Accounts};
use averis_tenant_context::{TenantKey, TenantRole};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use self::shop::{STEWARDS, Shop};
use crate::api::Api;
use crate::state::{random, write_secret};

struct DemoTenant {
    key: &'static str,
    name: &'static str,
    products: &'static str,
}

const DEMOS: [DemoTenant; 2] = [
    DemoTenant {
        key: "acme",
        name: "Acme Outfitters",
        products: include_str!("../demo/acme.csv"),
    },
    DemoTenant {
        key: "globex",
        name: "Globex Instruments",
        products: include_str!("../demo/globex.csv"),
    },
];

/// What the demo's people and machines come in with. It lies beside the installation's secrets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Demo {
    tenants: Vec<DemoAccess>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct DemoAccess {
    key: String,
    email: String,
    password: String,
    api_key: String,
    /// Those who approve what the admin writes; absent in what was written before there were any.
    #[serde(default)]
    stewards: Vec<Steward>,
}

/// Who approves one kind of thing.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Steward {
    name: String,
    user: Uuid,
    email: String,
    password: String,
}

/// Makes what of the demo tenants is missing: products that are launched and priced, an admin, stewards and an API key.
pub async fn make(
    api: &Api,
    accounts: &Accounts,
    tokens: &AccessTokens,
    state_dir: &Path,
) -> anyhow::Result<Demo> {
    let file = state_dir.join("demo.json");
    let mut known = read(&file)?;
    for demo in DEMOS {
        let key: TenantKey = demo.key.parse()?;
        if api.find_tenant(&key).await?.is_none() {
            let body = json!({"key": key, "name": demo.name, "subscription_tier": "professional"});
            api.post("/api/tenant/v1/tenants", &body)
                .await?
                .context("no such address")?;
            println!("Made the tenant {key}.");
        } else if !known.tenants.iter().any(|access| access.key == demo.key) {
            println!("There is a tenant {key} that is not the demo's: it is left alone.");
            continue;
        }
        if !known.tenants.iter().any(|access| access.key == demo.key) {
            known.tenants.push(let_in(api, accounts, &key).await?);
            write_secret(&file, &serde_json::to_string_pretty(&known)?)?;
        }
        // Importing the same products again changes nothing.
        let request = api
            .request(
                Method::POST,
                &format!("/t/{key}/api/product/v1/imports?file_name=demo.csv"),
            )
            .await?
            .header("content-type", "text/csv")
            .body(demo.products);
        let job = api.send(request).await?.context("no such address")?;
        wait(api, &key, &job).await?;
        let tenant = api.find_tenant(&key).await?.context("the tenant is gone")?;
        let tenant: Uuid = tenant.id.parse()?;
        let own = known
            .tenants
            .iter_mut()
            .find(|access| access.key == demo.key);
        let own = own.context("nobody is let in")?;
        if own.stewards.is_empty() {
            own.stewards = stewards(accounts, &key, tenant).await?;
            write_secret(&file, &serde_json::to_string_pretty(&known)?)?;
        }
        let own = known.tenants.iter().find(|access| access.key == demo.key);
        let shop = Shop {
            api,
            key: &key,
            tenant,
            tokens,
            stewards: own.map_or(&[], |access| access.stewards.as_slice()),
        };
        shop.open().await?;
    }
    Ok(known)
}

fn read(file: &Path) -> anyhow::Result<Demo> {
    match fs::read_to_string(file) {
        Ok(text) => {
            serde_json::from_str(&text).with_context(|| format!("{} is damaged", file.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Demo {
            tenants: Vec::new(),
        }),
        Err(error) => Err(error).with_context(|| format!("reading {}", file.display())),
    }
}

/// Makes the stewards of a demo tenant, each with one role.
async fn stewards(
    accounts: &Accounts,
    key: &TenantKey,
    tenant: Uuid,
) -> anyhow::Result<Vec<Steward>> {
    let mut made = Vec::new();
    for (name, role) in STEWARDS {
        let email = format!("{name}@{key}.example");
        let password = random();
        let user = accounts
            .put(&email, &format!("Demo {name}"), &password, &[])
            .await?;
        accounts.join(tenant, user, &[role]).await?;
        made.push(Steward {
            name: name.to_owned(),
            user,
            email,
            password,
        });
    }
    Ok(made)
}

/// Makes an admin and an API key of a demo tenant.
async fn let_in(api: &Api, accounts: &Accounts, key: &TenantKey) -> anyhow::Result<DemoAccess> {
    let tenant = api.find_tenant(key).await?.context("the tenant is gone")?;
    let email = format!("admin@{key}.example");
    let password = random();
    let user = accounts.put(&email, "Demo admin", &password, &[]).await?;
    let roles = [TenantRole::TenantAdmin];
    accounts.join(tenant.id.parse()?, user, &roles).await?;
    let scopes = [
        "product:read",
        "product:write",
        "product:import",
        "product:export",
        "storefront:read",
        "price:read",
        "price:write",
        "quote:write",
        "customer:read",
        "stock:read",
        "cart:read",
        "order:read",
        "order:write",
        "fulfilment:write",
        "payment:write",
        "invoice:read",
        "invoice:write",
        "ledger:read",
    ];
    let body = json!({"name": "Demo", "scopes": scopes});
    let path = format!("/t/{key}/api/tenant/v1/api-keys");
    let made = api.post(&path, &body).await?.context("no such address")?;
    let api_key = made.get("key").and_then(Value::as_str);
    Ok(DemoAccess {
        key: key.to_string(),
        email,
        password,
        api_key: api_key.context("an answer without the key")?.to_owned(),
        stewards: Vec::new(),
    })
}

async fn wait(api: &Api, key: &TenantKey, job: &Value) -> anyhow::Result<()> {
    let id = job
        .get("id")
        .and_then(Value::as_str)
        .context("a job without id")?;
    loop {
        let path = format!("/t/{key}/api/product/v1/imports/{id}");
        let job = api.get(&path).await?.context("the job is gone")?;
        match job.get("status").and_then(Value::as_str) {
            Some("done") => return Ok(()),
            Some("failed") => anyhow::bail!("the demo products were not imported: {job}"),
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Where the platform is, for the page.
pub struct Place<'a> {
    /// Domain under which each tenant has a label.
    pub domain: &'a str,
    /// Port.
    pub port: u16,
    /// Port of the metrics.
    pub metrics: u16,
}

/// Returns the page that is printed once all is up.
pub async fn page(
    api: &Api,
    place: &Place<'_>,
    demo: Option<&Demo>,
    started: Duration,
) -> anyhow::Result<String> {
    let Place {
        domain,
        port,
        metrics,
    } = place;
    let tenants = api.list_tenants().await?;
    let mut page = format!(
        "\nAveris is up after {:.1} s.\n\n\
         Platform   http://{domain}:{port}/health\n\
         API        http://{domain}:{port}/openapi.json\n\
         Metrics    http://{domain}:{metrics}/metrics\n\nTenants\n",
        started.as_secs_f64()
    );
    let routable: Vec<&str> = tenants
        .iter()
        .filter(|tenant| tenant.get("status").and_then(Value::as_str) == Some("active"))
        .filter_map(|tenant| tenant.get("subdomain").and_then(Value::as_str))
        .collect();
    for subdomain in routable.iter().take(10) {
        page.push_str(&format!(
            "  http://{subdomain}.{domain}:{port}/api/product/v1/products\n"
        ));
    }
    if routable.is_empty() {
        page.push_str("  none yet; make one with: averis tenant create acme\n");
    }
    if let Some(demo) = demo {
        page.push_str("\nWho may come in\n");
        for access in &demo.tenants {
            page.push_str(&format!(
                "  {:8} {}  password {}\n           API key {}\n",
                access.key, access.email, access.password, access.api_key
            ));
        }
        page.push_str(
            "  Those who approve are there too: marketing@acme.example and others, in demo.json\n",
        );
        if let Some(first) = demo.tenants.first() {
            page.push_str(&lines_to_try(first, domain, *port));
        }
    }
    page.push_str("\nStop with Ctrl-C.\n");
    Ok(page)
}

/// Lines to be copied into a shell.
fn lines_to_try(access: &DemoAccess, domain: &str, port: u16) -> String {
    let DemoAccess {
        key,
        email,
        password,
        api_key,
        ..
    } = access;
    let platform = format!("http://{domain}:{port}");
    let own = format!("http://{key}.{domain}:{port}/api/product/v1");
    let prices = format!("http://{key}.{domain}:{port}/api/pricing/v1");
    let people = format!("http://{key}.{domain}:{port}/api/customer/v1");
    let stock = format!("http://{key}.{domain}:{port}/api/erp/v1");
    let shop = format!("http://{key}.{domain}:{port}/api/ecomm/v1");
    let orders = format!("http://{key}.{domain}:{port}/api/oms/v1");
    let shopper = r#"-H "authorization: Bearer $SHOPPER""#;
    let total = r#"sed 's/.*"total":{"amount":\([0-9]*\).*/\1/'"#;
    let order = take_text("order_id");
    let address = r#"{"email":"ana@example.com","shipping_method":"standard","ship_to":{"name":"Ana Lima","lines":["Torstr. 1"],"city":"Berlin","postal_code":"10119","country":"DE"}}"#;
    let agreed = r#"{\"expected_total\":{\"amount\":$TOTAL,\"currency\":\"EUR\"},\"payment\":{\"provider\":\"simulator\",\"token\":\"pm_card\"}}"#;
    let auth = r#"-H "authorization: Bearer $KEY""#;
    let json = "-H 'content-type: application/json'";
    let once = r#"-H "idempotency-key: $(date +%s%N)""#;
    let product = r#"{\"key\":\"mug-$(date +%s)\",\"name\":\"Blue mug\",\"variants\":[{\"sku\":\"MUG-$(date +%s)\"}]}"#;
    let (session, token, id) = (
        take_text("session_token"),
        take_text("access_token"),
        take_text("id"),
    );
    let exchange = r#"{\"grant_type\":\"session\",\"session_token\":\"$SESSION\"}"#;
    format!(
        r#"
Try
  KEY={api_key}
  curl {auth} '{own}/products?limit=3'
  curl {auth} '{own}/products/search?q=blue&facets=vendor,tags'
  curl {auth} '{platform}/t/{key}/api/product/v1/variants?sku=TENT-2,LAMP-1'
  curl {auth} -X POST '{own}/products' {json} {once} -d "{product}"
  curl {auth} '{own}/staging/search?q=tent&facets=vendor'
  curl {auth} '{prices}/prices/explain?sku=TENT-2&country=DE'
  curl {auth} '{prices}/prices/explain?sku=TENT-2&country=US'
  curl {auth} -X POST '{prices}/price-quotes' {json} {once} -d '{{"country":"DE","lines":[{{"sku":"TENT-2","quantity":2}}],"coupon_codes":["welcome"]}}'
  curl {auth} '{stock}/availability?sku=TENT-2,LAMP-1'
  BUYER=$(curl -s {auth} '{people}/customers?limit=1' | {id})
  COMPANY=$(curl -s {auth} '{people}/companies?limit=1' | {id})
  curl {auth} "{people}/customers/$BUYER/context?company_id=$COMPANY"
  curl {auth} '{own}/products/export' -o products.csv
  curl {auth} -X POST '{own}/imports' -H 'content-type: text/csv' {once} --data-binary @products.csv

Buy something, have it sent, and take it back
  SHOPPER=$(curl -s -X POST 'http://{key}.{domain}:{port}/api/tenant/v1/shopper-sessions' {json} -d '{{}}' | {token})
  CART=$(curl -s {shopper} -X POST '{shop}/carts' {json} {once} -d '{{"country":"DE"}}' | {id})
  curl {shopper} -X POST "{shop}/carts/$CART/lines" {json} {once} -d '{{"sku":"TENT-2","quantity":1}}'
  curl {shopper} -X PATCH "{shop}/carts/$CART" {json} -H 'if-match: "2"' -d '{address}'
  TOTAL=$(curl -s {shopper} "{shop}/carts/$CART/totals" | {total})
  ORDER=$(curl -s {shopper} -X POST "{shop}/carts/$CART/complete" {json} {once} -d "{agreed}" | {order})
  curl {auth} "{orders}/orders/$ORDER"
  WORK=$(curl -s {auth} "{orders}/fulfilment-orders?order_id=$ORDER" | {id})
  SHIPMENT=$(curl -s {auth} -X POST "{orders}/fulfilment-orders/$WORK/ship" {json} {once} -d "{{\"slip\":\"PS-$ORDER\"}}" | {id})
  sleep 1; INVOICE=$(curl -s {auth} "{stock}/invoices?order_id=$ORDER" | {id})
  curl {auth} "{stock}/invoices/$INVOICE"
  RETURN=$(curl -s {auth} -X POST "{orders}/orders/$ORDER/returns" {json} {once} -d "{{\"shipment_id\":\"$SHIPMENT\",\"reason\":\"Too small\",\"lines\":[{{\"line\":0,\"quantity\":1}}]}}" | {id})
  curl {auth} -X POST "{orders}/returns/$RETURN/approve" {json} {once} -d '{{}}'
  curl {auth} -X POST "{orders}/returns/$RETURN/receive" {json} {once} -d '{{}}'
  curl {auth} -X POST "{orders}/returns/$RETURN/refund" {json} {once} -d '{{}}'
  sleep 1; curl {auth} "{stock}/invoices?order_id=$ORDER"
  curl {auth} '{stock}/trial-balance'

Sign in as a person
  SESSION=$(curl -s '{platform}/api/tenant/v1/sign-in' {json} -d '{{"email":"{email}","password":"{password}"}}' | {session})
  TOKEN=$(curl -s '{platform}/api/tenant/v1/tokens' {json} -d "{exchange}" | {token})
  curl -H "authorization: Bearer $TOKEN" '{platform}/api/tenant/v1/me'
"#
    )
}

/// The command that takes a text out of an answer.
fn take_text(name: &str) -> String {
    format!(r#"sed 's/.*"{name}":"\([^"]*\).*/\1/'"#)
}
