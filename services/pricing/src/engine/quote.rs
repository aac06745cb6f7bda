//! What a basket comes to: a price for each line, promotions, tax, totals, from all that was known at one moment.

use std::collections::BTreeMap;

use averis_money::{Currency, Money, MoneyError};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::promotions::{Basis, Occasion, Outcome, PricedLine, Promotion, promote};
use super::selection::{Listing, Price, Question, select};
use super::taxes::{Place, STANDARD, TaxRate, rate_at};
use super::totals::{Discount, Line, Shipping, Terms, TotalsError, compute};

/// Why a buyer pays no tax. Whoever says so has checked it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Exemption {
    /// The buyer owes it: a company of another country with a valid VAT id.
    ReverseChargeVatId,
    /// The goods leave the customs area.
    ExportZero,
    /// The buyer has a certificate.
    ExemptCertificate,
}

/// Where tax is due, and whether it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaxCase {
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// As its post writes it.
    pub postcode: Option<String>,
    /// Why none is due; it is where absent.
    pub exemption: Option<Exemption>,
}

/// A line that is asked for, with all that is known of its SKU.
#[derive(Clone, Debug)]
pub struct AskedLine<'a> {
    /// As its stewards write it.
    pub sku: String,
    /// In small letters.
    pub folded: String,
    /// The product.
    pub product: Uuid,
    /// Pieces.
    pub quantity: i64,
    /// Whether it is taxed at all.
    pub is_taxable: bool,
    /// Its tax category; the standard one where absent.
    pub tax_category: Option<String>,
    /// All prices of the SKU.
    pub prices: &'a [Price],
    /// The catalogs of the buyer that sell it.
    pub listings: Vec<Listing>,
}

/// All that a quote is computed from.
#[derive(Clone, Debug)]
pub struct Basket<'a> {
    /// How it is computed.
    pub terms: Terms,
    /// The moment.
    pub at: DateTime<Utc>,
    /// The catalog.
    pub catalog: Uuid,
    /// The buyer's company.
    pub company: Option<Uuid>,
    /// The buyer's segment.
    pub segment: Option<String>,
    /// The channel.
    pub channel: Option<String>,
    /// Where tax is due.
    pub tax: TaxCase,
    /// Codes of promotions, in small letters.
    pub codes: Vec<String>,
    /// The lines.
    pub lines: Vec<AskedLine<'a>>,
    /// What shipping costs.
    pub shipping: Money,
    /// All promotions.
    pub promotions: &'a [Promotion],
    /// All rates.
    pub rates: &'a [TaxRate],
}

/// What one promotion takes off something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The promotion.
    pub promotion: Uuid,
    /// What it takes off.
    pub amount: Money,
}

/// A line of a quote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotedLine {
    /// What is bought.
    pub sku: String,
    /// Its product.
    pub product: Uuid,
    /// Pieces.
    pub quantity: i64,
    /// The price that was chosen.
    pub price: Uuid,
    /// It, for `per_quantity` pieces.
    pub unit: Money,
    /// Pieces that `unit` is for.
    pub per_quantity: i64,
    /// Unit price times quantity.
    pub amount: Money,
    /// What promotions take off the line.
    pub discount: Money,
    /// `amount` less `discount`.
    pub total: Money,
    /// Its share of what promotions take off the document.
    pub document_discount: Money,
    /// What remains, without tax.
    pub net: Money,
    /// Tax on it.
    pub tax: Money,
    /// As a factor: 19 % is 0.19.
    pub tax_rate: Decimal,
    /// What was looked up.
    pub tax_category: String,
    /// Of `discount`.
    pub promotions: Vec<Share>,
}

/// A computed basket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quoted {
    /// How it was computed.
    pub terms: Terms,
    /// The catalog.
    pub catalog: Uuid,
    /// Where tax is due.
    pub tax_case: TaxCase,
    /// The lines, in their order.
    pub lines: Vec<QuotedLine>,
    /// Sum of the lines' totals.
    pub subtotal: Money,
    /// What promotions take off the document.
    pub discount: Money,
    /// Of `discount`.
    pub promotions: Vec<Share>,
    /// What shipping costs after promotions.
    pub shipping: Money,
    /// What promotions take off shipping.
    pub shipping_promotions: Vec<Share>,
    /// Tax on shipping.
    pub shipping_tax: Money,
    /// All tax.
    pub tax: Money,
    /// Tax by rate.
    pub taxes: BTreeMap<Decimal, Money>,
    /// What is to be paid.
    pub total: Money,
}

