//! Under which ids a company is known to tax authorities, and what these have said of them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::error::CustomerError;

/// An id of a company at the tax authorities of one country.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxId {
    /// In the form in which authorities ask for it, the country first.
    #[schema(example = "DE136695976")]
    pub number: String,
    /// What somebody was told who asked the authorities; null while nobody has asked for this id.
    pub valid: Option<bool>,
    pub checked_at: Option<DateTime<Utc>>,
    /// Of the authorities' answer.
    pub reference: Option<String>,
}

impl TaxId {
    /// Returns an id of which nobody has asked the authorities.
    pub fn unchecked(number: String) -> Self {
        Self {
            number,
            valid: None,
            checked_at: None,
            reference: None,
        }
    }
}

/// Returns ids by these numbers. Of those that were there, what the authorities have said stays.
pub fn replaced(before: &[TaxId], numbers: Vec<String>) -> Vec<TaxId> {
    let known = |number: &String| before.iter().find(|one| one.number == *number).cloned();
    let numbers = numbers.into_iter();
    numbers
        .map(|number| known(&number).unwrap_or_else(|| TaxId::unchecked(number)))
        .collect()
}

/// Whether the authorities know all of them.
pub fn all_valid(ids: &[TaxId]) -> bool {
    ids.iter().all(|id| id.valid == Some(true))
}

/// Reads what is stored with a company.
///
/// # Errors
/// When it is no list of ids, which nothing here stores.
pub fn stored(value: &Value) -> Result<Vec<TaxId>, CustomerError> {
    use averis_service_kit::problem::{Problem, codes::INTERNAL};
    let ids = Vec::deserialize(value);
    Ok(ids.map_err(|error| Problem::new(INTERNAL).because(error))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_keeps_what_was_said_of_it_as_long_as_it_stays() {
        let checked = TaxId {
            valid: Some(true),
            reference: Some("W1".to_owned()),
            ..TaxId::unchecked("DE136695976".to_owned())
        };
        let before = vec![
            checked.clone(),
            TaxId::unchecked("FR12345678901".to_owned()),
        ];
        let numbers = vec!["ATU12345678".to_owned(), "DE136695976".to_owned()];
        let after = replaced(&before, numbers);
        assert_eq!(
            after,
            [TaxId::unchecked("ATU12345678".to_owned()), checked.clone()]
        );
        assert!(!all_valid(&after) && all_valid(&[checked]) && all_valid(&[]));
    }
}
