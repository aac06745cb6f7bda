//! What a product says, divided among its sections, and how much of what it should say it does.
//!
//! Two contents are the same when their JSON is: names in order, numbers as they were given. The hash of a section is
//! what its approval is bound to.

use std::collections::{BTreeMap, BTreeSet};

use averis_service_kit::hex::hex;
use averis_service_kit::problem::FieldProblem;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::sections::Section;

/// What of a definition decides where its values stand and whether one is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The section whose stewards look after it.
    pub section: Section,
    /// Whether a launch needs a value.
    pub required: bool,
    /// Whether values differ by language.
    pub localizable: bool,
    /// Whether values differ by channel.
    pub scopable: bool,
}

/// The placements of all definitions, by code.
pub type Placements = BTreeMap<String, Placement>;

/// The content of a product: one object for each section.
#[derive(Clone, Debug, PartialEq)]
pub struct Content(BTreeMap<Section, Map<String, Value>>);

impl Content {
    /// Puts together what belongs to the product itself, by section and name, and its attributes. A value whose definition
    /// is gone stays with marketing, so that it is seen.
    pub fn new(
        fields: impl IntoIterator<Item = (Section, &'static str, Value)>,
        values: &Map<String, Value>,
        placements: &Placements,
    ) -> Self {
        let mut attributes = Section::ALL.map(|section| (section, Map::new()));
        for (code, value) in values {
            let section = placements.get(code).map(|one| one.section);
            let section = section.unwrap_or(Section::Marketing);
            for (_, own) in attributes.iter_mut().filter(|(one, _)| *one == section) {
                own.insert(code.clone(), value.clone());
            }
        }
        let attributes = attributes.map(|(section, own)| {
            let own = Map::from_iter([("attributes".to_owned(), Value::Object(own))]);
            (section, own)
        });
        let mut content = Self(attributes.into());
        for (section, name, value) in fields {
            let own = content.0.entry(section).or_default();
            own.insert(name.to_owned(), value);
        }
        content
    }

    /// Returns what a section says.
    pub fn section(&self, section: Section) -> Value {
        let own = self.0.get(&section).cloned();
        Value::Object(own.unwrap_or_default())
    }

    /// Returns the hash of a section, in hexadecimal digits.
    pub fn section_hash(&self, section: Section) -> String {
        hex(&digest(&self.section(section)))
    }

    /// Returns all of it, as a revision keeps it.
    pub fn document(&self) -> Value {
        let sections = self.0.iter();
        let sections = sections.map(|(section, own)| (section.as_str().to_owned(), json!(own)));
        Value::Object(sections.collect())
    }
}

/// Returns the SHA-256 of a JSON value: the same for the same value, however it was written.
pub fn digest(value: &Value) -> [u8; 32] {
    // Objects are kept in the order of their names.
    Sha256::digest(value.to_string()).into()
}

/// One difference of two documents.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The section.
    pub section: String,
    /// JSON pointer within the section.
    pub pointer: String,
    /// What was there; none where nothing was.
    pub before: Option<Value>,
    /// What is there; none where nothing is.
    pub after: Option<Value>,
}

/// Lists what differs between two documents of one product, by section and place. Lists count as a whole.
pub fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    for section in Section::ALL {
        let name = section.as_str();
        compare(name, "", before.get(name), after.get(name), &mut found);
    }
    found
}

fn compare(
    section: &str,
    pointer: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    found: &mut Vec<Difference>,
) {
    if before == after {
        return;
    }
    if let (Some(Value::Object(before)), Some(Value::Object(after))) = (before, after) {
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for name in names {
            let place = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            compare(section, &place, before.get(name), after.get(name), found);
        }
        return;
    }
    found.push(Difference {
        section: section.to_owned(),
        pointer: pointer.to_owned(),
        before: before.cloned(),
        after: after.cloned(),
    });
}

/// How complete a product is in one channel and language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completeness {
    /// None for what is the same in all channels.
    pub channel: Option<String>,
    /// None for what is the same in all languages.
    pub locale: Option<String>,
    /// Required values that are there.
    pub filled: usize,
    /// Codes of required values that are not.
    pub missing: Vec<String>,
}

