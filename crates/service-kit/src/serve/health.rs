//! Whether a process lives, and whether it can serve.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use averis_tenant_db::{TenantPool, causes};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

/// Why a dependency is not there. Whoever asks is told what it is, and the log why.
pub type Missing = Box<dyn Error + Send + Sync>;

/// A check whether a dependency is there.
pub type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), Missing>> + Send + Sync>;

/// Returns the check that a pool of tenants' databases answers.
#[must_use]
pub fn answers(pool: &TenantPool) -> Check {
    let pool = pool.clone();
    Arc::new(move || {
        let pool = pool.clone();
        Box::pin(async move { pool.ping().await.map_err(Into::into) })
    })
}

/// What is known of the process's health.
pub(super) struct Health {
    checks: Vec<Watched>,
    draining: AtomicBool,
}

struct Watched {
    name: &'static str,
    check: Check,
    /// Whether it was there when somebody last asked.
    there: AtomicBool,
}

impl Watched {
    /// Checks, and says in the log when what was there is not, or is again.
    async fn look(&self) -> Result<(), String> {
        let found = (self.check)().await;
        let was_there = self.there.swap(found.is_ok(), Ordering::AcqRel);
        match &found {
            Err(error) if was_there => {
                let cause = causes(&**error);
                tracing::warn!(service = self.name, cause, "not ready");
            }
            Ok(()) if !was_there => tracing::info!(service = self.name, "ready again"),
            _ => {}
        }
        found.map_err(|error| error.to_string())
    }
}

impl Health {
    pub fn new(checks: Vec<(&'static str, Check)>) -> Self {
        let checks = checks.into_iter().map(|(name, check)| Watched {
            name,
            check,
            there: AtomicBool::new(true),
        });
        Self {
            checks: checks.collect(),
            draining: AtomicBool::new(false),
        }
    }

    /// From now on says that no more requests should come.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}

pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "live"}))
}

pub(super) async fn ready(health: web::Data<Health>) -> HttpResponse {
    if health.is_draining() {
        return HttpResponse::ServiceUnavailable().json(json!({"status": "draining"}));
    }
    let mut report = serde_json::Map::new();
    let mut all = true;
    for watched in &health.checks {
        let result = watched.look().await;
        all &= result.is_ok();
        report.insert(
            watched.name.to_owned(),
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
