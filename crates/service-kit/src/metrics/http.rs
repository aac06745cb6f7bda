//! What is measured of requests: how many, how they end, and how long they take.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use averis_tenant_context::TenantContext;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram};

use super::meter;

/// Tenants that are measured by name in one process; more than a database carries. The rest are measured together.
pub const MOST_TENANTS: usize = 600;
/// An answer that takes longer misses the service level of its tenant. The largest boundary below it is the same.
const SLOW: Duration = Duration::from_millis(500);

/// An answered request.
pub(crate) struct Answered<'a> {
    /// The pattern of its path.
    pub route: &'a str,
    pub method: &'a str,
    pub status: u16,
    pub elapsed: Duration,
    /// The tenant, where the request named one.
    pub tenant: Option<&'a TenantContext>,
}

struct Requests {
    answered: Counter<u64>,
    durations: Histogram<f64>,
    of_tenants: Counter<u64>,
    named: Mutex<HashSet<String>>,
}

static REQUESTS: LazyLock<Requests> = LazyLock::new(|| {
    let meter = meter();
    Requests {
        answered: meter
            .u64_counter("averis_http_requests")
            .with_description("Requests answered, by route, method, status and the tenant's tier.")
            .build(),
        durations: meter
            .f64_histogram("averis_http_request_duration")
            .with_description("Time from the request's head to the answer's head.")
            .with_unit("s")
            .with_boundaries(vec![
                0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
            ])
            .build(),
        of_tenants: meter
            .u64_counter("averis_tenant_requests")
            .with_description(
                "Requests answered, by tenant: good, slow (above half a second), or failed (5xx).",
            )
            .build(),
        named: Mutex::default(),
    }
});

/// Notes an answered request.
pub(crate) fn note_answer(answer: &Answered<'_>) {
    let requests = &*REQUESTS;
    let tier = answer.tenant.map_or("none", |tenant| tenant.tier.as_str());
    let route = KeyValue::new("route", answer.route.to_owned());
    let method = KeyValue::new("method", known_method(answer.method));
    let tier = KeyValue::new("tier", tier);
    requests.durations.record(
        answer.elapsed.as_secs_f64(),
        &[route.clone(), method.clone(), tier.clone()],
    );
    let status = KeyValue::new("status", i64::from(answer.status));
    requests.answered.add(1, &[route, method, tier, status]);
    if let Some(tenant) = answer.tenant {
        let outcome = match answer.status {
            500.. => "failed",
            _ if answer.elapsed > SLOW => "slow",
            _ => "good",
        };
        let labels = [
            KeyValue::new("tenant", requests.name(tenant.key.as_str())),
            KeyValue::new("outcome", outcome),
        ];
        requests.of_tenants.add(1, &labels);
    }
}

impl Requests {
    /// Returns the tenant's key, or `(others)`, which is no key, when so many are known that no more are told apart.
    fn name(&self, key: &str) -> String {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if !named.contains(key) {
            if named.len() >= MOST_TENANTS {
                return "(others)".to_owned();
            }
            named.insert(key.to_owned());
        }
        key.to_owned()
    }
}

/// A method that a client made up must not become a label.
pub(crate) fn known_method(method: &str) -> &'static str {
    ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"]
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("other")
}
