//! A process that serves one service or all of them.

mod health;
mod process;
mod way;

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::header::ContentType;
use actix_web::middleware::from_fn;
use actix_web::web::Bytes;
use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Context as _;
use averis_tenant_db::TenantPool;
use serde_json::Value;

pub use health::{Check, answers};
pub use process::{main, stop_requested};

use crate::auth::authenticate;
use crate::config::HttpConfig;
use crate::limit::{Limits, limit};
use crate::problem::{Problem, codes};
use crate::tenancy::{TenantDirectory, resolve_tenant};
use crate::{metrics, openapi};
use health::{Health, live, ready};
use way::trace;

/// How long a stopping process waits for what it has begun.
const SHUTDOWN_SECONDS: u64 = 30;

/// How long an idle connection stays open. Longer than callers keep theirs (proxies 60 s, our own clients 4 s), so
/// that it is never the server that closes one at the moment when a request comes.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

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
    /// Its connections to tenants' data, which are measured.
    pub pool: TenantPool,
}

/// A server, and how it is stopped.
pub struct Serving {
    /// Runs when it is awaited.
    pub server: Server,
    /// Stops it.
    pub stop: Stop,
}

/// Stops a server so that nobody's request is lost.
#[derive(Clone)]
pub struct Stop {
    handle: ServerHandle,
    health: web::Data<Health>,
    drain: Duration,
}

impl Stop {
    /// Says first that no more requests should come here, to whoever asks whether this process is ready and with each answer, while
    /// those that come are still answered. Then takes no more, and waits for what has begun.
    pub async fn stop(self) {
        self.health.drain();
        if !self.drain.is_zero() {
            tracing::info!(seconds = self.drain.as_secs(), "no more requests, please");
            tokio::time::sleep(self.drain).await;
        }
        self.handle.stop(true).await;
    }
}

/// Starts serving on a listener that is bound already.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(
    listener: TcpListener,
    config: HttpConfig,
    directory: TenantDirectory,
    services: Vec<Service>,
) -> std::io::Result<Serving> {
    let (workers, drain) = (config.workers, config.drain);
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
    for service in &services {
        metrics::watch_pool(service.name, &service.pool);
    }
    let checks = services.iter();
    let checks = checks.map(|service| (service.name, Arc::clone(&service.ready)));
    let health = web::Data::new(Health::new(checks.collect()));
    let answered = health.clone();
    let server = HttpServer::new(move || {
        // Last in the list is first in the way of a request.
        let mut app = App::new()
            .app_data(config.clone())
            .app_data(directory.clone())
            .app_data(document.clone())
            .app_data(answered.clone())
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
    let handle = server.handle();
    let stop = Stop {
        handle,
        health,
        drain,
    };
    Ok(Serving { server, stop })
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
        let metrics = web::resource("/metrics").get(async || {
            HttpResponse::Ok()
                .content_type("text/plain; version=0.0.4; charset=utf-8")
                .body(metrics::text())
        });
        App::new().service(metrics)
    };
    let server = HttpServer::new(app).workers(1).disable_signals();
    Ok(server.listen(listener)?.run())
}

async fn no_such_route() -> Result<HttpResponse, Problem> {
    Err(Problem::new(codes::NO_SUCH_ROUTE))
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
