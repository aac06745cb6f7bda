//! Which price of a SKU counts, and why the others do not.
//!
//! Hard conditions first: currency, status, validity, a catalog that sells the SKU, a scope that fits, enough pieces. Of
//! the prices that are left the most specific wins, not the cheapest: of a company before a segment's, a channel's, a
//! country's, a catalog's and everybody's. Among equally specific ones: one that was meant for a time before one for ever,
//! the highest tier that is reached, a contract before a sale before a list price, and at last the lower id, so that there is
//! always one.

use std::cmp::Reverse;

use averis_money::{Currency, Money};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A time with a beginning and an end that may be open: `[from, until)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// First moment; always where absent.
    pub from: Option<DateTime<Utc>>,
    /// First moment that is no longer in it; never where absent.
    pub until: Option<DateTime<Utc>>,
}

impl Window {
    /// Whether a moment is in it.
    #[must_use]
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    /// Whether both hold some moment.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        let begins_before = |one: &Self, end: Option<DateTime<Utc>>| match (one.from, end) {
            (Some(from), Some(end)) => from < end,
            _ => true,
        };
        begins_before(self, other.until) && begins_before(other, self.until)
    }
}

/// What kind of price it is. Later ones win.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PriceKind {
    /// What it costs.
    List,
    /// What it costs for a while.
    Sale,
    /// What was agreed.
    Contract,
}

/// Whom a price is for. What is absent fits everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scope {
    /// One company.
    pub company: Option<Uuid>,
    /// A segment of customers.
    pub segment: Option<String>,
    /// A channel of sale.
    pub channel: Option<String>,
    /// A country, ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// One catalog.
    pub catalog: Option<Uuid>,
}

impl Scope {
    /// Says which conditions it has, the most specific first: a company's price before a segment's, a channel's, a country's,
    /// a catalog's and everybody's, and of two for a segment the one that is for a country too.
    ///
    /// Two scopes that fit one buyer and have the same conditions are the same scope.
    #[must_use]
    pub const fn conditions(&self) -> [bool; 5] {
        [
            self.company.is_some(),
            self.segment.is_some(),
            self.channel.is_some(),
            self.country.is_some(),
            self.catalog.is_some(),
        ]
    }
}

/// A price of one SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The price.
    pub id: Uuid,
    /// For `per_quantity` pieces.
    pub amount: Money,
    /// Pieces that `amount` is for; at least 1.
    pub per_quantity: i64,
    /// Whom it is for.
    pub scope: Scope,
    /// From how many pieces on it counts.
    pub min_quantity: i64,
    /// When it counts.
    pub valid: Window,
    /// Whether it was meant for a time. One that merely was approved, or ended, at one was not.
    pub is_for_a_time: bool,
    /// What kind it is.
    pub kind: PriceKind,
    /// Whether it was approved and not taken back.
    pub is_active: bool,
}

/// A catalog that sells the SKU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// The catalog.
    pub catalog: Uuid,
    /// When the catalog counts.
    pub effective: Window,
}

/// Who asks, for how much, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The currency to be paid in.
    pub currency: Currency,
    /// The moment.
    pub at: DateTime<Utc>,
    /// Pieces.
    pub quantity: i64,
    /// The buyer's company.
    pub company: Option<Uuid>,
    /// The buyer's segment.
    pub segment: Option<String>,
    /// The channel.
    pub channel: Option<String>,
    /// The country of delivery, ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// The catalogs of the buyer that hold the SKU.
    pub listings: Vec<Listing>,
}

/// A part of a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Dimension {
    /// The company.
    Company,
    /// The segment.
    Segment,
    /// The channel.
    Channel,
    /// The country.
    Country,
    /// The catalog.
    Catalog,
}

/// What became of one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is the price.
    Chosen,
    /// It is in another currency.
    OtherCurrency,
    /// It is not approved, or was taken back.
    NotActive,
    /// Its time has not come.
    NotYetValid,
    /// Its time is over.
    NoLongerValid,
    /// No catalog of the buyer sells the SKU now.
    NotListed,
    /// It is for others.
    OtherScope(Dimension),
    /// It takes more pieces.
    TooFew,
    /// Another is more specific.
    LessSpecific,
    /// Another, equally specific, is for this time in particular.
    NotForThisTime,
    /// Another tier is higher.
    LowerTier,
    /// Another is of a stronger kind.
    WeakerKind,
    /// Another is like it, and has the lower id.
    LaterId,
}

/// The outcome: the price, if there is one, and what became of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection<'a> {
    /// The price. None: the SKU is not for sale to this buyer now, which is neither zero nor a default.
    pub chosen: Option<&'a Price>,
    /// Each price with its verdict, in the order in which they were given.
    pub verdicts: Vec<(Uuid, Verdict)>,
}

/// Chooses the price of a SKU.
#[must_use]
pub fn select<'a>(prices: &'a [Price], question: &Question) -> Selection<'a> {
    let refusals: Vec<Option<Verdict>> = prices
        .iter()
        .map(|price| refusal(price, question))
        .collect();
    let eligible = prices
        .iter()
        .zip(&refusals)
        .filter(|(_, refusal)| refusal.is_none());
    let chosen = eligible
        .map(|(price, _)| price)
        .max_by_key(|price| rank(price));
    let verdicts = prices.iter().zip(refusals).map(|(price, refusal)| {
        let verdict = match (refusal, chosen) {
            (Some(refusal), _) => refusal,
            (None, Some(winner)) => comparison(price, winner),
            // Whoever is eligible leaves somebody chosen.
            (None, None) => Verdict::NotActive,
        };
        (price.id, verdict)
    });
    Selection {
        chosen,
        verdicts: verdicts.collect(),
    }
}

/// Returns why a price does not come into question at all.
fn refusal(price: &Price, question: &Question) -> Option<Verdict> {
    let now = question.at;
    if price.amount.currency() != question.currency {
        return Some(Verdict::OtherCurrency);
    }
    if !price.is_active {
        return Some(Verdict::NotActive);
    }
    if !price.valid.contains(now) {
        let is_early = price.valid.from.is_some_and(|from| now < from);
        return Some(if is_early {
            Verdict::NotYetValid
        } else {
            Verdict::NoLongerValid
        });
    }
    let mut listed = question
        .listings
        .iter()
        .filter(|listing| listing.effective.contains(now));
    if listed.clone().next().is_none() {
        return Some(Verdict::NotListed);
    }
    let scope = &price.scope;
    let fits =
        |wanted: &Option<String>, given: &Option<String>| wanted.is_none() || wanted == given;
    let fits_catalog = scope
        .catalog
        .is_none_or(|catalog| listed.any(|listing| listing.catalog == catalog));
    for (fits, dimension) in [
        (
            scope.company.is_none() || scope.company == question.company,
            Dimension::Company,
        ),
        (fits(&scope.segment, &question.segment), Dimension::Segment),
        (fits(&scope.channel, &question.channel), Dimension::Channel),
        (fits(&scope.country, &question.country), Dimension::Country),
        (fits_catalog, Dimension::Catalog),
    ] {
        if !fits {
            return Some(Verdict::OtherScope(dimension));
        }
    }
    (question.quantity < price.min_quantity).then_some(Verdict::TooFew)
}

type Rank = ([bool; 5], bool, i64, PriceKind, Reverse<Uuid>);

/// What eligible prices are compared by, the greatest first. No two are equal, since no two have one id.
fn rank(price: &Price) -> Rank {
    (
        price.scope.conditions(),
        price.is_for_a_time,
        price.min_quantity,
        price.kind,
        Reverse(price.id),
    )
}

/// Says why an eligible price lost: the first thing in which the winner is ahead.
fn comparison(price: &Price, winner: &Price) -> Verdict {
    let (own, best) = (rank(price), rank(winner));
    if own == best {
        Verdict::Chosen
    } else if own.0 != best.0 {
        Verdict::LessSpecific
    } else if own.1 != best.1 {
        Verdict::NotForThisTime
    } else if own.2 != best.2 {
        Verdict::LowerTier
    } else if own.3 != best.3 {
        Verdict::WeakerKind
    } else {
        Verdict::LaterId
    }
}

/// Lists tiers of one scope, kind and time that cost more a piece than a lower one, as (lower, higher): seldom what was
/// meant.
#[must_use]
pub fn rising_tiers(prices: &[Price]) -> Vec<(Uuid, Uuid)> {
    let mut found = Vec::new();
    for lower in prices {
        for higher in prices {
            let is_same = lower.scope == higher.scope
                && lower.kind == higher.kind
                && lower.valid.meets(&higher.valid)
                && lower.amount.currency() == higher.amount.currency();
            // Compared as fractions: a price may be for many pieces.
            let dearer = i128::from(higher.amount.amount()) * i128::from(lower.per_quantity)
                > i128::from(lower.amount.amount()) * i128::from(higher.per_quantity);
            if is_same && lower.min_quantity < higher.min_quantity && dearer {
                found.push((lower.id, higher.id));
            }
        }
    }
    found
}
