//! What a document comes to: lines, discounts, shipping and tax.
//!
//! The order is fixed: unit price, times the quantity, less the line's discount, less its share of the document's discount
//! (by largest remainder), plus shipping; tax on what is left. Where prices include tax, the gross is the truth and the
//! net what remains of it. Every amount is a whole number of minor units, and they add up on every line and below.

use std::collections::BTreeMap;

use averis_money::{Currency, Money, MoneyError, Rounding, prorate, prorate_minor};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Of what a tax is rounded. The law of the place decides; it stands on the document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaxLevel {
    /// Of each piece.
    Unit,
    /// Of each line.
    #[default]
    Line,
    /// Of all lines of one rate; the lines share it by largest remainder.
    Document,
}

/// How a document is computed. It stands on the document, so that it is always computed as it was first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The currency of all amounts.
    pub currency: Currency,
    /// Whether prices include tax.
    pub tax_included: bool,
    /// How what lies between two minor units becomes one of them.
    pub rounding: Rounding,
    /// Of what tax is rounded.
    pub tax_level: TaxLevel,
}

/// A discount of a line or a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind", content = "value")]
pub enum Discount {
    /// A part of the amount, between 0 and 1.
    Percent(Decimal),
    /// A sum, of at most the amount.
    Amount(Money),
}

/// A line to be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The price of `per_quantity` pieces.
    pub unit: Money,
    /// Pieces that `unit` is for.
    pub per_quantity: i64,
    /// Pieces; at least 1.
    pub quantity: i64,
    /// The line's own discount.
    pub discount: Option<Discount>,
    /// Rate of tax, as a factor: 19 % is 0.19.
    pub tax_rate: Decimal,
}

/// Shipping of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shipping {
    /// What it costs, on the same basis as the prices.
    pub amount: Money,
    /// Rate of tax, as a factor.
    pub tax_rate: Decimal,
}

/// A computed line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineTotals {
    /// Unit price times quantity.
    pub amount: Money,
    /// The line's own discount.
    pub discount: Money,
    /// `amount` less `discount`.
    pub total: Money,
    /// The line's share of the document's discount.
    pub document_discount: Money,
    /// What remains, without tax.
    pub net: Money,
    /// Tax on it.
    pub tax: Money,
}

/// A computed document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// The lines, in their order.
    pub lines: Vec<LineTotals>,
    /// Sum of the lines' totals.
    pub subtotal: Money,
    /// The document's discount.
    pub discount: Money,
    /// Shipping, on the same basis as the prices.
    pub shipping: Money,
    /// Tax on shipping.
    pub shipping_tax: Money,
    /// All tax.
    pub tax: Money,
    /// Tax by rate.
    pub taxes: BTreeMap<Decimal, Money>,
    /// What is to be paid.
    pub total: Money,
}

/// A document cannot be computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TotalsError {
    /// A quantity is not at least 1.
    #[error("line {line} is for {quantity} pieces")]
    Quantity {
        /// Place of the line, from 0.
        line: usize,
        /// Its quantity.
        quantity: i64,
    },
    /// A rate of tax is below 0, or above 10.
    #[error("a tax of {0} is none")]
    TaxRate(Decimal),
    /// A discount is below nothing, or above all.
    #[error("a discount is out of its bounds")]
    Discount,
    /// A price, a discount or shipping is below nothing.
    #[error("an amount is negative")]
    Negative,
    /// The amounts are too large, or in different currencies.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// Computes a document.
///
/// # Errors
/// When a quantity, a rate or a discount is out of its bounds, or amounts do not fit each other or 64 bits.
pub fn compute(
    terms: &Terms,
    lines: &[Line],
    discount: Option<Discount>,
    shipping: Option<Shipping>,
) -> Result<Totals, TotalsError> {
    let currency = terms.currency;
    let mut computed = Vec::with_capacity(lines.len());
    for (place, line) in lines.iter().enumerate() {
        computed.push(line_amounts(terms, place, line)?);
    }
    let subtotal = Money::checked_sum(currency, computed.iter().map(|line| line.total))?;
    let discount = discount_of(terms, subtotal, discount)?;
    let weights: Vec<u64> = computed
        .iter()
        .map(|line| line.total.amount().unsigned_abs())
        .collect();
    for (line, share) in computed.iter_mut().zip(prorate(discount, &weights)?) {
        line.document_discount = share;
    }
    let shipping = shipping.unwrap_or(Shipping {
        amount: Money::zero(currency),
        tax_rate: Decimal::ZERO,
    });
    check_rate(shipping.tax_rate)?;
    if shipping.amount.is_negative() {
        return Err(TotalsError::Negative);
    }
    // Shipping is taxed like one more line of one piece.
    let mut bases = Vec::with_capacity(lines.len() + 1);
    for (line, totals) in lines.iter().zip(&computed) {
        bases.push(Base {
            amount: totals.total.checked_sub(totals.document_discount)?,
            pieces: line.quantity,
            rate: line.tax_rate,
        });
    }
    bases.push(Base {
        amount: shipping.amount,
        pieces: 1,
        rate: shipping.tax_rate,
    });
    let mut taxes = taxes(terms, &bases)?;
    let shipping_tax = taxes.pop().unwrap_or(Money::zero(currency));
    for ((line, tax), base) in computed.iter_mut().zip(&taxes).zip(&bases) {
        line.tax = *tax;
        line.net = match terms.tax_included {
            true => base.amount.checked_sub(*tax)?,
            false => base.amount,
        };
    }
    let all = taxes.iter().copied().chain([shipping_tax]);
    let tax = Money::checked_sum(currency, all.clone())?;
    let mut total = subtotal
        .checked_sub(discount)?
        .checked_add(shipping.amount)?;
    if !terms.tax_included {
        total = total.checked_add(tax)?;
    }
    let mut by_rate = BTreeMap::new();
    for (base, tax) in bases.iter().zip(all) {
        let sum = by_rate
            .entry(base.rate.normalize())
            .or_insert(Money::zero(currency));
        *sum = sum.checked_add(tax)?;
    }
    by_rate.retain(|rate, _| !rate.is_zero());
    Ok(Totals {
        lines: computed,
        subtotal,
        discount,
        shipping: shipping.amount,
        shipping_tax,
        tax,
        taxes: by_rate,
        total,
    })
}

