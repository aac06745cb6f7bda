//! Which catalog and language a visitor gets.
//!
//! The first rule that fits decides, by priority and then by id. Where none fits it is the default catalog. A rule names a
//! language or leaves it to its catalog, which always has one: nobody is ever left without.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::selection::Window;

/// What kind of buyer asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Buyer {
    /// Nobody is known.
    Anonymous,
    /// A person.
    Customer,
    /// Somebody who buys for a company.
    Company,
}

impl Buyer {
    /// Returns the word as stored and sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Customer => "customer",
            Self::Company => "company",
        }
    }
}

/// A catalog that may be assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignable {
    /// The catalog.
    pub id: Uuid,
    /// When it counts.
    pub effective: Window,
    /// Its language.
    pub locale: String,
    /// Whether it is what is left when no rule fits.
    pub is_default: bool,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The rule.
    pub id: Uuid,
    /// The lowest is asked first.
    pub priority: i32,
    /// The catalog that it gives.
    pub catalog: Uuid,
    /// The language that it gives; the catalog's where absent.
    pub locale: Option<String>,
    /// Countries that it is for; all where empty.
    pub countries: Vec<String>,
    /// Countries that it is not for.
    pub except_countries: Vec<String>,
    /// Segments that it is for; all where empty.
    pub segments: Vec<String>,
    /// Kinds of buyers that it is for, as words; all where empty.
    pub buyers: Vec<String>,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Visitor<'a> {
    /// The country, where it is known.
    pub country: Option<&'a str>,
    /// The segment, where there is one.
    pub segment: Option<&'a str>,
    /// What kind of buyer it is.
    pub buyer: Buyer,
}

/// What a visitor gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The catalog.
    pub catalog: Uuid,
    /// The language.
    pub locale: String,
    /// The rule that decided; none for the default.
    pub rule: Option<Uuid>,
}

/// Assigns a catalog. `None`: no rule fits, and no default catalog counts now.
#[must_use]
pub fn assign(
    rules: &[Rule],
    catalogs: &[Assignable],
    visitor: Visitor<'_>,
    at: DateTime<Utc>,
) -> Option<Assignment> {
    let counts = |catalog: &&Assignable| catalog.effective.contains(at);
    let by_rule = rules
        .iter()
        .filter(|rule| fits(rule, visitor))
        .filter_map(|rule| {
            let catalog = catalogs.iter().find(|one| one.id == rule.catalog);
            catalog.filter(counts).map(|catalog| (rule, catalog))
        })
        .min_by_key(|(rule, _)| (rule.priority, rule.id));
    if let Some((rule, catalog)) = by_rule {
        return Some(Assignment {
            catalog: catalog.id,
            locale: rule
                .locale
                .clone()
                .unwrap_or_else(|| catalog.locale.clone()),
            rule: Some(rule.id),
        });
    }
    let default = catalogs.iter().filter(|catalog| catalog.is_default);
    let default = default.filter(counts).min_by_key(|catalog| catalog.id)?;
    Some(Assignment {
        catalog: default.id,
        locale: default.locale.clone(),
        rule: None,
    })
}

fn fits(rule: &Rule, visitor: Visitor<'_>) -> bool {
    let among = |names: &[String], name: Option<&str>| {
        names.is_empty() || name.is_some_and(|name| names.iter().any(|one| one == name))
    };
    let excepted = visitor
        .country
        .is_some_and(|country| rule.except_countries.iter().any(|one| one == country));
    !excepted
        && among(&rule.countries, visitor.country)
        && among(&rule.segments, visitor.segment)
        && among(&rule.buyers, Some(visitor.buyer.as_str()))
}
