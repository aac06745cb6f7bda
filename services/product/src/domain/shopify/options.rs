//! Option names and values, and Shopify's way of saying that there are none.

use super::Problem;
use super::columns::Field;
use super::header::Header;
use super::line::Line;
use super::value::{is_blank, shown};

/// How many options Shopify's columns allow.
pub(super) const MOST: u8 = 3;
pub(super) const DEFAULT_NAME: &str = "Title";
pub(super) const DEFAULT_VALUE: &str = "Default Title";

/// The options of one product, as its first row declares them.
#[derive(Default)]
pub(super) struct Options {
    /// `None` when the file does not say.
    pub(super) names: Option<Vec<String>>,
    /// The file said `Title`, `Default Title`.
    is_default: bool,
}

impl Options {
    /// Reads the first row.
    pub(super) fn declare(
        header: &Header,
        line: &Line<'_>,
        continuation: bool,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let name = |n| line.get(header, Field::OptionName(n));
        let mut names: Vec<&str> = (0..MOST).map(|n| name(n).unwrap_or_default()).collect();
        while names.last().is_some_and(|name| is_blank(name)) {
            names.pop();
        }
        let stated = (0..MOST).any(|n| name(n).is_some());
        if names.is_empty() {
            // A continuation leaves the names to the product that exists.
            let says_none = stated && !continuation || Self::has_default_value(header, line);
            let is_default = Self::has_default_value(header, line);
            return Self {
                names: says_none.then(Vec::new),
                is_default,
            };
        }
        if Self::has_default_value(header, line)
            && names.iter().map(|name| name.trim()).eq([DEFAULT_NAME])
        {
            return Self {
                names: Some(Vec::new()),
                is_default: true,
            };
        }
        for (n, name) in (0..MOST).zip(&names) {
            let same = |other: &&&str| other.trim().to_lowercase() == name.trim().to_lowercase();
            let column = header.name(Field::OptionName(n));
            if is_blank(name) {
                let message = format!("option {} has no name but a later option has", n + 1);
                problems.push(Problem::error(
                    line.row,
                    column,
                    "option_name_missing",
                    message,
                ));
            } else if names.iter().take(n.into()).any(|other| same(&other)) {
                let message = format!("the option name {} is used twice", shown(name));
                problems.push(Problem::error(
                    line.row,
                    column,
                    "duplicate_option_name",
                    message,
                ));
            }
        }
        let names = names.into_iter().map(str::to_owned).collect();
        Self {
            names: Some(names),
            is_default: false,
        }
    }

    /// The values of a variant row.
    pub(super) fn values(
        &self,
        header: &Header,
        line: &Line<'_>,
        problems: &mut Vec<Problem>,
    ) -> Vec<String> {
        if self.is_default && Self::has_default_value(header, line) {
            return Vec::new();
        }
        let given = |n| line.filled(header, Field::OptionValue(n));
        let Some(names) = &self.names else {
            // A continuation: only the stored product knows how many options there are.
            let mut values: Vec<_> = (0..MOST).map(|n| given(n).unwrap_or_default()).collect();
            while values.last().is_some_and(|value| value.is_empty()) {
                values.pop();
            }
            return values.into_iter().map(str::to_owned).collect();
        };
        let mut values = Vec::with_capacity(names.len());
        for n in 0..MOST {
            let column = header.name(Field::OptionValue(n));
            match (names.get(usize::from(n)), given(n)) {
                (None, None) => {}
                (Some(_), Some(text)) => values.push(text.to_owned()),
                (Some(name), None) => {
                    let message = format!("the variant has no value for {}", shown(name));
                    problems.push(Problem::error(
                        line.row,
                        column,
                        "option_value_missing",
                        message,
                    ));
                }
                (None, Some(text)) => {
                    let message =
                        format!("{} is a value of an option that has no name", shown(text));
                    problems.push(Problem::error(
                        line.row,
                        column,
                        "option_name_missing",
                        message,
                    ));
                }
            }
        }
        values
    }

    /// Later rows leave the names blank or repeat them.
    pub(super) fn check_repeated(
        &self,
        header: &Header,
        line: &Line<'_>,
        problems: &mut Vec<Problem>,
    ) {
        let Some(names) = &self.names else { return };
        for n in 0..MOST {
            let Some(name) = line.filled(header, Field::OptionName(n)) else {
                continue;
            };
            let same = match names.get(usize::from(n)) {
                Some(declared) => declared.trim() == name.trim(),
                None => self.is_default && n == 0 && name.trim() == DEFAULT_NAME,
            };
            if !same {
                let message = format!(
                    "the option name {} differs from the product's first row",
                    shown(name)
                );
                let column = header.name(Field::OptionName(n));
                problems.push(Problem::error(
                    line.row,
                    column,
                    "option_name_changed",
                    message,
                ));
            }
        }
    }

    fn has_default_value(header: &Header, line: &Line<'_>) -> bool {
        let given = |n| line.filled(header, Field::OptionValue(n)).map(str::trim);
        given(0) == Some(DEFAULT_VALUE) && given(1).is_none() && given(2).is_none()
    }
}