fn line_amounts(terms: &Terms, place: usize, line: &Line) -> Result<LineTotals, TotalsError> {
    if line.quantity < 1 {
        return Err(TotalsError::Quantity {
            line: place,
            quantity: line.quantity,
        });
    }
    if line.unit.is_negative() {
        return Err(TotalsError::Negative);
    }
    check_rate(line.tax_rate)?;
    let zero = Money::zero(terms.currency);
    let amount = Money::line(line.unit, line.quantity, line.per_quantity, terms.rounding)?;
    let discount = discount_of(terms, zero.checked_add(amount)?, line.discount)?;
    Ok(LineTotals {
        amount,
        discount,
        total: amount.checked_sub(discount)?,
        document_discount: zero,
        net: zero,
        tax: zero,
    })
}

/// Returns what a discount takes off an amount. Of a percentage what remains is rounded, as it is what people see.
fn discount_of(
    terms: &Terms,
    amount: Money,
    discount: Option<Discount>,
) -> Result<Money, TotalsError> {
    match discount {
        None => Ok(Money::zero(terms.currency)),
        Some(Discount::Percent(part)) => {
            if part < Decimal::ZERO || part > Decimal::ONE {
                return Err(TotalsError::Discount);
            }
            let remains = amount.checked_mul_rate(Decimal::ONE - part, terms.rounding)?;
            Ok(amount.checked_sub(remains)?)
        }
        Some(Discount::Amount(sum)) => {
            if sum.is_negative() {
                return Err(TotalsError::Discount);
            }
            // Never more than there is; in another currency it is no discount of this.
            let rest = amount.checked_sub(sum)?;
            Ok(if rest.is_negative() { amount } else { sum })
        }
    }
}

fn check_rate(rate: Decimal) -> Result<(), TotalsError> {
    if rate < Decimal::ZERO || rate > Decimal::TEN {
        return Err(TotalsError::TaxRate(rate));
    }
    Ok(())
}

/// What is taxed together.
struct Base {
    amount: Money,
    pieces: i64,
    rate: Decimal,
}

/// Returns the tax of each base.
fn taxes(terms: &Terms, bases: &[Base]) -> Result<Vec<Money>, TotalsError> {
    match terms.tax_level {
        TaxLevel::Line => bases
            .iter()
            .map(|base| tax_of(terms, base.amount, base.rate))
            .collect(),
        TaxLevel::Unit => bases
            .iter()
            .map(|base| tax_of_pieces(terms, base))
            .collect(),
        TaxLevel::Document => taxes_of_rates(terms, bases),
    }
}

fn tax_of(terms: &Terms, amount: Money, rate: Decimal) -> Result<Money, TotalsError> {
    if terms.tax_included {
        let net = amount.checked_div_rate(Decimal::ONE + rate, terms.rounding)?;
        return Ok(amount.checked_sub(net)?);
    }
    Ok(amount.checked_mul_rate(rate, terms.rounding)?)
}

/// Divides the amount among the pieces, taxes each, and adds up: pieces are of at most two amounts, one minor unit apart.
fn tax_of_pieces(terms: &Terms, base: &Base) -> Result<Money, TotalsError> {
    let amount = base.amount.amount();
    let (small, dearer) = (
        amount.div_euclid(base.pieces),
        amount.rem_euclid(base.pieces),
    );
    let money = |amount| Money::new(amount, terms.currency);
    let one = tax_of(terms, money(small), base.rate)?;
    let other = tax_of(terms, money(small.saturating_add(1)), base.rate)?;
    let rest = one.checked_mul(base.pieces - dearer)?;
    Ok(rest.checked_add(other.checked_mul(dearer)?)?)
}

/// Rounds once for each rate, and gives each base its share.
fn taxes_of_rates(terms: &Terms, bases: &[Base]) -> Result<Vec<Money>, TotalsError> {
    let zero = Money::zero(terms.currency);
    let mut by_rate: BTreeMap<Decimal, Vec<usize>> = BTreeMap::new();
    for (place, base) in bases.iter().enumerate() {
        by_rate
            .entry(base.rate.normalize())
            .or_default()
            .push(place);
    }
    let mut taxes = vec![zero; bases.len()];
    for (rate, places) in by_rate {
        let own: Vec<&Base> = places
            .iter()
            .filter_map(|place| bases.get(*place))
            .collect();
        let sum = Money::checked_sum(terms.currency, own.iter().map(|base| base.amount))?;
        let tax = tax_of(terms, sum, rate)?;
        let weights: Vec<u64> = own
            .iter()
            .map(|base| base.amount.amount().unsigned_abs())
            .collect();
        for (place, share) in places.iter().zip(prorate_minor(tax.amount(), &weights)?) {
            if let Some(slot) = taxes.get_mut(*place) {
                *slot = Money::new(share, terms.currency);
            }
        }
    }
    Ok(taxes)
}
