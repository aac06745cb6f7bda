//! All that a quote is computed from, read at one moment.

use std::collections::HashMap;

use averis_money::{Money, Rounding};
use averis_service_kit::problem::Problem;
use averis_tenant_context::MoneyRules;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::catalogs::{assignable, effective, rule};
use crate::domain::prices::{currency, price};
use crate::domain::promotions::promotion;
use crate::domain::taxes::rate;
use crate::engine::assignment::{Assignable, Assignment, Buyer, Visitor, assign};
use crate::engine::promotions::Promotion;
use crate::engine::quote::{AskedLine, Basket, TaxCase};
use crate::engine::selection::{Listing, Price};
use crate::engine::taxes::TaxRate;
use crate::engine::totals::Terms;
use crate::error::{PricingError, codes};
use crate::http::quotes::{rounding, tax_level};
use crate::store::catalogs::CatalogRow;
use crate::store::prices::PriceRow;
use crate::store::skus::SkuRow;
use crate::store::{catalogs, prices, promotions, redemptions, rules, skus, taxes};

/// Who buys.
#[derive(Clone, Debug)]
pub struct Market {
    pub country: String,
    pub segment: Option<String>,
    pub channel: Option<String>,
    pub company: Option<Uuid>,
    pub customer: Option<Uuid>,
    pub buyer: Buyer,
    /// The catalog, where it is said.
    pub catalog: Option<Uuid>,
    pub at: DateTime<Utc>,
}

/// The catalog that a buyer gets.
pub struct Assigned {
    pub catalog: CatalogRow,
    pub assignment: Assignment,
}

/// Finds the catalog of a buyer: the one that is said, or else by the rules.
///
/// # Errors
/// 422 when there is none that counts now.
pub async fn assigned(conn: &mut TenantConn, market: &Market) -> Result<Assigned, PricingError> {
    let active = catalogs::active(conn).await?;
    let none = || Problem::new(codes::NO_CATALOG);
    let assignment = match market.catalog {
        Some(id) => {
            let said = active.iter().find(|row| row.id == id);
            let said = said
                .filter(|row| effective(row).contains(market.at))
                .ok_or_else(none)?;
            Assignment {
                catalog: said.id,
                locale: said.locale.clone(),
                rule: None,
            }
        }
        None => {
            let rules: Vec<_> = rules::all(conn).await?.into_iter().map(rule).collect();
            let known: Vec<Assignable> = active.iter().map(assignable).collect();
            let visitor = Visitor {
                country: Some(&market.country),
                segment: market.segment.as_deref(),
                buyer: market.buyer,
            };
            assign(&rules, &known, visitor, market.at).ok_or_else(none)?
        }
    };
    let mut own = active
        .into_iter()
        .filter(|row| row.id == assignment.catalog);
    let catalog = own.next().ok_or_else(none)?;
    Ok(Assigned {
        catalog,
        assignment,
    })
}

/// What is known of one SKU for one buyer.
pub struct KnownLine {
    pub sku: SkuRow,
    pub prices: Vec<Price>,
    /// The catalog of the buyer, if it sells the SKU.
    pub listings: Vec<Listing>,
}

/// Reads what is known of SKUs, in their order, for the buyer of a catalog, besides their prices. A SKU whose product is out of sale is in no
/// catalog.
///
/// # Errors
/// 422 that names SKUs that nobody has launched.
pub async fn known_lines(
    conn: &mut TenantConn,
    catalog: &CatalogRow,
    folded: &[String],
    rows: Vec<PriceRow>,
) -> Result<Vec<KnownLine>, PricingError> {
    let mut known: HashMap<String, SkuRow> = HashMap::new();
    for row in skus::find(conn, folded).await? {
        known.insert(row.folded.clone(), row);
    }
    let unknown: Vec<&str> = folded
        .iter()
        .filter(|sku| !known.contains_key(*sku))
        .map(String::as_str)
        .collect();
    if !unknown.is_empty() {
        return Err(Problem::new(codes::UNKNOWN_SKU)
            .with("skus", unknown)
            .into());
    }
    let products: Vec<Uuid> = known.values().map(|row| row.product_id).collect();
    let listed = catalogs::listings(conn, &[catalog.id], &products).await?;
    let mut by_sku: HashMap<String, Vec<Price>> = HashMap::new();
    for row in rows {
        let own = by_sku.entry(row.folded.clone()).or_default();
        own.push(price(&row)?);
    }
    let mut lines = Vec::with_capacity(folded.len());
    for sku in folded {
        let Some(row) = known.remove(sku) else {
            continue;
        };
        let is_listed = row.active && listed.iter().any(|(_, product)| *product == row.product_id);
        let listing = Listing {
            catalog: catalog.id,
            effective: effective(catalog),
        };
        lines.push(KnownLine {
            prices: by_sku.remove(sku).unwrap_or_default(),
            listings: if is_listed { vec![listing] } else { Vec::new() },
            sku: row,
        });
    }
    Ok(lines)
}

