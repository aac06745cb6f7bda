//! What a product may be, and its life.
//!
//! ```text
//! draft|active --launch--> active --suspend--> suspended --resume--> active
//! draft|suspended --archive--> archived
//! ```

use std::collections::BTreeSet;

use averis_service_kit::problem::FieldProblem;
use serde::Deserialize;

use crate::error::ProductError;

/// Names of options, such as `Size`, that a product may have; the files that are imported and exported have
/// columns for three.
pub const MAX_OPTIONS: usize = 3;

/// Where a product is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProductStatus {
    Draft,
    Active,
    Suspended,
    Archived,
}

impl ProductStatus {
    /// Every state.
    #[cfg(test)]
    pub const ALL: [Self; 4] = [Self::Draft, Self::Active, Self::Suspended, Self::Archived];

    /// Returns the word as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Archived => "archived",
        }
    }

    /// Reads the stored word. The table's check admits no other.
    pub fn stored(text: &str) -> Self {
        match text {
            "active" => Self::Active,
            "suspended" => Self::Suspended,
            "archived" => Self::Archived,
            _ => Self::Draft,
        }
    }
}

/// What moves a product from one state to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProductCommand {
    Launch,
    Suspend,
    Resume,
    Archive,
}

impl ProductCommand {
    /// Returns the state after the command.
    pub fn apply(self, from: ProductStatus) -> Result<ProductStatus, ProductError> {
        use ProductStatus::{Active, Archived, Draft, Suspended};
        match (self, from) {
            (Self::Launch, Draft | Active) | (Self::Resume, Suspended) => Ok(Active),
            (Self::Suspend, Active) => Ok(Suspended),
            (Self::Archive, Draft | Suspended) => Ok(Archived),
            _ => Err(ProductError::Transition {
                from: from.as_str(),
                allowed: Self::allowed(from),
                command: self.as_str(),
            }),
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Archive => "archive",
        }
    }

    const fn allowed(from: ProductStatus) -> &'static [&'static str] {
        match from {
            ProductStatus::Draft => &["launch", "archive"],
            ProductStatus::Active => &["launch", "suspend"],
            ProductStatus::Suspended => &["resume", "archive"],
            ProductStatus::Archived => &[],
        }
    }
}

/// Checks a key: letters and digits of any script (lower case where the script has one), `-` and `_`, as it
/// stands in a shop's addresses.
pub fn check_key(key: &str) -> Result<(), FieldProblem> {
    let well_formed = |c: char| (c.is_alphanumeric() && !c.is_uppercase()) || c == '-' || c == '_';
    if (1..=255).contains(&key.chars().count()) && key.chars().all(well_formed) {
        return Ok(());
    }
    Err(FieldProblem::new(
        "/key",
        "invalid",
        "must be 1 to 255 lower-case letters, digits, hyphens and underscores",
    ))
}

/// Checks the names of options: few, and told apart without regard to case.
pub fn check_options(options: &[String]) -> Result<(), FieldProblem> {
    let distinct: BTreeSet<String> = options.iter().map(|name| name.to_lowercase()).collect();
    if options.len() <= MAX_OPTIONS && distinct.len() == options.len() {
        return Ok(());
    }
    Err(FieldProblem::new(
        "/options",
        "invalid",
        format!("must be at most {MAX_OPTIONS} different names"),
    ))
}

/// Returns what a search finds a product by, besides its name.
pub fn search_text<'a>(
    key: &'a str,
    vendor: &'a str,
    product_type: &'a str,
    tags: &'a [String],
    skus: impl Iterator<Item = &'a str>,
    description: &'a str,
) -> String {
    let mut words: Vec<&str> = vec![key, vendor, product_type];
    words.extend(tags.iter().map(String::as_str));
    words.extend(skus);
    words.push(description);
    let mut text = words.join(" ");
    // PostgreSQL refuses to index more than a megabyte of distinct words of one row.
    let mut end = text.len().min(200_000);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use ProductStatus::{Active, Archived, Suspended};

    #[test]
    fn each_state_allows_exactly_its_commands() {
        use ProductCommand::{Archive, Launch, Resume, Suspend};
        let outcomes = [
            [Some(Active), None, None, Some(Archived)],
            [Some(Active), Some(Suspended), None, None],
            [None, None, Some(Active), Some(Archived)],
            [None, None, None, None],
        ];
        for (from, expected) in ProductStatus::ALL.into_iter().zip(outcomes) {
            for (command, expected) in [Launch, Suspend, Resume, Archive].into_iter().zip(expected)
            {
                assert_eq!(
                    command.apply(from).ok(),
                    expected,
                    "{command:?} in {from:?}"
                );
                let named = ProductCommand::allowed(from).contains(&command.as_str());
                assert_eq!(named, expected.is_some(), "{command:?} in {from:?}");
            }
            assert_eq!(ProductStatus::stored(from.as_str()), from);
        }
    }

    #[test]
    fn keys_have_the_form_of_addresses() {
        for good in ["shirt", "t-shirt_2", "größe-42", "衬衫"] {
            assert!(check_key(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "Shirt",
            "a b",
            "a/b",
            "../x",
            "a\u{0}",
            "a\u{202e}b",
            "'; drop",
            &"a".repeat(256),
        ] {
            assert!(check_key(bad).is_err(), "{bad:?}");
        }
    }
}
