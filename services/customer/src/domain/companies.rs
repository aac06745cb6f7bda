//! Companies and their lives.
//!
//! ```text
//! pending --approve--> approved --suspend--> suspended --resume--> approved
//! pending|approved|suspended --close--> closed
//! ```

use averis_service_kit::problem::{Problem, codes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What somebody does for a company.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MemberRole {
    /// Orders.
    Buyer,
    /// Approves what others order.
    Approver,
    /// Both, and looks after the others.
    Admin,
}

impl MemberRole {
    /// Returns the word as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Buyer => "buyer",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }
}

/// Whether any of a member's roles lets it do what that role does.
pub fn may(roles: &[String], role: MemberRole) -> bool {
    roles
        .iter()
        .any(|one| one == role.as_str() || one == MemberRole::Admin.as_str())
}

/// What moves a company from one state to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompanyCommand {
    Approve,
    Suspend,
    Resume,
    Close,
}

impl CompanyCommand {
    const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Close => "close",
        }
    }

    /// Returns the state after the command.
    ///
    /// # Errors
    /// 409 when a company in that state does not take it.
    pub fn apply(self, status: &str) -> Result<&'static str, Problem> {
        match (self, status) {
            (Self::Approve, "pending") | (Self::Resume, "suspended") => Ok("approved"),
            (Self::Suspend, "approved") => Ok("suspended"),
            (Self::Close, "pending" | "approved" | "suspended") => Ok("closed"),
            _ => Err(Problem::new(codes::INVALID_TRANSITION)
                .detail(format!(
                    "There is no {} for a company that is {status}.",
                    self.name()
                ))
                .with("current_status", status)
                .with("allowed", allowed(status))),
        }
    }
}

fn allowed(status: &str) -> &'static [&'static str] {
    match status {
        "pending" => &["approve", "close"],
        "approved" => &["suspend", "close"],
        "suspended" => &["resume", "close"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_takes_exactly_its_commands() {
        use CompanyCommand::{Approve, Close, Resume, Suspend};
        for (status, outcomes) in [
            ("pending", [Some("approved"), None, None, Some("closed")]),
            ("approved", [None, Some("suspended"), None, Some("closed")]),
            ("suspended", [None, None, Some("approved"), Some("closed")]),
            ("closed", [None, None, None, None]),
        ] {
            for (command, expected) in [Approve, Suspend, Resume, Close].into_iter().zip(outcomes) {
                assert_eq!(command.apply(status).ok(), expected, "{status} {command:?}");
                let is_allowed = allowed(status).contains(&command.name());
                assert_eq!(is_allowed, expected.is_some(), "{status} {command:?}");
            }
        }
    }

    #[test]
    fn an_admin_of_a_company_may_what_others_may() {
        let roles = |roles: &[MemberRole]| {
            roles
                .iter()
                .map(|role| role.as_str().to_owned())
                .collect::<Vec<_>>()
        };
        assert!(may(&roles(&[MemberRole::Admin]), MemberRole::Approver));
        assert!(may(&roles(&[MemberRole::Buyer]), MemberRole::Buyer));
        assert!(!may(&roles(&[MemberRole::Buyer]), MemberRole::Approver));
    }
}
