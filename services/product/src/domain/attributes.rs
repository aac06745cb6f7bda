//! Typed attributes: what a definition may say and which values fit it.

use std::collections::BTreeMap;

use averis_service_kit::problem::FieldProblem;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

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
                if let Err(message) = check_value(rule, value) {
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
        let rule = |kind, constraints| AttributeRule { kind, constraints };
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
}
