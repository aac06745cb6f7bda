//! What every change of a product does to its sections, and what of a product is approved and launched.

use averis_service_kit::Caller;
use averis_service_kit::problem::FieldProblem;
use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::QueryResult;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::domain::content::{self, Completeness, Content, Placements};
use crate::domain::dictionary::DESCRIPTION;
use crate::domain::now;
use crate::domain::sections::{Section, SectionStatus, Sections};
use crate::domain::variants::divide;
use crate::store::media::MediaRow;
use crate::store::products::ProductRow;
use crate::store::variants::VariantRow;
use crate::store::{attributes, media, products, variants};

/// A product as its stewards see it.
pub struct Stewarded {
    /// What it says.
    pub content: Content,
    /// Where its sections are.
    pub sections: Sections,
    /// Where values stand, and which are required.
    placements: Placements,
    /// The values of its attributes, by code.
    values: Map<String, Value>,
    /// Whether it has a variant.
    pub has_variants: bool,
    /// Whether it says what it is.
    has_description: bool,
}

impl Stewarded {
    /// Lists the required values that a product lacks, in one section or in all.
    pub fn missing(&self, section: Option<Section>) -> Vec<FieldProblem> {
        let mut problems = content::missing(&self.placements, &self.values, section);
        let is_asked = section.is_none_or(|section| section == Section::Marketing);
        if is_asked && !self.has_description {
            let place = format!("/{DESCRIPTION}");
            problems.push(FieldProblem::new(
                place,
                "missing",
                "is required for launch",
            ));
        }
        problems
    }

    /// Says how complete one section is, or all of them. The description, which marketing owes, counts everywhere.
    pub fn completeness(&self, section: Option<Section>) -> Vec<Completeness> {
        let mut parts = content::completeness(&self.placements, &self.values, section);
        if section.is_none_or(|section| section == Section::Marketing) {
            for part in &mut parts {
                if self.has_description {
                    part.filled += 1;
                } else {
                    part.missing.push(DESCRIPTION.to_owned());
                }
            }
        }
        parts
    }

    /// Lists the sections that are not approved as they are now.
    pub fn stale(&self) -> Vec<Section> {
        let is_stale = |section: &Section| {
            let state = self.sections.of(*section);
            let hash = self.content.section_hash(*section);
            state.status != SectionStatus::Approved || state.approved_hash != Some(hash)
        };
        Section::ALL.into_iter().filter(is_stale).collect()
    }
}

/// Reads all of a product. The caller holds the product's row where it goes on to decide by it.
pub async fn load(conn: &mut TenantConn, product: &ProductRow) -> QueryResult<Stewarded> {
    let placements = attributes::placements(conn).await?;
    let variants = variants::list(conn, product.id).await?;
    let media = media::list_of(conn, &[product.id]).await?;
    Ok(Stewarded {
        content: contents(product, &variants, &media, &placements),
        sections: states(conn, product.id).await?,
        has_variants: !variants.is_empty(),
        has_description: !product.description.trim().is_empty(),
        values: product.values(),
        placements,
    })
}

/// Reads where the sections of a product are. What the service has written it can read.
async fn states(conn: &mut TenantConn, product: Uuid) -> QueryResult<Sections> {
    let sections = products::sections(conn, product).await?;
    let sections = serde_json::from_value(sections);
    sections.map_err(|error| diesel::result::Error::DeserializationError(Box::new(error)))
}

