//! What outlives the process: secrets, and the private PostgreSQL where no other is named.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use averis_private_postgres::{Error as PostgresError, Options, PrivatePostgres};
use averis_service_kit::config::{Env, optional_database};
use averis_service_kit::cursor::CursorSecret;
use averis_tenant::AccessTokens;
use averis_tenant_db::{DatabaseUrl, LoginRole, Passwords, bootstrap, bootstrap_new};
use averis_tokens::{ServiceIdentity, SigningSecret, TrustedServices};
use rand::distr::{Alphanumeric, SampleString as _};
use serde::{Deserialize, Serialize};

/// The address of the private PostgreSQL while a process has it, so that another command can join.
const ADDRESS: &str = "database-url";

const PREPARING: &str = "preparing the database; AVERIS_DATABASE_URL must log in as a superuser";

/// The database that this process works with.
pub struct Database {
    /// Logs in as an administrator.
    pub admin: DatabaseUrl,
    /// The server, when it is this process's own.
    server: Option<PrivatePostgres>,
    address_file: Option<PathBuf>,
}

impl Database {
    /// Takes the database that `AVERIS_DATABASE_URL` names, else that of a running `averis up` of the same
    /// folder, else starts the private one.
    pub async fn open(state_dir: &Path) -> anyhow::Result<Self> {
        if let Some(admin) = optional_database(Env::process(), "AVERIS_DATABASE_URL")? {
            return Ok(Self {
                admin,
                server: None,
                address_file: None,
            });
        }
        let address_file = state_dir.join(ADDRESS);
        let options = Options::new(state_dir);
        let server = match PrivatePostgres::start(options).await {
            Ok(server) => server,
            Err(PostgresError::InUse { .. }) if address_file.exists() => {
                let text =
                    fs::read_to_string(&address_file).context("reading the database's address")?;
                let admin = text
                    .trim()
                    .parse()
                    .context("the database's address is damaged")?;
                return Ok(Self {
                    admin,
                    server: None,
                    address_file: None,
                });
            }
            Err(error) => return Err(error.into()),
        };
        write_secret(&address_file, server.admin_url())?;
        let admin = server
            .admin_url()
            .parse()
            .context("the private PostgreSQL's address")?;
        Ok(Self {
            admin,
            server: Some(server),
            address_file: Some(address_file),
        })
    }

    /// Says for people which database this is.
    pub fn description(&self) -> String {
        match &self.server {
            Some(server) => {
                format!(
                    "{}, data in {}",
                    server.how_found(),
                    server.data_dir().display()
                )
            }
            None => format!("{:?}", self.admin),
        }
    }

    /// Stops the server if it is this process's own.
    pub async fn close(self) -> anyhow::Result<()> {
        if let Some(file) = self.address_file {
            fs::remove_file(file).context("removing the database's address")?;
        }
        if let Some(server) = self.server {
            server.stop().await?;
        }
        Ok(())
    }
}

/// The secrets of an installation, made once and kept. What is not among them is made.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Secrets {
    passwords: BTreeMap<String, String>,
    cursor_secret: String,
    /// What the keys that sign access tokens are derived from.
    signing_secret: String,
    /// What each service's own key is derived from.
    service_secrets: BTreeMap<String, String>,
}

/// The services that call each other; `averis` is all of them in one process.
pub const SERVICES: [&str; 8] = [
    "averis", "customer", "ecomm", "erp", "oms", "pricing", "product", "tenant",
];

