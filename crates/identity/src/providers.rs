//! The identity providers of one installation, behind one question: whose session is this?

use std::fmt;

use crate::oidc::{OidcClient, OidcConfig};
use crate::session::{ConfigError, ProviderError, ProviderSession};
use crate::stytch::{StytchClient, StytchConfig};

/// Which providers an installation has, besides its own accounts.
#[derive(Clone, Debug, Default)]
pub struct ProvidersConfig {
    /// Stytch, where each tenant may be an organization.
    pub stytch: Option<StytchConfig>,
    /// An issuer that speaks for the whole installation.
    pub oidc: Option<OidcConfig>,
}

/// What somebody shows of a provider. Never printed.
pub enum Proof {
    /// The JWT of a Stytch session.
    StytchSession(String),
    /// The token of a Stytch magic link, which is good once.
    StytchMagicLink(String),
    /// An ID token.
    IdToken(String),
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StytchSession(_) => "StytchSession",
            Self::StytchMagicLink(_) => "StytchMagicLink",
            Self::IdToken(_) => "IdToken",
        })
    }
}

/// The providers of one installation.
#[derive(Debug)]
pub struct Providers {
    stytch: Option<StytchClient>,
    oidc: Option<OidcClient>,
}

impl Providers {
    /// Makes the clients. Nothing is asked before the first call.
    ///
    /// # Errors
    /// When a setting cannot be.
    pub fn new(config: ProvidersConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            stytch: config.stytch.map(StytchClient::new).transpose()?,
            oidc: config.oidc.map(OidcClient::new).transpose()?,
        })
    }

    /// Returns whose session it is that somebody shows.
    ///
    /// # Errors
    /// `NotSetUp` for a provider that the installation has not; otherwise why nobody is proven.
    pub async fn authenticate(&self, proof: &Proof) -> Result<ProviderSession, ProviderError> {
        match proof {
            Proof::StytchSession(jwt) => self.stytch()?.authenticate_session(jwt).await,
            Proof::StytchMagicLink(token) => {
                let stytch = self.stytch()?;
                let jwt = stytch.authenticate_magic_link(token).await?;
                stytch.authenticate_session(&jwt).await
            }
            Proof::IdToken(token) => {
                let oidc = self.oidc.as_ref().ok_or(ProviderError::NotSetUp)?;
                oidc.authenticate(token).await
            }
        }
    }

    /// Returns the client of Stytch, for what concerns organizations and their members.
    ///
    /// # Errors
    /// `NotSetUp` where there is none.
    pub fn stytch(&self) -> Result<&StytchClient, ProviderError> {
        self.stytch.as_ref().ok_or(ProviderError::NotSetUp)
    }
}
