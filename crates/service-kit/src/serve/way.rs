//! The outermost part of a request's way.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{ALLOW, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError as _, web};
use averis_tenant_db::Actor;
use averis_trace::{Span, TRACEPARENT};
use tracing::Instrument as _;
use uuid::Uuid;

use super::health::Health;
use crate::access_log;
use crate::config::{HttpConfig, TraceParents};
use crate::metrics::{self, Answered};
use crate::problem::{Problem, codes};
use crate::request::{RequestInfo, scope};
use crate::tenancy::resolved;

/// The outermost part of a request's way: its identity, its span, its metrics, and the assurance that its work
/// runs to the end even when the client has gone. A connection in the middle of a statement would otherwise have
/// to be closed, and clients that hang up would cost everybody new connections.
pub(super) async fn trace(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let start = Instant::now();
    let info = Arc::new(identify(&req));
    let id = HeaderValue::from_str(&info.id);
    let method = req.method().clone();
    let traced = begin_trace(&req, &info.id);
    let span = tracing::info_span!(
        "request",
        request_id = %info.id,
        method = %method,
        path = req.path(),
        tenant = tracing::field::Empty,
        trace_id = traced.trace_id(),
    );
    let work = scope(
        info,
        async move { next.call(req).await.map(answer_in_form) },
    );
    #[expect(
        clippy::disallowed_methods,
        reason = "carries the request's own span and identity"
    )]
    let task = actix_web::rt::spawn(traced.around(work.instrument(span.clone())));
    let mut response = match task.await {
        Ok(response) => response?,
        Err(error) => {
            span.in_scope(|| tracing::error!(error = %error, "a handler panicked"));
            traced.fail("a handler panicked".to_owned());
            metrics::note_answer(&Answered {
                route: "panicked",
                method: method.as_str(),
                status: 500,
                elapsed: start.elapsed(),
                tenant: None,
            });
            return Err(Problem::new(codes::INTERNAL).into());
        }
    };
    if let Ok(id) = id {
        response
            .headers_mut()
            .insert(HeaderName::from_static("x-request-id"), id);
    }
    let health = response.request().app_data::<web::Data<Health>>();
    if health.is_some_and(|health| health.is_draining()) {
        // Whoever keeps the connection would send the next request into a closed door.
        let head = response.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    let status = response.status();
    let elapsed = start.elapsed();
    // A path that no route knows must not become a label of its own.
    let route = response
        .request()
        .match_pattern()
        .unwrap_or_else(|| "none".to_owned());
    let tenant = resolved(response.request());
    metrics::note_answer(&Answered {
        route: &route,
        method: method.as_str(),
        status: status.as_u16(),
        elapsed,
        tenant: tenant.as_deref(),
    });
    end_trace(&traced, &response, &route);
    span.in_scope(|| {
        log(&response, elapsed);
        access_log::note(&response, elapsed);
    });
    Ok(response)
}

fn header<'a>(req: &'a ServiceRequest, name: &str) -> Option<&'a str> {
    req.headers().get(name)?.to_str().ok()
}

/// Begins the request's span, in the trace of whoever asks. Its path is as it was asked for, without the query.
fn begin_trace(req: &ServiceRequest, id: &str) -> Span {
    let method = metrics::known_method(req.method().as_str());
    let config = req.app_data::<web::Data<HttpConfig>>();
    let is_of_service = req.path().starts_with("/internal/");
    let believed =
        is_of_service || config.is_some_and(|config| config.trace_parents == TraceParents::Any);
    let parent = header(req, TRACEPARENT).filter(|_| believed);
    let span = Span::of_request(method, parent);
    if !span.is_recorded() {
        return span;
    }
    span.set("http.request.method", method);
    span.set("url.path", req.path().to_owned());
    span.set("averis.request_id", id.to_owned());
    span
}

/// Says what the request was about and what came of it.
fn end_trace<B>(span: &Span, response: &ServiceResponse<B>, route: &str) {
    if !span.is_recorded() {
        return;
    }
    let status = response.status();
    let method = metrics::known_method(response.request().method().as_str());
    span.rename(format!("{method} {route}"));
    span.set("http.route", route.to_owned());
    span.set("http.response.status_code", i64::from(status.as_u16()));
    let code = problem(response).map(|problem| problem.code().name);
    if let Some(code) = code {
        span.set("averis.problem", code);
    }
    if status.is_server_error() {
        span.fail(code.unwrap_or("failed").to_owned());
    }
}

fn identify(req: &ServiceRequest) -> RequestInfo {
    let id = header(req, "x-request-id")
        .filter(|id| (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()))
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
    let actor = Arc::new(Actor::of_request(&id));
    RequestInfo {
        id,
        tenant: OnceLock::new(),
        actor,
    }
}

/// Gives the one answer that the framework makes by itself the form of all others.
fn answer_in_form(
    response: ServiceResponse<impl MessageBody + 'static>,
) -> ServiceResponse<actix_web::body::BoxBody> {
    if response.status() != StatusCode::METHOD_NOT_ALLOWED {
        return response.map_into_boxed_body();
    }
    let allow = response.headers().get(ALLOW).cloned();
    let mut problem = Problem::new(codes::METHOD_NOT_ALLOWED).error_response();
    if let Some(allow) = allow {
        problem.headers_mut().insert(ALLOW, allow);
    }
    response.into_response(problem)
}

/// Returns the problem that the answer is, if it is one.
fn problem<B>(response: &ServiceResponse<B>) -> Option<&Problem> {
    let error = response.response().error()?;
    error.as_error::<Problem>()
}

fn log<B>(response: &ServiceResponse<B>, elapsed: Duration) {
    let status = response.status().as_u16();
    let microseconds = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    match problem(response) {
        Some(problem) if status >= 500 => {
            let cause = problem.cause_chain().unwrap_or_default();
            tracing::error!(
                status,
                microseconds,
                code = problem.code().name,
                cause,
                "request failed"
            );
        }
        Some(problem) => {
            tracing::debug!(
                status,
                microseconds,
                code = problem.code().name,
                "request refused"
            );
        }
        None => tracing::debug!(status, microseconds, "request answered"),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::middleware::from_fn;
    use actix_web::{App, HttpResponse, test, web};

    use super::*;

    #[actix_web::test]
    async fn a_handler_that_panics_is_counted_and_answered_for() {
        let broken =
            web::resource("/broken").get(async || -> HttpResponse { panic!("on purpose") });
        let app = App::new().wrap(from_fn(trace)).service(broken);
        let app = test::init_service(app).await;
        let request = test::TestRequest::get().uri("/broken").to_request();
        let error = test::try_call_service(&app, request).await.err();
        let problem = error.expect("it fails").error_response();
        assert_eq!(problem.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let counted = metrics::text();
        let line = counted
            .lines()
            .find(|line| line.contains(r#"route="panicked""#));
        let line = line.expect("the panic is counted");
        assert!(line.contains(r#"method="GET""#), "{line}");
    }
}
