#![doc = include_str!("../README.md")]

mod http;
mod mail;
mod oidc;
mod session;
mod stytch;

pub use mail::{MailConfig, MailError, Mailer, SmtpUrl};
pub use oidc::{OidcClient, OidcConfig};
pub use session::{ConfigError, ProviderError, ProviderSession};
pub use stytch::{StytchClient, StytchConfig, StytchSecret};
