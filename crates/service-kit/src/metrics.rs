//! Metrics of a process, in Prometheus' text form.
//!
//! Labels are bounded: routes are patterns, never paths, and a tenant is never a label.

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, MeterProvider as _};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Encoder as _, Registry, TextEncoder};

struct Metrics {
    registry: Registry,
    // Keeps the instruments alive.
    _provider: SdkMeterProvider,
    requests: Counter<u64>,
    durations: Histogram<f64>,
}

/// The process has one set of metrics, whichever services it holds.
fn metrics() -> Option<&'static Metrics> {
    static METRICS: OnceLock<Option<Metrics>> = OnceLock::new();
    METRICS.get_or_init(build).as_ref()
}

fn build() -> Option<Metrics> {
    let registry = Registry::new();
    let exporter = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .without_target_info()
        .build()
        .ok()?;
    let provider = SdkMeterProvider::builder().with_reader(exporter).build();
    let meter = provider.meter("averis");
    let requests = meter
        .u64_counter("averis_http_requests")
        .with_description("Requests answered, by route, method and status.")
        .build();
    let durations = meter
        .f64_histogram("averis_http_request_duration")
        .with_description("Time from the request's head to the answer's head.")
        .with_unit("s")
        .with_boundaries(vec![
            0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
        ])
        .build();
    Some(Metrics {
        registry,
        _provider: provider,
        requests,
        durations,
    })
}

/// Notes an answered request.
pub fn note_request(route: &str, method: &str, status: u16, elapsed: Duration) {
    let Some(metrics) = metrics() else { return };
    let route = KeyValue::new("route", route.to_owned());
    let method = KeyValue::new("method", known_method(method));
    metrics
        .durations
        .record(elapsed.as_secs_f64(), &[route.clone(), method.clone()]);
    metrics.requests.add(
        1,
        &[route, method, KeyValue::new("status", i64::from(status))],
    );
}

/// A method that a client made up must not become a label.
fn known_method(method: &str) -> &'static str {
    ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"]
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("other")
}

/// Returns all metrics as text.
#[must_use]
pub fn text() -> String {
    let mut buffer = Vec::new();
    if let Some(metrics) = metrics() {
        let encoded = TextEncoder::new().encode(&metrics.registry.gather(), &mut buffer);
        if let Err(error) = encoded {
            tracing::error!(error = %error, "metrics could not be written");
        }
    }
    String::from_utf8(buffer).unwrap_or_default()
}
