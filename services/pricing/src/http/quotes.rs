//! Quotes: what a basket comes to, for a while.

use std::collections::BTreeMap;

use actix_web::web::Data;
use averis_money::{Money, Rounding};
use averis_service_kit::Tenant;
use averis_service_kit::body::{Body, one_line};
use averis_service_kit::idempotency::{Command, Post, once};
use averis_service_kit::problem::{ApiResult, FieldProblem, Problem};
use averis_service_kit::query::PathId;
use averis_service_kit::reply::Reply;
use averis_tenant_context::{MoneyRules, RoundingRule, TaxRule, may};
use averis_tenant_db::TenantConn;
use chrono::{DateTime, TimeDelta, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::schemas::{MoneySchema, TermsSchema};
use crate::State;
use crate::basket::{self, Market, basket};
use crate::domain::forms::{check_sku, code_form, country_form, optional_code};
use crate::domain::{fold, now};
use crate::engine::assignment::Buyer;
use crate::engine::promotions::PromotionVerdict;
use crate::engine::quote::{Exemption, Quoted, TaxCase, quote};
use crate::engine::totals::TaxLevel;
use crate::error::{PricingError, codes};
use crate::store::quotes::{self, QuoteRow};

/// Returns how a tenant's amounts are rounded.
pub const fn rounding(rules: &MoneyRules) -> Rounding {
    match rules.rounding {
        RoundingRule::HalfUp => Rounding::HalfUp,
        RoundingRule::HalfEven => Rounding::HalfEven,
    }
}

/// Returns of what a tenant's tax is rounded.
pub const fn tax_level(rules: &MoneyRules) -> TaxLevel {
    match rules.tax_level {
        TaxRule::Unit => TaxLevel::Unit,
        TaxRule::Line => TaxLevel::Line,
        TaxRule::Document => TaxLevel::Document,
    }
}

/// What is asked for.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskedFor {
    #[garde(skip)]
    #[schema(example = "SHIRT-BLUE-M")]
    sku: String,
    #[garde(range(min = 1, max = 1_000_000_000))]
    quantity: i64,
}

/// A basket to be priced. Amounts of lines are never the buyer's to say.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateQuote {
    /// Where the goods go, ISO 3166-1 alpha-2.
    #[garde(custom(country_form))]
    #[schema(example = "DE")]
    country: String,
    #[garde(length(chars, max = 20), inner(custom(one_line)))]
    #[schema(example = "10115")]
    postcode: Option<String>,
    #[garde(custom(optional_code))]
    segment: Option<String>,
    #[garde(custom(optional_code))]
    channel: Option<String>,
    /// The company that buys.
    #[garde(skip)]
    company_id: Option<Uuid>,
    /// The customer who buys.
    #[garde(skip)]
    pub customer_id: Option<Uuid>,
    /// The catalog; the rules decide where absent.
    #[garde(skip)]
    catalog_id: Option<Uuid>,
    #[serde(default)]
    #[garde(length(max = 20), inner(custom(code_form)))]
    coupon_codes: Vec<String>,
    /// Each SKU once.
    #[garde(length(min = 1, max = 500), dive)]
    lines: Vec<AskedFor>,
    /// What shipping costs, on the basis of the prices.
    #[garde(skip)]
    #[schema(value_type = Option<MoneySchema>)]
    shipping: Option<Money>,
    /// Why the buyer pays no tax. Whoever says so has checked it.
    #[garde(skip)]
    tax_exemption: Option<Exemption>,
}

impl CreateQuote {
    fn market(&self, at: DateTime<Utc>) -> Market {
        let buyer = match (self.company_id, self.customer_id) {
            (Some(_), _) => Buyer::Company,
            (None, Some(_)) => Buyer::Customer,
            (None, None) => Buyer::Anonymous,
        };
        Market {
            country: self.country.clone(),
            segment: self.segment.clone(),
            channel: self.channel.clone(),
            company: self.company_id,
            customer: self.customer_id,
            buyer,
            catalog: self.catalog_id,
            at,
        }
    }

