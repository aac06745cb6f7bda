//! A process that serves one service or all of them.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{Server, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, ContentType, HeaderName, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::Bytes;
use actix_web::{App, Error, HttpResponse, HttpServer, ResponseError as _, web};
use anyhow::Context as _;
use averis_contracts::tenant::TenantClient;
use averis_tenant_db::{Actor, TenantPool};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::auth::authenticate;
use crate::config::{HttpConfig, ServiceConfig};
use crate::limit::{Limits, limit};
use crate::problem::{Problem, codes};
use crate::request::{RequestInfo, scope};
use crate::tenancy::{TenantDirectory, resolve_tenant};
use crate::{access_log, metrics, openapi};

/// How long a stopping process waits for what it has begun.
const SHUTDOWN_SECONDS: u64 = 30;

/// How long an idle connection stays open. Longer than callers keep theirs (proxies 60 s, our own clients 30 s), so
/// that it is never the server that closes one at the moment when a request comes.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// A check whether a dependency is there.
pub type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Returns the check that a pool of tenants' databases answers.
#[must_use]
pub fn answers(pool: &TenantPool) -> Check {
    let pool = pool.clone();
    Arc::new(move || {
        let pool = pool.clone();
        Box::pin(async move { pool.ping().await.map_err(|error| error.to_string()) })
    })
}

/// A service as a process mounts it.
#[derive(Clone)]
pub struct Service {
    /// Name, as in `/api/{name}/v1`.
    pub name: &'static str,
    /// Registers its routes and their state.
    pub routes: Arc<dyn Fn(&mut web::ServiceConfig) + Send + Sync>,
    /// Makes its completed OpenAPI document. It is large, and seldom asked for.
    pub openapi: fn() -> Value,
    /// Whether it can serve.
    pub ready: Check,
}

/// Starts serving on a listener that is bound already. The returned server runs when it is awaited.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(
    listener: TcpListener,
    config: HttpConfig,
    directory: TenantDirectory,
    services: Vec<Service>,
) -> std::io::Result<Server> {
    let workers = config.workers;
    let address = listener.local_addr()?;
    tracing::info!(
        %address,
        services = %services.iter().map(|service| service.name).collect::<Vec<_>>().join(", "),
        "serving"
    );
    let config = web::Data::new(config);
    let directory = web::Data::new(directory);
    let limits = web::Data::new(Limits::default());
    let document = web::Data::new(OpenApi {
        makers: services.iter().map(|service| service.openapi).collect(),
        text: OnceLock::new(),
    });
    let checks: web::Data<Vec<(&'static str, Check)>> = web::Data::new(
        services
            .iter()
            .map(|service| (service.name, Arc::clone(&service.ready)))
            .collect(),
    );
    let server = HttpServer::new(move || {
        // Last in the list is first in the way of a request.
        let mut app = App::new()
            .app_data(config.clone())
            .app_data(directory.clone())
            .app_data(document.clone())
            .app_data(checks.clone())
            .app_data(limits.clone())
            .wrap(from_fn(limit))
            .wrap(from_fn(authenticate))
            .wrap(from_fn(resolve_tenant))
            .wrap(from_fn(trace))
            .service(web::resource("/health").get(ready))
            .service(web::resource("/health/ready").get(ready))
            .service(web::resource("/health/live").get(live))
            .service(web::resource("/openapi.json").get(openapi_document))
            .default_service(web::to(no_such_route));
        for service in &services {
            app = app.configure(|routes| (service.routes)(routes));
        }
        app
    })
    .workers(workers)
    .keep_alive(KEEP_ALIVE)
    .shutdown_timeout(SHUTDOWN_SECONDS)
    .disable_signals()
    .listen(listener)?
    .run();
    Ok(server)
}

/// Runs one service as a process of its own until somebody asks it to stop, and then finishes what has begun.
///
/// # Errors
/// When the address is taken, or the server fails.
pub async fn run(http: HttpConfig, common: ServiceConfig, service: Service) -> anyhow::Result<()> {
    let listener = listen(http.bind)?;
    let metrics = serve_metrics(listen(http.metrics)?)?;
    let client = TenantClient::new(common.urls.tenant, common.identity)?;
    let directory = TenantDirectory::new(client, common.database, &http.issuer);
    let server = serve(listener, http, directory, vec![service])?;
    let handle = server.handle();
    tokio::select! {
        result = server => result?,
        result = metrics => result?,
        () = stop_requested() => handle.stop(true).await,
    }
    Ok(())
}

