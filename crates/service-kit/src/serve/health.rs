//! Whether a process lives, and whether it can serve.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use averis_tenant_db::TenantPool;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

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

/// What is known of the process's health.
pub(super) struct Health {
    checks: Vec<(&'static str, Check)>,
    draining: AtomicBool,
}

impl Health {
    pub fn new(checks: Vec<(&'static str, Check)>) -> Self {
        Self {
            checks,
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
    for (name, check) in &health.checks {
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