/// Says how complete a product's values are, for each channel and language in which it has any value at all; a product
/// that speaks of none is held against its plain values alone. With `section`, of that section's values.
pub fn completeness(
    placements: &Placements,
    values: &Map<String, Value>,
    section: Option<Section>,
) -> Vec<Completeness> {
    let (channels, locales) = spoken(placements, values);
    let required: Vec<(&String, &Placement)> = placements
        .iter()
        .filter(|(_, one)| one.required && section.is_none_or(|section| one.section == section))
        .collect();
    let mut all = Vec::new();
    for channel in &channels {
        for locale in &locales {
            let has = |(code, one): &(&String, &Placement)| {
                let value = values.get(*code);
                let value = pick(value, one.scopable, channel.as_deref());
                let value = pick(value, one.localizable, locale.as_deref());
                // Nothing but space says nothing.
                value.is_some_and(|value| value.as_str().is_none_or(|text| !text.trim().is_empty()))
            };
            let (there, missing): (Vec<_>, Vec<_>) = required.iter().copied().partition(has);
            all.push(Completeness {
                channel: channel.clone(),
                locale: locale.clone(),
                filled: there.len(),
                missing: missing.into_iter().map(|(code, _)| code.clone()).collect(),
            });
        }
    }
    all
}

/// Lists what a launch, or the submission of a section, still needs.
pub fn missing(
    placements: &Placements,
    values: &Map<String, Value>,
    section: Option<Section>,
) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    for part in completeness(placements, values, section) {
        let place = match (&part.channel, &part.locale) {
            (None, None) => "is required for launch".to_owned(),
            (channel, locale) => {
                let names = [channel.as_deref(), locale.as_deref()];
                let names: Vec<&str> = names.into_iter().flatten().collect();
                format!("is required for launch in {}", names.join(" and "))
            }
        };
        for code in part.missing {
            let problem = FieldProblem::new(format!("/attributes/{code}"), "missing", &place);
            problems.push(problem);
        }
    }
    problems
}

/// Channels and languages that one product may speak of: completeness is told for each of both.
const MOST_CHANNELS: usize = 50;
const MOST_LOCALES: usize = 100;

/// Checks that a product speaks of no more channels and languages than anybody has.
///
/// # Errors
/// When it does.
pub fn check_spoken(
    placements: &Placements,
    values: &Map<String, Value>,
) -> Result<(), FieldProblem> {
    let (channels, locales) = spoken(placements, values);
    if channels.len() <= MOST_CHANNELS && locales.len() <= MOST_LOCALES {
        return Ok(());
    }
    let message = format!("name more than {MOST_CHANNELS} channels or {MOST_LOCALES} locales");
    Err(FieldProblem::new("/attributes", "too_many", message))
}

type Names = Vec<Option<String>>;

/// Returns the channels and languages that any value names; one that is none where no value names any.
fn spoken(placements: &Placements, values: &Map<String, Value>) -> (Names, Names) {
    let (mut channels, mut locales) = (BTreeSet::new(), BTreeSet::new());
    for (code, value) in values {
        let Some(one) = placements.get(code) else {
            continue;
        };
        let mut inner = vec![value];
        if one.scopable {
            let by_channel = value.as_object().into_iter().flatten();
            let by_channel: Vec<(&String, &Value)> = by_channel.collect();
            channels.extend(by_channel.iter().map(|(name, _)| (*name).clone()));
            inner = by_channel.into_iter().map(|(_, value)| value).collect();
        }
        if one.localizable {
            let names = inner.into_iter().filter_map(Value::as_object);
            locales.extend(names.flat_map(|by_locale| by_locale.keys().cloned()));
        }
    }
    (or_none(channels), or_none(locales))
}

fn or_none(names: BTreeSet<String>) -> Names {
    if names.is_empty() {
        return vec![None];
    }
    names.into_iter().map(Some).collect()
}

