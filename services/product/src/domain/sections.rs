//! The five sections of a product's stewardship, and their lives.
//!
//! ```text
//! open --submit--> submitted --approve--> approved
//! submitted --reject--> open
//! submitted|approved --edit of its content--> open
//! ```
//!
//! An approval is bound to the content that it was given for, by its hash: whatever changes the content without passing
//! here makes the approval stale, and a launch compares.

use std::str::FromStr;

use averis_tenant_context::Permission;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::ProductError;

/// A part of a product that stewards of one kind look after.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Section {
    /// What customers read and see.
    #[default]
    Marketing,
    /// Licences, restrictions, duties.
    Legal,
    /// Costs and revenue categories; never shown to shoppers.
    Finance,
    /// What is delivered, and how.
    Salesops,
    /// Services and agreements that come with it.
    Contracts,
}

impl Section {
    /// Every section, in the order in which they are shown.
    pub const ALL: [Self; 5] = [
        Self::Marketing,
        Self::Legal,
        Self::Finance,
        Self::Salesops,
        Self::Contracts,
    ];

    /// Returns the word as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Marketing => "marketing",
            Self::Legal => "legal",
            Self::Finance => "finance",
            Self::Salesops => "salesops",
            Self::Contracts => "contracts",
        }
    }

    /// Reads the stored word. The table's check admits no other.
    pub fn stored(text: &str) -> Self {
        text.parse().unwrap_or_default()
    }

    /// Returns what it takes to write its values.
    pub const fn write_permission(self) -> Permission {
        match self {
            Self::Marketing => Permission::ProductMarketingWrite,
            Self::Legal => Permission::ProductLegalWrite,
            Self::Finance => Permission::ProductFinanceWrite,
            Self::Salesops => Permission::ProductSalesopsWrite,
            Self::Contracts => Permission::ProductContractsWrite,
        }
    }

    /// Returns what it takes to approve it.
    pub const fn approve_permission(self) -> Permission {
        match self {
            Self::Marketing => Permission::ProductMarketingApprove,
            Self::Legal => Permission::ProductLegalApprove,
            Self::Finance => Permission::ProductFinanceApprove,
            Self::Salesops => Permission::ProductSalesopsApprove,
            Self::Contracts => Permission::ProductContractsApprove,
        }
    }
}

impl FromStr for Section {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|one| one.as_str() == text);
        found.ok_or(())
    }
}

/// Where a section is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SectionStatus {
    /// Being worked on.
    #[default]
    Open,
    /// Waiting for approval.
    Submitted,
    /// Approved as it is.
    Approved,
}

impl SectionStatus {
    /// Returns the word as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Submitted => "submitted",
            Self::Approved => "approved",
        }
    }
}

/// What is known of a section. What is not known is not stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SectionState {
    pub status: SectionStatus,
    /// Who changed its content last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_by: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submitted_by: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submitted_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_at: Option<DateTime<Utc>>,
    /// SHA-256 of the content that was approved, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_hash: Option<String>,
    /// What was said with the last decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// The states of all sections of a product.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sections {
    marketing: SectionState,
    legal: SectionState,
    finance: SectionState,
    salesops: SectionState,
    contracts: SectionState,
}

/// Who does something to a section, and when.
#[derive(Clone, Copy, Debug)]
pub struct Steward {
    pub id: Uuid,
    pub at: DateTime<Utc>,
}

impl Sections {
    /// Returns the state of a section.
    pub const fn of(&self, section: Section) -> &SectionState {
        match section {
            Section::Marketing => &self.marketing,
            Section::Legal => &self.legal,
            Section::Finance => &self.finance,
            Section::Salesops => &self.salesops,
            Section::Contracts => &self.contracts,
        }
    }

    const fn of_mut(&mut self, section: Section) -> &mut SectionState {
        match section {
            Section::Marketing => &mut self.marketing,
            Section::Legal => &mut self.legal,
            Section::Finance => &mut self.finance,
            Section::Salesops => &mut self.salesops,
            Section::Contracts => &mut self.contracts,
        }
    }

    /// Its content was changed, by somebody or by a process that nobody is known of: it is open again.
    pub fn edit(&mut self, section: Section, by: Option<Uuid>, at: DateTime<Utc>) {
        *self.of_mut(section) = SectionState {
            edited_by: by,
            edited_at: Some(at),
            ..SectionState::default()
        };
    }

    /// Hands an open section to its approvers; one too that was approved for other content than it has now, which `hash` is
    /// of.
    ///
    /// # Errors
    /// When it is neither.
    pub fn submit(
        &mut self,
        section: Section,
        by: Steward,
        hash: &str,
    ) -> Result<(), ProductError> {
        let state = self.of_mut(section);
        let is_stale = state
            .approved_hash
            .as_ref()
            .is_some_and(|approved| approved != hash);
        if is_stale {
            *state = SectionState {
                edited_by: state.edited_by,
                edited_at: state.edited_at,
                ..SectionState::default()
            };
        }
        expect(section, state, SectionStatus::Open, "submit")?;
        state.status = SectionStatus::Submitted;
        state.submitted_by = Some(by.id);
        state.submitted_at = Some(by.at);
        state.comment = None;
        Ok(())
    }

