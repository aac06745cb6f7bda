//! Traces: what a request has caused, across services, as spans of OpenTelemetry.
//!
//! A span knows its parent by W3C trace context, which travels in the header `traceparent` and beside events. Each
//! span of work for a tenant names the tenant, by `averis.tenant.key` and `averis.tenant.id`.
//! Without an [exporter](export) nothing is recorded, and what callers say of their traces is passed on as it came.

mod export;

use std::borrow::Cow;
use std::future::Future;
use std::sync::{Arc, LazyLock, OnceLock};

use averis_tenant_context::{TenantId, TenantKey};
use opentelemetry::context::{FutureExt as _, WithContext};
use opentelemetry::global::{self, BoxedTracer};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::{
    Link, SpanBuilder, SpanContext, Status, TraceContextExt as _, Tracer as _,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::propagation::TraceContextPropagator;

pub use export::{ExportError, export, flush};
pub use opentelemetry::trace::SpanKind as Kind;

/// The header in which a trace travels.
pub const TRACEPARENT: &str = "traceparent";
const TENANT_KEY: &str = "averis.tenant.key";
const TENANT_ID: &str = "averis.tenant.id";

static PROPAGATOR: LazyLock<TraceContextPropagator> = LazyLock::new(TraceContextPropagator::new);

/// What makes spans. The first use decides: the exporter is set before anything is served.
fn tracer() -> &'static BoxedTracer {
    static TRACER: LazyLock<BoxedTracer> = LazyLock::new(|| global::tracer("averis"));
    &TRACER
}

/// The one header of a trace, read or written as propagators do.
struct Header(Option<String>);

impl Extractor for Header {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.as_deref().filter(|_| key == TRACEPARENT)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

impl Injector for Header {
    fn set(&mut self, key: &str, value: String) {
        if key == TRACEPARENT {
            self.0 = Some(value);
        }
    }
}

/// Returns what the header of the span that is under way says, if there is one.
#[must_use]
pub fn traceparent() -> Option<String> {
    Context::map_current(|context| {
        if !context.has_active_span() {
            return None;
        }
        let mut header = Header(None);
        PROPAGATOR.inject_context(context, &mut header);
        header.0
    })
}

/// Like [`traceparent`], if anybody records the trace: what is worth keeping beside an event.
#[must_use]
pub fn recorded() -> Option<String> {
    let is_sampled = Context::map_current(|context| context.span().span_context().is_sampled());
    is_sampled.then(traceparent).flatten()
}

/// Whether the span that is under way is recorded here.
#[must_use]
pub fn is_recorded() -> bool {
    Context::map_current(|context| context.span().is_recording())
}

/// Reads what a header says; nothing of it if it is no trace.
fn parse(traceparent: Option<&str>) -> Context {
    match traceparent {
        None => Context::new(),
        Some(text) => {
            PROPAGATOR.extract_with_context(&Context::new(), &Header(Some(text.to_owned())))
        }
    }
}

/// For which tenant a span and all that is within it work, once that is known.
#[derive(Clone, Debug, Default)]
struct ForTenant(Arc<OnceLock<[KeyValue; 2]>>);

/// Notes on the span that is under way for which tenant it works, and all that will be within it.
pub fn note_tenant(key: &TenantKey, id: TenantId) {
    Context::map_current(|context| for_tenant(context, key, id));
}

fn for_tenant(context: &Context, key: &TenantKey, id: TenantId) {
    // What is not recorded names nobody, and nothing within it is recorded either: the sampler goes by the parent (`export`).
    if !context.span().is_recording() {
        return;
    }
    let Some(ForTenant(tenant)) = context.get::<ForTenant>() else {
        return;
    };
    let attributes = [
        KeyValue::new(TENANT_KEY, key.to_string()),
        KeyValue::new(TENANT_ID, id.to_string()),
    ];
    // Nothing works for a second tenant.
    if tenant.set(attributes.clone()).is_ok() {
        context.span().set_attributes(attributes);
    }
}

/// Something that takes time. It ends when it and all that works within it is dropped.
#[derive(Clone, Debug)]
pub struct Span(Context);

impl Span {
    /// Begins what a request causes here, within the trace that the request's header names.
    #[must_use]
    pub fn of_request(name: impl Into<Cow<'static, str>>, traceparent: Option<&str>) -> Self {
        Self::begin(name, Kind::Server, &parse(traceparent), Vec::new())
    }

    /// Begins something within what is under way.
    #[must_use]
    pub fn within(name: impl Into<Cow<'static, str>>, kind: Kind) -> Self {
        Context::map_current(|context| Self::begin(name, kind, context, Vec::new()))
    }

    /// Begins work for a tenant, within what is under way if anything is.
    #[must_use]
    pub fn for_tenant(name: &'static str, kind: Kind, key: &TenantKey, id: TenantId) -> Self {
        let span = Self::within(name, kind);
        span.set_tenant(key, id);
        span
    }

    /// Begins work that several requests have caused: it belongs to the trace of the first, and is linked with the others'.
    #[must_use]
    pub fn after<'a>(
        name: String,
        kind: Kind,
        traceparents: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut causes: Vec<SpanContext> = Vec::new();
        let mut parent = Context::new();
        for text in traceparents {
            let context = parse(Some(text));
            let cause = context.span().span_context().clone();
            if !cause.is_valid() || causes.contains(&cause) {
                continue;
            }
            if causes.is_empty() {
                parent = context;
            }
            causes.push(cause);
        }
        let links = causes.into_iter().skip(1).map(Link::with_context).collect();
        Self::begin(name, kind, &parent, links)
    }

    fn begin(
        name: impl Into<Cow<'static, str>>,
        kind: Kind,
        parent: &Context,
        links: Vec<Link>,
    ) -> Self {
        let mut builder = SpanBuilder::from_name(name).with_kind(kind);
        let tenant = parent.get::<ForTenant>().cloned().unwrap_or_default();
        if let Some(attributes) = tenant.0.get() {
            builder = builder.with_attributes(attributes.clone());
        }
        if !links.is_empty() {
            builder = builder.with_links(links);
        }
        let span = tracer().build_with_context(builder, parent);
        Self(parent.with_value(tenant).with_span(span))
    }

    /// Whether anybody will read what is said about it.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.0.span().is_recording()
    }

    /// Says something about it.
    pub fn set(&self, name: &'static str, value: impl Into<Value>) {
        self.0.span().set_attribute(KeyValue::new(name, value));
    }

    /// Says for which tenant it is, and all that will be within it, if that is not known yet.
    pub fn set_tenant(&self, key: &TenantKey, id: TenantId) {
        for_tenant(&self.0, key, id);
    }

    /// Gives it another name, once it is known what it is about.
    pub fn rename(&self, name: String) {
        self.0.span().update_name(name);
    }

    /// Says that it went wrong, and why.
    pub fn fail(&self, why: String) {
        self.0.span().set_status(Status::error(why));
    }

    /// Returns the id of its trace, if it has one.
    #[must_use]
    pub fn trace_id(&self) -> Option<String> {
        let span = self.0.span();
        let context = span.span_context();
        context.is_valid().then(|| context.trace_id().to_string())
    }

    /// Has work belong to it.
    pub fn around<F: Future>(&self, work: F) -> WithContext<F> {
        work.with_context(self.0.clone())
    }
}
