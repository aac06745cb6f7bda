//! Companies and their lives.
//!
//! ```text
//! pending --approve--> approved --suspend--> suspended --resume--> approved
//! pending|approved|suspended --close--> closed
//! ```

use averis_money::Money;
use averis_service_kit::problem::{Problem, codes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

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

/// Who approves what others order.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ApproverRole {
    /// Any approver, and any admin.
    #[default]
    Approver,
    /// An admin alone.
    Admin,
}

impl ApproverRole {
    /// Returns the word as stored and sent.
    pub const fn as_str(self) -> &'static str {
        self.member().as_str()
    }

    /// Reads the stored word. The table's check admits no other.
    pub fn stored(text: &str) -> Self {
        if text == Self::Admin.as_str() {
            Self::Admin
        } else {
            Self::Approver
        }
    }

    /// Returns the role that a member needs.
    pub const fn member(self) -> MemberRole {
        match self {
            Self::Approver => MemberRole::Approver,
            Self::Admin => MemberRole::Admin,
        }
    }
}

/// An order, as far as approvals go by it.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    pub amount: Money,
    /// Categories of its products.
    pub categories: &'a [Uuid],
}

/// A rule, as far as orders are held against it.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub id: Uuid,
    pub least: Option<Money>,
    pub category: Option<Uuid>,
    pub approver: ApproverRole,
}

/// Why an order needs an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Rules that apply. None says that it is beyond its buyer's limit alone.
    pub rules: Vec<Uuid>,
    /// Who may approve it.
    pub approver: ApproverRole,
}

/// Says whether somebody has to approve an order of a buyer with that limit. Of amounts in different currencies neither is
/// known to be less, so an order in another than a limit's is beyond it, and one in another than a rule's is under the rule.
pub fn need(order: Order<'_>, limit: Option<Money>, rules: &[Rule]) -> Option<Need> {
    let is_within = limit.is_none_or(|limit| {
        limit.currency() == order.amount.currency() && order.amount.amount() <= limit.amount()
    });
    let applies = |rule: &&Rule| {
        let by_amount = rule.least.is_none_or(|least| {
            least.currency() != order.amount.currency() || order.amount.amount() >= least.amount()
        });
        by_amount
            && rule
                .category
                .is_none_or(|category| order.categories.contains(&category))
    };
    let applying: Vec<&Rule> = rules.iter().filter(applies).collect();
    if is_within && applying.is_empty() {
        return None;
    }
    let approver = applying.iter().map(|rule| rule.approver).max();
    Some(Need {
        rules: applying.iter().map(|rule| rule.id).collect(),
        approver: approver.unwrap_or_default(),
    })
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
    fn an_order_needs_whoever_any_rule_that_applies_wants() {
        let eur = |amount| Money::new(amount, "EUR".parse().expect("a currency"));
        let usd = |amount| Money::new(amount, "USD".parse().expect("a currency"));
        let [large, tools, large_tools] = [1, 2, 3].map(Uuid::from_u128);
        let (category, other) = (Uuid::from_u128(9), Uuid::from_u128(8));
        let rules = [
            Rule {
                id: large,
                least: Some(eur(100)),
                category: None,
                approver: ApproverRole::Approver,
            },
            Rule {
                id: tools,
                least: None,
                category: Some(category),
                approver: ApproverRole::Approver,
            },
            Rule {
                id: large_tools,
                least: Some(eur(100)),
                category: Some(category),
                approver: ApproverRole::Admin,
            },
        ];
        let ask =
            |amount, categories: &[Uuid], limit| need(Order { amount, categories }, limit, &rules);
        let by = |rules: &[Uuid], approver| {
            Some(Need {
                rules: rules.to_vec(),
                approver,
            })
        };
        let (approver, admin) = (ApproverRole::Approver, ApproverRole::Admin);
        assert_eq!(ask(eur(99), &[other], None), None);
        assert_eq!(ask(eur(99), &[], Some(eur(99))), None);
        assert_eq!(ask(eur(99), &[], Some(eur(98))), by(&[], approver));
        assert_eq!(ask(eur(99), &[], Some(usd(1_000))), by(&[], approver));
        assert_eq!(ask(eur(100), &[other], None), by(&[large], approver));
        assert_eq!(ask(usd(1), &[], None), by(&[large], approver));
        assert_eq!(
            ask(eur(1), &[other, category], None),
            by(&[tools], approver)
        );
        assert_eq!(
            ask(eur(100), &[category], Some(eur(0))),
            by(&[large, tools, large_tools], admin)
        );
        assert_eq!(
            need(
                Order {
                    amount: eur(1),
                    categories: &[]
                },
                None,
                &[]
            ),
            None
        );
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
