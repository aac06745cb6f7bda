//! What every request to a provider does alike.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::session::{ConfigError, ProviderError};

/// Longest time for connecting, TLS included.
const CONNECT: Duration = Duration::from_secs(2);
/// Longest time for one attempt, connecting included.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(30);
/// Pause before a request is repeated.
const PAUSE: Duration = Duration::from_millis(50);
/// A request is only repeated when it failed within this time: after a longer one, whoever waits has waited enough.
const QUICK: Duration = Duration::from_secs(1);
/// Longer answers are not read to their end, in bytes.
const MAX_LENGTH: usize = 1024 * 1024;
/// Stytch's `error_type` for a project or secret that is not right.
const BAD_CREDENTIALS: &str = "unauthorized_credentials";
/// Longest `error_type` and `request_id` that are believed, in bytes.
const MAX_NAME: usize = 100;

/// Makes a client that goes where its URLs say and nowhere else.
pub(crate) fn client() -> Result<reqwest::Client, ConfigError> {
    reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .timeout(DEADLINE)
        .pool_idle_timeout(IDLE)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent("averis")
        .build()
        .map_err(ConfigError::Http)
}

/// Says whether keys and passwords may go to or come from this URL: TLS, or a host that is this machine.
pub(crate) fn is_safe(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let plain = url.scheme() == "http" && is_loopback(host);
    let anonymous = url.username().is_empty() && url.password().is_none();
    (url.scheme() == "https" || plain) && anonymous
}

/// Says whether a URL's host is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let ip = host.trim_start_matches('[').trim_end_matches(']');
    match ip.parse::<IpAddr>() {
        Ok(ip) => ip.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// Sends a request that changes nothing, and once more when that fails quickly.
pub(crate) async fn get<T: DeserializeOwned>(
    request: impl Fn() -> RequestBuilder,
) -> Result<T, ProviderError> {
    let started = Instant::now();
    match send(request()).await {
        Err(ProviderError::Unavailable(_)) if started.elapsed() < QUICK => {
            tokio::time::sleep(PAUSE).await;
            send(request()).await
        }
        outcome => outcome,
    }
}

/// Sends a request, once.
pub(crate) async fn send<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, ProviderError> {
    let response = request.send().await.map_err(failure)?;
    let status = response.status();
    match status {
        status if status.is_success() => {}
        StatusCode::TOO_MANY_REQUESTS => {
            return Err(ProviderError::RateLimited {
                retry_after: retry_after(&response),
            });
        }
        status if status.is_client_error() => return Err(rejection(status, response).await),
        status => {
            let reason = format!("it answered with {}", status.as_u16());
            return Err(ProviderError::Unavailable(reason));
        }
    }
    let body = body(response).await?;
    serde_json::from_slice(&body).map_err(|error| {
        // The parser's own words would quote the answer, and answers contain tokens.
        let place = (error.line(), error.column());
        let reason = format!("its answer is not as documented, at line and column {place:?}");
        ProviderError::Unavailable(reason)
    })
}

/// Returns the answer's `Retry-After` if it is a number of seconds; a date is as good as none.
fn retry_after(response: &Response) -> Option<u32> {
    let value = response.headers().get(reqwest::header::RETRY_AFTER)?;
    value.to_str().ok()?.trim().parse().ok()
}

/// The documented body of Stytch's errors.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Rejection {
    error_type: Option<String>,
    request_id: Option<String>,
}

async fn rejection(status: StatusCode, response: Response) -> ProviderError {
    // Whatever the body says, the status is an answer already.
    let body = body(response).await.unwrap_or_default();
    let Rejection {
        error_type,
        request_id,
    } = serde_json::from_slice(&body).unwrap_or_default();
    // That is about us and nobody who signs in: to be mended by whoever set the secret.
    if error_type.as_deref() == Some(BAD_CREDENTIALS) {
        return ProviderError::unavailable("it does not accept our own credentials");
    }
    ProviderError::Rejected {
        status: status.as_u16(),
        error_type: error_type.filter(|name| is_error_type(name)),
        request_id: request_id.filter(|id| is_request_id(id)),
    }
}

/// Says whether a text looks like an error's name. An answer may repeat what it was asked; that must not reach a log.
fn is_error_type(text: &str) -> bool {
    let name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    text.len() <= MAX_NAME && text.bytes().all(name)
}

fn is_request_id(text: &str) -> bool {
    let id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    text.len() <= MAX_NAME && text.starts_with("request-id-") && text.bytes().all(id)
}

async fn body(mut response: Response) -> Result<Vec<u8>, ProviderError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        if body.len() + chunk.len() > MAX_LENGTH {
            return Err(ProviderError::unavailable("its answer is too long"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Says why there is no answer. Only the kind of failure: the error itself knows the URL.
fn failure(error: reqwest::Error) -> ProviderError {
    ProviderError::unavailable(if error.is_timeout() {
        "it did not answer in time"
    } else if error.is_connect() {
        "no connection to it"
    } else {
        "the connection to it broke"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_and_this_machine_are_safe() {
        for good in [
            "https://api.stytch.com",
            "http://127.0.0.1:80",
            "http://127.8.8.8",
            "http://[::1]:8080",
            "http://localhost:9",
        ] {
            assert!(is_safe(&good.parse().unwrap()), "{good}");
        }
        for bad in [
            "http://api.stytch.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://[::2]",
            "ftp://localhost",
            "file:///etc/passwd",
            "https://user@api.stytch.com",
            "https://:password@api.stytch.com",
        ] {
            assert!(!is_safe(&bad.parse().unwrap()), "{bad}");
        }
    }

    #[test]
    fn only_names_are_taken_from_errors() {
        assert!(is_error_type("member_not_found"));
        assert!(!is_error_type("secret-test-abc="));
        assert!(is_request_id("request-id-test-b05c992f-ebdc-489d"));
        assert!(!is_request_id("eyJhbGciOiJSUzI1NiJ9"));
        assert!(!is_request_id("request-id-a\nb"));
    }
}
