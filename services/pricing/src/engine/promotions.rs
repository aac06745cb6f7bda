//! What promotions take off, and why others do not.
//!
//! One pass over the promotions, by priority and then by id. Of a stacking group at most one counts: the one that saves most
//! when the group's turn comes. What one has taken off the next cannot take again, and no line and no document ever goes
//! below nothing. After one that is exclusive no other follows. A sum is off prices of one basis, with tax or without, and
//! counts for no other: sums of both kinds on one line is how others came to negative tax.

use std::collections::BTreeSet;

use averis_money::{Money, MoneyError, Rounding};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::selection::Window;

/// Whether a sum is off prices with tax or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Without tax.
    Net,
    /// With tax.
    Gross,
}

/// What a promotion does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum Action {
    /// Takes a part off: 0.1 is a tenth.
    Percent {
        /// Above 0, at most 1.
        #[serde(with = "rust_decimal::serde::str")]
        rate: Decimal,
    },
    /// Takes a sum off: each piece of the lines, or the document.
    Amount {
        /// The sum.
        amount: Money,
        /// Of which prices.
        basis: Basis,
    },
    /// Makes each piece of the lines cost so much, if it costs more.
    FixedPrice {
        /// The price of a piece.
        amount: Money,
        /// Of which prices.
        basis: Basis,
    },
    /// Of so many pieces of a line takes a part off some: buy 2, get 1 with 1 is three for two.
    BuyXGetY {
        /// Pieces to be paid.
        buy: i64,
        /// Pieces that are cheaper.
        get: i64,
        /// The part that is taken off these.
        #[serde(with = "rust_decimal::serde::str")]
        rate: Decimal,
    },
    /// Takes the shipping off, if any line is what the promotion is about.
    FreeShipping,
}

/// What a promotion is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "on", deny_unknown_fields)]
pub enum Target {
    /// The document as a whole.
    #[default]
    Document,
    /// Lines: of these SKUs or products, all where neither is named.
    Lines {
        /// In small letters.
        #[serde(default)]
        skus: BTreeSet<String>,
        /// Products.
        #[serde(default)]
        products: BTreeSet<Uuid>,
    },
}

/// What has to hold besides. What is absent or empty holds for everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Conditions {
    /// Least sum of all lines before discounts, as prices are.
    pub min_subtotal: Option<Money>,
    /// Least pieces of the lines that it is about.
    pub min_quantity: Option<i64>,
    /// Countries of delivery.
    pub countries: Vec<String>,
    /// Segments.
    pub segments: Vec<String>,
    /// Channels.
    pub channels: Vec<String>,
    /// Companies.
    pub companies: Vec<Uuid>,
    /// Catalogs.
    pub catalogs: Vec<Uuid>,
}

/// A promotion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promotion {
    /// The promotion.
    pub id: Uuid,
    /// In small letters; counts for whoever has it. Without one it counts for everybody.
    pub code: Option<String>,
    /// What it does.
    pub action: Action,
    /// What it is about.
    pub target: Target,
    /// What has to hold.
    pub conditions: Conditions,
    /// Of the promotions of one group one counts.
    pub group: Option<String>,
    /// Whether none may follow.
    pub is_exclusive: bool,
    /// The lowest has its turn first.
    pub priority: i32,
    /// When it counts.
    pub window: Window,
    /// Most that it may take off any one document, which is in that currency.
    pub remaining_budget: Option<Money>,
    /// Whether it was used as often as it may be.
    pub is_used_up: bool,
}

/// A line with its price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricedLine {
    /// In small letters.
    pub sku: String,
    /// The product.
    pub product: Uuid,
    /// Pieces.
    pub quantity: i64,
    /// The price of `per_quantity` pieces.
    pub unit: Money,
    /// Pieces that `unit` is for.
    pub per_quantity: i64,
    /// Unit price times quantity.
    pub amount: Money,
}

