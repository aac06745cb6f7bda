//! What every outgoing call does alike.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use averis_tokens::ServiceIdentity;
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// Longest time for one attempt, connecting included.
const DEADLINE: Duration = Duration::from_millis(1500);
/// How long an idle connection is kept: less than the called service keeps it.
const IDLE: Duration = Duration::from_secs(30);
/// Attempts of a call that is safe to repeat.
const ATTEMPTS: u32 = 2;
/// Failures in a row after which calls are not even tried for a while.
const BREAK_AFTER: u32 = 5;
/// How long.
const BREAK_FOR: Duration = Duration::from_secs(1);

/// Headers that a call carries on from the request that caused it.
#[derive(Clone, Debug, Default)]
pub struct Correlation {
    /// `X-Request-Id`.
    pub request_id: Option<String>,
    /// W3C `traceparent`.
    pub traceparent: Option<String>,
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
    /// The call cannot be signed.
    #[error("the call of the {0} service cannot be signed")]
    Unsigned(&'static str, #[source] averis_tokens::TokenError),
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
                    // Enough for a restarted connection; the clock's noise keeps callers apart.
                    let noise = Instant::now().elapsed().subsec_nanos() % 20;
                    tokio::time::sleep(Duration::from_millis(20 + u64::from(noise))).await;
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
        let outcome = self.send(request.bearer_auth(token), correlation).await;
        self.note(&outcome);
        outcome
    }

    async fn send<T: DeserializeOwned>(
        &self,
        mut request: RequestBuilder,
        correlation: &Correlation,
    ) -> Result<Option<T>, CallError> {
        let unavailable = |error| CallError::Unavailable(self.service, Some(error));
        if let Some(id) = &correlation.request_id {
            request = request.header("x-request-id", id);
        }
        if let Some(parent) = &correlation.traceparent {
            request = request.header("traceparent", parent);
        }
        let response = request.send().await.map_err(unavailable)?;
        match response.status() {
            StatusCode::OK => response.json().await.map(Some).map_err(unavailable),
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Err(CallError::Unavailable(self.service, None))
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