impl Quoted {
    /// Returns the SHA-256 of all of it, in hexadecimal digits: the same for the same quote.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which every quote can.
    pub fn hash(&self) -> Result<String, serde_json::Error> {
        let digest = Sha256::digest(serde_json::to_vec(self)?);
        Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Returns what each promotion takes off in all.
    ///
    /// # Errors
    /// When the sum does not fit 64 bits.
    pub fn savings(&self) -> Result<BTreeMap<Uuid, Money>, MoneyError> {
        let mut savings = BTreeMap::new();
        let lines = self.lines.iter().flat_map(|line| &line.promotions);
        for share in lines
            .chain(&self.promotions)
            .chain(&self.shipping_promotions)
        {
            let sum = savings
                .entry(share.promotion)
                .or_insert(Money::zero(share.amount.currency()));
            *sum = sum.checked_add(share.amount)?;
        }
        Ok(savings)
    }
}

/// A basket cannot be priced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// Lines have no price for this buyer now, by their places from 0. None is zero, and none is a default.
    #[error("lines have no price")]
    NoPrice(Vec<usize>),
    /// Nobody has named a rate for a category at the place.
    #[error("there is no rate of {category} tax")]
    NoTaxRate {
        /// The category.
        category: String,
    },
    /// It cannot be computed.
    #[error(transparent)]
    Totals(#[from] TotalsError),
}

impl From<MoneyError> for QuoteError {
    fn from(error: MoneyError) -> Self {
        Self::Totals(error.into())
    }
}

impl Basket<'_> {
    /// Returns what the selection of a line's price is asked.
    #[must_use]
    pub fn question(&self, line: &AskedLine<'_>) -> Question {
        Question {
            currency: self.terms.currency,
            at: self.at,
            quantity: line.quantity,
            company: self.company,
            segment: self.segment.clone(),
            channel: self.channel.clone(),
            country: Some(self.tax.country.clone()),
            listings: line.listings.clone(),
        }
    }

    fn tax_rate(&self, category: &str) -> Result<Decimal, QuoteError> {
        if self.tax.exemption.is_some() {
            return Ok(Decimal::ZERO);
        }
        let place = Place {
            country: &self.tax.country,
            postcode: self.tax.postcode.as_deref(),
        };
        let rate = rate_at(self.rates, category, place, self.at);
        rate.map(|rate| rate.rate.normalize())
            .ok_or_else(|| QuoteError::NoTaxRate {
                category: category.to_owned(),
            })
    }
}

