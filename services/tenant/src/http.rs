//! Wire types and handlers.

pub mod access;
pub mod access_entries;
pub mod api_keys;
pub mod audit;
pub mod grants;
pub mod lookup;
pub mod me;
pub mod members;
pub mod reference;
pub mod scope;
pub mod shoppers;
pub mod sign_in;
pub mod tenants;
pub mod tokens;
pub mod webhooks;

use averis_service_kit::idempotency::{IdempotencyKey, recall, remember};
use averis_service_kit::problem::{ApiResult, Code, codes};
use averis_service_kit::reply::Reply;
use averis_tenant_db::PlatformConn;

use crate::State;
use crate::error::TenantError;

fn internal() -> Code {
    codes::INTERNAL
}

/// Runs a command in one transaction, once per idempotency key.
async fn once<F>(state: &State, key: &IdempotencyKey, work: F) -> ApiResult<Reply>
where
    F: AsyncFn(&mut PlatformConn<'_>) -> Result<Reply, TenantError>,
{
    let done = state
        .platform
        .transaction(async |conn| -> Result<_, TenantError> {
            if let Some(reply) = recall(&mut **conn, key, "platform").await? {
                return Ok(reply);
            }
            let reply = work(conn).await?;
            remember(&mut **conn, key, &reply).await?;
            Ok(reply)
        });
    Ok(done.await?)
}
