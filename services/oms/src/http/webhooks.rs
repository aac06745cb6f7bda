//! What payment providers tell of their own accord.

use actix_web::HttpRequest;
use actix_web::web::{Bytes, Data, Path};
use averis_service_kit::problem::{ApiResult, Problem, codes as common};
use averis_service_kit::reply::Reply;
use averis_service_kit::tenancy::SignedTenant;
use averis_tenant_db::TenantConn;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::State;
use crate::domain::now;
use crate::drive::{Effect, apply_news, wake};
use crate::error::{OmsError, codes};
use crate::store::{accounts, payments};

/// Longest name of an event, in bytes.
const MAX_NAME: usize = 255;

/// That it was heard.
#[derive(Debug, Serialize, ToSchema)]
pub struct Heard {
    /// Whether it was heard for the first time.
    new: bool,
}

/// Hears what a payment provider tells, which has signed it (`Stripe-Signature`). It is kept, and has its effect once: in whatever
/// order and however often it comes. The same again changes nothing.
#[utoipa::path(post, path = "/api/oms/v1/payment-webhooks/{provider}", tag = "webhooks", security(()),
    request_body(content = Object, content_type = "application/json", example = json!({"id": "evt_1", "type": "payment_intent.amount_capturable_updated", "account": "acct_1", "data": {"object": {"id": "pi_1"}}})),
    params(("provider" = String, Path, description = "`stripe` or `simulator`.")),
    responses((status = 200, description = "It is kept.", body = Heard)))]
pub async fn hear_provider(
    req: HttpRequest,
    tenant: SignedTenant,
    state: Data<State>,
    provider: Path<String>,
    body: Bytes,
) -> ApiResult<Reply> {
    let provider = provider.into_inner();
    let known = state
        .providers
        .get(&provider)
        .ok_or_else(Problem::not_found)?;
    let header = req.headers().get("stripe-signature");
    let header = header.and_then(|value| value.to_str().ok());
    if !header.is_some_and(|header| known.has_signed(header, &body)) {
        return Err(Problem::new(codes::BAD_SIGNATURE));
    }
    let event: Value = serde_json::from_slice(&body)
        .map_err(|_unreadable| Problem::new(common::MALFORMED_BODY))?;
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    let (Some(id), Some(account)) = (text("id"), text("account")) else {
        return Err(Problem::new(common::MALFORMED_BODY).detail("It names no event and account."));
    };
    if id.is_empty() || id.len() > MAX_NAME {
        return Err(Problem::new(common::MALFORMED_BODY).detail("The name of the event is none."));
    }
    let hear = async |conn: &mut TenantConn| -> Result<bool, OmsError> {
        // All tenants' accounts are signed for with one secret: what is about another's is not this one's to hear.
        let own = accounts::find(conn, &provider).await?;
        let is_own = own.is_some_and(|own| own.account == account);
        if !is_own && !payments::has_account(conn, &provider, account).await? {
            return Err(Problem::not_found().into());
        }
        Ok(payments::hear(conn, &provider, id, &event, now()).await?)
    };
    let heard = tenant.db.transaction(async |conn| -> Result<_, OmsError> {
        let new = hear(conn).await?;
        // Also again: it may wait still.
        Ok((new, apply_news(conn, &provider, id, &event).await?))
    });
    let (new, effect) = match heard.await {
        Ok(done) => done,
        Err(OmsError::Db(error)) => {
            // It is kept all the same, and has its effect later.
            tracing::warn!(event = id, error = %error, "what was told has no effect yet");
            (tenant.db.transaction(hear).await?, Effect::Waits)
        }
        Err(other) => return Err(other.into()),
    };
    if effect != Effect::Nothing {
        wake(&state, &tenant.db);
    }
    Ok(Reply::ok(&Heard { new }))
}