/// Prices a basket, and says what became of each promotion.
///
/// # Errors
/// When a line has no price or no rate of tax, or a quantity or an amount is out of its bounds.
pub fn quote(basket: &Basket<'_>) -> Result<(Quoted, Outcome), QuoteError> {
    let terms = basket.terms;
    let (chosen, priced) = priced(basket)?;
    let basis = if terms.tax_included {
        Basis::Gross
    } else {
        Basis::Net
    };
    let occasion = Occasion {
        at: basket.at,
        codes: &basket.codes,
        basis,
        rounding: terms.rounding,
        country: &basket.tax.country,
        segment: basket.segment.as_deref(),
        channel: basket.channel.as_deref(),
        company: basket.company,
        catalog: basket.catalog,
        shipping: basket.shipping,
    };
    let outcome = promote(basket.promotions, &priced, &occasion)?;
    let mut rates: BTreeMap<&str, Decimal> = BTreeMap::new();
    let mut lines = Vec::with_capacity(priced.len());
    let mut taxed = Vec::with_capacity(priced.len());
    for ((asked, line), off) in basket.lines.iter().zip(&priced).zip(&outcome.lines) {
        let category = asked.tax_category.as_deref().unwrap_or(STANDARD);
        let rate = match (asked.is_taxable, rates.get(category)) {
            (false, _) => Decimal::ZERO,
            (true, Some(rate)) => *rate,
            (true, None) => *rates.entry(category).or_insert(basket.tax_rate(category)?),
        };
        let discount = sum(off.iter().map(|(_, amount)| *amount), terms.currency)?;
        taxed.push((category, rate));
        lines.push(Line {
            unit: line.unit,
            per_quantity: line.per_quantity,
            quantity: line.quantity,
            discount: Some(Discount::Amount(discount)),
            tax_rate: rate,
        });
    }
    let discount = sum(
        outcome.document.iter().map(|(_, amount)| *amount),
        terms.currency,
    )?;
    let shipping_off = sum(
        outcome.shipping.iter().map(|(_, amount)| *amount),
        terms.currency,
    )?;
    let shipping = basket.shipping.checked_sub(shipping_off)?;
    let shipping_rate = match shipping.is_zero() {
        true => Decimal::ZERO,
        false => basket.tax_rate(STANDARD)?,
    };
    let totals = compute(
        &terms,
        &lines,
        Some(Discount::Amount(discount)),
        Some(Shipping {
            amount: shipping,
            tax_rate: shipping_rate,
        }),
    )?;
    let shares = |off: &[(Uuid, i64)]| -> Vec<Share> {
        let shares = off.iter().map(|(promotion, amount)| Share {
            promotion: *promotion,
            amount: Money::new(*amount, terms.currency),
        });
        shares.collect()
    };
    let mut quoted = Vec::with_capacity(lines.len());
    let parts = basket.lines.iter().zip(&chosen).zip(&totals.lines);
    for (((asked, price), totals), ((category, rate), off)) in
        parts.zip(taxed.iter().zip(&outcome.lines))
    {
        quoted.push(QuotedLine {
            sku: asked.sku.clone(),
            product: asked.product,
            quantity: asked.quantity,
            price: price.id,
            unit: price.amount,
            per_quantity: price.per_quantity,
            amount: totals.amount,
            discount: totals.discount,
            total: totals.total,
            document_discount: totals.document_discount,
            net: totals.net,
            tax: totals.tax,
            tax_rate: *rate,
            tax_category: (*category).to_owned(),
            promotions: shares(off),
        });
    }
    let quoted = Quoted {
        terms,
        catalog: basket.catalog,
        tax_case: basket.tax.clone(),
        lines: quoted,
        subtotal: totals.subtotal,
        discount: totals.discount,
        promotions: shares(&outcome.document),
        shipping: totals.shipping,
        shipping_promotions: shares(&outcome.shipping),
        shipping_tax: totals.shipping_tax,
        tax: totals.tax,
        taxes: totals.taxes,
        total: totals.total,
    };
    Ok((quoted, outcome))
}

/// Chooses a price for each line.
fn priced<'a>(basket: &Basket<'a>) -> Result<(Vec<&'a Price>, Vec<PricedLine>), QuoteError> {
    let (mut chosen, mut priced, mut without) = (Vec::new(), Vec::new(), Vec::new());
    for (place, line) in basket.lines.iter().enumerate() {
        if line.quantity < 1 {
            return Err(TotalsError::Quantity {
                line: place,
                quantity: line.quantity,
            }
            .into());
        }
        let prices: &'a [Price] = line.prices;
        let Some(price) = select(prices, &basket.question(line)).chosen else {
            without.push(place);
            continue;
        };
        let rounding = basket.terms.rounding;
        priced.push(PricedLine {
            sku: line.folded.clone(),
            product: line.product,
            quantity: line.quantity,
            unit: price.amount,
            per_quantity: price.per_quantity,
            amount: Money::line(price.amount, line.quantity, price.per_quantity, rounding)?,
        });
        chosen.push(price);
    }
    if without.is_empty() {
        Ok((chosen, priced))
    } else {
        Err(QuoteError::NoPrice(without))
    }
}

fn sum(amounts: impl Iterator<Item = i64>, currency: Currency) -> Result<Money, MoneyError> {
    Money::checked_sum(currency, amounts.map(|amount| Money::new(amount, currency)))
}
