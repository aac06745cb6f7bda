//! A receiver of traces, as a collector is one: OTLP over HTTP, in protobuf.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpResponse, HttpServer};
use averis_service_kit::hex::hex;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use prost::Message as _;

/// Keeps what it is sent.
pub struct Collector {
    port: u16,
    spans: Arc<Mutex<Vec<ReceivedSpan>>>,
}

/// A span as it was received.
#[derive(Clone, Debug)]
pub struct ReceivedSpan {
    /// The process it is of.
    pub service: String,
    /// What it is.
    pub name: String,
    /// Its trace, in hexadecimal.
    pub trace: String,
    /// Itself.
    pub id: String,
    /// What it is a part of; empty for none.
    pub parent: String,
    /// 2 of a server, 3 of a client, 4 of a producer, 1 within.
    pub kind: i32,
    /// What it says of itself, as texts.
    pub attributes: BTreeMap<String, String>,
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |attribute: KeyValue| {
        let value = match attribute.value?.value? {
            any_value::Value::StringValue(text) => text,
            any_value::Value::IntValue(number) => number.to_string(),
            any_value::Value::BoolValue(truth) => truth.to_string(),
            any_value::Value::DoubleValue(number) => number.to_string(),
            _ => return None,
        };
        Some((attribute.key, value))
    };
    attributes.into_iter().filter_map(text).collect()
}

fn spans(request: ExportTraceServiceRequest) -> Vec<ReceivedSpan> {
    let mut found = Vec::new();
    for of_process in request.resource_spans {
        let process = of_process
            .resource
            .map(|resource| texts(resource.attributes));
        let service = process.and_then(|mut process| process.remove("service.name"));
        let service = service.unwrap_or_default();
        for span in of_process
            .scope_spans
            .into_iter()
            .flat_map(|scope| scope.spans)
        {
            found.push(ReceivedSpan {
                service: service.clone(),
                name: span.name,
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                kind: span.kind,
                attributes: texts(span.attributes),
            });
        }
    }
    found
}

impl Collector {
    /// Starts listening.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let kept: Arc<Mutex<Vec<ReceivedSpan>>> = Arc::default();
        let received = Data::new(Arc::clone(&kept));
        let take = async |body: Bytes, kept: Data<Arc<Mutex<Vec<ReceivedSpan>>>>| {
            let Ok(request) = ExportTraceServiceRequest::decode(body) else {
                return HttpResponse::BadRequest().finish();
            };
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend(spans(request));
            HttpResponse::Ok()
                .content_type("application/x-protobuf")
                .body(ExportTraceServiceResponse::default().encode_to_vec())
        };
        let server = HttpServer::new(move || {
            App::new()
                .app_data(received.clone())
                .app_data(web::PayloadConfig::new(16 << 20))
                .service(web::resource("/v1/traces").post(take))
        });
        let server = server.workers(1).disable_signals();
        let server = server.listen(listener).expect("the collector listens");
        actix_web::rt::spawn(server.run());
        Self { port, spans: kept }
    }

    /// Returns where it is, as `AVERIS_OTLP_URL` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns what it has received of a trace.
    #[must_use]
    pub fn trace(&self, trace: &str) -> Vec<ReceivedSpan> {
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        let own = spans.iter().filter(|span| span.trace == trace);
        own.cloned().collect()
    }
}
