//! What is known of the request that is being served, wherever the code is.

use std::sync::Arc;

use averis_contracts::client::Correlation;

tokio::task_local! {
    static CURRENT: Arc<RequestInfo>;
}

/// Identity of a request.
#[derive(Clone, Debug)]
pub struct RequestInfo {
    /// `X-Request-Id`: the caller's, or one of our own.
    pub id: String,
    /// W3C `traceparent` as it came.
    pub traceparent: Option<String>,
}

/// Runs `work` as part of that request.
pub async fn scope<T>(info: Arc<RequestInfo>, work: impl Future<Output = T>) -> T {
    CURRENT.scope(info, work).await
}

/// Returns the id of the request that is being served.
#[must_use]
pub fn id() -> Option<String> {
    CURRENT.try_with(|info| info.id.clone()).ok()
}

/// Returns the headers that calls made for this request carry on.
#[must_use]
pub fn correlation() -> Correlation {
    CURRENT
        .try_with(|info| Correlation {
            request_id: Some(info.id.clone()),
            traceparent: info.traceparent.clone(),
        })
        .unwrap_or_default()
}
