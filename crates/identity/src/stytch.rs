//! Stytch's B2B product: sessions of members, and the organizations that members belong to.
//!
//! Paths and fields are those of <https://stytch.com/docs/api-reference/b2b/api>.

mod wire;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use averis_tokens::{Algorithm, Expected, FetchError, JwkSet, KeySet, Kind, verify};
use chrono::Utc;
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde::de::IgnoredAny;
use url::Url;

use crate::http;
use crate::session::{ConfigError, ProviderError, ProviderSession, normal_email};
use wire::{
    Claims, Invitation, InvitationAnswer, MagicLink, MagicLinkAnswer, MemberAnswer,
    NewOrganization, OrganizationAnswer, Revocation,
};

/// The project's API secret. Never shown.
#[derive(Clone)]
pub struct StytchSecret(String);

impl fmt::Debug for StytchSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StytchSecret")
    }
}

impl FromStr for StytchSecret {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err("must not be empty");
        }
        Ok(Self(text.to_owned()))
    }
}

/// Which project of Stytch, and how to get in.
#[derive(Clone, Debug)]
pub struct StytchConfig {
    /// `https://api.stytch.com` or `https://test.stytch.com`.
    pub base_url: Url,
    /// The project, such as `project-live-…`; also the audience of its tokens.
    pub project_id: String,
    /// The project's API secret.
    pub secret: StytchSecret,
}

/// A caller of Stytch's API for one project.
pub struct StytchClient {
    api: Arc<Api>,
    issuer: String,
    keys: KeySet,
}

impl fmt::Debug for StytchClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StytchClient")
            .field("config", &self.api.config)
            .finish_non_exhaustive()
    }
}

impl StytchClient {
    /// Makes a client. Nothing is asked before the first call.
    ///
    /// # Errors
    /// When the URL is neither HTTPS nor this machine, when a setting is empty, or when the HTTP client cannot be
    /// built.
    pub fn new(config: StytchConfig) -> Result<Self, ConfigError> {
        if !http::is_safe(&config.base_url) {
            return Err(ConfigError::Invalid(
                "Stytch's URL must be https without a user, or plain http to this machine",
            ));
        }
        if !is_segment(&config.project_id) {
            return Err(ConfigError::Invalid("Stytch's project id is malformed"));
        }
        let issuer = format!("stytch.com/{}", config.project_id);
        let api = Arc::new(Api {
            http: http::client()?,
            config,
        });
        let keys = KeySet::new({
            let api = Arc::clone(&api);
            move || {
                let api = Arc::clone(&api);
                Box::pin(async move { api.keys().await })
            }
        });
        Ok(Self { api, issuer, keys })
    }

    /// Returns what the project's tokens name as their issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Checks a session's JWT and returns whose session it is. The signature is checked here; Stytch is only asked for
    /// its keys, and for the member's address when the session does not prove one.
    ///
    /// # Errors
    /// `Refused` when the token is not this project's, has expired, names no organization, or belongs to a member
    /// who is not active or whose address is not verified. Otherwise why Stytch could not be asked.
    pub async fn authenticate_session(
        &self,
        session_jwt: &str,
    ) -> Result<ProviderSession, ProviderError> {
        let expected = Expected {
            kind: Kind::Foreign,
            issuer: &self.issuer,
            audience: &self.api.config.project_id,
            algorithms: &[Algorithm::RS256],
        };
        let claims: Claims = verify(session_jwt, &expected, &self.keys)
            .await
            .map_err(ProviderError::from_token)?;
        // The same keys sign tokens of machines and of connected apps, and those show no member's session.
        let Some(session) = claims.session else {
            return Err(ProviderError::refused("the token shows no session"));
        };
        let organization = claims.organization.map(|claim| claim.organization_id);
        let Some(organization) = organization.filter(|id| is_segment(id)) else {
            return Err(ProviderError::refused("the session has no organization"));
        };
        if !is_segment(&claims.sub) {
            return Err(ProviderError::refused("the session has no member"));
        }
        let expires_at = session.expires_at.map_or(claims.exp, |at| at.timestamp());
        if expires_at <= Utc::now().timestamp() {
            return Err(ProviderError::refused("the session has expired"));
        }
        let email = match session.proven_email() {
            Some(email) => normal_email(&email)?,
            None => self.member_email(&organization, &claims.sub).await?,
        };
        Ok(ProviderSession {
            provider: "stytch",
            issuer: self.issuer.clone(),
            subject: claims.sub,
            email,
            organization: Some(organization),
            nonce: None,
            expires_at,
        })
    }