/// Whom a document is for, as far as promotions ask.
#[derive(Clone, Debug)]
pub struct Occasion<'a> {
    /// The moment.
    pub at: DateTime<Utc>,
    /// Codes that the buyer has, in small letters.
    pub codes: &'a [String],
    /// Whether prices include tax.
    pub basis: Basis,
    /// How parts are rounded.
    pub rounding: Rounding,
    /// Country of delivery.
    pub country: &'a str,
    /// The buyer's segment.
    pub segment: Option<&'a str>,
    /// The channel.
    pub channel: Option<&'a str>,
    /// The buyer's company.
    pub company: Option<Uuid>,
    /// The catalog.
    pub catalog: Uuid,
    /// What shipping costs.
    pub shipping: Money,
}

/// What became of a promotion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PromotionVerdict {
    /// It takes something off.
    Applied,
    /// The buyer does not have its code.
    NoCode,
    /// Its time has not come, or is over.
    OtherTime,
    /// It was used as often as it may be.
    UsedUp,
    /// It is for others.
    OtherBuyers,
    /// It takes more money or pieces.
    TooLittle,
    /// Its sums are in another currency.
    OtherCurrency,
    /// Its sums are off prices of the other basis.
    OtherBasis,
    /// There is nothing that it could take off.
    NothingToSave,
    /// Another of its group saves more.
    LostInGroup,
    /// One before it is exclusive.
    Stopped,
}

/// What one promotion takes off, in minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Saving {
    lines: Vec<(usize, i64)>,
    document: i64,
    shipping: i64,
}

impl Saving {
    fn total(&self) -> i64 {
        let lines = self.lines.iter().map(|(_, amount)| *amount);
        lines.fold(
            self.document.saturating_add(self.shipping),
            i64::saturating_add,
        )
    }
}

/// What all promotions take off together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// For each line, what each promotion takes off it, in minor units.
    pub lines: Vec<Vec<(Uuid, i64)>>,
    /// What each takes off the document.
    pub document: Vec<(Uuid, i64)>,
    /// What each takes off the shipping.
    pub shipping: Vec<(Uuid, i64)>,
    /// Each promotion with its verdict, by turn.
    pub verdicts: Vec<(Uuid, PromotionVerdict)>,
}

impl Outcome {
    /// Returns what a promotion takes off in all.
    #[must_use]
    pub fn saved_by(&self, promotion: Uuid) -> i64 {
        let lines = self.lines.iter().flatten();
        let all = lines.chain(&self.document).chain(&self.shipping);
        let own = all.filter(|(id, _)| *id == promotion);
        own.fold(0, |sum, (_, amount)| sum.saturating_add(*amount))
    }
}

/// What is left while promotions have their turns.
struct Remaining {
    lines: Vec<i64>,
    document: i64,
    shipping: i64,
}

impl Remaining {
    /// What of the lines' sum the document's discounts have left.
    fn subtotal(&self) -> i64 {
        let lines = self
            .lines
            .iter()
            .fold(0_i64, |sum, one| sum.saturating_add(*one));
        lines.saturating_sub(self.document)
    }
}

/// Lets promotions have their turns.
///
/// # Errors
/// When amounts do not fit 64 bits.
pub fn promote(
    promotions: &[Promotion],
    lines: &[PricedLine],
    occasion: &Occasion<'_>,
) -> Result<Outcome, MoneyError> {
    let mut sorted: Vec<&Promotion> = promotions.iter().collect();
    sorted.sort_by_key(|one| (one.priority, one.id));
    let subtotal = lines
        .iter()
        .try_fold(0_i64, |sum, line| sum.checked_add(line.amount.amount()))
        .ok_or(MoneyError::Overflow)?;
    let mut left = Remaining {
        lines: lines.iter().map(|line| line.amount.amount()).collect(),
        document: 0,
        shipping: occasion.shipping.amount(),
    };
    let mut outcome = Outcome {
        lines: vec![Vec::new(); lines.len()],
        ..Outcome::default()
    };
    let mut decided: BTreeSet<&str> = BTreeSet::new();
    let mut is_stopped = false;
    for (place, promotion) in sorted.iter().enumerate() {
        if promotion
            .group
            .as_deref()
            .is_some_and(|group| decided.contains(group))
        {
            continue;
        }
        let rivals = || {
            let group = promotion.group.as_deref();
            let others = sorted.iter().skip(place + 1);
            let others =
                others.filter(move |other| group.is_some() && other.group.as_deref() == group);
            std::iter::once(*promotion).chain(others.copied())
        };
        decided.extend(promotion.group.as_deref());
        if is_stopped {
            outcome
                .verdicts
                .extend(rivals().map(|one| (one.id, PromotionVerdict::Stopped)));
            continue;
        }
        let mut best: Option<(&Promotion, Saving)> = None;
        for one in rivals() {
            match saving(one, lines, occasion, subtotal, &left)? {
                Err(verdict) => outcome.verdicts.push((one.id, verdict)),
                Ok(saving) => match &best {
                    Some((_, most)) if most.total() >= saving.total() => {
                        outcome
                            .verdicts
                            .push((one.id, PromotionVerdict::LostInGroup));
                    }
                    _ => {
                        if let Some((loser, _)) = best.replace((one, saving)) {
                            outcome
                                .verdicts
                                .push((loser.id, PromotionVerdict::LostInGroup));
                        }
                    }
                },
            }
        }
        if let Some((winner, saving)) = best {
            outcome
                .verdicts
                .push((winner.id, PromotionVerdict::Applied));
            apply(winner.id, saving, &mut left, &mut outcome);
            is_stopped = winner.is_exclusive;
        }
    }
    Ok(outcome)
}

