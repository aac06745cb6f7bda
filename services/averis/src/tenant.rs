//! `averis tenant`.

use std::process::ExitCode;

use anyhow::Context as _;
use averis_tenant_context::TenantKey;
use serde_json::{Value, json};

use crate::api::{Api, Tenant};
use crate::cli::{NOT_FOUND, Server, TenantCommand};

/// Runs a command on tenants.
pub async fn run(
    command: TenantCommand,
    server: &Server,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let api = Api::of(server)?;
    let (key, verb, body) = match command {
        TenantCommand::Create {
            key,
            name,
            subdomain,
            tier,
        } => {
            let name = name.unwrap_or_else(|| key.to_string());
            let body = json!({
                "key": key, "name": name, "subscription_tier": tier.as_str(),
                "subdomain": subdomain.map_or_else(|| key.to_string(), |subdomain| subdomain.to_string()),
            });
            let made = api
                .post("/api/tenant/v1/tenants", &body)
                .await?
                .context("no such address")?;
            show(&made, as_json);
            return Ok(ExitCode::SUCCESS);
        }
        TenantCommand::List => {
            list(&api.list_tenants().await?, as_json);
            return Ok(ExitCode::SUCCESS);
        }
        TenantCommand::Show { key } => (key, None, json!({})),
        TenantCommand::Suspend { key } => (key, Some("suspend"), json!({})),
        TenantCommand::Resume { key } => (key, Some("resume"), json!({})),
        TenantCommand::Close { key } => (key, Some("close"), json!({})),
        TenantCommand::Purge { key, confirm } => {
            (key, Some("purge"), json!({"confirm_key": confirm}))
        }
    };
    let Some(tenant) = find(&api, &key).await? else {
        return Ok(ExitCode::from(NOT_FOUND));
    };
    let answer = match verb {
        Some(verb) => api.command(&tenant, verb, &body).await?,
        None => tenant.body,
    };
    show(&answer, as_json);
    Ok(ExitCode::SUCCESS)
}

/// Finds a tenant, or says that there is none.
pub async fn find(api: &Api, key: &TenantKey) -> anyhow::Result<Option<Tenant>> {
    let found = api.find_tenant(key).await?;
    if found.is_none() {
        eprintln!("averis: there is no tenant {key}");
    }
    Ok(found)
}

fn show(body: &Value, as_json: bool) {
    if as_json {
        println!("{body}");
        return;
    }
    for (name, value) in body.as_object().into_iter().flatten() {
        println!("{name:18} {}", plain(value));
    }
}

fn list(tenants: &[Value], as_json: bool) {
    if as_json {
        println!("{}", json!(tenants));
        return;
    }
    println!(
        "{:24} {:12} {:14} {:24} NAME",
        "KEY", "STATUS", "TIER", "SUBDOMAIN"
    );
    for tenant in tenants {
        let word = |name: &str| tenant.get(name).map(plain).unwrap_or_default();
        println!(
            "{:24} {:12} {:14} {:24} {}",
            word("key"),
            word("status"),
            word("subscription_tier"),
            word("subdomain"),
            word("name")
        );
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
