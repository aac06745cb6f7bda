//! With what the command line shows who it is.
//!
//! In this order: `AVERIS_TOKEN` (an access token or an API key); what `averis login` kept for the address; the secrets of
//! the installation, for whoever may read its folder is its operator.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use averis_service_kit::config::Env;
use averis_tenant::{AccessTokens, Grantee};
use averis_tenant_context::{GlobalRole, TenantKey, TenantRole};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use url::{Host, Url};

use crate::api::{Api, describe, http_client};
use crate::cli::Server;
use crate::state::{Secrets, write_secret};

/// How long a token is used before another is had: less than it is good.
const FRESH: Duration = Duration::from_secs(240);
const TOKENS: &str = "/api/tenant/v1/tokens";

/// With what to show who one is.
pub struct Credentials {
    source: Source,
    /// Tokens at hand, by tenant; none for the platform.
    tokens: Mutex<HashMap<Option<TenantKey>, (String, Instant)>>,
}

enum Source {
    /// One credential for everything.
    Given(String),
    /// A person who signed in.
    SignedIn { url: Url, file: PathBuf },
    /// The operator of the installation.
    Operator(AccessTokens),
}

impl Credentials {
    /// Finds what there is.
    pub fn find(server: &Server) -> anyhow::Result<Self> {
        if let Some(token) = Env::process().optional::<String>("AVERIS_TOKEN")? {
            return Ok(Self::new(Source::Given(token)));
        }
        let file = file()?;
        if Kept::read(&file)?.0.contains_key(server.url.as_str()) {
            let url = server.url.clone();
            return Ok(Self::new(Source::SignedIn { url, file }));
        }
        let Some(secrets) = Secrets::find(&server.state.state_dir)? else {
            bail!(
                "no credential for {}: sign in with `averis login`, or set AVERIS_TOKEN",
                server.url
            );
        };
        // The secrets of this machine are for the platform on this machine.
        let here = match server.url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if !here {
            bail!(
                "sign in to {} with `averis login`, or set AVERIS_TOKEN",
                server.url
            );
        }
        Ok(Self::operator(secrets.tokens()?))
    }

    /// The operator of an installation.
    pub fn operator(tokens: AccessTokens) -> Self {
        Self::new(Source::Operator(tokens))
    }

    fn new(source: Source) -> Self {
        Self {
            source,
            tokens: Mutex::default(),
        }
    }

    /// Returns a token for the platform, or for a tenant.
    pub async fn token(&self, api: &Api, tenant: Option<&TenantKey>) -> anyhow::Result<String> {
        if let Source::Given(token) = &self.source {
            return Ok(token.clone());
        }
        let mut tokens = self.tokens.lock().await;
        if let Some((token, had)) = tokens.get(&tenant.cloned())
            && had.elapsed() < FRESH
        {
            return Ok(token.clone());
        }
        let token = match &self.source {
            Source::Given(token) => token.clone(),
            Source::SignedIn { url, file } => refresh(url, file, tenant).await?,
            Source::Operator(tokens) => sign(tokens, api, tenant).await?,
        };
        tokens.insert(tenant.cloned(), (token.clone(), Instant::now()));
        Ok(token)
    }
}

/// Signs a token as the operator, who is no person and in no list of members.
async fn sign(
    tokens: &AccessTokens,
    api: &Api,
    tenant: Option<&TenantKey>,
) -> anyhow::Result<String> {
    let platform = tokens.access(&Grantee {
        global_roles: vec![GlobalRole::PlatformAdmin],
        ..Grantee::default()
    })?;
    let Some(key) = tenant else {
        return Ok(platform);
    };
    let found = api.find_tenant_with(&platform, key).await?;
    let found = found.with_context(|| format!("there is no tenant {key}"))?;
    Ok(tokens.access(&Grantee {
        tenant: Some(found.id.parse()?),
        tenant_roles: vec![TenantRole::TenantAdmin],
        ..Grantee::default()
    })?)
}

/// What `averis login` keeps: the refresh token for each address.
#[derive(Default, Serialize, Deserialize)]
struct Kept(BTreeMap<String, String>);

