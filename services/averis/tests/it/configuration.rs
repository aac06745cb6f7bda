//! Every variable is described, and a bad one stops the service with a message that names it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use averis_service_kit::config::{Env, HttpConfig};
use averis_service_kit::telemetry::TelemetryConfig;
use averis_test_kit::fleet::{SERVICES, binary};
use averis_test_kit::identity;
use tokio::process::Command;

/// A row of the tables at the top of the files that read variables.
struct Variable {
    name: String,
    default: String,
    meaning: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn described(file: &str) -> Vec<Variable> {
    let text = std::fs::read_to_string(root().join(file)).expect("code");
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | `"));
    let variable = |row: &str| {
        let mut cells = row.split('|').map(str::trim);
        let mut next = || cells.next().expect("three cells").to_owned();
        let (name, default, meaning) = (next(), next(), next());
        Variable {
            name: name.trim_end_matches('`').to_owned(),
            default,
            meaning,
        }
    };
    rows.map(variable).collect()
}

const COMMON: &str = "crates/service-kit/src/config.rs";
/// Which folder others are looked for in; it is no variable of a service itself.
const FOLDER: &str = "AVERIS_SECRETS_DIR";

fn own(service: &str) -> String {
    format!("services/{service}/src/config.rs")
}

/// All variables of a service.
fn variables(service: &str) -> Vec<Variable> {
    let mut all = described(COMMON);
    all.extend(described(&own(service)));
    all.retain(|variable| variable.name != FOLDER);
    all
}

/// Texts of which nothing can be said but whether they are there.
const FREE: [&str; 12] = [
    "AVERIS_ISSUER",
    "AVERIS_MAIL_FROM",
    "AVERIS_MAIL_FOLDER",
    "AVERIS_OIDC_CLIENT_ID",
    "AVERIS_OIDC_ISSUER",
    "AVERIS_PAYMENT_SIMULATOR_SECRET",
    "AVERIS_SHOPPER_OIDC_CLIENT_ID",
    "AVERIS_SHOPPER_OIDC_ISSUER",
    "AVERIS_STRIPE_SECRET",
    "AVERIS_STRIPE_WEBHOOK_SECRET",
    "AVERIS_STYTCH_PROJECT_ID",
    "AVERIS_STYTCH_SECRET",
];

/// A good value of each variable that has no default, or that others depend on.
pub fn good() -> BTreeMap<String, String> {
    let keys = identity("oms").public().expect("a key");
    let database = "postgres://averis@127.0.0.1:1/averis";
    let secret = "0123456789abcdef0123456789abcdef";
    let values = [
        ("AVERIS_CURSOR_SECRET", secret),
        ("AVERIS_DATABASE_URL", database),
        ("AVERIS_MAIL_FOLDER", "/nowhere"),
        ("AVERIS_OIDC_CLIENT_ID", "averis"),
        ("AVERIS_OIDC_ISSUER", "https://issuer.example"),
        ("AVERIS_PAYMENT_SIMULATOR_SECRET", secret),
        ("AVERIS_PAYMENT_SIMULATOR_URL", "http://127.0.0.1:1"),
        ("AVERIS_PROVISIONER_URL", database),
        ("AVERIS_SERVICE_SECRET", secret),
        ("AVERIS_SHOPPER_OIDC_CLIENT_ID", "averis"),
        ("AVERIS_SHOPPER_OIDC_ISSUER", "https://issuer.example"),
        ("AVERIS_SIGNING_SECRET", secret),
        ("AVERIS_STRIPE_SECRET", "sk"),
        ("AVERIS_STRIPE_WEBHOOK_SECRET", "whsec"),
        ("AVERIS_STYTCH_PROJECT_ID", "project"),
        ("AVERIS_STYTCH_REDIRECT_URL", "https://shop.example/in"),
        ("AVERIS_STYTCH_SECRET", secret),
        ("AVERIS_TRUSTED_SERVICES", &keys),
        ("AVERIS_WEBHOOKS_DATABASE_URL", database),
    ];
    let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
    values.into_iter().collect()
}

/// Reads the variables of a service as its process does.
fn read(
    service: &str,
    values: &BTreeMap<String, String>,
) -> (BTreeSet<String>, Result<(), String>) {
    let asked = RefCell::new(BTreeSet::new());
    let get = |name: &str| {
        asked.borrow_mut().insert(name.to_owned());
        Ok(values.get(name).cloned())
    };
    let env = Env(&get);
    let outcome = (|| {
        TelemetryConfig::from_env(env)?;
        HttpConfig::from_env(env, 1)?;
        match service {
            "customer" => averis_customer::Config::from_env(env).map(drop),
            "ecomm" => averis_ecomm::Config::from_env(env).map(drop),
            "erp" => averis_erp::Config::from_env(env).map(drop),
            "oms" => averis_oms::Config::from_env(env).map(drop),
            "pricing" => averis_pricing::Config::from_env(env).map(drop),
            "product" => averis_product::Config::from_env(env).map(drop),
            "tenant" => averis_tenant::Config::from_env(env).map(drop),
            other => panic!("{other} is no service"),
        }
    })();
    let outcome = outcome.map_err(|error| error.to_string());
    (asked.into_inner(), outcome)
}

