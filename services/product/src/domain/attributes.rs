//! Typed attributes: what a definition may say and which values fit it.

use std::collections::BTreeMap;

use averis_service_kit::problem::FieldProblem;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::sections::Section;

/// Type of an attribute's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AttributeType {
    /// Text.
    Text,
    /// A decimal number, as text: `"0.75"`.
    Number,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// A day, `YYYY-MM-DD`.
    Date,
    /// One of the listed choices.
    Choice,
}

impl AttributeType {
    /// Returns the word as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Choice => "choice",
        }
    }

    /// Reads the stored word. The table's check admits no other.
    pub fn stored(text: &str) -> Self {
        match text {
            "number" => Self::Number,
            "integer" => Self::Integer,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "choice" => Self::Choice,
            _ => Self::Text,
        }
    }
}

/// Bounds of an attribute's values. Which apply depends on the type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Constraints {
    /// Smallest number (of `integer`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<i64>,
    /// Largest number (of `integer`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
    /// Longest text, in characters (of `text`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// Choices (of `choice`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}

impl Constraints {
    /// Checks that the bounds fit the type and each other.
    pub fn check(&self, kind: AttributeType) -> Result<(), FieldProblem> {
        let wrong = |message| Err(FieldProblem::new("/constraints", "invalid", message));
        let bounded = self.min.is_some() || self.max.is_some();
        if bounded && kind != AttributeType::Integer {
            return wrong("min and max are for integers");
        }
        if matches!((self.min, self.max), (Some(min), Some(max)) if min > max) {
            return wrong("min must not be larger than max");
        }
        if self.max_length.is_some() && kind != AttributeType::Text {
            return wrong("max_length is for texts");
        }
        if (kind == AttributeType::Choice) == self.choices.is_empty() {
            return wrong("choices are for the type choice, which needs at least one");
        }
        if self
            .choices
            .iter()
            .any(|choice| choice.chars().any(char::is_control))
        {
            return wrong("choices must not contain control characters");
        }
        Ok(())
    }
}

/// A definition, as far as values are checked against it.
#[derive(Clone, Debug)]
pub struct AttributeRule {
    /// Type of the values.
    pub kind: AttributeType,
    /// Bounds of the values.
    pub constraints: Constraints,
    /// The section whose stewards look after the values.
    pub section: Section,
    /// Whether values differ by language: then they stand by locale.
    pub localizable: bool,
    /// Whether values differ by channel: then they stand by channel, and in it by locale if they differ by both.
    pub scopable: bool,
}

/// Checks a product's attributes, each against its definition.
pub fn check_values(
    rules: &BTreeMap<String, AttributeRule>,
    values: &Map<String, Value>,
) -> Result<(), Vec<FieldProblem>> {
    let mut problems = Vec::new();
    for (code, value) in values {
        let place = format!("/attributes/{}", code.replace('~', "~0").replace('/', "~1"));
        match rules.get(code) {
            None => problems.push(FieldProblem::new(
                place,
                "unknown_attribute",
                "is not defined",
            )),
            Some(rule) => {
                if let Err(message) = check_places(rule, value) {
                    problems.push(FieldProblem::new(place, "invalid", message));
                }
            }
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

/// Checks a value in each channel and language that it is given for.
fn check_places(rule: &AttributeRule, value: &Value) -> Result<(), String> {
    let by_channel = by_name(value, rule.scopable, "channel", is_channel)?;
    for value in by_channel {
        for value in by_name(value, rule.localizable, "locale", is_locale)? {
            check_value(rule, value)?;
        }
    }
    Ok(())
}

/// Returns the values that stand by name, or the value itself where it does not differ.
fn by_name<'a>(
    value: &'a Value,
    differs: bool,
    what: &str,
    fits: fn(&str) -> bool,
) -> Result<Vec<&'a Value>, String> {
    if !differs {
        return Ok(vec![value]);
    }
    let Some(values) = value.as_object().filter(|values| !values.is_empty()) else {
        return Err(format!("must be an object with a value by {what}"));
    };
    match values.keys().find(|name| !fits(name)) {
        Some(wrong) => Err(format!("{wrong:?} is no {what}")),
        None => Ok(values.values().collect()),
    }
}

/// `en`, `en_US`: a language of ISO 639, and a country of ISO 3166-1.
fn is_locale(text: &str) -> bool {
    let (language, country) = match text.split_once('_') {
        Some((language, country)) => (language, Some(country)),
        None => (text, None),
    };
    let lower = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase());
    let upper = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase());
    (2..=3).contains(&language.len()) && lower(language) && country.is_none_or(upper)
}

/// The code of a channel.
fn is_channel(text: &str) -> bool {
    let mut bytes = text.bytes();
    let tail = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
    text.len() <= 63 && bytes.next().is_some_and(|b| b.is_ascii_lowercase()) && bytes.all(tail)
}

