//! Typed settings of a tenant, with defaults per tier.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::Tier;

/// A region whose compliance rules a tenant has taken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ComplianceRegion {
    /// North America.
    #[serde(rename = "AMER")]
    Amer,
    /// Europe, Middle East, Africa.
    #[serde(rename = "EMEA")]
    Emea,
    /// Asia and Pacific.
    #[serde(rename = "APAC")]
    Apac,
    /// Latin America.
    #[serde(rename = "LATAM")]
    Latam,
}

/// How a tenant's pages look. The values stand in pages and mails, so each has a form that cannot carry code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Branding {
    /// Name shown to shoppers; the tenant's name where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// `https` address of the logo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<String>,
    /// `#rrggbb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_color: Option<String>,
    /// `#rrggbb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accent_color: Option<String>,
}

/// What a tenant may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Features {
    /// Bulk import of files.
    pub bulk_import: bool,
    /// Companies, credit limits and approvals.
    pub b2b: bool,
    /// More than one price catalog.
    pub multiple_catalogs: bool,
    /// Webhooks to the tenant's own systems.
    pub webhooks: bool,
}

/// How much a tenant may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Products that are not archived.
    pub max_products: u32,
    /// Members.
    pub max_users: u32,
    /// Requests per second over all callers.
    pub requests_per_second: u32,
}

/// How a tenant's products are looked after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stewardship {
    /// Whether who approves a section must be another than who edited it last.
    pub four_eyes: bool,
}

impl Default for Stewardship {
    fn default() -> Self {
        Self { four_eyes: true }
    }
}

/// How what lies between two minor units becomes one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoundingRule {
    /// A half goes away from zero.
    #[default]
    HalfUp,
    /// A half goes to the even one.
    HalfEven,
}

/// Of what tax is rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxRule {
    /// Of each piece.
    Unit,
    /// Of each line.
    #[default]
    Line,
    /// Of all lines of one rate.
    Document,
}

/// How a tenant's documents are computed. Each document keeps the rules that it was computed by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoneyRules {
    /// Of amounts.
    pub rounding: RoundingRule,
    /// Of tax.
    pub tax_level: TaxRule,
}

/// A tenant's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantSettings {
    /// Looks.
    pub branding: Branding,
    /// Abilities.
    pub features: Features,
    /// Amounts.
    pub limits: Limits,
    /// Regions whose rules apply, in order and without doubles.
    pub compliance_regions: Vec<ComplianceRegion>,
    /// Stewardship; absent in what was stored before there was any.
    #[serde(default)]
    pub stewardship: Stewardship,
    /// Rounding and tax; absent in what was stored before there was any.
    #[serde(default)]
    pub money: MoneyRules,
}

impl TenantSettings {
    /// Returns the settings that a new tenant of `tier` starts with.
    #[must_use]
    pub fn defaults(tier: Tier) -> Self {
        let (max_products, max_users, requests_per_second) = match tier {
            Tier::Starter => (1_000, 5, 20),
            Tier::Professional => (50_000, 50, 100),
            Tier::Enterprise => (1_000_000, 1_000, 1_000),
        };
        let paid = tier != Tier::Starter;
        Self {
            branding: Branding::default(),
            features: Features {
                bulk_import: true,
                b2b: paid,
                multiple_catalogs: paid,
                webhooks: paid,
            },
            limits: Limits {
                max_products,
                max_users,
                requests_per_second,
            },
            compliance_regions: Vec::new(),
            stewardship: Stewardship::default(),
            money: MoneyRules::default(),
        }
    }

    /// Applies a merge patch: what is absent stays, `null` in branding clears.
    ///
    /// # Errors
    /// Every value that is out of its form, with the JSON pointer of the value.
    pub fn patched(&self, patch: &SettingsPatch) -> Result<Self, InvalidSettings> {
        let mut new = self.clone();
        if let Some(branding) = &patch.branding {
            for (target, value) in [
                (&mut new.branding.display_name, &branding.display_name),
                (&mut new.branding.logo_url, &branding.logo_url),
                (&mut new.branding.primary_color, &branding.primary_color),
                (&mut new.branding.accent_color, &branding.accent_color),
            ] {
                if let Some(value) = value {
                    target.clone_from(value);
                }
            }
        }
        if let Some(features) = &patch.features {
            for (target, value) in [
                (&mut new.features.bulk_import, features.bulk_import),
                (&mut new.features.b2b, features.b2b),
                (
                    &mut new.features.multiple_catalogs,
                    features.multiple_catalogs,
                ),
                (&mut new.features.webhooks, features.webhooks),
            ] {
                *target = value.unwrap_or(*target);
            }
        }
        if let Some(limits) = &patch.limits {
            for (target, value) in [
                (&mut new.limits.max_products, limits.max_products),
                (&mut new.limits.max_users, limits.max_users),
                (
                    &mut new.limits.requests_per_second,
                    limits.requests_per_second,
                ),
            ] {
                *target = value.unwrap_or(*target);
            }
        }
        if let Some(four_eyes) = patch.stewardship.as_ref().and_then(|patch| patch.four_eyes) {
            new.stewardship.four_eyes = four_eyes;
        }
        if let Some(money) = &patch.money {
            new.money.rounding = money.rounding.unwrap_or(new.money.rounding);
            new.money.tax_level = money.tax_level.unwrap_or(new.money.tax_level);
        }
        if let Some(regions) = &patch.compliance_regions {
            new.compliance_regions.clone_from(regions);
            new.compliance_regions.sort_unstable();
            new.compliance_regions.dedup();
        }
        new.check()?;
        Ok(new)
    }

