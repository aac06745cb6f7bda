//! Where recorded spans go.

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::global;
use opentelemetry_otlp::{
    ExporterBuildError, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use url::Url;

/// Longest time for handing over a batch of spans.
const DEADLINE: Duration = Duration::from_secs(5);

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// Spans cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The exporter cannot be made.
    #[error("spans cannot be exported")]
    Exporter(#[from] ExporterBuildError),
    /// Its HTTP client cannot be made.
    #[error("the client that exports spans cannot be built")]
    Client(#[from] reqwest::Error),
    /// A thread cannot be started.
    #[error("the client that exports spans cannot be started")]
    Thread,
}

/// Sends spans of the process `service` to the OTLP receiver at `url` (over HTTP, at `/v1/traces` below it), in batches and in the
/// background: what it does not take in time is lost, and never waited for. Of traces that begin here the share `ratio` (0 to 1) is
/// recorded; of those that came along, what their beginner has decided. A second call changes nothing.
///
/// # Errors
/// When the exporter cannot be made.
pub fn export(url: &Url, ratio: f64, service: &str) -> Result<(), ExportError> {
    // Such a client has a runtime of its own, which may not be made inside another.
    let client = std::thread::spawn(|| {
        reqwest::blocking::Client::builder()
            .timeout(DEADLINE)
            .no_proxy()
            .build()
    });
    let client = client.join().map_err(|_panic| ExportError::Thread)??;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(format!("{}/v1/traces", url.as_str().trim_end_matches('/')))
        .with_timeout(DEADLINE)
        .build()?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
            ratio,
        ))))
        .with_resource(
            Resource::builder()
                .with_service_name(service.to_owned())
                .build(),
        )
        .build();
    if PROVIDER.set(provider.clone()).is_ok() {
        global::set_tracer_provider(provider);
    }
    Ok(())
}

/// Hands over what is recorded. It blocks, for a few seconds at most: the last that a process does.
///
/// # Errors
/// Why something of it is lost.
pub fn flush() -> Result<(), String> {
    match PROVIDER.get() {
        Some(provider) => provider.force_flush().map_err(|error| error.to_string()),
        None => Ok(()),
    }
}
