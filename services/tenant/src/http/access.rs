//! The calls by which other services check callers. They never pass the ingress.

use actix_web::web::{Data, Json};
use averis_contracts::access::{InspectKey, KnownKey, Revocation};
use averis_service_kit::auth::ServiceCaller;
use averis_service_kit::problem::{ApiResult, Problem, codes};
use averis_service_kit::reply::Reply;
use averis_tenant_context::{Permission, PermissionSet, TenantRole};
use chrono::Utc;
use uuid::Uuid;

use crate::State;
use crate::error::TenantError;
use crate::http::tokens::words;
use crate::store::access;
use crate::store::access_log::{self, EntryRow};

/// Tells whether an API key is good, and for what.
pub async fn inspect_key(
    _: ServiceCaller,
    state: Data<State>,
    question: Json<InspectKey>,
) -> ApiResult<Reply> {
    let digest = from_hex(&question.digest).ok_or_else(|| Problem::new(codes::MALFORMED_BODY))?;
    let key = state
        .platform
        .transaction(async |conn| -> Result<_, TenantError> {
            let Some(key) = access::use_key(conn, &digest).await? else {
                return Ok(None);
            };
            if key.comes_in {
                let entry = EntryRow {
                    id: Uuid::now_v7(),
                    tenant_id: key.tenant_id,
                    at: Utc::now(),
                    caller: key.id,
                    via: "api_key".to_owned(),
                    session_id: None,
                    grant_id: None,
                    // The service that asks knows it, and does not say.
                    address: None,
                    user_agent: String::new(),
                };
                access_log::note(conn, &entry).await?;
            }
            let maker = access::maker(conn, &key).await?;
            Ok(Some((key, maker, access::now_ms(conn).await?)))
        })
        .await?;
    let (key, maker, known_at_ms) = key.ok_or_else(Problem::not_found)?;
    let mut scopes: Vec<Permission> = words(&key.scopes);
    // A key can do no more than who made it can now.
    if let Some((status, roles)) = maker {
        let roles = words::<TenantRole>(&roles).into_iter();
        let may = roles.fold(PermissionSet::NONE, |all, role| all.or(role.permissions()));
        scopes.retain(|scope| status == "active" && may.contains(*scope));
    }
    Ok(Reply::ok(&KnownKey {
        id: key.id,
        tenant: key.tenant_id,
        created_by: key.created_by,
        known_at_ms,
        scopes,
        expires_at_ms: key.expires_at.map(|at| at.timestamp_millis()),
    }))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let pairs = (0..32).map(|place| text.get(2 * place..2 * place + 2));
    let bytes = pairs.map(|pair| u8::from_str_radix(pair?, 16).ok());
    bytes.collect()
}

/// Lists what was taken back within the life of an access token.
pub async fn list_revocations(_: ServiceCaller, state: Data<State>) -> ApiResult<Reply> {
    let rows = state
        .platform
        .read(async |conn| -> Result<_, TenantError> { Ok(access::revocations(conn).await?) })
        .await?;
    let rows = rows.into_iter().map(|(tenant, subject, at_ms)| Revocation {
        tenant,
        subject,
        at_ms,
    });
    Ok(Reply::ok(&rows.collect::<Vec<_>>()))
}
