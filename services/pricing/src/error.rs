//! What can go wrong in this service, and what the caller is told.

use averis_contracts::client::CallError;
use averis_money::MoneyError;
use averis_service_kit::problem::{FieldProblem, Problem};
use averis_tenant_db::{DbError, Failure, failure};

use crate::engine::quote::QuoteError;
use crate::engine::totals::TotalsError;

/// The problems of this service alone.
pub mod codes {
    use averis_service_kit::problem::Code;

    /// Another catalog, promotion, channel, segment or locale has the code.
    pub const CODE_TAKEN: Code = Code::new(409, "code_taken", "The code is taken");
    /// A channel, segment, locale or catalog that the request names does not exist.
    pub const UNKNOWN_REFERENCE: Code = Code::new(
        422,
        "unknown_reference",
        "Something that is named does not exist",
    );
    /// Nobody has launched the SKU.
    pub const UNKNOWN_SKU: Code = Code::new(422, "unknown_sku", "No launched product has the SKU");
    /// Nobody has launched the product.
    pub const UNKNOWN_PRODUCT: Code =
        Code::new(422, "unknown_product", "The product was not launched");
    /// The service that knows what was launched does not answer.
    pub const PRODUCT_UNAVAILABLE: Code = Code::new(
        503,
        "product_unavailable",
        "What was launched cannot be asked for now",
    );
    /// An approved price of the same scope, tier and kind is valid at the same time.
    pub const PRICE_OVERLAP: Code = Code::new(
        409,
        "price_overlap",
        "An approved price like it is valid at the same time",
    );
    /// A rate of the same category and place is valid at the same time.
    pub const TAX_RATE_OVERLAP: Code = Code::new(
        409,
        "tax_rate_overlap",
        "A rate for the same is valid at the same time",
    );
    /// Nobody approves what it has written itself.
    pub const FOUR_EYES: Code = Code::new(
        409,
        "four_eyes",
        "Who has drafted a price does not approve it",
    );
    /// Approved prices do not change.
    pub const PRICE_APPROVED: Code = Code::new(
        409,
        "price_approved",
        "The price is approved; revise or end it instead",
    );
    /// Prices, rules or entries refer to it.
    pub const IN_USE: Code = Code::new(409, "in_use", "Something refers to it");
    /// There is a default catalog already.
    pub const DEFAULT_TAKEN: Code = Code::new(
        409,
        "default_taken",
        "Another active catalog is the default",
    );
    /// The plan has one catalog.
    pub const CATALOGS_NOT_ALLOWED: Code = Code::new(
        403,
        "catalogs_not_allowed",
        "The tenant has no more than one catalog",
    );
    /// No rule gives this buyer a catalog, and none is the default.
    pub const NO_CATALOG: Code = Code::new(422, "no_catalog", "There is no catalog for this buyer");
    /// Lines have no price for this buyer now.
    pub const NO_PRICE: Code = Code::new(422, "no_price", "Something has no price for this buyer");
    /// Nobody has named a rate of tax for the place.
    pub const NO_TAX_RATE: Code =
        Code::new(422, "no_tax_rate", "There is no rate of tax for this place");
    /// Nobody has named a rate of exchange.
    pub const NO_FX_RATE: Code = Code::new(422, "no_fx_rate", "There is no rate of exchange");
    /// An amount does not fit.
    pub const MONEY_OVERFLOW: Code = Code::new(422, "money_overflow", "An amount is too large");
    /// The quote is over, and a new one comes to something else.
    pub const PRICE_CHANGED: Code = Code::new(409, "price_changed", "What it comes to has changed");
    /// The quote is over.
    pub const QUOTE_EXPIRED: Code = Code::new(409, "quote_expired", "The quote has expired");
    /// A promotion was used as often as it may be.
    pub const PROMOTION_EXHAUSTED: Code = Code::new(
        409,
        "promotion_exhausted",
        "A promotion cannot be used any more",
    );
    /// The checkout has given back what it held, for good.
    pub const REDEMPTION_RELEASED: Code = Code::new(
        409,
        "redemption_released",
        "The checkout has given its promotions back",
    );
    /// The checkout has promotions held for another quote.
    pub const CHECKOUT_TAKEN: Code = Code::new(
        409,
        "checkout_taken",
        "The checkout holds promotions for another quote",
    );

