//! HTTP as a user of one tenant speaks it.

use reqwest::header::{ETAG, HOST, HeaderMap, IF_MATCH};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use uuid::Uuid;

/// A caller under one host name.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    /// The host that it names, where that is not the one of its address.
    host: Option<String>,
    /// The tenant that it names in a header.
    tenant: Option<String>,
    token: Option<String>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body as JSON; null when there was none or it is no JSON.
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

impl Client {
    /// Makes a caller of `base` under `host`.
    #[must_use]
    pub fn new(base: &str, host: &str) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .pool_idle_timeout(std::time::Duration::from_secs(30))
            .build()
            .expect("a client");
        Self {
            http,
            base: base.to_owned(),
            host: Some(host.to_owned()),
            tenant: None,
            token: None,
        }
    }

    /// Makes a caller of `base` that speaks by `http`.
    #[must_use]
    pub fn over(http: reqwest::Client, base: &str) -> Self {
        Self {
            http,
            base: base.to_owned(),
            host: None,
            tenant: None,
            token: None,
        }
    }

    /// Returns the same caller, who names that tenant in `X-Tenant-ID`.
    #[must_use]
    pub fn with_tenant_header(&self, key: &str) -> Self {
        Self {
            tenant: Some(key.to_owned()),
            ..self.clone()
        }
    }

    /// Returns the same caller with another credential.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// Returns the same caller without a credential.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self {
            token: None,
            ..self.clone()
        }
    }

    /// Returns the credential.
    #[must_use]
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    /// Starts a request with the caller's host name and credential.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(host) = &self.host {
            request = request.header(HOST, host);
        }
        if let Some(tenant) = &self.tenant {
            request = request.header("x-tenant-id", tenant);
        }
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    /// POST with a new idempotency key.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_as(&Uuid::now_v7().to_string(), path, body).await
    }

    /// POST with that idempotency key.
    pub async fn post_as(&self, key: &str, path: &str, body: &Value) -> Answer {
        let request = self
            .request(Method::POST, path)
            .header("idempotency-key", key)
            .json(body);
        Answer::of(request).await
    }

    /// POST of a command on a thing that was seen in that version.
    pub async fn command(&self, path: &str, version: i64, body: &Value) -> Answer {
        let request = self
            .request(Method::POST, path)
            .header("idempotency-key", Uuid::now_v7().to_string())
            .header(IF_MATCH, format!("\"{version}\""))
            .json(body);
        Answer::of(request).await
    }

    /// PATCH of a thing that was seen in that version.
    pub async fn patch(&self, path: &str, version: i64, body: &Value) -> Answer {
        let request = self
            .request(Method::PATCH, path)
            .header(IF_MATCH, format!("\"{version}\""))
            .json(body);
        Answer::of(request).await
    }

    /// DELETE of a thing that was seen in that version.
    pub async fn delete(&self, path: &str, version: i64) -> Answer {
        let request = self
            .request(Method::DELETE, path)
            .header(IF_MATCH, format!("\"{version}\""));
        Answer::of(request).await
    }
}

impl Answer {
    /// Sends a request and reads the whole answer.
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.expect("a body");
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Self {
            status,
            headers,
            body,
            text,
        }
    }

    /// Returns the answer if it has that status, and fails the test otherwise.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// Checks that the answer is the problem of that status and code.
    #[track_caller]
    pub fn expect_problem(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status, self.body["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.text
        );
        assert_eq!(self.body["status"], status);
        assert_eq!(self.headers["content-type"], "application/problem+json");
    }

    /// Returns the version of the `ETag`.
    #[must_use]
    #[track_caller]
    pub fn version(&self) -> i64 {
        let tag = self
            .headers
            .get(ETAG)
            .expect("an ETag")
            .to_str()
            .expect("text");
        tag.trim_matches('"').parse().expect("a version")
    }

    /// Returns the `id` of the body.
    #[must_use]
    #[track_caller]
    pub fn id(&self) -> String {
        self.body["id"].as_str().expect("an id").to_owned()
    }
}
