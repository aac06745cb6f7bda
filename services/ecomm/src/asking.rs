//! Asking other services on behalf of shoppers, outside of any checkout: who they are, and what there is.

use std::collections::BTreeMap;

use averis_contracts::client::{CallError, Correlation};
use averis_service_kit::forms::fold;
use averis_service_kit::problem::{Problem, codes as common};
use averis_tenant_context::TenantContext;
use futures_util::future::try_join_all;
use uuid::Uuid;

use crate::State;
use crate::error::codes;
use crate::saga::BuyerParts;

/// SKUs of one question, and how long they may be together: they stand in its address.
const SKUS: usize = 250;
const SKUS_BYTES: usize = 8 * 1024;

/// What another service has to say, told as ours: a question that is none is the caller's, anything else nobody's fault here.
pub fn told(error: CallError) -> Problem {
    let away = || Problem::new(codes::SHOP_UNAVAILABLE).retry_after(1);
    match &error {
        CallError::Refused(refusal) => match refusal.code.as_str() {
            "invalid_query" => Problem::new(common::INVALID_QUERY).because(error),
            "invalid_cursor" => Problem::new(common::INVALID_CURSOR).because(error),
            "not_proven" | "not_a_member" => Problem::new(codes::NOT_ALLOWED).because(error),
            _ => away().because(error),
        },
        _ => away().because(error),
    }
}

/// Learns who has signed in with a session, and who it buys for.
///
/// # Errors
/// 409 when it does not act for that company; 503 when it cannot be found out.
pub async fn signed_in(
    state: &State,
    tenant: &TenantContext,
    session: Uuid,
    company: Option<Uuid>,
    correlation: &Correlation,
) -> Result<BuyerParts, Problem> {
    let customers = &state.calls.customer;
    let found = customers.visitor(&tenant.key, session, company, correlation);
    Ok(BuyerParts::from(found.await.map_err(told)?))
}

/// Learns what there is of SKUs, by SKU as it is compared.
///
/// # Errors
/// When that cannot be found out.
pub async fn available(
    state: &State,
    tenant: &TenantContext,
    skus: &[&str],
    correlation: &Correlation,
) -> Result<BTreeMap<String, i64>, CallError> {
    let erp = &state.calls.erp;
    let asked = questions(skus)
        .into_iter()
        .map(|some| erp.availability(&tenant.key, some, correlation));
    let found = try_join_all(asked).await?;
    let all = found.into_iter().flat_map(|there| there.data);
    Ok(all.map(|one| (fold(&one.sku), one.available)).collect())
}

/// Cuts SKUs into as few questions as they fit into.
pub fn questions<'a>(skus: &'a [&'a str]) -> Vec<&'a [&'a str]> {
    let mut questions = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for (place, sku) in skus.iter().enumerate() {
        // A letter may take three times its bytes in an address.
        let own = 3 * sku.len() + 3;
        if place - from == SKUS || bytes + own > SKUS_BYTES && place > from {
            questions.extend(skus.get(from..place));
            (from, bytes) = (place, 0);
        }
        bytes += own;
    }
    questions.extend(skus.get(from..));
    questions
}