    fn check(&self) -> Result<(), PricingError> {
        let mut seen = std::collections::BTreeSet::new();
        for (place, line) in self.lines.iter().enumerate() {
            check_sku(&line.sku, format!("/lines/{place}/sku"))?;
            if !seen.insert(fold(&line.sku)) {
                let pointer = format!("/lines/{place}/sku");
                return Err(FieldProblem::new(pointer, "duplicate", "name each SKU once").into());
            }
        }
        if self.shipping.is_some_and(|money| money.is_negative()) {
            return Err(FieldProblem::new("/shipping", "range", "must not be negative").into());
        }
        Ok(())
    }
}

/// What became of a promotion.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PromotionOutcome {
    promotion: Uuid,
    verdict: PromotionVerdict,
    /// What it takes off in all.
    #[schema(value_type = Option<MoneySchema>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    saved: Option<Money>,
}

/// What a quote keeps besides its totals.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QuoteDocument {
    pub locale: String,
    pub quoted: Quoted,
    pub outcomes: Vec<PromotionOutcome>,
}

/// What promotions take off something.
#[derive(Serialize, ToSchema)]
#[schema(title = "PromotionShare")]
struct ShareSchema {
    promotion: Uuid,
    amount: MoneySchema,
}

/// Where tax is due.
#[derive(Serialize, ToSchema)]
#[schema(title = "TaxCase")]
struct TaxCaseSchema {
    country: String,
    postcode: Option<String>,
    exemption: Option<Exemption>,
}

/// A priced line.
#[derive(Serialize, ToSchema)]
#[schema(title = "QuotedLine")]
struct LineSchema {
    sku: String,
    product: Uuid,
    quantity: i64,
    /// The price that was chosen.
    price: Uuid,
    /// It, for `per_quantity` pieces.
    unit: MoneySchema,
    per_quantity: i64,
    /// Unit price times quantity.
    amount: MoneySchema,
    /// What promotions take off the line.
    discount: MoneySchema,
    /// `amount` less `discount`.
    total: MoneySchema,
    /// Its share of what promotions take off the document.
    document_discount: MoneySchema,
    /// What remains, without tax.
    net: MoneySchema,
    tax: MoneySchema,
    /// As a factor: 0.19 is 19 %.
    #[schema(example = "0.19")]
    tax_rate: String,
    tax_category: String,
    promotions: Vec<ShareSchema>,
}

/// A quote. It holds until its end.
#[derive(Serialize, ToSchema)]
#[schema(title = "Quote")]
pub struct QuoteSchema {
    id: Uuid,
    /// SHA-256 over all that the quote comes to: the same for the same inputs.
    hash: String,
    expires_at: DateTime<Utc>,
    locale: String,
    terms: TermsSchema,
    catalog: Uuid,
    tax_case: TaxCaseSchema,
    lines: Vec<LineSchema>,
    /// Sum of the lines' totals.
    subtotal: MoneySchema,
    /// What promotions take off the document.
    discount: MoneySchema,
    promotions: Vec<ShareSchema>,
    shipping: MoneySchema,
    shipping_promotions: Vec<ShareSchema>,
    shipping_tax: MoneySchema,
    tax: MoneySchema,
    /// Tax by rate.
    taxes: BTreeMap<String, MoneySchema>,
    /// What is to be paid.
    total: MoneySchema,
    /// What became of each promotion that could have counted.
    outcomes: Vec<PromotionOutcome>,
}

