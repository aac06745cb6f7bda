//! What an identity provider says about a person, and what can go wrong when it is asked.

use averis_tokens::TokenError;
use lettre::Address;

/// Longest part of a foreign text that a reason quotes, in characters.
const QUOTED: usize = 120;

/// One person, proven by one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderSession {
    /// `stytch` or `oidc`.
    pub provider: &'static str,
    /// Who proves it, as written in the token's `iss`.
    pub issuer: String,
    /// The person, as the issuer knows them: Stytch's `member_id`, otherwise the token's `sub`. Stable, and unique
    /// within the issuer.
    pub subject: String,
    /// Address that the provider has verified, ASCII letters in lower case.
    pub email: String,
    /// Stytch's `organization_id`. Other providers have none.
    pub organization: Option<String>,
    /// The `nonce` of an ID token: what whoever started the sign-in has asked for it with. Others have none.
    pub nonce: Option<String>,
    /// When the provider's session ends, in seconds since 1970. A Stytch session outlives the token that shows it; an
    /// ID token is the session.
    pub expires_at: i64,
}

/// A provider did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The installation has no such provider.
    #[error("the identity provider is not set up")]
    NotSetUp,
    /// The session is no good, or an id is none. The reason is for the log: callers are told no more than that.
    #[error("refused: {0}")]
    Refused(String),
    /// The provider is away, too slow, failing, or answers with something that is no answer.
    #[error("the identity provider is unavailable: {0}")]
    Unavailable(String),
    /// The provider wants fewer requests.
    #[error("the identity provider asks for fewer requests")]
    RateLimited {
        /// When to try again, in seconds from now, if it says so.
        retry_after: Option<u32>,
    },
    /// The provider refused the request as it stands; the same one will be refused again.
    #[error(
        "the identity provider rejected the request with {status} ({}, {})",
        .error_type.as_deref().unwrap_or("no error type"),
        .request_id.as_deref().unwrap_or("no request id")
    )]
    Rejected {
        /// HTTP status, 400 to 499.
        status: u16,
        /// The provider's name for what is wrong, such as `member_not_found`.
        error_type: Option<String>,
        /// What the provider's support asks for.
        request_id: Option<String>,
    },
}

/// A client cannot be made from its configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A setting cannot be; says which and why.
    #[error("{0}")]
    Invalid(&'static str),
    /// The HTTP client cannot be built.
    #[error("the HTTP client cannot be built")]
    Http(#[source] reqwest::Error),
}

impl ProviderError {
    pub(crate) fn refused(reason: &str) -> Self {
        Self::Refused(reason.to_owned())
    }

    pub(crate) fn unavailable(reason: &str) -> Self {
        Self::Unavailable(reason.to_owned())
    }

    /// Returns what is wrong without the words that every error of its kind has.
    pub(crate) fn reason(self) -> String {
        match self {
            Self::Refused(reason) | Self::Unavailable(reason) => reason,
            other => other.to_string(),
        }
    }

    /// Says why a token is refused, without quoting what stands in it.
    pub(crate) fn from_token(error: TokenError) -> Self {
        match error {
            TokenError::KeysUnavailable(error) => Self::Unavailable(error.0),
            // The parser's words repeat what it found there, and that is anybody's text.
            TokenError::Invalid(text) if text.contains("JSON") => {
                Self::refused("the token's JSON is not as expected")
            }
            other => Self::Refused(quotable(&other.to_string())),
        }
    }
}

/// Returns the beginning of a text without what could start a line of its own in a log.
fn quotable(text: &str) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(QUOTED).map(printable).collect()
}

/// Returns the form in which an address is compared and kept. Only ASCII is folded: Unicode folds `K` (the Kelvin
/// sign) to `k`, and so would make one person's address out of another's.
pub(crate) fn normal_email(text: &str) -> Result<String, ProviderError> {
    let email = text.trim().to_ascii_lowercase();
    match email.parse::<Address>() {
        Ok(_) => Ok(email),
        Err(_) => Err(ProviderError::refused("the e-mail address is malformed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_folded_in_ascii_only() {
        assert_eq!(
            normal_email(" Ann@Example.COM ").unwrap(),
            "ann@example.com"
        );
        assert_ne!(
            normal_email("\u{212a}im@example.com").unwrap(),
            "kim@example.com"
        );
        for bad in [
            "",
            "ann",
            "@example.com",
            "ann@",
            "a\r\nb@example.com",
            "a b@example.com",
        ] {
            assert!(normal_email(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn reasons_quote_no_foreign_text() {
        let error = TokenError::Invalid("JSON error: invalid type: string \"secret\"".to_owned());
        assert!(
            !ProviderError::from_token(error)
                .to_string()
                .contains("secret")
        );
        let error = TokenError::Invalid(format!("signed\nby {}", "x".repeat(500)));
        let text = ProviderError::from_token(error).to_string();
        assert!(text.len() < 200 && !text.contains('\n'), "{text}");
    }
}
