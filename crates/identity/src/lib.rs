#![doc = include_str!("../README.md")]

mod http;
mod mail;
mod mail_queue;
mod oidc;
mod providers;
mod session;
mod stytch;

pub use mail::{MailConfig, MailError, Mailer, SmtpUrl};
pub use mail_queue::{Mail, MailQueue};
pub use oidc::{OidcClient, OidcConfig};
pub use providers::{Proof, Providers, ProvidersConfig};
pub use session::{ConfigError, ProviderError, ProviderSession};
pub use stytch::{StytchClient, StytchConfig, StytchSecret};