/// What a basket comes to now.
#[derive(Serialize, ToSchema)]
#[schema(title = "PricePreview")]
pub struct PreviewSchema {
    /// The same as a quote of the same would have.
    hash: String,
    locale: String,
    terms: TermsSchema,
    catalog: Uuid,
    tax_case: TaxCaseSchema,
    lines: Vec<LineSchema>,
    /// Sum of the lines' totals.
    subtotal: MoneySchema,
    /// What promotions take off the document.
    discount: MoneySchema,
    promotions: Vec<ShareSchema>,
    shipping: MoneySchema,
    shipping_promotions: Vec<ShareSchema>,
    shipping_tax: MoneySchema,
    tax: MoneySchema,
    /// Tax by rate.
    taxes: BTreeMap<String, MoneySchema>,
    /// What would have to be paid.
    total: MoneySchema,
    /// What became of each promotion that could have counted.
    outcomes: Vec<PromotionOutcome>,
}

/// A quote as it is answered.
#[derive(Serialize)]
struct Answer<'a> {
    id: Uuid,
    hash: &'a str,
    expires_at: DateTime<Utc>,
    locale: &'a str,
    #[serde(flatten)]
    quoted: &'a Quoted,
    outcomes: &'a [PromotionOutcome],
}

fn answer<'a>(row: &'a QuoteRow, document: &'a QuoteDocument) -> Answer<'a> {
    Answer {
        id: row.id,
        hash: &row.hash,
        expires_at: row.expires_at,
        locale: &document.locale,
        quoted: &document.quoted,
        outcomes: &document.outcomes,
    }
}

/// Prices a basket as of now.
async fn compute(
    conn: &mut TenantConn,
    asked: &CreateQuote,
    rules: &MoneyRules,
    at: DateTime<Utc>,
    quote_id: Option<Uuid>,
) -> Result<(QuoteDocument, String), PricingError> {
    let market = asked.market(at);
    let folded: Vec<String> = asked.lines.iter().map(|line| fold(&line.sku)).collect();
    let coupons: Vec<String> = asked.coupon_codes.iter().map(|code| fold(code)).collect();
    let known = basket::read(conn, &market, &folded, &coupons, quote_id).await?;
    let quantities: Vec<i64> = asked.lines.iter().map(|line| line.quantity).collect();
    let tax = TaxCase {
        country: asked.country.clone(),
        postcode: asked.postcode.clone(),
        exemption: asked.tax_exemption,
    };
    let basket = basket(
        &known,
        &market,
        rules,
        &quantities,
        coupons,
        asked.shipping,
        tax,
    )?;
    let (quoted, outcome) = quote(&basket)?;
    let currency = basket.terms.currency;
    let outcomes = outcome
        .verdicts
        .iter()
        .map(|(promotion, verdict)| PromotionOutcome {
            promotion: *promotion,
            verdict: *verdict,
            saved: (*verdict == PromotionVerdict::Applied)
                .then(|| Money::new(outcome.saved_by(*promotion), currency)),
        });
    let outcomes = outcomes.collect();
    let hash = quoted.hash()?;
    let locale = known.assigned.assignment.locale.clone();
    let document = QuoteDocument {
        locale,
        quoted,
        outcomes,
    };
    Ok((document, hash))
}

/// Prices a basket and keeps the quote.
#[utoipa::path(post, path = "/api/pricing/v1/price-quotes", tag = "quotes", security(("token" = ["quote:write"])), request_body = CreateQuote,
    responses((status = 201, description = "The quote.", body = QuoteSchema)))]
pub async fn create_price_quote(
    tenant: Tenant<may::QuoteWrite>,
    state: Data<State>,
    post: Post<CreateQuote>,
) -> ApiResult<Reply> {
    post.body.check()?;
    let rules = tenant.context.settings.money;
    once(
        &tenant.db,
        &post.key,
        async |conn| -> Result<Reply, PricingError> {
            // Whoever has lost it asks again. An order carries what it needs of its quote, and no redemption outlives it.
            conn.need_not_last();
            let at = now();
            let (document, hash) = compute(conn, &post.body, &rules, at, None).await?;
            let row = QuoteRow {
                id: Uuid::now_v7(),
                request: serde_json::to_string(&post.body)?,
                document: serde_json::to_string(&document)?,
                hash,
                expires_at: at + state.quote_lifetime,
                created_at: at,
            };
            quotes::insert(conn, &row).await?;
            let location = format!("/api/pricing/v1/price-quotes/{}", row.id);
            Ok(Reply::created(location, &answer(&row, &document)))
        },
    )
    .await
}

