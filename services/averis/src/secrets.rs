//! `averis secrets`: what each service needs to know and nobody else, for whatever runs the services.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use averis_tenant_context::Domain;
use averis_tenant_db::{DatabaseUrl, LoginRole};
use serde_json::{Value, json};

use crate::cli::SecretsForm;
use crate::cli::SecretsOptions;
use crate::state::{SERVICES, Secrets, write_secret};

/// Variables and their values.
type Variables = BTreeMap<&'static str, String>;

/// Hands out the secrets of the installation, which are made if there are none.
pub fn run(options: &SecretsOptions) -> anyhow::Result<ExitCode> {
    let secrets = Secrets::load(&options.state.state_dir)?;
    // Whoever logs in: the address is what counts.
    let database = format!("postgres://averis@{}", options.database);
    let database: DatabaseUrl = database.parse().with_context(|| {
        let said = &options.database;
        format!("--database is {said:?}; it must be HOST:PORT/NAME, or HOST:PORT/NAME?sslmode=..., without a login")
    })?;
    // `averis` is no process of its own but all of them in one.
    let of_services = SERVICES
        .into_iter()
        .filter(|service| *service != "averis")
        .map(|service| Ok((service, of_service(&secrets, &database, service)?)))
        .collect::<anyhow::Result<Vec<(&str, Variables)>>>()?;
    match &options.form {
        SecretsForm::Files { folder } => {
            for (service, variables) in of_services {
                write(&folder.join(service), &variables)?;
            }
        }
        SecretsForm::Kubernetes { namespace } => {
            let whole = serde_json::to_string_pretty(&secrets)?;
            let whole = BTreeMap::from([("secrets.json", whole)]);
            let mut items = vec![manifest(namespace, "averis-installation", &whole)];
            for (service, variables) in &of_services {
                items.push(manifest(namespace, &format!("averis-{service}"), variables));
            }
            let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
            println!("{}", serde_json::to_string_pretty(&list)?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn of_service(
    secrets: &Secrets,
    database: &DatabaseUrl,
    service: &str,
) -> anyhow::Result<Variables> {
    let passwords = secrets.passwords()?;
    let login = |role| passwords.address(database, role);
    let role = match service {
        "tenant" => LoginRole::Tenant,
        domain => LoginRole::Service(domain.parse().map_err(anyhow::Error::msg)?),
    };
    let mut variables = Variables::from([
        ("AVERIS_CURSOR_SECRET", secrets.cursor_text().to_owned()),
        ("AVERIS_DATABASE_URL", login(role)),
        (
            "AVERIS_SERVICE_SECRET",
            secrets.service_text(service)?.to_owned(),
        ),
        ("AVERIS_TRUSTED_SERVICES", secrets.service_keys()?),
    ]);
    if service == "tenant" {
        let webhooks = LoginRole::Service(Domain::Webhooks);
        variables.extend([
            ("AVERIS_PROVISIONER_URL", login(LoginRole::Provisioner)),
            ("AVERIS_SIGNING_SECRET", secrets.signing_text().to_owned()),
            ("AVERIS_WEBHOOKS_DATABASE_URL", login(webhooks)),
        ]);
    }
    Ok(variables)
}

/// Writes a file for each variable, as `AVERIS_SECRETS_DIR` takes them.
fn write(folder: &Path, variables: &Variables) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("making {}", folder.display()))?;
    for (name, value) in variables {
        write_secret(&folder.join(name), value)?;
    }
    Ok(())
}

fn manifest(namespace: &str, name: &str, values: &BTreeMap<&'static str, String>) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/part-of": "averis"},
        },
        "type": "Opaque",
        "stringData": values,
    })
}
