//! Catalogs, their lives, and whose they are.
//!
//! ```text
//! draft|inactive --activate--> active --deactivate--> inactive
//! draft|inactive --archive--> archived
//! ```

use averis_service_kit::problem::{Problem, codes};
use averis_tenant_context::Permission;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::engine::assignment::{Assignable, Rule};
use crate::engine::selection::Window;
use crate::store::catalogs::CatalogRow;
use crate::store::rules::RuleRow;

/// A business region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum CatalogRegion {
    /// North America.
    Amer,
    /// Europe, the Middle East and Africa.
    Emea,
    /// Asia and the Pacific.
    Apac,
    /// Latin America.
    Latam,
}

impl CatalogRegion {
    /// Returns the word as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Amer => "AMER",
            Self::Emea => "EMEA",
            Self::Apac => "APAC",
            Self::Latam => "LATAM",
        }
    }
}

/// Returns what it takes to write a catalog of a region, or of none.
pub fn write_permission(region: Option<&str>) -> Permission {
    match region {
        Some("AMER") => Permission::CatalogAmerWrite,
        Some("EMEA") => Permission::CatalogEmeaWrite,
        Some("APAC") => Permission::CatalogApacWrite,
        Some("LATAM") => Permission::CatalogLatamWrite,
        _ => Permission::MarketWrite,
    }
}

/// What moves a catalog from one state to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatalogCommand {
    Activate,
    Deactivate,
    Archive,
}

impl CatalogCommand {
    const fn name(self) -> &'static str {
        match self {
            Self::Activate => "activate",
            Self::Deactivate => "deactivate",
            Self::Archive => "archive",
        }
    }

    /// Returns the state after the command.
    ///
    /// # Errors
    /// 409 when a catalog in that state does not take it.
    pub fn apply(self, status: &str) -> Result<&'static str, Problem> {
        match (self, status) {
            (Self::Activate, "draft" | "inactive") => Ok("active"),
            (Self::Deactivate, "active") => Ok("inactive"),
            (Self::Archive, "draft" | "inactive") => Ok("archived"),
            _ => Err(Problem::new(codes::INVALID_TRANSITION)
                .detail(format!(
                    "There is no {} for a catalog that is {status}.",
                    self.name()
                ))
                .with("current_status", status)
                .with("allowed", allowed(status))),
        }
    }
}

fn allowed(status: &str) -> &'static [&'static str] {
    match status {
        "draft" | "inactive" => &["activate", "archive"],
        "active" => &["deactivate"],
        _ => &[],
    }
}

/// Returns what the engine needs of a catalog.
pub fn assignable(row: &CatalogRow) -> Assignable {
    Assignable {
        id: row.id,
        effective: effective(row),
        locale: row.locale.clone(),
        is_default: row.is_default,
    }
}

/// Returns when a catalog counts.
pub const fn effective(row: &CatalogRow) -> Window {
    Window {
        from: row.effective_from,
        until: row.effective_until,
    }
}

/// Returns what the engine needs of a rule.
pub fn rule(row: RuleRow) -> Rule {
    Rule {
        id: row.id,
        priority: row.priority,
        catalog: row.catalog_id,
        locale: row.locale,
        countries: row.countries,
        except_countries: row.except_countries,
        segments: row.segments,
        buyers: row.buyers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_takes_exactly_its_commands() {
        use CatalogCommand::{Activate, Archive, Deactivate};
        for (status, outcomes) in [
            ("draft", [Some("active"), None, Some("archived")]),
            ("active", [None, Some("inactive"), None]),
            ("inactive", [Some("active"), None, Some("archived")]),
            ("archived", [None, None, None]),
        ] {
            for (command, expected) in [Activate, Deactivate, Archive].into_iter().zip(outcomes) {
                assert_eq!(command.apply(status).ok(), expected, "{status} {command:?}");
                let is_allowed = allowed(status).contains(&command.name());
                assert_eq!(is_allowed, expected.is_some(), "{status} {command:?}");
            }
        }
    }
}
