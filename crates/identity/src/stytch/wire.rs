//! Tokens, requests and answers of Stytch: of each, the fields that matter here.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    pub(super) exp: i64,
    #[serde(rename = "https://stytch.com/session")]
    pub(super) session: Option<SessionClaim>,
    #[serde(rename = "https://stytch.com/organization")]
    pub(super) organization: Option<OrganizationClaim>,
}

#[derive(Deserialize)]
pub(super) struct SessionClaim {
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) authentication_factors: Option<Vec<Factor>>,
}

#[derive(Deserialize)]
pub(super) struct Factor {
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) delivery_method: String,
    pub(super) email_factor: Option<EmailFactor>,
}

#[derive(Deserialize)]
pub(super) struct EmailFactor {
    pub(super) email_address: String,
}

#[derive(Deserialize)]
pub(super) struct OrganizationClaim {
    pub(super) organization_id: String,
}

#[derive(Deserialize)]
pub(super) struct MemberAnswer {
    pub(super) member: Member,
}

#[derive(Deserialize)]
pub(super) struct Member {
    pub(super) member_id: String,
    pub(super) organization_id: String,
    pub(super) email_address: String,
    #[serde(default)]
    pub(super) email_address_verified: bool,
    pub(super) status: String,
}

#[derive(Serialize)]
pub(super) struct NewOrganization<'a> {
    pub(super) organization_name: &'a str,
    pub(super) organization_slug: &'a str,
}

#[derive(Deserialize)]
pub(super) struct OrganizationAnswer {
    pub(super) organization: OrganizationClaim,
}

#[derive(Serialize)]
pub(super) struct Invitation<'a> {
    pub(super) organization_id: &'a str,
    pub(super) email_address: &'a str,
    pub(super) name: &'a str,
    pub(super) invite_redirect_url: &'a str,
}

#[derive(Deserialize)]
pub(super) struct InvitationAnswer {
    pub(super) member_id: String,
}

#[derive(Serialize)]
pub(super) struct Revocation<'a> {
    pub(super) member_id: &'a str,
}

#[derive(Serialize)]
pub(super) struct MagicLink<'a> {
    pub(super) magic_links_token: &'a str,
}

#[derive(Deserialize)]
pub(super) struct MagicLinkAnswer {
    pub(super) member_authenticated: bool,
    pub(super) session_jwt: String,
}

impl SessionClaim {
    /// Returns the address that the session itself proves: a link or a code was sent there and came back. Other
    /// factors may carry an address too, but that one is only somebody's word.
    pub(super) fn proven_email(self) -> Option<String> {
        let by_mail = |factor: &Factor| {
            let kind = factor.kind.as_str();
            factor.delivery_method == "email" && matches!(kind, "magic_link" | "otp")
        };
        let factors = self.authentication_factors.unwrap_or_default();
        let mut proofs = factors.into_iter().filter(by_mail);
        Some(proofs.find_map(|factor| factor.email_factor)?.email_address)
    }
}
