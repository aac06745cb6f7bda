//! What single pieces cost a buyer, as shops show them beside their goods.

use averis_money::Money;
use averis_service_kit::Tenant;
use averis_service_kit::problem::{ApiResult, FieldProblem};
use averis_service_kit::query::Query;
use averis_service_kit::reply::Reply;
use averis_tenant_context::may;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::assignment::check_country;
use super::schemas::MoneySchema;
use crate::basket::{KnownLine, Market, offered};
use crate::domain::forms::check_sku;
use crate::domain::prices::currency;
use crate::domain::{fold, now};
use crate::engine::assignment::Buyer;
use crate::engine::selection::{Price, PriceKind, Question, select};
use crate::error::PricingError;

/// SKUs of one question.
const MOST: usize = 250;

/// Of which SKUs, for whom.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ReadUnitPrices {
    /// 1 to 250 SKUs, with commas between.
    #[param(example = "SHIRT-BLUE-M,SHIRT-BLUE-L")]
    sku: String,
    /// Where the goods go, ISO 3166-1 alpha-2.
    #[param(example = "DE")]
    country: String,
    segment: Option<String>,
    channel: Option<String>,
    /// The company that buys.
    company_id: Option<Uuid>,
    /// The customer who buys.
    customer_id: Option<Uuid>,
}

/// What a piece of a SKU costs.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnitPrice {
    #[schema(example = "SHIRT-BLUE-M")]
    sku: String,
    /// For `per_quantity` pieces.
    #[schema(value_type = MoneySchema)]
    amount: Money,
    per_quantity: i64,
    /// What it costs otherwise, where this is a sale or was agreed.
    #[schema(value_type = Option<MoneySchema>)]
    list: Option<Money>,
}

/// What pieces cost a buyer.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnitPrices {
    catalog_id: Uuid,
    /// Of the catalog.
    #[schema(example = "de-DE")]
    locale: String,
    #[schema(example = "EUR")]
    currency: String,
    /// Whether the prices include tax.
    tax_included: bool,
    /// Those that are sold to this buyer now; the others are not here.
    data: Vec<UnitPrice>,
}

/// Reads what a piece of each SKU costs a buyer, before promotions. What is not sold to it now, or nobody knows, is left out.
#[utoipa::path(get, path = "/api/pricing/v1/unit-prices", tag = "quotes", security(("token" = ["quote:write"])), params(ReadUnitPrices),
    responses((status = 200, description = "What there is.", body = UnitPrices)))]
pub async fn read_unit_prices(
    tenant: Tenant<may::QuoteWrite>,
    query: Query<ReadUnitPrices>,
) -> ApiResult<Reply> {
    let query = query.0;
    check_country(&query.country)?;
    let skus: Vec<&str> = query.sku.split(',').collect();
    if skus.len() > MOST {
        let message = format!("must be at most {MOST} SKUs");
        return Err(PricingError::from(FieldProblem::new("/sku", "too_many", message)).into());
    }
    for sku in &skus {
        check_sku(sku, "/sku").map_err(PricingError::from)?;
    }
    let folded: Vec<String> = skus.iter().map(|sku| fold(sku)).collect();
    let buyer = match (query.company_id, query.customer_id) {
        (Some(_), _) => Buyer::Company,
        (None, Some(_)) => Buyer::Customer,
        (None, None) => Buyer::Anonymous,
    };
    let market = Market {
        country: query.country,
        segment: query.segment,
        channel: query.channel,
        company: query.company_id,
        customer: query.customer_id,
        buyer,
        catalog: None,
        at: now(),
    };
    let found = tenant
        .db
        .read(async |conn| offered(conn, &market, &folded).await);
    let (assigned, lines) = found.await?;
    let unit = currency(&assigned.catalog.currency)?;
    let data = lines.iter().filter_map(|line| {
        let question = Question {
            currency: unit,
            at: market.at,
            quantity: 1,
            company: market.company,
            segment: market.segment.clone(),
            channel: market.channel.clone(),
            country: Some(market.country.clone()),
            listings: line.listings.clone(),
        };
        unit_price(line, &question)
    });
    Ok(Reply::ok(&UnitPrices {
        catalog_id: assigned.catalog.id,
        locale: assigned.assignment.locale.clone(),
        data: data.collect(),
        tax_included: assigned.catalog.tax_included,
        currency: assigned.catalog.currency,
    }))
}

fn unit_price(line: &KnownLine, question: &Question) -> Option<UnitPrice> {
    let chosen = select(&line.prices, question).chosen?;
    let lists: Vec<Price> = line
        .prices
        .iter()
        .filter(|price| price.kind == PriceKind::List)
        .cloned()
        .collect();
    let list = select(&lists, question).chosen;
    // Of so many pieces as well, or it says nothing.
    let list = list.filter(|list| {
        list.per_quantity == chosen.per_quantity && list.amount.amount() > chosen.amount.amount()
    });
    Some(UnitPrice {
        sku: line.sku.sku.clone(),
        amount: chosen.amount,
        per_quantity: chosen.per_quantity,
        list: list.map(|list| list.amount),
    })
}