impl Kept {
    fn read(file: &Path) -> anyhow::Result<Self> {
        match fs::read_to_string(file) {
            Ok(text) => serde_json::from_str(&text)
                .with_context(|| format!("{} is damaged", file.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("reading {}", file.display())),
        }
    }

    fn write(&self, file: &Path) -> anyhow::Result<()> {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        write_secret(file, &serde_json::to_string_pretty(self)?)
    }
}

/// Keeps other commands from the kept credentials until it is dropped: a refresh token is good once, and two commands that
/// show the same one end the session.
struct Held(#[expect(dead_code, reason = "it is held, not used")] fs::File);

impl Held {
    fn wait_for(file: &Path) -> anyhow::Result<Self> {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let lock = file.with_extension("lock");
        let opened = fs::File::create(&lock);
        let opened = opened.with_context(|| format!("opening {}", lock.display()))?;
        opened
            .lock()
            .with_context(|| format!("waiting for {}", lock.display()))?;
        Ok(Self(opened))
    }
}

fn file() -> anyhow::Result<PathBuf> {
    let env = Env::process();
    if let Some(file) = env.optional::<PathBuf>("AVERIS_CREDENTIALS")? {
        return Ok(file);
    }
    let folder = match env.optional::<PathBuf>("XDG_CONFIG_HOME")? {
        Some(folder) => folder,
        None => env.required::<PathBuf>("HOME")?.join(".config"),
    };
    Ok(folder.join("averis").join("credentials.json"))
}

async fn refresh(url: &Url, file: &Path, tenant: Option<&TenantKey>) -> anyhow::Result<String> {
    let _held = Held::wait_for(file)?;
    let mut kept = Kept::read(file)?;
    let refresh_token = kept.0.get(url.as_str()).context("signed out meanwhile")?;
    let body = json!({"grant_type": "refresh", "refresh_token": refresh_token, "tenant": tenant});
    let answer = post(url, TOKENS, &body)
        .await
        .context("sign in again with `averis login`")?;
    keep(&mut kept, url, file, &answer)
}

fn keep(kept: &mut Kept, url: &Url, file: &Path, answer: &Value) -> anyhow::Result<String> {
    let text = |name: &str| {
        let text = answer.get(name).and_then(Value::as_str);
        text.map(str::to_owned)
            .with_context(|| format!("an answer without {name}"))
    };
    kept.0.insert(url.to_string(), text("refresh_token")?);
    kept.write(file)?;
    text("access_token")
}

async fn post(url: &Url, path: &str, body: &Value) -> anyhow::Result<Value> {
    let request = http_client()?.post(url.join(path)?).json(body);
    let response = request
        .send()
        .await
        .with_context(|| format!("no answer from {url}"))?;
    let status = response.status();
    let text = response.text().await.context("reading the answer")?;
    let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    if status != StatusCode::OK {
        bail!("{status}: {}", describe(&body, &text));
    }
    Ok(body)
}

/// Signs in and keeps what is needed to stay so.
pub async fn sign_in(url: &Url, email: &str, password: &str) -> anyhow::Result<()> {
    let body = json!({"email": email, "password": password});
    let signed_in = post(url, "/api/tenant/v1/sign-in", &body).await?;
    let session = signed_in
        .get("session_token")
        .context("an answer without session")?;
    let body = json!({"grant_type": "session", "session_token": session});
    let answer = post(url, TOKENS, &body).await?;
    let file = file()?;
    let _held = Held::wait_for(&file)?;
    let mut kept = Kept::read(&file)?;
    keep(&mut kept, url, &file, &answer).map(drop)
}

/// Ends the session at an address, and forgets it. It is forgotten even if it cannot be ended.
pub async fn sign_out(url: &Url) -> anyhow::Result<()> {
    let file = file()?;
    if !Kept::read(&file)?.0.contains_key(url.as_str()) {
        return Ok(());
    }
    let ended = end_session(url, &file).await;
    forget(url, &file)?;
    ended
}

async fn end_session(url: &Url, file: &Path) -> anyhow::Result<()> {
    let token = refresh(url, file, None).await?;
    let request = http_client()?.post(url.join("/api/tenant/v1/sign-out")?);
    let response = request.bearer_auth(token).send().await?;
    if !response.status().is_success() {
        bail!("signing out: {}", response.status());
    }
    Ok(())
}

fn forget(url: &Url, file: &Path) -> anyhow::Result<()> {
    let _held = Held::wait_for(file)?;
    let mut kept = Kept::read(file)?;
    kept.0.remove(url.as_str());
    kept.write(file)
}