/// Takes an address to listen on.
///
/// # Errors
/// When it is taken; the message names it.
pub fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).with_context(|| format!("listening on {address}"))
}

/// Starts serving metrics, on a port of their own: they need no credential and never pass the ingress.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve_metrics(listener: TcpListener) -> std::io::Result<Server> {
    let app = || {
        let metrics = web::resource("/metrics").get(async || metrics::text());
        App::new().service(metrics)
    };
    let server = HttpServer::new(app).workers(1).disable_signals();
    Ok(server.listen(listener)?.run())
}

/// Waits until somebody asks the process to stop, by Ctrl-C or SIGTERM.
pub async fn stop_requested() {
    let mut terminate =
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(signal) => signal,
            Err(error) => {
                tracing::warn!(error = %error, "SIGTERM cannot be caught");
                return std::future::pending().await;
            }
        };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

async fn no_such_route() -> Result<HttpResponse, Problem> {
    Err(Problem::new(codes::NO_SUCH_ROUTE))
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "live"}))
}

async fn ready(checks: web::Data<Vec<(&'static str, Check)>>) -> HttpResponse {
    let mut report = serde_json::Map::new();
    let mut all = true;
    for (name, check) in checks.iter() {
        let result = check().await;
        all &= result.is_ok();
        report.insert(
            (*name).to_owned(),
            result.map_or_else(Value::from, |()| "ready".into()),
        );
    }
    let status = if all {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let word = if all { "ready" } else { "not_ready" };
    HttpResponse::build(status).json(json!({"status": word, "services": report}))
}

/// The document of all services of the process, once somebody has asked for it: as text, which takes a small part of the
/// memory that it takes as a value.
struct OpenApi {
    makers: Vec<fn() -> Value>,
    text: OnceLock<Bytes>,
}

async fn openapi_document(document: web::Data<OpenApi>) -> HttpResponse {
    let text = document.text.get_or_init(|| {
        let document = match document.makers.as_slice() {
            [only] => only(),
            several => openapi::merge(several.iter().map(|make| make())),
        };
        document.to_string().into()
    });
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(text.clone())
}

/// The outermost part of a request's way: its identity, its span, its metrics, and the assurance that its work
/// runs to the end even when the client has gone. A connection in the middle of a statement would otherwise have
/// to be closed, and clients that hang up would cost everybody new connections.
async fn trace(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let start = Instant::now();
    let info = Arc::new(identify(&req));
    let id = HeaderValue::from_str(&info.id);
    let method = req.method().clone();
    let span = tracing::info_span!(
        "request",
        request_id = %info.id,
        method = %method,
        path = req.path(),
        tenant = tracing::field::Empty,
    );
    let work = scope(
        info,
        async move { next.call(req).await.map(answer_in_form) },
    );
    #[expect(
        clippy::disallowed_methods,
        reason = "carries the request's own span and identity"
    )]
    let task = actix_web::rt::spawn(work.instrument(span.clone()));
    let mut response = match task.await {
        Ok(response) => response?,
        Err(error) => {
            span.in_scope(|| tracing::error!(error = %error, "a handler panicked"));
            return Err(Problem::new(codes::INTERNAL).into());
        }
    };
    if let Ok(id) = id {
        response
            .headers_mut()
            .insert(HeaderName::from_static("x-request-id"), id);
    }
    let status = response.status();
    let elapsed = start.elapsed();
    // A path that no route knows must not become a label of its own.
    let route = response
        .request()
        .match_pattern()
        .unwrap_or_else(|| "none".to_owned());
    metrics::note_request(&route, method.as_str(), status.as_u16(), elapsed);
    span.in_scope(|| {
        log(&response, elapsed);
        access_log::note(&response, elapsed);
    });
    Ok(response)
}

fn identify(req: &ServiceRequest) -> RequestInfo {
    let header = |name: &str| {
        req.headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let id = header("x-request-id")
        .filter(|id| (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()))
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
    let traceparent = header("traceparent")
        .filter(|text| text.len() == 55)
        .map(str::to_owned);
    let actor = Arc::new(Actor::of_request(&id));
    RequestInfo {
        id,
        traceparent,
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

fn log<B>(response: &ServiceResponse<B>, elapsed: Duration) {
    let status = response.status().as_u16();
    let microseconds = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    let problem = response
        .response()
        .error()
        .and_then(|error| error.as_error::<Problem>());
    match problem {
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