/// Returns the value for a name where values differ by it; the value as it is where they do not.
fn pick<'a>(value: Option<&'a Value>, differs: bool, name: Option<&str>) -> Option<&'a Value> {
    match (differs, name) {
        (false, _) => value,
        (true, Some(name)) => value?.as_object()?.get(name),
        (true, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn placement(section: Section, required: bool, localizable: bool, scopable: bool) -> Placement {
        Placement {
            section,
            required,
            localizable,
            scopable,
        }
    }

    fn placements() -> Placements {
        [
            ("title", placement(Section::Marketing, true, true, false)),
            ("teaser", placement(Section::Marketing, true, true, true)),
            ("eccn", placement(Section::Legal, true, false, false)),
            ("cost", placement(Section::Finance, false, false, false)),
        ]
        .map(|(code, placement)| (code.to_owned(), placement))
        .into()
    }

    fn values(value: Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn each_value_stands_in_its_section() {
        let values = values(json!({"eccn": "EAR99", "cost": 5, "gone": "x"}));
        let fields = [(Section::Marketing, "name", json!("Lamp"))];
        let content = Content::new(fields, &values, &placements());
        assert_eq!(
            content.section(Section::Marketing),
            json!({"name": "Lamp", "attributes": {"gone": "x"}})
        );
        assert_eq!(
            content.section(Section::Legal),
            json!({"attributes": {"eccn": "EAR99"}})
        );
        assert_eq!(
            content.section(Section::Contracts),
            json!({"attributes": {}})
        );
    }

    #[test]
    fn completeness_is_told_by_channel_and_language() {
        let values = values(json!({
            "title": {"en_US": "Lamp", "de_DE": "Lampe"},
            "teaser": {"web": {"en_US": "Bright"}},
        }));
        let all = completeness(&placements(), &values, None);
        let told: Vec<_> = all
            .iter()
            .map(|one| {
                (
                    one.channel.as_deref(),
                    one.locale.as_deref(),
                    one.filled,
                    one.missing.clone(),
                )
            })
            .collect();
        let list = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect();
        assert_eq!(
            told,
            [
                (Some("web"), Some("de_DE"), 1, list(&["eccn", "teaser"])),
                (Some("web"), Some("en_US"), 2, list(&["eccn"])),
            ]
        );
        let own = completeness(&placements(), &values, Some(Section::Legal));
        assert!(own.iter().all(|one| one.missing == ["eccn"]));
        // A text of nothing is none.
        let blank = json!({"eccn": " ", "title": {"en_US": ""}, "teaser": {"web": {"en_US": "x"}}});
        let blank = completeness(&placements(), blank.as_object().expect("an object"), None);
        assert_eq!(blank[0].missing, ["eccn", "title"]);
        // A product without any value is held against the plain ones.
        let none = completeness(&placements(), &Map::new(), None);
        assert_eq!(none.len(), 1);
        assert_eq!(none[0].missing, ["eccn", "teaser", "title"]);
    }

    #[test]
    fn nobody_speaks_of_endless_channels_and_languages() {
        let of = |count: usize| -> Map<String, Value> {
            let by_locale = (0..count).map(|n| (format!("l{n}"), json!("x")));
            let title = Value::Object(by_locale.collect());
            [("title".to_owned(), title)].into_iter().collect()
        };
        assert!(check_spoken(&placements(), &of(MOST_LOCALES)).is_ok());
        assert!(check_spoken(&placements(), &of(MOST_LOCALES + 1)).is_err());
    }

    #[test]
    fn differences_name_section_and_place() {
        let before =
            json!({"marketing": {"name": "A", "tags": ["x"]}, "legal": {"attributes": {"a/b": 1}}});
        let after =
            json!({"marketing": {"name": "A", "tags": ["y"]}, "legal": {"attributes": {"c": 2}}});
        let found = differences(&before, &after);
        let places: Vec<_> = found
            .iter()
            .map(|one| (one.section.as_str(), one.pointer.as_str()))
            .collect();
        assert_eq!(
            places,
            [
                ("marketing", "/tags"),
                ("legal", "/attributes/a~1b"),
                ("legal", "/attributes/c")
            ]
        );
        assert_eq!(
            (&found[1].before, &found[1].after),
            (&Some(json!(1)), &None)
        );
        assert_eq!(differences(&after, &after), []);
    }

    proptest! {
        /// M5 for contents: the hash is of the values, not of the order in which they came.
        #[test]
        fn the_same_content_has_the_same_hash(
            pairs in proptest::collection::btree_map("[a-z]{1,6}", "[a-zA-Z0-9 ]{0,12}", 0..12),
        ) {
            let forward: Map<String, Value> =
                pairs.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
            let mut backward = Map::new();
            for (k, v) in pairs.iter().rev() {
                backward.insert(k.clone(), json!(v));
            }
            let one = Content::new([], &forward, &Placements::new());
            let other = Content::new([], &backward, &Placements::new());
            for section in Section::ALL {
                prop_assert_eq!(one.section_hash(section), other.section_hash(section));
            }
            // And changes with any of them.
            if let Some(first) = pairs.keys().next() {
                let mut changed = forward.clone();
                changed.insert(first.clone(), json!({"other": true}));
                let changed = Content::new([], &changed, &Placements::new());
                prop_assert_ne!(
                    one.section_hash(Section::Marketing),
                    changed.section_hash(Section::Marketing)
                );
            }
        }
    }
}