fn apply(id: Uuid, saving: Saving, left: &mut Remaining, outcome: &mut Outcome) {
    for (place, amount) in saving.lines {
        if let (Some(rest), Some(own)) = (left.lines.get_mut(place), outcome.lines.get_mut(place)) {
            *rest -= amount;
            own.push((id, amount));
        }
    }
    if saving.document > 0 {
        left.document += saving.document;
        outcome.document.push((id, saving.document));
    }
    if saving.shipping > 0 {
        left.shipping -= saving.shipping;
        outcome.shipping.push((id, saving.shipping));
    }
}

/// Returns what a promotion would take off now, or why nothing.
fn saving(
    promotion: &Promotion,
    lines: &[PricedLine],
    occasion: &Occasion<'_>,
    subtotal: i64,
    left: &Remaining,
) -> Result<Result<Saving, PromotionVerdict>, MoneyError> {
    if let Some(verdict) = refusal(promotion, lines, occasion, subtotal) {
        return Ok(Err(verdict));
    }
    let mut saving = Saving::default();
    match (&promotion.action, &promotion.target) {
        (Action::FreeShipping, _) => {
            if lines.iter().any(|line| is_about(promotion, line)) {
                saving.shipping = left.shipping;
            }
        }
        (action, Target::Lines { .. }) => {
            for (place, line) in lines.iter().enumerate() {
                let rest = left.lines.get(place).copied().unwrap_or_default();
                // What the document's discounts have taken cannot be taken again.
                if is_about(promotion, line) && rest > 0 {
                    let off = off_line(action, line, rest, occasion.rounding)?.min(rest);
                    saving.lines.push((place, off));
                }
            }
            limit(&mut saving.lines, left.subtotal());
            saving.lines.retain(|(_, off)| *off > 0);
        }
        (Action::Percent { rate }, Target::Document) => {
            saving.document = part(left.subtotal(), *rate, occasion)?;
        }
        (Action::Amount { amount, .. }, Target::Document) => {
            saving.document = amount.amount().min(left.subtotal());
        }
        // Neither is about a whole document, and none is made.
        (Action::FixedPrice { .. } | Action::BuyXGetY { .. }, Target::Document) => {}
    }
    if let Some(budget) = promotion.remaining_budget
        && saving.total() > budget.amount()
    {
        return Ok(Err(PromotionVerdict::UsedUp));
    }
    if saving.total() <= 0 {
        return Ok(Err(PromotionVerdict::NothingToSave));
    }
    Ok(Ok(saving))
}

/// Keeps what is taken off lines within what is left of the document.
fn limit(lines: &mut [(usize, i64)], mut most: i64) {
    for (_, off) in lines {
        *off = (*off).min(most);
        most -= *off;
    }
}