    /// All of them.
    pub const ALL: &[Code] = &[
        CODE_TAKEN,
        UNKNOWN_REFERENCE,
        UNKNOWN_SKU,
        UNKNOWN_PRODUCT,
        PRODUCT_UNAVAILABLE,
        PRICE_OVERLAP,
        TAX_RATE_OVERLAP,
        FOUR_EYES,
        PRICE_APPROVED,
        IN_USE,
        DEFAULT_TAKEN,
        CATALOGS_NOT_ALLOWED,
        NO_CATALOG,
        NO_PRICE,
        NO_TAX_RATE,
        NO_FX_RATE,
        MONEY_OVERFLOW,
        PRICE_CHANGED,
        QUOTE_EXPIRED,
        PROMOTION_EXHAUSTED,
        CHECKOUT_TAKEN,
        REDEMPTION_RELEASED,
    ];
}

/// A failure of this service: something that the caller is told, or a fault of the database.
#[derive(Debug, thiserror::Error)]
pub enum PricingError {
    #[error("values are not acceptable")]
    Invalid(Vec<FieldProblem>),
    #[error(transparent)]
    Problem(#[from] Problem),
    #[error(transparent)]
    Db(DbError),
}

impl From<FieldProblem> for PricingError {
    fn from(problem: FieldProblem) -> Self {
        Self::Invalid(vec![problem])
    }
}

impl From<DbError> for PricingError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Query(query) => query.into(),
            other => Self::Db(other),
        }
    }
}

/// What this service has written as JSON, or another service has sent as an event, cannot be read. What callers send is checked
/// before.
impl From<serde_json::Error> for PricingError {
    fn from(error: serde_json::Error) -> Self {
        Self::Db(DbError::Query(diesel::result::Error::DeserializationError(
            Box::new(error),
        )))
    }
}

impl From<diesel::result::Error> for PricingError {
    fn from(error: diesel::result::Error) -> Self {
        let named = match failure(&error) {
            Failure::Duplicate(name) | Failure::Reference(name) | Failure::Check(name) => name,
            _ => return Self::Db(DbError::Query(error)),
        };
        let code = match named.as_str() {
            "market_codes_unique" | "catalogs_code_unique" | "promotions_code_unique" => {
                codes::CODE_TAKEN
            }
            "catalogs_default_unique" => codes::DEFAULT_TAKEN,
            "prices_overlap" => codes::PRICE_OVERLAP,
            "tax_rates_overlap" => codes::TAX_RATE_OVERLAP,
            "prices_catalog" | "catalog_rules_catalog" | "catalog_entries_catalog" => {
                codes::UNKNOWN_REFERENCE
            }
            "prices_replaced" => codes::IN_USE,
            _ => return Self::Db(DbError::Query(error)),
        };
        Self::Problem(Problem::new(code))
    }
}

impl From<QuoteError> for PricingError {
    fn from(error: QuoteError) -> Self {
        match error {
            QuoteError::NoPrice(places) => {
                let pointers: Vec<String> = places
                    .iter()
                    .map(|place| format!("/lines/{place}"))
                    .collect();
                Self::Problem(Problem::new(codes::NO_PRICE).with("lines", pointers))
            }
            QuoteError::NoTaxRate { category } => {
                Self::Problem(Problem::new(codes::NO_TAX_RATE).with("tax_category", category))
            }
            QuoteError::Totals(error) => error.into(),
        }
    }
}

impl From<TotalsError> for PricingError {
    fn from(error: TotalsError) -> Self {
        match error {
            TotalsError::Money(error) => error.into(),
            TotalsError::Quantity { line, .. } => FieldProblem::new(
                format!("/lines/{line}/quantity"),
                "range",
                "must be at least 1",
            )
            .into(),
            // What is stored was checked; these are faults of ours.
            error @ (TotalsError::TaxRate(_) | TotalsError::Discount | TotalsError::Negative) => {
                Self::Problem(
                    Problem::new(averis_service_kit::problem::codes::INTERNAL).because(error),
                )
            }
        }
    }
}

impl From<MoneyError> for PricingError {
    fn from(error: MoneyError) -> Self {
        match error {
            MoneyError::Overflow => Self::Problem(Problem::new(codes::MONEY_OVERFLOW)),
            other => Self::Problem(
                Problem::new(averis_service_kit::problem::codes::INTERNAL).because(other),
            ),
        }
    }
}

impl From<CallError> for PricingError {
    fn from(error: CallError) -> Self {
        Self::Problem(Problem::new(codes::PRODUCT_UNAVAILABLE).because(error))
    }
}

impl From<PricingError> for Problem {
    fn from(error: PricingError) -> Self {
        match error {
            PricingError::Invalid(errors) => Self::invalid(errors),
            PricingError::Problem(problem) => problem,
            PricingError::Db(error) => error.into(),
        }
    }
}