    /// Approves a submitted section as it is. The same content again is approved already.
    ///
    /// # Errors
    /// When it is not submitted, or, under `four_eyes`, when the approver has edited it last.
    pub fn approve(
        &mut self,
        section: Section,
        by: Steward,
        hash: String,
        comment: Option<String>,
        four_eyes: bool,
    ) -> Result<(), ProductError> {
        let state = self.of_mut(section);
        if state.status == SectionStatus::Approved && state.approved_hash.as_ref() == Some(&hash) {
            return Ok(());
        }
        expect(section, state, SectionStatus::Submitted, "approve")?;
        if four_eyes && state.edited_by == Some(by.id) {
            return Err(ProductError::FourEyes(section));
        }
        state.status = SectionStatus::Approved;
        state.approved_by = Some(by.id);
        state.approved_at = Some(by.at);
        state.approved_hash = Some(hash);
        state.comment = comment;
        Ok(())
    }

    /// Gives a submitted section back.
    ///
    /// # Errors
    /// When it is not submitted.
    pub fn reject(&mut self, section: Section, comment: String) -> Result<(), ProductError> {
        let state = self.of_mut(section);
        expect(section, state, SectionStatus::Submitted, "reject")?;
        *state = SectionState {
            edited_by: state.edited_by,
            edited_at: state.edited_at,
            comment: Some(comment),
            ..SectionState::default()
        };
        Ok(())
    }
}

fn expect(
    section: Section,
    state: &SectionState,
    wanted: SectionStatus,
    command: &'static str,
) -> Result<(), ProductError> {
    if state.status == wanted {
        return Ok(());
    }
    Err(ProductError::SectionTransition {
        section,
        from: state.status,
        command,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use SectionStatus::{Approved, Open, Submitted};

    fn steward(id: u128) -> Steward {
        Steward {
            id: Uuid::from_u128(id),
            at: DateTime::UNIX_EPOCH,
        }
    }

    fn in_state(status: SectionStatus) -> Sections {
        let mut sections = Sections::default();
        sections.edit(Section::Legal, Some(steward(1).id), steward(1).at);
        if status != Open {
            sections
                .submit(Section::Legal, steward(1), "h")
                .expect("open");
        }
        if status == Approved {
            let approved = sections.approve(Section::Legal, steward(2), "h".to_owned(), None, true);
            approved.expect("submitted");
        }
        sections
    }

    #[test]
    fn each_state_takes_exactly_its_events() {
        type Event = fn(&mut Sections) -> Result<(), ProductError>;
        let submit: Event = |sections| sections.submit(Section::Legal, steward(1), "h");
        let approve: Event =
            |sections| sections.approve(Section::Legal, steward(2), "h".to_owned(), None, true);
        let reject: Event = |sections| sections.reject(Section::Legal, "no".to_owned());
        let edit: Event = |sections| {
            sections.edit(Section::Legal, Some(steward(3).id), steward(3).at);
            Ok(())
        };
        for (from, outcomes) in [
            (Open, [Some(Submitted), None, None, Some(Open)]),
            (Submitted, [None, Some(Approved), Some(Open), Some(Open)]),
            (Approved, [None, Some(Approved), None, Some(Open)]),
        ] {
            for (event, expected) in [submit, approve, reject, edit].into_iter().zip(outcomes) {
                let mut sections = in_state(from);
                let before = sections.clone();
                let done = event(&mut sections).ok();
                let after = done.map(|()| sections.of(Section::Legal).status);
                assert_eq!(after, expected, "{from:?}");
                if expected.is_none() {
                    assert_eq!(sections, before, "a refused event changes nothing");
                }
                // P2: whatever happens to one section, the others do not move.
                for other in Section::ALL
                    .into_iter()
                    .filter(|one| *one != Section::Legal)
                {
                    assert_eq!(sections.of(other), &SectionState::default());
                }
            }
        }
    }

    #[test]
    fn what_is_approved_already_stays_as_it_was_and_other_content_is_none_of_it() {
        let mut sections = in_state(Approved);
        let before = sections.clone();
        let mut again =
            |hash: &str| sections.approve(Section::Legal, steward(7), hash.to_owned(), None, true);
        assert!(again("h").is_ok());
        assert!(again("other").is_err());
        assert_eq!(sections, before);
    }

    #[test]
    fn what_was_approved_for_other_content_can_be_handed_over_again() {
        let mut sections = in_state(Approved);
        assert!(sections.submit(Section::Legal, steward(1), "h").is_err());
        sections
            .submit(Section::Legal, steward(1), "other")
            .expect("stale");
        let state = sections.of(Section::Legal);
        assert_eq!(state.status, Submitted);
        assert_eq!((&state.approved_hash, state.approved_by), (&None, None));
        assert_eq!(state.edited_by, Some(steward(1).id));
    }

    #[test]
    fn four_eyes_are_the_editors_and_another_ones() {
        let own = |four_eyes| {
            let mut sections = in_state(Submitted);
            sections.approve(Section::Legal, steward(1), "h".to_owned(), None, four_eyes)
        };
        assert!(matches!(
            own(true),
            Err(ProductError::FourEyes(Section::Legal))
        ));
        assert!(own(false).is_ok());
    }

    #[test]
    fn an_edit_takes_every_trace_of_an_approval_away() {
        let mut sections = in_state(Approved);
        sections.edit(Section::Legal, Some(steward(9).id), steward(9).at);
        let state = sections.of(Section::Legal);
        assert_eq!(state.approved_hash, None);
        assert_eq!(state.approved_by, None);
        assert_eq!(state.edited_by, Some(steward(9).id));
    }

    #[test]
    fn what_is_stored_is_read_again() {
        let sections = in_state(Approved);
        let stored = serde_json::to_value(&sections).expect("JSON");
        assert_eq!(
            serde_json::from_value::<Sections>(stored).expect("sections"),
            sections
        );
        let nothing = serde_json::from_str::<Sections>("{}").expect("sections");
        assert_eq!(nothing, Sections::default());
        for section in Section::ALL {
            assert_eq!(Section::stored(section.as_str()), section);
        }
    }
}
