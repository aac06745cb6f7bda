//! A tenant's own system, which hears what happens: slowly, and through every crash.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::web::{Data, Json, Path};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::Value;

/// Who hears for all tenants, each at an address of its own.
pub struct Receiver {
    base: String,
    heard: Arc<Heard>,
}

/// Tenants and the ids of what they were told; and what was told to the wrong one.
#[derive(Default)]
struct Heard {
    ids: Mutex<BTreeSet<(String, String)>>,
    strange: Mutex<Vec<String>>,
}

impl Receiver {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let heard = Arc::new(Heard::default());
        let shared = Data::from(Arc::clone(&heard));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .route("/{tenant}", web::post().to(hear))
        });
        let server = server.workers(1).disable_signals().listen(listener);
        actix_web::rt::spawn(server.expect("it listens").run());
        Self {
            base: format!("http://127.0.0.1:{port}"),
            heard,
        }
    }

    /// Where a tenant hears.
    pub fn url(&self, tenant: &str) -> String {
        format!("{}/{tenant}", self.base)
    }

    /// Whether a tenant was told that.
    pub fn has_heard(&self, tenant: &str, id: &str) -> bool {
        let ids = self
            .heard
            .ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        ids.contains(&(tenant.to_owned(), id.to_owned()))
    }

    /// What was told to the wrong one.
    pub fn strange(&self) -> Vec<String> {
        let strange = self.heard.strange.lock();
        strange.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn hear(
    req: HttpRequest,
    heard: Data<Heard>,
    tenant: Path<String>,
    body: Json<Value>,
) -> HttpResponse {
    let tenant = tenant.into_inner();
    let id = req.headers().get("webhook-id");
    let id = id.and_then(|id| id.to_str().ok()).unwrap_or_default();
    if body["tenant"] != tenant.as_str() {
        let mut strange = heard.strange.lock().unwrap_or_else(PoisonError::into_inner);
        strange.push(format!("{tenant} was told {body}"));
    }
    // Long enough to be killed meanwhile.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let mut ids = heard.ids.lock().unwrap_or_else(PoisonError::into_inner);
    ids.insert((tenant, id.to_owned()));
    HttpResponse::Ok().finish()
}
