//! `averis login`, `logout`, `token`, `admin`, `user` and `key`.

use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use averis_tenant::Accounts;
use averis_tenant_context::{GlobalRole, TenantKey};
use averis_tenant_db::{LoginRole, PoolConfig, Provisioner};
use console::Term;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::Api;
use crate::cli::{AdminCommand, KeyCommand, NOT_FOUND, Server, StateDir, UserCommand};
use crate::credentials;
use crate::state::{Database, Secrets, prepared};

/// Signs in.
pub async fn login(email: &str, server: &Server) -> anyhow::Result<ExitCode> {
    credentials::sign_in(&server.url, email, &password()?).await?;
    println!("Signed in to {}.", server.url);
    Ok(ExitCode::SUCCESS)
}

/// Ends the sign-in.
pub async fn logout(server: &Server) -> anyhow::Result<ExitCode> {
    credentials::sign_out(&server.url).await?;
    Ok(ExitCode::SUCCESS)
}

/// Prints an access token.
pub async fn token(tenant: Option<&TenantKey>, server: &Server) -> anyhow::Result<ExitCode> {
    let api = Api::of(server)?;
    println!("{}", api.token(tenant).await?);
    Ok(ExitCode::SUCCESS)
}

/// Prints the public keys of all services.
pub fn service_keys(state: &StateDir) -> anyhow::Result<ExitCode> {
    println!("{}", Secrets::load(&state.state_dir)?.service_keys()?);
    Ok(ExitCode::SUCCESS)
}

/// Makes admins of the platform, and forgets whom an identity provider means by somebody.
pub async fn admin(command: AdminCommand) -> anyhow::Result<ExitCode> {
    match command {
        AdminCommand::Create { email, state } => {
            let password = password()?;
            with_accounts(&state, async |accounts| {
                let roles = [GlobalRole::PlatformAdmin];
                accounts.put(&email, "", &password, &roles).await?;
                Ok(())
            })
            .await?;
            println!("{email} is a platform_admin.");
        }
        AdminCommand::Unlink { email, state } => {
            let unlinked =
                with_accounts(&state, async |accounts| Ok(accounts.unlink(&email).await?)).await?;
            match unlinked {
                None => bail!("nobody has the address {email}"),
                Some(true) => println!("{email} may come as another subject."),
                Some(false) => println!("No issuer knows {email}."),
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Works on the accounts of the database, which is migrated first and closed afterwards.
async fn with_accounts<T>(
    state: &StateDir,
    work: impl AsyncFnOnce(Accounts) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let database = Database::open(&state.state_dir).await?;
    let done = async {
        let secrets = Secrets::load(&state.state_dir)?;
        let passwords = prepared(&database.admin, &secrets).await?;
        let provisioner = passwords.url(&database.admin, LoginRole::Provisioner);
        Provisioner::new(provisioner, PoolConfig::sized(1))
            .migrate_platform()
            .await?;
        work(Accounts::new(
            &passwords.url(&database.admin, LoginRole::Tenant),
        )?)
        .await
    };
    let done = done.await;
    database.close().await?;
    done
}

/// Reads a password without showing it, or a line of standard input where there is no terminal.
fn password() -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        let term = Term::stderr();
        term.write_str("Password: ")?;
        return Ok(term.read_secure_line()?);
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("no password on standard input");
    }
    Ok(password.to_owned())
}

/// Lists, invites and removes members.
pub async fn user(
    command: UserCommand,
    server: &Server,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let api = Api::of(server)?;
    match command {
        UserCommand::List { tenant } => {
            let rows = api
                .list(&format!("/t/{tenant}/api/tenant/v1/members"))
                .await?;
            table(&rows, &["email", "status", "roles", "id"], as_json);
        }
        UserCommand::Invite {
            tenant,
            email,
            roles,
        } => {
            let body = json!({"email": email, "roles": roles});
            let path = format!("/t/{tenant}/api/tenant/v1/members");
            let member = api.post(&path, &body).await?.context("no such address")?;
            table(&[member], &["email", "status", "roles", "id"], as_json);
        }
        UserCommand::Remove { tenant, email } => {
            let path = format!("/t/{tenant}/api/tenant/v1/members");
            let members = api.list(&path).await?;
            let wanted = email.to_lowercase();
            let is_it = |row: &&Value| text(row, "email") == wanted;
            let Some(member) = members.iter().find(is_it) else {
                eprintln!("averis: {email} is no member of {tenant}");
                return Ok(ExitCode::from(NOT_FOUND));
            };
            let path = format!("{path}/{}", text(member, "id"));
            let request = api.request(Method::DELETE, &path).await?;
            let request = request.header("if-match", format!("\"{}\"", text(member, "version")));
            api.send(request).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Lists, makes and revokes keys.
pub async fn key(command: KeyCommand, server: &Server, as_json: bool) -> anyhow::Result<ExitCode> {
    let api = Api::of(server)?;
    match command {
        KeyCommand::List { tenant } => {
            let rows = api
                .list(&format!("/t/{tenant}/api/tenant/v1/api-keys"))
                .await?;
            let columns = ["name", "prefix", "scopes", "expires_at", "revoked_at", "id"];
            table(&rows, &columns, as_json);
        }
        KeyCommand::Create {
            tenant,
            name,
            scopes,
        } => {
            let body = json!({"name": name, "scopes": scopes});
            let path = format!("/t/{tenant}/api/tenant/v1/api-keys");
            let key = api.post(&path, &body).await?.context("no such address")?;
            if as_json {
                println!("{key}");
            } else {
                println!("{}", text(&key, "key"));
            }
        }
        KeyCommand::Revoke { tenant, id } => {
            let path = format!("/t/{tenant}/api/tenant/v1/api-keys/{id}");
            let Some(key) = api.get(&path).await? else {
                eprintln!("averis: {tenant} has no key {id}");
                return Ok(ExitCode::from(NOT_FOUND));
            };
            let request = api.request(Method::POST, &format!("{path}/revoke")).await?;
            let request = request.header("if-match", format!("\"{}\"", text(&key, "version")));
            api.send(request).await?.context("the key is gone")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn text(row: &Value, name: &str) -> String {
    match row.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(words)) => {
            let words = words.iter().filter_map(Value::as_str);
            words.collect::<Vec<_>>().join(",")
        }
        None | Some(Value::Null) => "-".to_owned(),
        Some(other) => other.to_string(),
    }
}

fn table(rows: &[Value], columns: &[&str], as_json: bool) {
    if as_json {
        println!("{}", json!(rows));
        return;
    }
    let line = |cells: Vec<String>| println!("{}", cells.join("  ").trim_end());
    let width = |column: &&str| {
        let widths = rows.iter().map(|row| text(row, column).chars().count());
        widths.max().unwrap_or(0).max(column.len())
    };
    let widths: Vec<usize> = columns.iter().map(width).collect();
    let pad = |cell: String, width: &usize| format!("{cell:width$}");
    let head = columns.iter().zip(&widths);
    line(
        head.map(|(column, width)| pad(column.to_uppercase(), width))
            .collect(),
    );
    for row in rows {
        let cells = columns.iter().zip(&widths);
        line(
            cells
                .map(|(column, width)| pad(text(row, column), width))
                .collect(),
        );
    }
}
