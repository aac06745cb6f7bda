#![doc = include_str!("../README.md")]

mod claims;
mod key_set;
mod service;
mod signing;
mod verify;

pub use claims::{API_AUDIENCE, AccessClaims, MembershipClaim, ServiceClaims, now_ms};
pub use jsonwebtoken::Algorithm;
pub use jsonwebtoken::jwk::JwkSet;
pub use key_set::{FetchError, KeySet};
pub use service::{ServiceIdentity, TrustedServices};
pub use signing::{SigningKeys, SigningSecret};
pub use verify::{Expected, Kind, TokenError, verify};