/// Reads the promotions that could count for a buyer who has these codes; when a quote is computed again, as if it held none.
pub async fn known_promotions(
    conn: &mut TenantConn,
    codes: &[String],
    customer: Option<Uuid>,
    quote: Option<Uuid>,
) -> Result<Vec<Promotion>, PricingError> {
    let rows = promotions::active(conn, codes).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut free: HashMap<Uuid, (i64, i64)> = HashMap::new();
    let mut used: HashMap<Uuid, i64> = HashMap::new();
    if let Some(customer) = customer {
        used.extend(promotions::used_by(conn, customer).await?);
    }
    for one in redemptions::free(conn, &ids, quote).await? {
        let (uses, sum) = free.entry(one.promotion).or_default();
        *uses += 1;
        *sum += one.amount;
        if customer.is_some() && one.customer == customer {
            *used.entry(one.promotion).or_default() -= 1;
        }
    }
    let known = rows.into_iter().map(|row| {
        let own = used.get(&row.id).copied().unwrap_or_default();
        // Of somebody nobody knows it is not known how often it was used.
        let is_used_up = row
            .per_customer_limit
            .is_some_and(|limit| customer.is_none() || own >= limit);
        let freed = free.get(&row.id).copied().unwrap_or_default();
        promotion(row, freed, is_used_up)
    });
    known.collect()
}

/// Reads the rates of tax of a country that count at a time.
pub async fn known_rates(
    conn: &mut TenantConn,
    country: &str,
    at: DateTime<Utc>,
) -> Result<Vec<TaxRate>, PricingError> {
    let rows = taxes::of_country(conn, country, at).await?;
    Ok(rows.iter().filter_map(rate).collect())
}

/// What was read for a quote.
pub struct Known {
    pub assigned: Assigned,
    pub lines: Vec<KnownLine>,
    pub promotions: Vec<Promotion>,
    pub rates: Vec<TaxRate>,
}

/// Reads all that a quote is computed from.
///
/// # Errors
/// 422 when there is no catalog, or a SKU that nobody has launched.
pub async fn read(
    conn: &mut TenantConn,
    market: &Market,
    folded: &[String],
    codes: &[String],
    quote: Option<Uuid>,
) -> Result<Known, PricingError> {
    let assigned = assigned(conn, market).await?;
    let currency = &assigned.catalog.currency;
    let (company, at) = (market.company, market.at);
    let rows = prices::that_could_count(conn, folded, currency, company, at).await?;
    let lines = known_lines(conn, &assigned.catalog, folded, rows).await?;
    Ok(Known {
        lines,
        promotions: known_promotions(conn, codes, market.customer, quote).await?,
        rates: known_rates(conn, &market.country, market.at).await?,
        assigned,
    })
}

/// Puts a basket together of what was read and asked for. `quantities` are of the lines, in their order.
///
/// # Errors
/// 422 when shipping is in another currency than the catalog.
pub fn basket<'a>(
    known: &'a Known,
    market: &Market,
    rules: &MoneyRules,
    quantities: &[i64],
    codes: Vec<String>,
    shipping: Option<Money>,
    tax: TaxCase,
) -> Result<Basket<'a>, PricingError> {
    let catalog = &known.assigned.catalog;
    let currency = currency(&catalog.currency)?;
    let shipping = shipping.unwrap_or(Money::zero(currency));
    if shipping.currency() != currency {
        use averis_service_kit::problem::FieldProblem;
        let message = format!("must be {}, as the catalog's is", catalog.currency);
        return Err(FieldProblem::new("/shipping/currency", "mismatch", message).into());
    }
    let lines = known
        .lines
        .iter()
        .zip(quantities)
        .map(|(line, quantity)| AskedLine {
            sku: line.sku.sku.clone(),
            folded: line.sku.folded.clone(),
            product: line.sku.product_id,
            quantity: *quantity,
            is_taxable: line.sku.taxable,
            tax_category: line.sku.tax_category.clone(),
            prices: &line.prices,
            listings: line.listings.clone(),
        });
    let rounding: Rounding = rounding(rules);
    Ok(Basket {
        terms: Terms {
            currency,
            tax_included: catalog.tax_included,
            rounding,
            tax_level: tax_level(rules),
        },
        at: market.at,
        catalog: catalog.id,
        company: market.company,
        segment: market.segment.clone(),
        channel: market.channel.clone(),
        tax,
        codes,
        lines: lines.collect(),
        shipping,
        promotions: &known.promotions,
        rates: &known.rates,
    })
}
