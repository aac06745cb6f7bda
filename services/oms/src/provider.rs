//! Payment providers: what they are asked, and what they say. Whatever they are, an answer is one of four.

pub mod signature;
pub mod stripe;

use uuid::Uuid;

use crate::config::ProvidersConfig;
use stripe::StripeClient;

pub const STRIPE: &str = "stripe";
pub const SIMULATOR: &str = "simulator";

/// Why an authorisation counts no more that its provider has let go by itself.
pub const ENDED: &str = "ended";

/// What a provider is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// However often it is asked for under one key, it is done once.
    pub key: String,
    /// The order, for the provider's own books.
    pub order: Uuid,
    /// The tenant's account there.
    pub account: String,
    /// In lower case, such as `eur`.
    pub currency: String,
    pub amount: i64,
    pub action: Action,
    /// The provider's name for it, where it has said that it will be done later: then it is looked at, not asked for.
    pub known: Option<String>,
}

/// What it is to do.
#[derive(Clone, Debug)]
pub enum Action {
    /// Keep so much ready, from what the buyer has.
    Authorise { token: String },
    /// Take so much of it.
    Capture {
        reference: String,
        /// Whether nothing of it is left to be taken later.
        is_last: bool,
    },
    /// Let go what is left of it.
    Void { reference: String },
    /// Give so much of it back.
    Refund { reference: String },
    /// Nothing: say whether what is authorised still is.
    Look { reference: String },
}

/// What a provider says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done; the provider's name for it.
    Success(String),
    /// It will not be done, and why in one word.
    Failure(String),
    /// It may be done later; the provider's name for it.
    Open(String),
    /// Nobody knows: there was no answer, or none that counts. It is asked for again, as the same.
    Unknown(String),
}

/// The providers of the installation.
pub struct Providers {
    stripe: Option<StripeClient>,
    simulator: Option<StripeClient>,
}

impl Providers {
    /// Makes their clients.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(config: ProvidersConfig) -> Result<Self, reqwest::Error> {
        Ok(Self {
            stripe: config.stripe.map(StripeClient::new).transpose()?,
            simulator: config.simulator.map(StripeClient::new).transpose()?,
        })
    }

    /// Returns the provider of that name, if the installation has it.
    pub fn get(&self, name: &str) -> Option<&StripeClient> {
        match name {
            STRIPE => self.stripe.as_ref(),
            SIMULATOR => self.simulator.as_ref(),
            _ => None,
        }
    }
}