    /// Creates an organization with a display name and a slug that is unique in the project, and returns its
    /// `organization_id`.
    ///
    /// # Errors
    /// `Rejected` when Stytch has that slug already, among others.
    pub async fn create_organization(
        &self,
        name: &str,
        slug: &str,
    ) -> Result<String, ProviderError> {
        let request = self.api.post(
            &["organizations"],
            &NewOrganization {
                organization_name: name,
                organization_slug: slug,
            },
        );
        let answer: OrganizationAnswer = http::send(request).await?;
        Ok(answer.organization.organization_id)
    }

    /// Has Stytch mail an invitation into an organization, and returns the `member_id` of the new member. The link in
    /// the mail leads to `redirect_url`, which the project must allow, and is good for a week.
    ///
    /// # Errors
    /// `Rejected` when the person is an active member already, among others.
    pub async fn invite(
        &self,
        organization_id: &str,
        email: &str,
        name: &str,
        redirect_url: &str,
    ) -> Result<String, ProviderError> {
        let request = self.api.post(
            &["magic_links", "email", "invite"],
            &Invitation {
                organization_id,
                email_address: email,
                name,
                invite_redirect_url: redirect_url,
            },
        );
        let answer: InvitationAnswer = http::send(request).await?;
        Ok(answer.member_id)
    }

    /// Removes a member from an organization.
    ///
    /// # Errors
    /// `Rejected` with 404 when there is no such member, `Refused` when an id is malformed.
    pub async fn remove_member(
        &self,
        organization_id: &str,
        member_id: &str,
    ) -> Result<(), ProviderError> {
        if !is_segment(organization_id) || !is_segment(member_id) {
            return Err(ProviderError::refused("the member's id is malformed"));
        }
        let path = ["organizations", organization_id, "members", member_id];
        let _: IgnoredAny = http::send(self.api.request(Method::DELETE, &path)).await?;
        Ok(())
    }

    /// Ends all sessions of a member. JWTs that are out already stay good for up to five minutes.
    ///
    /// # Errors
    /// Why Stytch did not do it.
    pub async fn revoke_sessions(&self, member_id: &str) -> Result<(), ProviderError> {
        let request = self
            .api
            .post(&["sessions", "revoke"], &Revocation { member_id });
        let _: IgnoredAny = http::send(request).await?;
        Ok(())
    }

    /// Exchanges the token of a magic link, which is good once, for the JWT of a new session.
    ///
    /// # Errors
    /// `Rejected` when the token is none, too old or used; `Refused` when the member has to show a second factor
    /// first.
    pub async fn authenticate_magic_link(&self, token: &str) -> Result<String, ProviderError> {
        let request = self.api.post(
            &["magic_links", "authenticate"],
            &MagicLink {
                magic_links_token: token,
            },
        );
        let answer: MagicLinkAnswer = http::send(request).await?;
        if !answer.member_authenticated || answer.session_jwt.is_empty() {
            return Err(ProviderError::refused(
                "the member has to show a second factor",
            ));
        }
        Ok(answer.session_jwt)
    }

    async fn member_email(
        &self,
        organization_id: &str,
        member_id: &str,
    ) -> Result<String, ProviderError> {
        let path = ["organizations", organization_id, "member"];
        let request = || {
            self.api
                .request(Method::GET, &path)
                .query(&[("member_id", member_id)])
        };
        let member = match http::get::<MemberAnswer>(request).await {
            Ok(answer) => answer.member,
            Err(ProviderError::Rejected { status: 404, .. }) => {
                return Err(ProviderError::refused("the member is gone"));
            }
            Err(error) => return Err(error),
        };
        if member.member_id != member_id || member.organization_id != organization_id {
            return Err(ProviderError::refused("the member is another one"));
        }
        if member.status != "active" {
            return Err(ProviderError::refused("the member is not active"));
        }
        if !member.email_address_verified {
            return Err(ProviderError::refused(
                "the member's address is not verified",
            ));
        }
        normal_email(&member.email_address)
    }
}

/// Says whether an id can stand in a path as it is. `.` and `..` would change the path.
fn is_segment(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.|".contains(&byte);
    !id.is_empty() && id.len() <= 128 && id.bytes().all(plain) && !id.bytes().all(|b| b == b'.')
}

/// What requests are made of.
struct Api {
    http: reqwest::Client,
    config: StytchConfig,
}

impl Api {
    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.config.base_url.clone();
        // Only URLs that cannot have a path have none here, and `new` lets none of them in.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["v1", "b2b"]).extend(path);
        }
        // The header is marked as sensitive, so no log of the HTTP client shows it.
        self.http
            .request(method, url)
            .basic_auth(&self.config.project_id, Some(&self.config.secret.0))
    }

    fn post(&self, path: &[&str], body: &impl Serialize) -> RequestBuilder {
        self.request(Method::POST, path).json(body)
    }

    async fn keys(&self) -> Result<JwkSet, FetchError> {
        let path = ["sessions", "jwks", &self.config.project_id];
        http::get(|| self.request(Method::GET, &path))
            .await
            .map_err(|error| FetchError(error.reason()))
    }
}