#[test]
fn every_variable_that_is_read_is_described() {
    for service in SERVICES {
        let (mut asked, outcome) = read(service, &good());
        outcome.expect("all is set");
        let mut smtp = good();
        smtp.insert(
            "AVERIS_SMTP_URL".to_owned(),
            "smtps://mail.example".to_owned(),
        );
        asked.extend(read(service, &smtp).0);
        let described: BTreeSet<String> = variables(service)
            .into_iter()
            .map(|variable| variable.name)
            .collect();
        assert_eq!(asked, described, "{service}");
    }
}

#[test]
fn every_bad_variable_is_named() {
    let mut checked = 0;
    for service in SERVICES {
        for Variable { name, default, .. } in variables(service) {
            let named = |values: &BTreeMap<String, String>, why: &str| {
                let error = read(service, values).1.expect_err(why);
                assert!(error.contains(&name), "{service}, {name} {why}: {error}");
            };
            let set = |value: &str| {
                let mut values = good();
                values.insert(name.clone(), value.to_owned());
                values
            };
            named(&set("${UNSET}"), "unexpanded");
            if !FREE.contains(&name.as_str()) {
                named(&set("?!"), "malformed");
            }
            if default.starts_with("required") {
                let mut values = good();
                values.remove(&name);
                if name == "AVERIS_SMTP_URL" {
                    values.remove("AVERIS_MAIL_FOLDER");
                }
                named(&values, "missing");
            }
            checked += 1;
        }
    }
    println!("{checked} variables of {} services", SERVICES.len());
}

#[test]
fn authorities_that_cannot_be_read_are_named_with_their_variable() {
    for name in [
        "AVERIS_DATABASE_URL",
        "AVERIS_PROVISIONER_URL",
        "AVERIS_WEBHOOKS_DATABASE_URL",
    ] {
        let mut values = good();
        let query = "sslmode=verify-full&sslrootcert=/nowhere/ca.crt";
        values.insert(name.to_owned(), format!("{}?{query}", values[name]));
        let error = read("tenant", &values).1.expect_err("there is none");
        assert!(
            error.starts_with(name) && error.contains("/nowhere/ca.crt"),
            "{error}"
        );
    }
}

#[actix_web::test]
async fn a_service_does_not_start_without_what_it_needs() {
    for service in SERVICES {
        let required = variables(service);
        let required = required
            .iter()
            .filter(|variable| variable.default == "required");
        let mut refused: Vec<(String, Option<&str>)> = required
            .map(|variable| (variable.name.clone(), None))
            .collect();
        assert!(refused.len() >= 3, "{service} needs more than that");
        refused.push(("AVERIS_BASE_DOMAIN".to_owned(), Some("${DOMAIN}")));
        refused.push(("AVERIS_HTTP_PORT".to_owned(), Some("http")));
        for (name, value) in refused {
            let mut values = good();
            values.remove(&name);
            values.extend(value.map(|value| (name.clone(), value.to_owned())));
            let process = Command::new(binary(service))
                .env_clear()
                .envs(values)
                .output();
            let ended = process.await.expect("the services' binaries are built");
            let said = String::from_utf8_lossy(&ended.stderr);
            assert_eq!(
                ended.status.code(),
                Some(1),
                "{service} without {name}: {said}"
            );
            assert!(said.contains(&name), "{service} without {name}: {said}");
            assert!(said.lines().count() == 1, "{said}");
        }
    }
}

/// The page that operators read.
fn page() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         Written by `make configuration` from the tables at the top of the files that read these variables; a test holds both against\n\
         what is read. A variable that is missing though required, malformed, or still holds a `${...}` stops the process with a message\n\
         that names it. `averis up` takes the same variables, but for those that it makes itself: secrets and logins.\n\n\
         **Where to set one.** With compose in the file `.env` beside the compose file, if that names it, else under `environment` of the\n\
         services in a compose file of your own after it (`-f`). On Kubernetes as a line under `configMapGenerator` in your overlay, then\n\
         `kubectl apply -k k8s/overlays/production`: pods are replaced one after the other. What is secret is a key of that name in the service's Secret, in\n\
         `averis-oms` for instance, or in the vault; then `kubectl -n averis-platform rollout restart deployment/averis-oms`.\n",
    );
    let mut table = |title: &str, variables: Vec<Variable>| {
        let _ = write!(
            page,
            "\n## {title}\n\n| variable | default | meaning |\n|---|---|---|\n"
        );
        for Variable {
            name,
            default,
            meaning,
        } in variables
        {
            let _ = writeln!(page, "| `{name}` | {default} | {meaning} |");
        }
    };
    table("Every service", described(COMMON));
    let mut services = SERVICES;
    services.sort_unstable();
    for service in services {
        table(&format!("`averis-{service}`"), described(&own(service)));
    }
    page
}

#[test]
fn the_page_about_variables_is_what_the_code_says() {
    let file = root().join("docs/operations/configure.md");
    let page = page();
    if std::env::var("AVERIS_WRITE_CONFIGURATION").is_ok() {
        std::fs::write(&file, &page).expect("written");
    }
    let written = std::fs::read_to_string(file).unwrap_or_default();
    assert!(written == page, "it is out of date: make configuration");
}
