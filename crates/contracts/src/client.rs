//! What every outgoing call does alike.

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use averis_tenant_context::TenantKey;
use averis_tokens::ServiceIdentity;
use averis_trace::{Kind, Span, TRACEPARENT, traceparent};
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

/// Longest time for one attempt, connecting included.
const DEADLINE: Duration = Duration::from_millis(1500);
/// How long an idle connection is kept: less than the called service keeps it, and than one that stops takes requests.
const IDLE: Duration = Duration::from_secs(4);
/// Attempts of a call that is safe to repeat.
const ATTEMPTS: u32 = 2;
/// Longest time for one attempt at something that is to be done.
const WRITE_DEADLINE: Duration = Duration::from_secs(5);
/// Longest time for something behind which somebody else is asked, such as a payment provider.
const SLOW_DEADLINE: Duration = Duration::from_secs(20);
/// Attempts at something that is to be done, under one key.
const COMMAND_ATTEMPTS: u32 = 3;
/// The pause before the second attempt.
const PAUSE: Duration = Duration::from_millis(20);
/// Failures in a row after which calls are not even tried for a while.
const BREAK_AFTER: u32 = 5;
/// How long.
const BREAK_FOR: Duration = Duration::from_secs(1);

/// Headers that a call carries on from the request that caused it.
#[derive(Clone, Debug, Default)]
pub struct Correlation {
    /// `X-Request-Id`.
    pub request_id: Option<String>,
    /// The tenant of the request.
    pub tenant: Option<Uuid>,
    /// Who made the request.
    pub caller: Option<Uuid>,
}

/// A call that brought no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The service is away, too slow, failing, or was so a moment ago.
    #[error("the {0} service is unavailable")]
    Unavailable(&'static str, #[source] Option<reqwest::Error>),
    /// The service answered with something that is no answer to this call.
    #[error("the {0} service answered unexpectedly with {1}")]
    Unexpected(&'static str, StatusCode),
    /// The service says no, and why. It will say the same again.
    #[error("the {} service refuses with {}", .0.service, .0.code)]
    Refused(Box<Refusal>),
    /// The call cannot be signed.
    #[error("the call of the {0} service cannot be signed")]
    Unsigned(&'static str, #[source] averis_tokens::TokenError),
}

/// A service's no, as RFC 9457 has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Who says it.
    pub service: &'static str,
    /// 400 to 499.
    pub status: u16,
    /// The problem's code, such as `out_of_stock`.
    pub code: String,
    /// All of the problem.
    pub problem: Value,
}

impl CallError {
    /// Returns the code of the problem with which the service refuses, if it does.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => Some(&refusal.code),
            _ => None,
        }
    }
}

/// A caller of one service.
pub struct ServiceClient {
    service: &'static str,
    base: Url,
    own: ServiceIdentity,
    http: reqwest::Client,
    breaker: Mutex<Breaker>,
}

#[derive(Default)]
struct Breaker {
    failures: u32,
    open_until: Option<Instant>,
}

