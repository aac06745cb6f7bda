//! Many prices at once.

use actix_web::web::Data;
use averis_service_kit::Tenant;
use averis_service_kit::idempotency::{Post, once};
use averis_service_kit::problem::{ApiResult, Problem};
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{CreatePrice, check_references, draft};
use crate::State;
use crate::error::PricingError;
use crate::known::know_skus;
use crate::store::prices::{self, PriceRow};

/// Prices to be drafted.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePrices {
    /// At most 250.
    #[garde(length(min = 1, max = 250), dive)]
    prices: Vec<CreatePrice>,
}

/// What became of one of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchResult {
    /// Its place, from 0.
    index: usize,
    /// 201, or the status of the problem.
    status: u16,
    /// The draft.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    problem: Option<Value>,
}

/// What became of each.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchResults {
    /// In the order of the prices.
    results: Vec<BatchResult>,
}

fn refused(index: usize, error: PricingError) -> Result<BatchResult, PricingError> {
    if let PricingError::Db(_) = error {
        return Err(error);
    }
    let problem = Problem::from(error);
    // A fault or an absence is no outcome of one price: nothing is stored, and all may be tried again.
    if problem.code().status >= 500 {
        return Err(problem.into());
    }
    Ok(BatchResult {
        index,
        status: problem.code().status,
        id: None,
        problem: Some(problem.body()),
    })
}

/// Drafts many prices, each by itself: what is wrong with one keeps back none of the others.
#[utoipa::path(post, path = "/api/pricing/v1/prices/batch", tag = "prices", security(("token" = ["price:write"])), request_body = CreatePrices,
    responses((status = 200, description = "What became of each.", body = BatchResults)))]
pub async fn create_prices(
    tenant: Tenant<may::PriceWrite>,
    state: Data<State>,
    post: Post<CreatePrices>,
) -> ApiResult<Reply> {
    let by = tenant.caller.identity.subject;
    let mut drafts: Vec<Result<PriceRow, PricingError>> = Vec::new();
    for body in post.body.prices {
        drafts.push(draft(body, by, None));
    }
    let skus: Vec<String> = drafts.iter().flatten().map(|row| row.sku.clone()).collect();
    let unknown = match know_skus(&state, &tenant.context, &tenant.db, &skus).await {
        Ok(()) => Vec::new(),
        Err(PricingError::Problem(problem))
            if problem.code() == crate::error::codes::UNKNOWN_SKU =>
        {
            let body = problem.body();
            let names = body.get("skus").and_then(Value::as_array).cloned();
            names.unwrap_or_default()
        }
        Err(error) => return Err(error.into()),
    };
    let mut prepared = Vec::with_capacity(drafts.len());
    for (index, drafted) in drafts.into_iter().enumerate() {
        prepared.push(match drafted {
            Ok(row) if unknown.iter().any(|sku| sku == &row.sku) => {
                let problem =
                    Problem::new(crate::error::codes::UNKNOWN_SKU).with("skus", [row.sku]);
                Err(refused(index, problem.into())?)
            }
            Ok(row) => Ok(row),
            Err(error) => Err(refused(index, error)?),
        });
    }
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, PricingError> {
            let mut results = Vec::with_capacity(prepared.len());
            for (index, one) in prepared.iter().enumerate() {
                let row = match one {
                    Ok(row) => row,
                    Err(refused) => {
                        results.push(refused.again());
                        continue;
                    }
                };
                // Reads alone can refuse here, so the transaction stays whole.
                if let Err(error) = check_references(conn, row).await {
                    results.push(refused(index, error)?);
                    continue;
                }
                prices::insert(conn, row).await?;
                results.push(BatchResult {
                    index,
                    status: 201,
                    id: Some(row.id),
                    problem: None,
                });
            }
            Ok(Reply::ok(&BatchResults { results }))
        },
    )
    .await
}

impl BatchResult {
    fn again(&self) -> Self {
        Self {
            index: self.index,
            status: self.status,
            id: self.id,
            problem: self.problem.clone(),
        }
    }
}
