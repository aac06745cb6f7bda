//! Variables of the OMS service, besides those that every service has (see `averis_service_kit::config`).
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `AVERIS_STRIPE_SECRET` | | the installation's secret key at Stripe; each tenant's account is connected to it |
//! | `AVERIS_STRIPE_WEBHOOK_SECRET` | required with a key | what Stripe signs its webhooks with |
//! | `AVERIS_STRIPE_URL` | `https://api.stripe.com` | |
//! | `AVERIS_PAYMENT_SIMULATOR_URL` | | a simulator that speaks like Stripe, for development |
//! | `AVERIS_PAYMENT_SIMULATOR_SECRET` | required with an address | its key, and what it signs its webhooks with |

use averis_service_kit::config::{ConfigError, Env, ServiceConfig};
use url::Url;

/// How the OMS service is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every service has.
    pub common: ServiceConfig,
    /// Payment providers of the installation.
    pub providers: ProvidersConfig,
}

/// Payment providers of the installation.
#[derive(Clone, Debug, Default)]
pub struct ProvidersConfig {
    /// Stripe.
    pub stripe: Option<StripeConfig>,
    /// A simulator that speaks like Stripe.
    pub simulator: Option<StripeConfig>,
}

/// How something that speaks like Stripe is reached.
#[derive(Clone)]
pub struct StripeConfig {
    /// Where it is.
    pub url: Url,
    /// The installation's secret key there.
    pub secret: String,
    /// What it signs its webhooks with.
    pub webhook_secret: String,
}

impl std::fmt::Debug for StripeConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StripeConfig({})", self.url)
    }
}

impl Config {
    /// Reads the variables.
    ///
    /// # Errors
    /// When one is missing or malformed.
    pub fn from_env(env: Env<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            common: ServiceConfig::from_env(env, "oms")?,
            providers: payment_providers(env)?,
        })
    }
}

/// Reads which payment providers the installation has.
///
/// # Errors
/// When one of the variables that belong together is missing or malformed.
pub fn payment_providers(env: Env<'_>) -> Result<ProvidersConfig, ConfigError> {
    let mut providers = ProvidersConfig::default();
    if let Some(secret) = env.optional::<String>("AVERIS_STRIPE_SECRET")? {
        let default = "https://api.stripe.com".to_owned();
        let url: String = env.or("AVERIS_STRIPE_URL", default)?;
        providers.stripe = Some(StripeConfig {
            url: address("AVERIS_STRIPE_URL", &url)?,
            secret,
            webhook_secret: env.required("AVERIS_STRIPE_WEBHOOK_SECRET")?,
        });
    }
    if let Some(url) = env.optional::<String>("AVERIS_PAYMENT_SIMULATOR_URL")? {
        let secret: String = env.required("AVERIS_PAYMENT_SIMULATOR_SECRET")?;
        providers.simulator = Some(StripeConfig {
            url: address("AVERIS_PAYMENT_SIMULATOR_URL", &url)?,
            webhook_secret: secret.clone(),
            secret,
        });
    }
    Ok(providers)
}

/// A key never travels in the clear but to this machine.
fn address(name: &str, text: &str) -> Result<Url, ConfigError> {
    let invalid = |why: String| ConfigError::Invalid(name.to_owned(), why);
    let url: Url = text
        .parse()
        .map_err(|error: url::ParseError| invalid(error.to_string()))?;
    let is_own = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if url.scheme() == "https" || (url.scheme() == "http" && is_own) {
        return Ok(url);
    }
    Err(invalid(
        "it must be https, or plain http to this machine".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_together_is_set_together_and_keys_stay_off_open_wires() {
        let read = |set: &[(&str, &str)]| {
            let get = |name: &str| {
                let found = set.iter().find(|(own, _)| *own == name);
                Ok(found.map(|(_, value)| (*value).to_owned()))
            };
            payment_providers(Env(&get))
        };
        assert!(read(&[]).expect("none").stripe.is_none());
        let both = [
            ("AVERIS_STRIPE_SECRET", "sk_x"),
            ("AVERIS_STRIPE_WEBHOOK_SECRET", "whsec_x"),
        ];
        let stripe = read(&both).expect("both").stripe.expect("stripe");
        assert_eq!(stripe.url.as_str(), "https://api.stripe.com/");
        assert!(!format!("{stripe:?}").contains("sk_x"));
        assert!(read(&both[..1]).is_err());
        let open = ("AVERIS_STRIPE_URL", "http://stripe.example");
        assert!(read(&[both[0], both[1], open]).is_err());
        let own = ("AVERIS_PAYMENT_SIMULATOR_URL", "http://127.0.0.1:1");
        assert!(read(&[own]).is_err());
        let secret = ("AVERIS_PAYMENT_SIMULATOR_SECRET", "x");
        assert!(read(&[own, secret]).expect("both").simulator.is_some());
    }
}
