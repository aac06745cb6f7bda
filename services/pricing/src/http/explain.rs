//! Why a price is what it is.

use averis_service_kit::Tenant;
use averis_service_kit::problem::ApiResult;
use averis_service_kit::query::Query;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::assignment::check_country;
use crate::basket::{Market, assigned, known_lines};
use crate::domain::forms::{check_sku, check_window};
use crate::domain::prices::currency;
use crate::domain::{fold, now};
use crate::engine::assignment::Buyer;
use crate::engine::selection::{Price, Question, Scope, Verdict, select};
use crate::error::PricingError;
use crate::http::schemas::MoneySchema;
use crate::store::prices;

/// Of which price, for whom.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ExplainPrice {
    sku: String,
    /// 1 where absent.
    quantity: Option<i64>,
    /// ISO 3166-1 alpha-2.
    #[param(example = "DE")]
    country: String,
    segment: Option<String>,
    channel: Option<String>,
    company_id: Option<Uuid>,
    /// `anonymous` where absent; `company` with a company.
    #[param(value_type = Option<String>)]
    buyer: Option<Buyer>,
    /// The catalog; the rules decide where absent.
    catalog_id: Option<Uuid>,
    /// Now where absent.
    at: Option<DateTime<Utc>>,
}

/// A price of the SKU, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Candidate {
    price_id: Uuid,
    #[schema(value_type = MoneySchema)]
    amount: averis_money::Money,
    per_quantity: i64,
    min_quantity: i64,
    scope: Scope,
    verdict: Verdict,
}

/// The price of a SKU for a buyer, with all that there are and why they lost.
#[derive(Debug, Serialize, ToSchema)]
pub struct Explanation {
    sku: String,
    product_id: Uuid,
    /// Whether the product is offered at all.
    active: bool,
    catalog_id: Uuid,
    /// Whether the catalog sells the product.
    listed: bool,
    /// The rule that gave the buyer the catalog; null where it was said, or is the default.
    rule_id: Option<Uuid>,
    #[schema(example = "EUR")]
    currency: String,
    /// Whether prices of the catalog include tax.
    tax_included: bool,
    quantity: i64,
    /// The price; null: the SKU is not for sale to this buyer now.
    chosen: Option<Uuid>,
    /// All prices of the SKU, drafts too.
    candidates: Vec<Candidate>,
}

/// Explains the price of a SKU for a buyer.
#[utoipa::path(get, path = "/api/pricing/v1/prices/explain", tag = "prices", security(("token" = ["price:read"])), params(ExplainPrice),
    responses((status = 200, description = "The price and all others.", body = Explanation)))]
pub async fn explain_price(
    tenant: Tenant<may::PriceRead>,
    query: Query<ExplainPrice>,
) -> ApiResult<Reply> {
    let query = query.0;
    check_sku(&query.sku, "/sku").map_err(PricingError::from)?;
    check_country(&query.country)?;
    check_window(("/at", query.at), ("/at", None)).map_err(PricingError::from)?;
    let quantity = query.quantity.unwrap_or(1);
    if quantity < 1 {
        use averis_service_kit::problem::FieldProblem;
        let problem = FieldProblem::new("/quantity", "range", "must be at least 1");
        return Err(PricingError::from(problem).into());
    }
    let buyer = if query.company_id.is_some() {
        Buyer::Company
    } else {
        Buyer::Anonymous
    };
    let market = Market {
        country: query.country,
        segment: query.segment,
        channel: query.channel,
        company: query.company_id,
        customer: None,
        buyer: query.buyer.unwrap_or(buyer),
        catalog: query.catalog_id,
        at: query.at.unwrap_or_else(now),
    };
    let folded = [fold(&query.sku)];
    let explained = tenant.db.read(async |conn| -> Result<_, PricingError> {
        let found = assigned(conn, &market).await?;
        let rows = prices::of_skus(conn, &folded).await?;
        let lines = known_lines(conn, &found.catalog, &folded, rows).await?;
        Ok((found, lines))
    });
    let (found, lines) = explained.await?;
    let line = lines
        .into_iter()
        .next()
        .ok_or_else(averis_service_kit::problem::Problem::not_found)?;
    let question = Question {
        currency: currency(&found.catalog.currency)?,
        at: market.at,
        quantity,
        company: market.company,
        segment: market.segment,
        channel: market.channel,
        country: Some(market.country),
        listings: line.listings.clone(),
    };
    let selection = select(&line.prices, &question);
    let candidates = line.prices.iter().zip(&selection.verdicts);
    let candidates = candidates.map(|(price, (_, verdict))| candidate(price, *verdict));
    Ok(Reply::ok(&Explanation {
        sku: line.sku.sku,
        product_id: line.sku.product_id,
        active: line.sku.active,
        catalog_id: found.catalog.id,
        listed: !line.listings.is_empty(),
        rule_id: found.assignment.rule,
        currency: found.catalog.currency,
        tax_included: found.catalog.tax_included,
        quantity,
        chosen: selection.chosen.map(|price| price.id),
        candidates: candidates.collect(),
    }))
}

fn candidate(price: &Price, verdict: Verdict) -> Candidate {
    Candidate {
        price_id: price.id,
        amount: price.amount,
        per_quantity: price.per_quantity,
        min_quantity: price.min_quantity,
        scope: price.scope.clone(),
        verdict,
    }
}