impl Secrets {
    /// Reads the secrets, or makes them.
    pub fn load(state_dir: &Path) -> anyhow::Result<Self> {
        let file = state_dir.join("secrets.json");
        let mut secrets = match fs::read_to_string(&file) {
            Ok(text) => serde_json::from_str(&text)
                .with_context(|| format!("{} is damaged", file.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::default(),
            Err(error) => return Err(error).with_context(|| format!("reading {}", file.display())),
        };
        let mut added = false;
        for secret in [&mut secrets.cursor_secret, &mut secrets.signing_secret] {
            if secret.is_empty() {
                added = true;
                *secret = random();
            }
        }
        for service in SERVICES {
            secrets
                .service_secrets
                .entry(service.to_owned())
                .or_insert_with(|| {
                    added = true;
                    random()
                });
        }
        for role in LoginRole::ALL {
            secrets
                .passwords
                .entry(role.name().to_owned())
                .or_insert_with(|| {
                    added = true;
                    random()
                });
        }
        if added {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(state_dir)?;
            write_secret(&file, &serde_json::to_string_pretty(&secrets)?)?;
        }
        Ok(secrets)
    }

    /// Reads the secrets of an installation, if there is one in that folder.
    pub fn find(state_dir: &Path) -> anyhow::Result<Option<Self>> {
        let there = state_dir.join("secrets.json").exists();
        there.then(|| Self::load(state_dir)).transpose()
    }

    /// Returns what makes access tokens, for the issuer that this process is set to.
    pub fn tokens(&self) -> anyhow::Result<AccessTokens> {
        let issuer = Env::process().or("AVERIS_ISSUER", "averis".to_owned())?;
        Ok(AccessTokens::new(self.signing()?, &issuer))
    }

    /// Returns the passwords of the login roles.
    pub fn passwords(&self) -> anyhow::Result<Passwords> {
        let password =
            |role: LoginRole| self.passwords.get(role.name()).cloned().unwrap_or_default();
        Passwords::collect(password).map_err(|role| {
            anyhow::anyhow!("the password of {} in secrets.json is damaged", role.name())
        })
    }

    /// Returns what access tokens are signed with.
    pub fn signing(&self) -> anyhow::Result<SigningSecret> {
        let secret = self.signing_secret.parse();
        secret.map_err(|error| anyhow::anyhow!("the signing secret {error}"))
    }

    /// Returns what access tokens are signed with, as it is kept.
    pub fn signing_text(&self) -> &str {
        &self.signing_secret
    }

    /// Returns the key that signs page cursors, as it is kept.
    pub fn cursor_text(&self) -> &str {
        &self.cursor_secret
    }

    /// Returns what a service's own key is derived from, as it is kept.
    pub fn service_text(&self, service: &str) -> anyhow::Result<&str> {
        let secret = self.service_secrets.get(service);
        let secret = secret.with_context(|| format!("no secret of the service {service}"))?;
        Ok(secret)
    }

    /// Returns a service's own identity.
    pub fn identity(&self, service: &str) -> anyhow::Result<ServiceIdentity> {
        let secret: SigningSecret = self
            .service_text(service)?
            .parse()
            .map_err(|error| anyhow::anyhow!("the secret of the service {service} {error}"))?;
        Ok(ServiceIdentity::new(service, &secret))
    }

    /// Returns the public keys of all services, as `AVERIS_TRUSTED_SERVICES` takes them.
    pub fn service_keys(&self) -> anyhow::Result<String> {
        let keys = SERVICES
            .iter()
            .map(|service| Ok(self.identity(service)?.public()?));
        Ok(keys.collect::<anyhow::Result<Vec<String>>>()?.join(","))
    }

    /// Returns the services that trust each other.
    pub fn trusted(&self) -> anyhow::Result<TrustedServices> {
        self.service_keys()?.parse().map_err(anyhow::Error::msg)
    }

    /// Returns the key that signs page cursors.
    pub fn cursor_secret(&self) -> anyhow::Result<CursorSecret> {
        self.cursor_secret
            .parse()
            .map_err(|error| anyhow::anyhow!("the cursor secret {error}"))
    }
}

/// Returns the kept passwords, for who only looks: a database that somebody has prepared stays as it is.
pub async fn prepared(admin: &DatabaseUrl, secrets: &Secrets) -> anyhow::Result<Passwords> {
    let passwords = secrets.passwords()?;
    bootstrap_new(admin, &passwords).await.context(PREPARING)?;
    Ok(passwords)
}

/// Makes roles and platform schema, and sets the kept passwords.
pub async fn prepare(admin: &DatabaseUrl, secrets: &Secrets) -> anyhow::Result<Passwords> {
    let passwords = secrets.passwords()?;
    bootstrap(admin, &passwords).await.context(PREPARING)?;
    Ok(passwords)
}

/// Returns a new secret of 40 letters and digits.
pub fn random() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), 40)
}

/// Writes a file that nobody else may read, whole or not at all.
pub fn write_secret(file: &Path, text: &str) -> anyhow::Result<()> {
    let new = file.with_extension("new");
    let mut out = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)
        .with_context(|| format!("writing {}", new.display()))?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    fs::rename(&new, file).with_context(|| format!("writing {}", file.display()))
}
