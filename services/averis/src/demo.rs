//! Two demo tenants with products of their own, and the page that says what to do next.

use std::time::Duration;

use anyhow::Context as _;
use averis_tenant_context::TenantKey;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::Api;

struct Demo {
    key: &'static str,
    name: &'static str,
    products: &'static str,
}

const DEMOS: [Demo; 2] = [
    Demo {
        key: "acme",
        name: "Acme Outfitters",
        products: include_str!("../demo/acme.csv"),
    },
    Demo {
        key: "globex",
        name: "Globex Instruments",
        products: include_str!("../demo/globex.csv"),
    },
];

/// Makes the demo tenants that are missing, each with its products.
pub async fn make(api: &Api) -> anyhow::Result<()> {
    for demo in DEMOS {
        let key: TenantKey = demo.key.parse()?;
        if api.find_tenant(&key).await?.is_none() {
            let body = json!({"key": key, "name": demo.name, "subscription_tier": "professional"});
            api.post("/api/tenant/v1/tenants", &body)
                .await?
                .context("no such address")?;
            println!("Made the tenant {key}.");
        }
        // Importing the same products again changes nothing.
        let request = api
            .request(
                Method::POST,
                &format!("/t/{key}/api/product/v1/imports?file_name=demo.csv"),
            )?
            .header("content-type", "text/csv")
            .body(demo.products);
        let job = api.send(request).await?.context("no such address")?;
        wait(api, &key, &job).await?;
    }
    Ok(())
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

/// Returns the page that is printed once all is up.
pub async fn page(api: &Api, domain: &str, port: u16, started: Duration) -> anyhow::Result<String> {
    let tenants = api.list_tenants().await?;
    let mut page = format!(
        "\nAveris is up after {:.1} s, on loopback only: there is no access control yet.\n\n\
         Platform   http://{domain}:{port}/health\n\
         API        http://{domain}:{port}/openapi.json\n\
         Metrics    http://{domain}:{port}/metrics\n\nTenants\n",
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
    let Some(first) = routable.first() else {
        page.push_str("  none yet; make one with: averis tenant create acme\n");
        return Ok(page);
    };
    let own = format!("http://{first}.{domain}:{port}/api/product/v1");
    page.push_str(&format!(
        "\nTry\n\
         \x20 curl '{own}/products?limit=3'\n\
         \x20 curl '{own}/products/search?q=blue&facets=vendor,tags'\n\
         \x20 curl 'http://{domain}:{port}/t/{first}/api/product/v1/variants?sku=TENT-2,LAMP-1'\n\
         \x20 curl -X POST '{own}/products' -H 'content-type: application/json' -H \"idempotency-key: $(date +%s%N)\" \\\n\
         \x20      -d \"{{\\\"key\\\":\\\"mug-$(date +%s)\\\",\\\"name\\\":\\\"Blue mug\\\",\\\"variants\\\":[{{\\\"sku\\\":\\\"MUG-$(date +%s)\\\"}}]}}\"\n\
         \x20 curl '{own}/products/export' -o products.csv\n\
         \x20 curl -X POST '{own}/imports' -H 'content-type: text/csv' -H \"idempotency-key: $(date +%s%N)\" --data-binary @products.csv\n\
         \nStop with Ctrl-C.\n"
    ));
    Ok(page)
}