fn check_value(rule: &AttributeRule, value: &Value) -> Result<(), String> {
    let bounds = &rule.constraints;
    match (rule.kind, value) {
        (AttributeType::Text, Value::String(text)) => {
            let max = bounds.max_length.unwrap_or(10_000) as usize;
            if text.chars().count() > max {
                return Err(format!("must have at most {max} characters"));
            }
            if text.contains('\u{0}') {
                return Err("must not contain control characters".to_owned());
            }
            Ok(())
        }
        (AttributeType::Number, Value::String(text)) if is_decimal(text) => Ok(()),
        (AttributeType::Number, _) => {
            Err("must be a decimal number as text, such as \"0.75\"".into())
        }
        (AttributeType::Integer, Value::Number(number)) if number.is_i64() => {
            let number = number.as_i64().unwrap_or_default();
            if bounds.min.is_some_and(|min| number < min)
                || bounds.max.is_some_and(|max| number > max)
            {
                return Err("is out of bounds".to_owned());
            }
            Ok(())
        }
        (AttributeType::Boolean, Value::Bool(_)) => Ok(()),
        (AttributeType::Date, Value::String(text)) => NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map(drop)
            .map_err(|_ignored| "must be a day as YYYY-MM-DD".to_owned()),
        (AttributeType::Choice, Value::String(text)) => {
            if bounds.choices.contains(text) {
                Ok(())
            } else {
                Err(format!("must be one of {}", bounds.choices.join(", ")))
            }
        }
        (kind, _) => Err(format!("must be of type {}", kind.as_str())),
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits =
        |part: &str| (1..=18).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    is_digits(whole) && is_digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_fits_its_definition_or_is_named() {
        let rule = |kind, constraints| AttributeRule {
            kind,
            constraints,
            section: Section::Marketing,
            localizable: false,
            scopable: false,
        };
        let size = Constraints {
            min: Some(1),
            max: Some(9),
            ..Constraints::default()
        };
        let choices = Constraints {
            choices: vec!["red".into()],
            ..Constraints::default()
        };
        let rules = BTreeMap::from([
            (
                "note".into(),
                rule(AttributeType::Text, Constraints::default()),
            ),
            (
                "weight".into(),
                rule(AttributeType::Number, Constraints::default()),
            ),
            ("size".into(), rule(AttributeType::Integer, size)),
            (
                "fragile".into(),
                rule(AttributeType::Boolean, Constraints::default()),
            ),
            (
                "since".into(),
                rule(AttributeType::Date, Constraints::default()),
            ),
            ("color".into(), rule(AttributeType::Choice, choices)),
        ]);
        let check = |values: Value| {
            check_values(&rules, values.as_object().expect("an object"))
                .map_err(|problems| problems.into_iter().map(|p| p.pointer).collect::<Vec<_>>())
        };
        let good = json!({"note": "x", "weight": "-0.75", "size": 3, "fragile": true,
                          "since": "2026-02-28", "color": "red"});
        assert_eq!(check(good), Ok(()));
        for (code, value) in [
            ("note", json!(1)),
            ("note", json!("a\u{0}")),
            ("weight", json!(0.75)),
            ("weight", json!("1e3")),
            ("size", json!(10)),
            ("size", json!(1.5)),
            ("fragile", json!("true")),
            ("since", json!("2026-02-30")),
            ("color", json!("blue")),
            ("other", json!("x")),
            ("size", json!(null)),
        ] {
            assert_eq!(
                check(json!({ code: value })),
                Err(vec![format!("/attributes/{code}")])
            );
        }
    }

    #[test]
    fn a_value_stands_by_channel_and_language_where_it_differs_by_them() {
        let rule = |localizable, scopable| AttributeRule {
            kind: AttributeType::Text,
            constraints: Constraints::default(),
            section: Section::Marketing,
            localizable,
            scopable,
        };
        let fits = |localizable, scopable, value: Value| {
            check_places(&rule(localizable, scopable), &value).is_ok()
        };
        assert!(fits(true, false, json!({"en_US": "Lamp", "de": "Lampe"})));
        assert!(fits(false, true, json!({"web": "Lamp"})));
        assert!(fits(true, true, json!({"web": {"en_US": "Lamp"}})));
        for (localizable, scopable, wrong) in [
            (true, false, json!("Lamp")),
            (true, false, json!({})),
            (true, false, json!({"en-US": "Lamp"})),
            (true, false, json!({"EN": "Lamp"})),
            (true, false, json!({"en_US": 1})),
            (true, true, json!({"en_US": "Lamp"})),
            (true, true, json!({"web": {"en_US": {"web": "x"}}})),
            (false, true, json!({"Web Shop": "Lamp"})),
            (false, false, json!({"en_US": "Lamp"})),
        ] {
            assert!(!fits(localizable, scopable, wrong.clone()), "{wrong}");
        }
    }
}
