//! Metrics of a process, in Prometheus' text form.
//!
//! Labels are bounded: routes are patterns, never paths, a tenant's tier stands for the tenant, and what callers write
//! is never a label. One counter alone names tenants, since their own service levels are measured by it: it knows
//! [`MOST_TENANTS`] of them by name.

mod http;
mod per_tenant;

use std::sync::OnceLock;

use averis_tenant_db::TenantPool;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry_sdk::metrics::{Instrument, SdkMeterProvider, Stream};
use prometheus::{Encoder as _, Registry, TextEncoder};

pub use http::MOST_TENANTS;
pub(crate) use http::{Answered, known_method, note_answer};
pub use per_tenant::PerTenant;

/// Sets of labels that one metric of requests may have; far more than there are routes, statuses and tiers.
const MOST_SERIES: usize = 50_000;

/// What is measured is kept here, whichever services the process holds.
struct Kept {
    registry: Registry,
    meter: Meter,
    // Keeps the instruments alive.
    _provider: SdkMeterProvider,
}

fn kept() -> &'static Kept {
    static KEPT: OnceLock<Kept> = OnceLock::new();
    KEPT.get_or_init(|| {
        let registry = Registry::new();
        // Without a view all that is beyond 2,000 sets of labels would be one.
        let provider = SdkMeterProvider::builder().with_view(roomy);
        let exporter = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .without_target_info()
            .build();
        let provider = match exporter {
            Ok(exporter) => provider.with_reader(exporter),
            Err(error) => {
                tracing::error!(error = %error, "nothing is measured");
                provider
            }
        };
        let provider = provider.build();
        let kept = Kept {
            registry,
            meter: provider.meter("averis"),
            _provider: provider,
        };
        kept.note_version();
        kept
    })
}

/// Room for each route, method, status and tier of all services in one process.
fn roomy(instrument: &Instrument) -> Option<Stream> {
    let is_of_routes = instrument.name().starts_with("averis_http_request");
    let stream = Stream::builder().with_cardinality_limit(MOST_SERIES);
    is_of_routes.then(|| stream.build().ok()).flatten()
}

impl Kept {
    /// Says which version runs.
    fn note_version(&self) {
        let gauge = self
            .meter
            .u64_gauge("averis_build_info")
            .with_description("The version that runs, as a label.")
            .build();
        gauge.record(1, &[KeyValue::new("version", env!("CARGO_PKG_VERSION"))]);
    }
}

fn meter() -> &'static Meter {
    &kept().meter
}

/// Returns all metrics as text.
#[must_use]
pub fn text() -> String {
    let mut buffer = Vec::new();
    let encoded = TextEncoder::new().encode(&kept().registry.gather(), &mut buffer);
    if let Err(error) = encoded {
        tracing::error!(error = %error, "metrics could not be written");
    }
    String::from_utf8(buffer).unwrap_or_default()
}

/// Counts what happens. Make it once, in a static.
pub struct Counter(opentelemetry::metrics::Counter<u64>);

impl Counter {
    /// A counter of that name (without `_total`, which Prometheus' form adds) and meaning.
    #[must_use]
    pub fn new(name: &'static str, description: &'static str) -> Self {
        let counter = meter().u64_counter(name).with_description(description);
        Self(counter.build())
    }

    /// Counts one, under labels whose values are few.
    pub fn count(&self, labels: &[(&'static str, &'static str)]) {
        self.0.add(1, &key_values(labels));
    }
}

fn key_values(labels: &[(&'static str, &'static str)]) -> Vec<KeyValue> {
    let labels = labels.iter();
    labels
        .map(|(name, value)| KeyValue::new(*name, *value))
        .collect()
}

/// Measures something each time that somebody asks for the metrics, for as long as `measure` knows a value.
pub fn watch(
    name: &'static str,
    description: &'static str,
    labels: &[(&'static str, &'static str)],
    measure: impl Fn() -> Option<f64> + Send + Sync + 'static,
) {
    let labels = key_values(labels);
    let gauge = meter().f64_observable_gauge(name);
    let _ = gauge
        .with_description(description)
        .with_callback(move |observer| {
            if let Some(value) = measure() {
                observer.observe(value, &labels);
            }
        })
        .build();
}

/// Measures the connections of a service for as long as its pool is there.
pub fn watch_pool(service: &'static str, pool: &TenantPool) {
    let labels = move |name: &'static str, value: &'static str| {
        [
            KeyValue::new("service", service),
            KeyValue::new(name, value),
        ]
    };
    let stats = pool.watch();
    let connections = meter()
        .u64_observable_gauge("averis_db_connections")
        .with_description(
            "Connections to the database: held by work, at rest, and the most there may be.",
        )
        .with_callback(move |observer| {
            let Some(stats) = stats.now() else { return };
            let number = |connections| u64::try_from(connections).unwrap_or(u64::MAX);
            observer.observe(number(stats.in_use), &labels("state", "in_use"));
            observer.observe(number(stats.idle), &labels("state", "idle"));
            observer.observe(number(stats.most), &labels("state", "most"));
        });
    let _ = connections.build();
    let stats = pool.watch();
    let events = meter()
        .u64_observable_counter("averis_db_events")
        .with_description(
            "What happens to connections: taken for work, taken bound to its tenant already, opened, closed in doubt, \
             retired, and not to be had in time.",
        )
        .with_callback(move |observer| {
            let Some(stats) = stats.now() else { return };
            observer.observe(stats.checkouts, &labels("event", "taken"));
            observer.observe(stats.hits, &labels("event", "taken_bound"));
            observer.observe(stats.opened, &labels("event", "opened"));
            observer.observe(stats.closed_in_doubt, &labels("event", "closed_in_doubt"));
            observer.observe(stats.retired, &labels("event", "retired"));
            observer.observe(stats.busy, &labels("event", "busy"));
        });
    let _ = events.build();
}
