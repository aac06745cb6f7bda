//! All that a quote is computed from, read at one moment.

use std::collections::HashMap;

use averis_money::{Money, Rounding};
use averis_service_kit::problem::Problem;
use averis_tenant_context::MoneyRules;
use averis_tenant_db::{Pipeline, Reader, TenantConn};
use chrono::{DateTime, Utc};
use diesel::QueryResult;
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
use crate::store::promotions::PromotionRow;
use crate::store::redemptions::FreeUse;
use crate::store::rules::RuleRow;
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
    let rules = rules_for(conn, market).await?;
    choose(market, active, rules)
}

/// Reads the rules of assignment, where they are asked.
async fn rules_for(conn: &mut impl Reader, market: &Market) -> QueryResult<Vec<RuleRow>> {
    match market.catalog {
        Some(_) => Ok(Vec::new()),
        None => rules::all(conn).await,
    }
}

fn choose(
    market: &Market,
    active: Vec<CatalogRow>,
    rules: Vec<RuleRow>,
) -> Result<Assigned, PricingError> {
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
            let rules: Vec<_> = rules.into_iter().map(rule).collect();
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
    let known = launched(folded, skus::find(conn, folded).await?)?;
    let listed = catalogs::listings(conn, &[catalog.id], &products(&known)).await?;
    lines_of(catalog, folded, known, &listed, rows)
}

/// Returns the SKUs by their names, all of which there have to be.
fn launched(folded: &[String], rows: Vec<SkuRow>) -> Result<HashMap<String, SkuRow>, PricingError> {
    let mut known: HashMap<String, SkuRow> = HashMap::new();
    for row in rows {
        known.insert(row.folded.clone(), row);
    }
    let unknown: Vec<&str> = folded
        .iter()
        .filter(|sku| !known.contains_key(*sku))
        .map(String::as_str)
        .collect();
    if unknown.is_empty() {
        return Ok(known);
    }
    Err(Problem::new(codes::UNKNOWN_SKU)
        .with("skus", unknown)
        .into())
}

fn products(known: &HashMap<String, SkuRow>) -> Vec<Uuid> {
    known.values().map(|row| row.product_id).collect()
}

fn lines_of(
    catalog: &CatalogRow,
    folded: &[String],
    mut known: HashMap<String, SkuRow>,
    listed: &[(Uuid, Uuid)],
    rows: Vec<PriceRow>,
) -> Result<Vec<KnownLine>, PricingError> {
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

/// Puts together what is known of promotions that could count for a buyer who has used them so often; when a quote is computed
/// again, as if it held none.
fn known_promotions(
    rows: Vec<PromotionRow>,
    held: Vec<FreeUse>,
    customer: Option<Uuid>,
    mut used: HashMap<Uuid, i64>,
) -> Result<Vec<Promotion>, PricingError> {
    let mut free: HashMap<Uuid, (i64, i64)> = HashMap::new();
    for one in held {
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

/// What was read for a quote.
pub struct Known {
    pub assigned: Assigned,
    pub lines: Vec<KnownLine>,
    pub promotions: Vec<Promotion>,
    pub rates: Vec<TaxRate>,
}

/// Reads all that a quote is computed from, in two rounds: what needs only the question, and what needs the answers of that.
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
    let used_by = async |conn: &mut Pipeline<'_>| match market.customer {
        Some(customer) => promotions::used_by(conn, customer).await,
        None => Ok(Vec::new()),
    };
    let first = conn.pipeline(async |reads| {
        let [mut a, mut b, mut c, mut d, mut e, mut f] = [reads; 6];
        tokio::join!(
            catalogs::active(&mut a),
            rules_for(&mut b, market),
            skus::find(&mut c, folded),
            promotions::active(&mut d, codes),
            used_by(&mut e),
            taxes::of_country(&mut f, &market.country, market.at),
        )
    });
    let (active, rules, skus, promotions, used, rates) = first.await?;
    let assigned = choose(market, active?, rules?)?;
    let (skus, promotions) = (launched(folded, skus?)?, promotions?);
    let products = products(&skus);
    let ids: Vec<Uuid> = promotions.iter().map(|row| row.id).collect();
    let catalog = &assigned.catalog;
    let free = async |conn: &mut Pipeline<'_>| match ids.as_slice() {
        [] => Ok(Vec::new()),
        ids => redemptions::free(conn, ids, quote).await,
    };
    let second = conn.pipeline(async |reads| {
        let [mut a, mut b, mut c] = [reads; 3];
        let (company, at, own) = (market.company, market.at, [catalog.id]);
        tokio::join!(
            prices::that_could_count(&mut a, folded, &catalog.currency, company, at),
            catalogs::listings(&mut b, &own, &products),
            free(&mut c),
        )
    });
    let (prices, listed, held) = second.await?;
    let listed = listed?;
    let used: HashMap<Uuid, i64> = used?.into_iter().collect();
    Ok(Known {
        lines: lines_of(catalog, folded, skus, &listed, prices?)?,
        promotions: known_promotions(promotions, held?, market.customer, used)?,
        rates: rates?.iter().filter_map(rate).collect(),
        assigned,
    })
}

/// Reads what there is of SKUs for a buyer, in two rounds. Those that nobody has launched are left out.
///
/// # Errors
/// 422 when there is no catalog.
pub async fn offered(
    conn: &mut TenantConn,
    market: &Market,
    folded: &[String],
) -> Result<(Assigned, Vec<KnownLine>), PricingError> {
    let first = conn.pipeline(async |reads| {
        let [mut a, mut b, mut c] = [reads; 3];
        tokio::join!(
            catalogs::active(&mut a),
            rules_for(&mut b, market),
            skus::find(&mut c, folded),
        )
    });
    let (active, rules, rows) = first.await?;
    let assigned = choose(market, active?, rules?)?;
    let known = rows?.into_iter().map(|row| (row.folded.clone(), row));
    let known: HashMap<String, SkuRow> = known.collect();
    let products = products(&known);
    let catalog = &assigned.catalog;
    let second = conn.pipeline(async |reads| {
        let [mut a, mut b] = [reads; 2];
        let (company, at, own) = (market.company, market.at, [catalog.id]);
        tokio::join!(
            prices::that_could_count(&mut a, folded, &catalog.currency, company, at),
            catalogs::listings(&mut b, &own, &products),
        )
    });
    let (prices, listed) = second.await?;
    let lines = lines_of(catalog, folded, known, &listed?, prices?)?;
    Ok((assigned, lines))
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