impl ServiceClient {
    /// Makes a client of `service` at `base`, such as `http://127.0.0.1:6012`, for calls by the service `own`.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(service: &'static str, base: Url, own: ServiceIdentity) -> Result<Self, CallError> {
        let http = reqwest::Client::builder()
            .timeout(DEADLINE)
            .pool_idle_timeout(IDLE)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent("averis")
            .build()
            .map_err(|error| CallError::Unavailable(service, Some(error)))?;
        Ok(Self {
            service,
            base,
            own,
            http,
            breaker: Mutex::default(),
        })
    }

    /// Returns a client of the same service, over the same connections, with a breaker of its own.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self {
            service: self.service,
            base: self.base.clone(),
            own: self.own.clone(),
            http: self.http.clone(),
            breaker: Mutex::default(),
        }
    }

    /// Asks for `path`. `None` says that the service answered 404.
    ///
    /// # Errors
    /// When there was no usable answer after all attempts.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        correlation: &Correlation,
    ) -> Result<Option<T>, CallError> {
        let mut attempt = 1;
        loop {
            let request = self.request(Method::GET, path)?.query(query);
            match self.call(request, correlation).await {
                Err(CallError::Unavailable(..)) if attempt < ATTEMPTS => {
                    attempt += 1;
                    // Enough for a restarted connection.
                    tokio::time::sleep(PAUSE + noise(PAUSE)).await;
                }
                other => return other,
            }
        }
    }

    /// Asks for `path` with a body, once. `None` says that the service answered 404.
    ///
    /// # Errors
    /// When there was no usable answer.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        correlation: &Correlation,
    ) -> Result<Option<T>, CallError> {
        let request = self.request(Method::POST, path)?.json(body);
        self.call(request, correlation).await
    }

    /// Has `path` do something under an idempotency key, up to three times: the service does it once.
    ///
    /// # Errors
    /// `Refused` when the service says no, and otherwise when there was no usable answer: then it may have been done, and is
    /// asked for again under the same key.
    pub async fn command<T: DeserializeOwned>(
        &self,
        path: &str,
        key: &str,
        body: &impl Serialize,
        correlation: &Correlation,
    ) -> Result<T, CallError> {
        let mut pause = PAUSE;
        for attempt in 1..=COMMAND_ATTEMPTS {
            match self
                .attempt(path, key, body, WRITE_DEADLINE, correlation)
                .await
            {
                Ok(answer) => return Ok(answer),
                Err(error) if attempt < COMMAND_ATTEMPTS && is_passing(&error) => {
                    tokio::time::sleep(pause + noise(pause)).await;
                    pause *= 4;
                }
                Err(error) => return Err(error),
            }
        }
        Err(CallError::Unavailable(self.service, None))
    }

    /// Like [`command`](Self::command), once and with time for somebody behind the service who is slow.
    ///
    /// # Errors
    /// As there.
    pub async fn slow_command<T: DeserializeOwned>(
        &self,
        path: &str,
        key: &str,
        body: &impl Serialize,
        correlation: &Correlation,
    ) -> Result<T, CallError> {
        self.attempt(path, key, body, SLOW_DEADLINE, correlation)
            .await
    }

    async fn attempt<T: DeserializeOwned>(
        &self,
        path: &str,
        key: &str,
        body: &impl Serialize,
        deadline: Duration,
        correlation: &Correlation,
    ) -> Result<T, CallError> {
        let request = self.request(Method::POST, path)?.json(body);
        let request = request.header("idempotency-key", key).timeout(deadline);
        let answer = self.call(request, correlation).await?;
        answer.ok_or_else(|| {
            CallError::Refused(Box::new(Refusal {
                service: self.service,
                status: 404,
                code: "not_found".to_owned(),
                problem: Value::Null,
            }))
        })
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, CallError> {
        self.admit()?;
        let mut url = self.base.clone();
        url.set_path(path);
        Ok(self.http.request(method, url))
    }

    async fn call<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        correlation: &Correlation,
    ) -> Result<Option<T>, CallError> {
        let token = self
            .own
            .sign(self.service, correlation.tenant, correlation.caller)
            .map_err(|error| CallError::Unsigned(self.service, error))?;
        let span = Span::within(format!("call {}", self.service), Kind::Client);
        span.set("peer.service", self.service);
        let sent = self.send(request.bearer_auth(token), correlation, &span);
        let outcome = span.around(sent).await;
        if let Err(error @ (CallError::Unavailable(..) | CallError::Unexpected(..))) = &outcome {
            span.fail(error.to_string());
        }
        self.note(&outcome);
        outcome
    }

    async fn send<T: DeserializeOwned>(
        &self,
        mut request: RequestBuilder,
        correlation: &Correlation,
        span: &Span,
    ) -> Result<Option<T>, CallError> {
        let unavailable = |error| CallError::Unavailable(self.service, Some(error));
        if let Some(id) = &correlation.request_id {
            request = request.header("x-request-id", id);
        }
        if let Some(parent) = traceparent() {
            request = request.header(TRACEPARENT, parent);
        }
        let response = request.send().await.map_err(unavailable)?;
        span.set(
            "http.response.status_code",
            i64::from(response.status().as_u16()),
        );
        match response.status() {
            StatusCode::OK | StatusCode::CREATED | StatusCode::ACCEPTED => {
                response.json().await.map(Some).map_err(unavailable)
            }
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Err(CallError::Unavailable(self.service, None))
            }
            status if status.is_client_error() => {
                let problem: Value = response.json().await.unwrap_or_default();
                match problem.get("code").and_then(Value::as_str) {
                    Some(code) => Err(CallError::Refused(Box::new(Refusal {
                        service: self.service,
                        status: status.as_u16(),
                        code: code.to_owned(),
                        problem,
                    }))),
                    None => Err(CallError::Unexpected(self.service, status)),
                }
            }
            status => Err(CallError::Unexpected(self.service, status)),
        }
    }

    fn admit(&self) -> Result<(), CallError> {
        let breaker = self
            .breaker
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match breaker.open_until {
            Some(until) if Instant::now() < until => {
                Err(CallError::Unavailable(self.service, None))
            }
            _ => Ok(()),
        }
    }

    fn note<T>(&self, outcome: &Result<T, CallError>) {
        let mut breaker = self
            .breaker
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if matches!(outcome, Err(CallError::Unavailable(..))) {
            breaker.failures += 1;
            if breaker.failures >= BREAK_AFTER {
                breaker.open_until = Some(Instant::now() + BREAK_FOR);
                breaker.failures = 0;
            }
        } else {
            *breaker = Breaker::default();
        }
    }
}

/// Whether the same may go well a moment later.
fn is_passing(error: &CallError) -> bool {
    matches!(error, CallError::Unavailable(..)) || error.code() == Some("idempotency_in_progress")
}

/// Keeps callers that failed together apart, by up to as much as that.
fn noise(most: Duration) -> Duration {
    let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let nanos = nanos.map_or(0, |since| since.subsec_nanos());
    most * (nanos % 1000) / 1000
}

/// Returns where a service answers other services about a tenant. Never passes the ingress.
pub(crate) fn internal_path(service: &str, tenant: &TenantKey, rest: &str) -> String {
    format!("/internal/{service}/v1/tenants/{tenant}/{rest}")
}
