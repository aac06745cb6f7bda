//! Channels, segments and locales: names that a tenant gives.

use averis_service_kit::problem::FieldProblem;

/// What a name is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarketKind {
    /// A channel of sale.
    Channel,
    /// A segment of customers.
    Segment,
    /// A language of a country, such as `de_AT`.
    Locale,
}

impl MarketKind {
    /// Returns the word as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Segment => "segment",
            Self::Locale => "locale",
        }
    }

    /// Checks the form of a code.
    pub fn check(self, code: &str) -> Result<(), FieldProblem> {
        let (fits, form) = match self {
            Self::Locale => (
                is_locale(code),
                "must be a language and a country, such as de_AT",
            ),
            Self::Channel | Self::Segment => (
                super::forms::is_code(code),
                "must be 1 to 63 letters, digits, hyphens and underscores",
            ),
        };
        if fits {
            Ok(())
        } else {
            Err(FieldProblem::new("/code", "form", form))
        }
    }
}

fn is_locale(code: &str) -> bool {
    code.split_once('_').is_some_and(|(language, country)| {
        (2..=3).contains(&language.len())
            && language.bytes().all(|b| b.is_ascii_lowercase())
            && super::forms::is_country(country)
    })
}