    /// Checks the forms that the types alone cannot hold.
    fn check(&self) -> Result<(), InvalidSettings> {
        let mut wrong = Vec::new();
        let branding = &self.branding;
        if branding
            .display_name
            .as_ref()
            .is_some_and(|name| !is_plain_text(name, 100))
        {
            wrong.push((
                "/branding/display_name",
                "must be 1 to 100 characters of plain text",
            ));
        }
        if branding
            .logo_url
            .as_ref()
            .is_some_and(|url| !is_https_url(url))
        {
            wrong.push((
                "/branding/logo_url",
                "must be an https address of at most 2048 characters",
            ));
        }
        for (pointer, color) in [
            ("/branding/primary_color", &branding.primary_color),
            ("/branding/accent_color", &branding.accent_color),
        ] {
            if color.as_ref().is_some_and(|color| !is_color(color)) {
                wrong.push((pointer, "must be a colour as #rrggbb"));
            }
        }
        for (pointer, value) in [
            ("/limits/max_products", self.limits.max_products),
            ("/limits/max_users", self.limits.max_users),
            (
                "/limits/requests_per_second",
                self.limits.requests_per_second,
            ),
        ] {
            if !(1..=10_000_000).contains(&value) {
                wrong.push((pointer, "must be between 1 and 10000000"));
            }
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(InvalidSettings(wrong))
        }
    }
}

/// Values of settings that are out of their form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("settings are invalid")]
pub struct InvalidSettings(
    /// JSON pointer within the settings, and what the value must be.
    pub Vec<(&'static str, &'static str)>,
);

/// A merge patch (RFC 7396) of settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingsPatch {
    #[serde(default)]
    branding: Option<BrandingPatch>,
    #[serde(default)]
    features: Option<FeaturesPatch>,
    #[serde(default)]
    limits: Option<LimitsPatch>,
    #[serde(default)]
    compliance_regions: Option<Vec<ComplianceRegion>>,
    #[serde(default)]
    stewardship: Option<StewardshipPatch>,
    #[serde(default)]
    money: Option<MoneyRulesPatch>,
}

impl SettingsPatch {
    /// Whether it changes what the tenant pays for, which the tenant itself may not: features and limits.
    #[must_use]
    pub const fn changes_what_is_sold(&self) -> bool {
        self.features.is_some() || self.limits.is_some()
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct BrandingPatch {
    #[serde(default, deserialize_with = "present")]
    display_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    logo_url: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    primary_color: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    accent_color: Option<Option<String>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeaturesPatch {
    bulk_import: Option<bool>,
    b2b: Option<bool>,
    multiple_catalogs: Option<bool>,
    webhooks: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct StewardshipPatch {
    four_eyes: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct MoneyRulesPatch {
    rounding: Option<RoundingRule>,
    tax_level: Option<TaxRule>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsPatch {
    max_products: Option<u32>,
    max_users: Option<u32>,
    requests_per_second: Option<u32>,
}

/// Tells `null` (present, empty) from absence, which the plain `Option` cannot.
fn present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

fn is_plain_text(text: &str, max: usize) -> bool {
    let length = text.chars().count();
    (1..=max).contains(&length)
        && !text
            .chars()
            .any(|c| c.is_control() || matches!(c, '<' | '>'))
}

fn is_https_url(text: &str) -> bool {
    text.len() <= 2048
        && !text.contains(['"', '\'', '<', '>', '(', ')', '\\'])
        && Url::parse(text).is_ok_and(|url| {
            url.scheme() == "https"
                && url.host_str().is_some()
                && url.username().is_empty()
                && url.password().is_none()
        })
}

fn is_color(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(json: &str) -> Result<TenantSettings, InvalidSettings> {
        TenantSettings::defaults(Tier::Starter)
            .patched(&serde_json::from_str(json).expect("the patch has the right form"))
    }

    #[test]
    fn a_patch_changes_what_it_names_and_nothing_else() {
        let before = TenantSettings::defaults(Tier::Starter);
        let after = patch(r##"{"branding":{"primary_color":"#00aaFF"},"limits":{"max_users":7}}"##)
            .expect("valid");
        assert_eq!(after.branding.primary_color.as_deref(), Some("#00aaFF"));
        assert_eq!(
            after.limits,
            Limits {
                max_users: 7,
                ..before.limits
            }
        );
        assert_eq!(after.features, before.features);
        let cleared = after
            .patched(&serde_json::from_str(r#"{"branding":{"primary_color":null}}"#).expect("form"))
            .expect("valid");
        assert_eq!(cleared.branding.primary_color, None);
    }

    #[test]
    fn branding_cannot_carry_code() {
        for json in [
            r#"{"branding":{"primary_color":"red;}body{display:none"}}"#,
            r#"{"branding":{"logo_url":"javascript:alert(1)"}}"#,
            r#"{"branding":{"logo_url":"http://a.example/x.png"}}"#,
            r#"{"branding":{"logo_url":"https://a.example/\"onerror=\""}}"#,
            r#"{"branding":{"display_name":"<script>"}}"#,
            r#"{"limits":{"max_products":0}}"#,
        ] {
            assert_eq!(patch(json).expect_err(json).0.len(), 1, "{json}");
        }
    }

    #[test]
    fn unknown_settings_are_refused() {
        assert!(serde_json::from_str::<SettingsPatch>(r#"{"brandng":{}}"#).is_err());
        assert!(serde_json::from_str::<SettingsPatch>(r#"{"limits":{"max":1}}"#).is_err());
    }
}