/// Divides a product among its sections.
fn contents(
    product: &ProductRow,
    variants: &[VariantRow],
    media: &[MediaRow],
    placements: &Placements,
) -> Content {
    let media = media.iter();
    let media = media.map(|one| json!({"url": one.url, "alt": one.alt, "position": one.position}));
    let mut fields = vec![
        (Section::Marketing, "key", json!(product.key)),
        (Section::Marketing, "name", json!(product.name)),
        (
            Section::Marketing,
            "description",
            json!(product.description),
        ),
        (Section::Marketing, "vendor", json!(product.vendor)),
        (
            Section::Marketing,
            "product_type",
            json!(product.product_type),
        ),
        (Section::Marketing, "tags", json!(product.tags)),
        (Section::Marketing, "options", json!(product.options)),
        (
            Section::Marketing,
            "category_ids",
            json!(product.category_ids),
        ),
        (Section::Marketing, "extra", product.extra.clone()),
        (Section::Marketing, "media", media.collect()),
        (Section::Salesops, "kind", json!(product.kind)),
        (
            Section::Salesops,
            "variants",
            variants.iter().map(variant).collect(),
        ),
    ];
    let prices: Vec<Value> = variants.iter().filter_map(prices).collect();
    if !prices.is_empty() {
        fields.push((Section::Finance, "prices", Value::Array(prices)));
    }
    Content::new(fields, &product.values(), placements)
}

/// What finance looks after of a variant, where there is anything.
fn prices(row: &VariantRow) -> Option<Value> {
    let (columns, _) = divide(&row.extra);
    (!columns.is_empty()).then(|| json!({"variant_id": row.id, "columns": columns}))
}

/// What sales operations look after of a variant.
fn variant(row: &VariantRow) -> Value {
    let (_, columns) = divide(&row.extra);
    json!({
        "id": row.id,
        "sku": row.sku,
        "barcode": row.barcode,
        "option_values": row.option_values,
        "position": row.position,
        "weight_grams": row.weight_grams,
        "requires_shipping": row.requires_shipping,
        "taxable": row.taxable,
        "track_inventory": row.track_inventory,
        "image_url": row.image_url,
        "extra": columns,
    })
}

/// Who changes content, and when. Nobody is known of what was imported before that was noted.
#[derive(Clone, Copy, Debug)]
pub struct Editor {
    pub id: Option<Uuid>,
    pub at: DateTime<Utc>,
}

impl Editor {
    /// Whoever makes the request, now.
    pub fn of<P>(caller: &Caller<P>) -> Self {
        Self {
            id: Some(caller.identity.subject),
            at: now(),
        }
    }
}

/// Notes that the caller has edited sections of a product: they are open again, and the product has content that was not
/// launched. The request holds the product's row.
pub async fn note_edit<P>(
    conn: &mut TenantConn,
    product: &ProductRow,
    edited: &[Section],
    caller: &Caller<P>,
) -> QueryResult<()> {
    let sections = edited_states(conn, product.id, edited, Editor::of(caller)).await?;
    products::put_sections(conn, product.id, &sections, product.working_rev + 1).await
}

/// Returns where the sections of a product are once some were edited.
pub async fn edited_states(
    conn: &mut TenantConn,
    product: Uuid,
    edited: &[Section],
    by: Editor,
) -> QueryResult<Value> {
    Ok(after_edits(states(conn, product).await?, edited, by))
}

/// Returns where the sections of a new product are, some of which hold something.
pub fn first_states(edited: &[Section], by: Editor) -> Value {
    after_edits(Sections::default(), edited, by)
}

fn after_edits(mut sections: Sections, edited: &[Section], by: Editor) -> Value {
    for section in edited {
        sections.edit(*section, by.id, by.at);
    }
    json!(sections)
}

/// Lists the sections whose content differs between two rows of a product, its variants and media left aside.
pub fn edited_sections(
    before: &ProductRow,
    after: &ProductRow,
    placements: &Placements,
) -> Vec<Section> {
    let (before, after) = (
        contents(before, &[], &[], placements),
        contents(after, &[], &[], placements),
    );
    let differs = |section: &Section| before.section(*section) != after.section(*section);
    Section::ALL.into_iter().filter(differs).collect()
}

/// Lists the sections whose content differs between two states of a variant, of which it may have been in none.
pub fn edited_by_variant(before: Option<&VariantRow>, after: Option<&VariantRow>) -> Vec<Section> {
    let mut edited = Vec::new();
    if before.map(variant) != after.map(variant) {
        edited.push(Section::Salesops);
    }
    if before.and_then(prices) != after.and_then(prices) {
        edited.push(Section::Finance);
    }
    edited
}
