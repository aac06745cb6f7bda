//! What is known of the request that is being served, wherever the code is.

use std::sync::{Arc, OnceLock};

use averis_contracts::client::Correlation;
use averis_tenant_context::TenantContext;
use averis_tenant_db::{Actor, acting};
use uuid::Uuid;

tokio::task_local! {
    static CURRENT: Arc<RequestInfo>;
}

/// Identity of a request.
#[derive(Clone, Debug)]
pub struct RequestInfo {
    /// `X-Request-Id`: the caller's, or one of our own.
    pub id: String,
    /// The tenant, once it is found.
    pub tenant: OnceLock<Uuid>,
    /// Who asks, once that is known, as the audit trail has it.
    pub actor: Arc<Actor>,
}

/// Notes which tenant the request is for, for what it calls, its log lines and its trace.
pub(crate) fn note_tenant(tenant: &TenantContext) {
    tracing::Span::current().record("tenant", tenant.key.as_str());
    averis_trace::note_tenant(&tenant.key, tenant.id);
    // A request has no second tenant.
    let _ = CURRENT.try_with(|info| info.tenant.set(tenant.id.0));
}

/// Notes who makes the request, and the grant under which staff of the platform does.
pub(crate) fn note_caller(caller: Uuid, grant: Option<Uuid>) {
    let _ = CURRENT.try_with(|info| info.actor.identify(caller, grant));
}

/// Runs `work` as part of that request.
pub async fn scope<T>(info: Arc<RequestInfo>, work: impl Future<Output = T>) -> T {
    let actor = Arc::clone(&info.actor);
    CURRENT.scope(info, acting(actor, work)).await
}

/// Returns the id of the request that is being served.
#[must_use]
pub fn id() -> Option<String> {
    CURRENT.try_with(|info| info.id.clone()).ok()
}

/// Returns the headers that calls made for this request carry on.
#[must_use]
pub fn correlation() -> Correlation {
    CURRENT
        .try_with(|info| Correlation {
            request_id: Some(info.id.clone()),
            tenant: info.tenant.get().copied(),
            caller: info.actor.caller(),
        })
        .unwrap_or_default()
}
