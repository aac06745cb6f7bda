//! The platform as its command line calls it: over HTTP, like everybody else.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use averis_tenant_context::TenantKey;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use crate::cli::Server;
use crate::credentials::Credentials;

/// Longest time for a call. Provisioning makes a few dozen tables, and many may wait for their turn.
const DEADLINE: Duration = Duration::from_secs(120);

/// How often a request that came too fast is sent again.
const WAITS: u32 = 10;

/// Returns how long to wait before a request may come again.
fn retry_after(response: &reqwest::Response) -> Duration {
    let header = response.headers().get("retry-after");
    let seconds = header.and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(1).min(5))
}

/// A caller of a running platform.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    base: Url,
    credentials: Arc<Credentials>,
}

/// A tenant as the command line needs it.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Id.
    pub id: String,
    /// Version, for If-Match.
    pub version: i64,
    /// The whole answer.
    pub body: Value,
}

impl Api {
    /// Makes a caller of the platform at `base`.
    pub fn new(base: &Url, credentials: Credentials) -> anyhow::Result<Self> {
        Ok(Self {
            http: http_client()?,
            base: base.clone(),
            credentials: Arc::new(credentials),
        })
    }

    /// Makes a caller as the options of a command say.
    pub fn of(server: &Server) -> anyhow::Result<Self> {
        Self::new(&server.url, Credentials::find(server)?)
    }

    /// Starts a request of the platform, or of the tenant that `path` begins with (`/t/acme/...`). POSTs get an
    /// idempotency key.
    pub async fn request(&self, method: Method, path: &str) -> anyhow::Result<RequestBuilder> {
        let tenant = path
            .strip_prefix("/t/")
            .and_then(|rest| rest.split('/').next());
        let tenant = tenant.map(str::parse::<TenantKey>).transpose()?;
        let token = self.credentials.token(self, tenant.as_ref()).await?;
        self.request_with(&token, method, path)
    }

    /// Starts a request with that credential.
    pub fn request_with(
        &self,
        token: &str,
        method: Method,
        path: &str,
    ) -> anyhow::Result<RequestBuilder> {
        let url = self.base.join(path)?;
        let is_post = method == Method::POST;
        let request = self.http.request(method, url).bearer_auth(token);
        Ok(if is_post {
            request.header("idempotency-key", Uuid::now_v7().to_string())
        } else {
            request
        })
    }

    /// Sends a request and returns the answer's body. `None` says 404. One that came too fast is sent again when it may come.
    pub async fn send(&self, request: RequestBuilder) -> anyhow::Result<Option<Value>> {
        let mut request = request;
        let mut waits = 0;
        let response = loop {
            let again = request.try_clone();
            let response = request
                .send()
                .await
                .with_context(|| format!("no answer from {}; does `averis up` run?", self.base))?;
            match again {
                Some(again)
                    if response.status() == StatusCode::TOO_MANY_REQUESTS && waits < WAITS =>
                {
                    waits += 1;
                    tokio::time::sleep(retry_after(&response)).await;
                    request = again;
                }
                _ => break response,
            }
        };
        let status = response.status();
        let text = response.text().await.context("reading the answer")?;
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if status.is_success() {
            return Ok(Some(body));
        }
        bail!("{status}: {}", describe(&body, &text));
    }

    /// Gets a path.
    pub async fn get(&self, path: &str) -> anyhow::Result<Option<Value>> {
        self.send(self.request(Method::GET, path).await?.timeout(DEADLINE))
            .await
    }

    /// Posts a body.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Option<Value>> {
        self.send(
            self.request(Method::POST, path)
                .await?
                .timeout(DEADLINE)
                .json(body),
        )
        .await
    }

    /// Posts a command on a tenant that was seen in a version.
    pub async fn command(
        &self,
        tenant: &Tenant,
        verb: &str,
        body: &Value,
    ) -> anyhow::Result<Value> {
        let path = format!("/api/tenant/v1/tenants/{}/{verb}", tenant.id);
        let request = self
            .request(Method::POST, &path)
            .await?
            .timeout(DEADLINE)
            .header("if-match", format!("\"{}\"", tenant.version))
            .json(body);
        self.send(request).await?.context("the tenant is gone")
    }

    /// Finds a tenant by key.
    pub async fn find_tenant(&self, key: &TenantKey) -> anyhow::Result<Option<Tenant>> {
        let token = self.credentials.token(self, None).await?;
        self.find_tenant_with(&token, key).await
    }

    /// Finds a tenant by key, with that credential.
    pub async fn find_tenant_with(
        &self,
        token: &str,
        key: &TenantKey,
    ) -> anyhow::Result<Option<Tenant>> {
        let path = format!("/api/tenant/v1/tenants?key={key}");
        let request = self
            .request_with(token, Method::GET, &path)?
            .timeout(DEADLINE);
        let page = self.send(request).await?.unwrap_or_default();
        let Some(body) = page.pointer("/data/0").cloned() else {
            return Ok(None);
        };
        let id = body
            .get("id")
            .and_then(Value::as_str)
            .context("a tenant without id")?
            .to_owned();
        let version = body
            .get("version")
            .and_then(Value::as_i64)
            .context("a tenant without version")?;
        Ok(Some(Tenant { id, version, body }))
    }

    /// Returns a token for the platform, or for a tenant.
    pub async fn token(&self, tenant: Option<&TenantKey>) -> anyhow::Result<String> {
        self.credentials.token(self, tenant).await
    }

    /// Lists all tenants.
    pub async fn list_tenants(&self) -> anyhow::Result<Vec<Value>> {
        self.list("/api/tenant/v1/tenants").await
    }

    /// Reads a whole list, page by page.
    pub async fn list(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let mut all = Vec::new();
        let mut next = format!("{path}?limit=250");
        loop {
            let page = self.get(&next).await?.context("no such address")?;
            let rows = page.get("data").and_then(Value::as_array);
            all.extend(rows.into_iter().flatten().cloned());
            match page.get("next_cursor").and_then(Value::as_str) {
                Some(cursor) => next = format!("{path}?limit=250&cursor={cursor}"),
                None => return Ok(all),
            }
        }
    }
}

/// Makes the client that all calls go through.
pub fn http_client() -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .connect_timeout(Duration::from_secs(5))
        .pool_idle_timeout(Duration::from_secs(30))
        .build()
        .context("making an HTTP client")
}

/// Says what a problem says.
pub fn describe(body: &Value, text: &str) -> String {
    let word = |name: &str| body.get(name).and_then(Value::as_str);
    let Some(title) = word("title") else {
        return text.to_owned();
    };
    let mut said = title.to_owned();
    if let Some(detail) = word("detail") {
        said.push_str(&format!(": {detail}"));
    }
    for error in body
        .get("errors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let part = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
        said.push_str(&format!("\n  {} {}", part("pointer"), part("message")));
    }
    said
}
