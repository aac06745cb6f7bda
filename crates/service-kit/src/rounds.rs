//! Work that nobody asks for: each tenant is visited again and again, so that what a crash has left goes on.

use std::sync::{Arc, Weak};
use std::time::Duration;

use averis_contracts::client::Correlation;
use averis_contracts::tenant::TenantClient;
use averis_tenant_context::{TenantContext, TenantKey};
use averis_tenant_db::{TenantDb, TenantPool};

/// How long to leave the tenant service alone when it is away.
const AWAY: Duration = Duration::from_secs(1);

/// Visits all tenants for as long as it is kept.
pub struct Rounds(#[expect(dead_code, reason = "the rounds end with it")] Arc<()>);

impl Rounds {
    /// Begins a round now, and another each time that long after the last one has ended. The work of one tenant is over before the
    /// next is visited; what fails is the work's to log.
    #[must_use]
    pub fn start<W>(pool: TenantPool, tenants: TenantClient, every: Duration, work: W) -> Self
    where
        W: AsyncFn(&TenantContext, TenantDb) + 'static,
    {
        let alive = Arc::new(());
        let weak = Arc::downgrade(&alive);
        #[expect(
            clippy::disallowed_methods,
            reason = "visits the tenants one by one, each by its context"
        )]
        actix_web::rt::spawn(async move {
            while weak.strong_count() > 0 {
                round(&weak, &pool, &tenants, &work).await;
                tokio::time::sleep(every).await;
            }
        });
        Self(alive)
    }
}

async fn round<W>(alive: &Weak<()>, pool: &TenantPool, tenants: &TenantClient, work: &W)
where
    W: AsyncFn(&TenantContext, TenantDb),
{
    let mut after: Option<TenantKey> = None;
    while alive.strong_count() > 0 {
        let page = match tenants.list(after.as_ref(), &Correlation::default()).await {
            Ok(page) => page,
            Err(error) => {
                tracing::debug!(error = %error, "the tenants cannot be listed yet");
                tokio::time::sleep(AWAY).await;
                continue;
            }
        };
        let Some(last) = page.last() else { return };
        after = Some(last.key.clone());
        for tenant in &page {
            if alive.strong_count() == 0 {
                return;
            }
            work(tenant, pool.tenant(tenant)).await;
        }
    }
}
