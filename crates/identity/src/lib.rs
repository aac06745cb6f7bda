#![doc = include_str!("../README.md")]

pub mod emails;
mod http;
mod mail;
mod mail_queue;
mod oidc;
mod providers;
mod session;
mod stytch;

pub use mail::{MailConfig, MailError, Mailer, SmtpUrl, mail_config};
pub use mail_queue::{Mail, MailQueue, Room};
pub use oidc::{OidcClient, OidcConfig};
pub use providers::{Proof, Providers, ProvidersConfig};
pub use session::{ConfigError, ProviderError, ProviderSession};
pub use stytch::{StytchClient, StytchConfig, StytchSecret};