fn refusal(
    promotion: &Promotion,
    lines: &[PricedLine],
    occasion: &Occasion<'_>,
    subtotal: i64,
) -> Option<PromotionVerdict> {
    let conditions = &promotion.conditions;
    if let Some(code) = &promotion.code
        && !occasion.codes.contains(code)
    {
        return Some(PromotionVerdict::NoCode);
    }
    if promotion.is_used_up {
        return Some(PromotionVerdict::UsedUp);
    }
    if !promotion.window.contains(occasion.at) {
        return Some(PromotionVerdict::OtherTime);
    }
    let named = |names: &[String], name: Option<&str>| {
        names.is_empty() || name.is_some_and(|name| names.iter().any(|one| one == name))
    };
    let listed =
        |ids: &[Uuid], id: Option<Uuid>| ids.is_empty() || id.is_some_and(|id| ids.contains(&id));
    let fits = named(&conditions.countries, Some(occasion.country))
        && named(&conditions.segments, occasion.segment)
        && named(&conditions.channels, occasion.channel)
        && listed(&conditions.companies, occasion.company)
        && listed(&conditions.catalogs, Some(occasion.catalog));
    if !fits {
        return Some(PromotionVerdict::OtherBuyers);
    }
    let currency = occasion.shipping.currency();
    let (sum, basis) = match &promotion.action {
        Action::Amount { amount, basis } | Action::FixedPrice { amount, basis } => {
            (Some(*amount), Some(*basis))
        }
        Action::Percent { .. } | Action::BuyXGetY { .. } | Action::FreeShipping => (None, None),
    };
    let sums = [sum, conditions.min_subtotal, promotion.remaining_budget];
    if sums
        .into_iter()
        .flatten()
        .any(|sum| sum.currency() != currency)
    {
        return Some(PromotionVerdict::OtherCurrency);
    }
    if basis.is_some_and(|basis| basis != occasion.basis) {
        return Some(PromotionVerdict::OtherBasis);
    }
    let own = lines.iter().filter(|line| is_about(promotion, line));
    let pieces = own.fold(0_i64, |sum, line| sum.saturating_add(line.quantity));
    let is_little = conditions
        .min_subtotal
        .is_some_and(|least| subtotal < least.amount())
        || conditions.min_quantity.is_some_and(|least| pieces < least);
    is_little.then_some(PromotionVerdict::TooLittle)
}

fn is_about(promotion: &Promotion, line: &PricedLine) -> bool {
    match &promotion.target {
        Target::Document => true,
        Target::Lines { skus, products } => {
            (skus.is_empty() && products.is_empty())
                || skus.contains(&line.sku)
                || products.contains(&line.product)
        }
    }
}

/// Returns what an action takes off a line of which `rest` is left.
fn off_line(
    action: &Action,
    line: &PricedLine,
    rest: i64,
    rounding: Rounding,
) -> Result<i64, MoneyError> {
    let currency = line.unit.currency();
    match action {
        Action::Percent { rate } => percent(rest, *rate, currency, rounding),
        Action::Amount { amount, .. } => Ok(amount.checked_mul(line.quantity)?.amount()),
        Action::FixedPrice { amount, .. } => Ok(rest
            .saturating_sub(amount.checked_mul(line.quantity)?.amount())
            .max(0)),
        Action::BuyXGetY { buy, get, rate } => {
            let set = buy.saturating_add(*get).max(1);
            let pieces = (line.quantity / set).saturating_mul(*get);
            if pieces == 0 {
                return Ok(0);
            }
            // Of what these pieces still cost.
            let share = Money::new(rest, currency).checked_mul_ratio(
                pieces.into(),
                line.quantity.into(),
                rounding,
            )?;
            percent(share.amount(), *rate, currency, rounding)
        }
        Action::FreeShipping => Ok(0),
    }
}

fn part(amount: i64, rate: Decimal, occasion: &Occasion<'_>) -> Result<i64, MoneyError> {
    percent(
        amount,
        rate,
        occasion.shipping.currency(),
        occasion.rounding,
    )
}

/// Returns a part of an amount. What remains is rounded, as it is what people see.
fn percent(
    amount: i64,
    rate: Decimal,
    currency: averis_money::Currency,
    rounding: Rounding,
) -> Result<i64, MoneyError> {
    let remains = Money::new(amount, currency).checked_mul_rate(Decimal::ONE - rate, rounding)?;
    Ok(amount - remains.amount())
}
