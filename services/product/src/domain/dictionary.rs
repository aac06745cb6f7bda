//! The data dictionary: what is known of every product, who looks after it, and whether a launch needs it.
//!
//! It has three kinds of entries. *Fields* are what a product and its variants say themselves; *attributes* are what the
//! tenant has defined beyond that, some of them from the start; *states* nobody writes: they follow from commands. The
//! platform before Averis had one flat list of columns; `formerly` has their names.

use super::attributes::{AttributeType, Constraints};
use super::sections::Section;

/// What keeps the values of an entry.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The product or its variants themselves.
    Field,
    /// A definition of the tenant.
    Attribute,
    /// The platform: it follows from commands.
    State,
}

/// An entry that is the same for all tenants.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub name: &'static str,
    pub label: &'static str,
    /// Type of the value, or `list`.
    pub kind: &'static str,
    /// None for states.
    pub section: Option<Section>,
    pub required: bool,
    pub max_length: Option<u32>,
    pub choices: &'static [&'static str],
    /// Column of the platform before Averis.
    pub formerly: Option<&'static str>,
}

impl Entry {
    /// What keeps its values.
    pub const fn source(&self) -> Source {
        match self.section {
            Some(_) => Source::Field,
            None => Source::State,
        }
    }

    /// Bounds of its values.
    pub fn constraints(&self) -> Constraints {
        Constraints {
            max_length: self.max_length,
            choices: self.choices.iter().map(|one| (*one).to_owned()).collect(),
            ..Constraints::default()
        }
    }

    const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }

    const fn up_to(self, length: u32) -> Self {
        Self {
            max_length: Some(length),
            ..self
        }
    }

    const fn one_of(self, choices: &'static [&'static str]) -> Self {
        Self { choices, ..self }
    }

    const fn formerly(self, column: &'static str) -> Self {
        Self {
            formerly: Some(column),
            ..self
        }
    }
}

const fn entry(
    section: Option<Section>,
    name: &'static str,
    label: &'static str,
    kind: &'static str,
) -> Entry {
    Entry {
        name,
        label,
        kind,
        section,
        required: false,
        max_length: None,
        choices: &[],
        formerly: None,
    }
}

const TEXT: &str = AttributeType::Text.as_str();
const INTEGER: &str = AttributeType::Integer.as_str();
const BOOLEAN: &str = AttributeType::Boolean.as_str();
const CHOICE: &str = AttributeType::Choice.as_str();
const LIST: &str = "list";
const TIME: &str = "time";

const MARKETING: Option<Section> = Some(Section::Marketing);
const SALESOPS: Option<Section> = Some(Section::Salesops);

/// What a product and its variants say themselves.
pub const FIELDS: &[Entry] = &[
    entry(MARKETING, "key", "Key", TEXT)
        .required()
        .up_to(255)
        .formerly("slug"),
    entry(MARKETING, "name", "Name", TEXT)
        .required()
        .up_to(500)
        .formerly("name"),
    entry(MARKETING, DESCRIPTION, "Description", TEXT)
        .required()
        .up_to(100_000)
        .formerly("description"),
    entry(MARKETING, "vendor", "Vendor", TEXT)
        .up_to(255)
        .formerly("brand"),
    entry(MARKETING, "product_type", "Type", TEXT)
        .up_to(255)
        .formerly("type"),
    entry(MARKETING, "tags", "Tags", LIST).formerly("categorization"),
    entry(MARKETING, "options", "Options", LIST),
    entry(MARKETING, "category_ids", "Categories", LIST).formerly("category_id"),
    entry(MARKETING, "media", "Media", LIST),
    entry(SALESOPS, "kind", "Kind", CHOICE)
        .required()
        .one_of(&["physical", "digital", "service", "bundle"]),
    entry(SALESOPS, "variants", "Variants", LIST).required(),
    entry(SALESOPS, "variants.sku", "SKU", TEXT)
        .required()
        .up_to(100)
        .formerly("sku"),
    entry(SALESOPS, "variants.barcode", "Barcode", TEXT).up_to(64),
    entry(
        SALESOPS,
        "variants.option_values",
        "Values of the options",
        LIST,
    ),
    entry(SALESOPS, "variants.position", "Position", INTEGER),
    entry(
        SALESOPS,
        "variants.weight_grams",
        "Weight in grams",
        INTEGER,
    ),
    entry(
        SALESOPS,
        "variants.requires_shipping",
        "Is shipped",
        BOOLEAN,
    ),
    entry(SALESOPS, "variants.taxable", "Is taxed", BOOLEAN),
    entry(
        SALESOPS,
        "variants.track_inventory",
        "Stock is kept",
        BOOLEAN,
    ),
    entry(SALESOPS, "variants.image_url", "Picture", TEXT),
    entry(
        Some(Section::Finance),
        "variants.prices",
        "Price columns of an imported file",
        LIST,
    )
    .formerly("pricing"),
];

/// What follows from commands.
pub const STATES: &[Entry] = &[
    entry(None, "id", "Id", TEXT).formerly("id"),
    entry(None, "status", "Status", CHOICE)
        .one_of(&["draft", "active", "suspended", "archived"])
        .formerly("status"),
    entry(None, "working_rev", "Revision being worked on", INTEGER),
    entry(None, "launched_rev", "Revision being sold", INTEGER),
    entry(None, "launched_at", "Launched at", TIME).formerly("launched_at"),
    entry(None, "revisions.launched_by", "Launched by", TEXT).formerly("launched_by"),
    entry(None, "version", "Version", INTEGER),
    entry(None, "created_at", "Made at", TIME).formerly("created_at"),
    entry(None, "updated_at", "Changed at", TIME).formerly("updated_at"),
];

/// What follows from commands to one section: the name and the column of each state, by section.
pub const SECTION_STATES: &[(&str, &str, Entry)] = &[
    (
        "status",
        "",
        entry(None, "", "status", CHOICE).one_of(&["open", "submitted", "approved"]),
    ),
    ("approved_by", "_by", entry(None, "", "approved by", TEXT)),
    ("approved_at", "_at", entry(None, "", "approved at", TIME)),
];

/// The one field that a draft may lack and a launch may not; the others a product cannot be without, or are asked for by
/// name (`no_variants`).
pub const DESCRIPTION: &str = "description";

/// The attributes that every tenant has from the start, under the names that they had before Averis. The migration that
/// defines them is the one place of what they are; tenants change them like their own.
pub const DEFAULTS: &[&str] = &[
    "long_description",
    "web_display_flag",
    "license_required_flag",
    "ava_tax_code",
    "base_price",
    "cost_price",
    "seat_based_pricing_flag",
    "available_flag",
    "can_be_fulfilled_flag",
    "manufacturer",
    "contract_item_flag",
];