/// A quote that is not kept: it holds for no moment longer than it was computed.
#[derive(Serialize)]
struct Preview<'a> {
    hash: &'a str,
    locale: &'a str,
    #[serde(flatten)]
    quoted: &'a Quoted,
    outcomes: &'a [PromotionOutcome],
}

/// Prices a basket and keeps nothing, as a cart shows it that still changes. No key is needed. The same again changes nothing.
#[utoipa::path(post, path = "/api/pricing/v1/price-previews", tag = "quotes", security(("token" = ["quote:write"])), request_body = CreateQuote,
    responses((status = 200, description = "What the basket comes to now.", body = PreviewSchema)))]
pub async fn preview_price(
    tenant: Tenant<may::QuoteWrite>,
    body: Body<CreateQuote>,
) -> ApiResult<Reply> {
    let asked = body.0;
    asked.check()?;
    let rules = tenant.context.settings.money;
    let computed = tenant
        .db
        .read(async |conn| compute(conn, &asked, &rules, now(), None).await);
    let (document, hash) = computed.await?;
    Ok(Reply::ok(&Preview {
        hash: &hash,
        locale: &document.locale,
        quoted: &document.quoted,
        outcomes: &document.outcomes,
    }))
}

/// Reads a quote, as it was made, even after its end.
#[utoipa::path(get, path = "/api/pricing/v1/price-quotes/{id}", tag = "quotes", security(("token" = ["price:read"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The quote.", body = QuoteSchema)))]
pub async fn get_price_quote(
    tenant: Tenant<may::PriceRead>,
    PathId(id): PathId,
) -> ApiResult<Reply> {
    let row = tenant
        .db
        .read(async |conn| -> Result<_, PricingError> { Ok(quotes::find(conn, id).await?) });
    let row = row.await?.ok_or_else(Problem::not_found)?;
    let document = serde_json::from_str(&row.document).map_err(PricingError::from)?;
    Ok(Reply::ok(&answer(&row, &document)))
}

/// Renews a quote: as it is while it holds; after its end if the basket still comes to the same. If it does not, nothing is
/// changed, and what it comes to now is told. The same again changes nothing.
#[utoipa::path(post, path = "/api/pricing/v1/price-quotes/{id}/renew", tag = "quotes", security(("token" = ["quote:write"])),
    params(("id" = Uuid, Path)), responses((status = 200, description = "The quote, which holds.", body = QuoteSchema)))]
pub async fn renew_price_quote(
    tenant: Tenant<may::QuoteWrite>,
    state: Data<State>,
    PathId(id): PathId,
    command: Command,
) -> ApiResult<Reply> {
    let rules = tenant.context.settings.money;
    once(
        &tenant.db,
        &command.key,
        async |conn| -> Result<Reply, PricingError> {
            let mut row = quotes::find(conn, id)
                .await?
                .ok_or_else(Problem::not_found)?;
            let at = now();
            let kept: QuoteDocument = serde_json::from_str(&row.document)?;
            if row.expires_at <= at {
                let asked: CreateQuote = serde_json::from_str(&row.request)?;
                let (document, hash) = compute(conn, &asked, &rules, at, Some(id)).await?;
                if hash != row.hash {
                    return Err(Problem::new(codes::PRICE_CHANGED)
                        .with("total", json!(document.quoted.total))
                        .with("quoted_total", json!(kept.quoted.total))
                        .into());
                }
                row.expires_at = at + state.quote_lifetime;
                quotes::extend(conn, id, row.expires_at).await?;
            }
            Ok(Reply::ok(&answer(&row, &kept)))
        },
    )
    .await
}

/// How long quotes hold when nothing else is set.
pub const DEFAULT_LIFETIME: TimeDelta = TimeDelta::minutes(15);
