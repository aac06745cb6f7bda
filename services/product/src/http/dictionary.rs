//! The data dictionary: everything that is known of a product, in one list.

use averis_service_kit::Tenant;
use averis_service_kit::cursor::Page;
use averis_service_kit::problem::ApiResult;
use averis_service_kit::query::Query;
use averis_service_kit::reply::Reply;
use averis_tenant_context::{Permission, may};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::domain::attributes::Constraints;
use crate::domain::dictionary::{DEFAULTS, Entry, FIELDS, SECTION_STATES, STATES, Source};
use crate::domain::sections::Section;
use crate::error::ProductError;
use crate::store::attributes::{self, AttributeRow};

/// An entry of the data dictionary.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntryView {
    /// Of the definition, where it is an attribute.
    id: Option<Uuid>,
    /// Where the value stands: a name of the product, `variants.` and a name of each variant, `sections.` and a state, or
    /// an attribute's code.
    #[schema(example = "long_description")]
    name: String,
    #[schema(example = "Long description")]
    label: String,
    source: Source,
    /// `text`, `number`, `integer`, `boolean`, `date`, `choice`, `time` or `list`.
    #[serde(rename = "type")]
    #[schema(example = "text")]
    kind: String,
    /// The section whose stewards look after it; none for states.
    section: Option<Section>,
    /// What it takes to write it; none where only commands do.
    write_permission: Option<&'static str>,
    /// What it takes to approve it.
    approve_permission: Option<&'static str>,
    /// Whether a launch needs a value.
    required: bool,
    localizable: bool,
    scopable: bool,
    constraints: Constraints,
    /// Its column on the platform before Averis.
    formerly: Option<String>,
}

impl EntryView {
    fn fixed(entry: &Entry) -> Self {
        let written = entry.section.map(|_| Permission::ProductWrite);
        Self {
            id: None,
            name: entry.name.to_owned(),
            label: entry.label.to_owned(),
            source: entry.source(),
            kind: entry.kind.to_owned(),
            section: entry.section,
            write_permission: written.map(Permission::as_str),
            approve_permission: entry.section.map(approval),
            required: entry.required,
            localizable: false,
            scopable: false,
            constraints: entry.constraints(),
            formerly: entry.formerly.map(str::to_owned),
        }
    }

    fn section_state(section: Section, part: &str, suffix: &str, entry: &Entry) -> Self {
        let section = section.as_str();
        Self {
            name: format!("sections.{section}.{part}"),
            label: format!("{section}: {}", entry.label),
            formerly: Some(format!("{section}_approved{suffix}")),
            ..Self::fixed(entry)
        }
    }

    fn attribute(row: AttributeRow) -> Self {
        let section = Section::stored(&row.section);
        Self {
            id: Some(row.id),
            constraints: row.bounds(),
            formerly: DEFAULTS
                .contains(&row.code.as_str())
                .then(|| row.code.clone()),
            name: row.code,
            label: row.label,
            source: Source::Attribute,
            kind: row.kind,
            section: Some(section),
            write_permission: Some(section.write_permission().as_str()),
            approve_permission: Some(approval(section)),
            required: row.required,
            localizable: row.localizable,
            scopable: row.scopable,
        }
    }

    fn fits(&self, asked: &ListDictionary) -> bool {
        let searched = asked.search.as_deref().unwrap_or_default().to_lowercase();
        let texts = [Some(&self.name), Some(&self.label), self.formerly.as_ref()];
        let mut texts = texts.into_iter().flatten();
        asked
            .section
            .is_none_or(|section| self.section == Some(section))
            && asked.source.is_none_or(|source| self.source == source)
            && asked
                .required
                .is_none_or(|required| self.required == required)
            && texts.any(|text| text.to_lowercase().contains(&searched))
    }
}

const fn approval(section: Section) -> &'static str {
    section.approve_permission().as_str()
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListDictionary {
    /// Of this section alone.
    section: Option<Section>,
    /// Of this kind alone.
    source: Option<Source>,
    /// What a launch needs, or what it does not.
    required: Option<bool>,
    /// In the name, the label, or the name that it had before Averis.
    search: Option<String>,
}

/// Lists everything that is known of a product: its own fields, the tenant's attributes, and what follows from commands.
#[utoipa::path(get, path = "/api/product/v1/data-dictionary", tag = "attributes", security(("token" = ["product:read"])),
    params(ListDictionary),
    responses((status = 200, description = "All entries that were asked for.", body = Page<EntryView>)))]
pub async fn list_dictionary(
    tenant: Tenant<may::ProductRead>,
    asked: Query<ListDictionary>,
) -> ApiResult<Reply> {
    let definitions = tenant
        .db
        .read(async |conn| -> Result<_, ProductError> { Ok(attributes::all(conn).await?) })
        .await?;
    let of_sections = Section::ALL.into_iter().flat_map(|section| {
        let parts = SECTION_STATES.iter();
        parts.map(move |(part, suffix, entry)| {
            EntryView::section_state(section, part, suffix, entry)
        })
    });
    let entries = FIELDS.iter().map(EntryView::fixed);
    let entries = entries.chain(definitions.into_iter().map(EntryView::attribute));
    let entries = entries
        .chain(STATES.iter().map(EntryView::fixed))
        .chain(of_sections);
    let page = Page {
        data: entries.filter(|entry| entry.fits(&asked.0)).collect(),
        next_cursor: None,
    };
    Ok(Reply::ok(&page))
}
