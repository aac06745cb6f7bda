//! What can go wrong in this service, and what the caller is told.

use averis_service_kit::problem::{FieldProblem, Problem};
use averis_tenant_db::{DbError, Failure, failure};

/// The problems of this service alone.
pub mod codes {
    use averis_service_kit::problem::Code;

    /// A proven address changes by proving another one.
    pub const EMAIL_PROVEN: Code = Code::new(
        409,
        "email_proven",
        "The address is proven; prove another one to change it",
    );
    /// The code is none: it is wrong, used, expired, somebody else's, or was guessed too often.
    pub const VERIFICATION_FAILED: Code = Code::new(
        422,
        "verification_failed",
        "The code does not prove anything",
    );
    /// Too many codes were asked for.
    pub const TOO_MANY_CODES: Code = Code::new(
        429,
        "too_many_codes",
        "Too many codes were asked for; try later",
    );
    /// The customer was merged into another, or erased.
    pub const CUSTOMER_GONE: Code = Code::new(
        409,
        "customer_gone",
        "The customer was merged into another, or erased",
    );
    /// The customer may not act.
    pub const CUSTOMER_SUSPENDED: Code =
        Code::new(409, "customer_suspended", "The customer is suspended");
    /// A customer that the request names does not exist.
    pub const UNKNOWN_CUSTOMER: Code =
        Code::new(422, "unknown_customer", "A named customer does not exist");
    /// A company that the request names does not exist.
    pub const UNKNOWN_COMPANY: Code =
        Code::new(422, "unknown_company", "A named company does not exist");
    /// A location that the request names is none of the company.
    pub const UNKNOWN_LOCATION: Code = Code::new(
        422,
        "unknown_location",
        "A named location is none of the company",
    );
    /// The customer has so many addresses already.
    pub const TOO_MANY_ADDRESSES: Code =
        Code::new(409, "too_many_addresses", "The customer has 50 addresses");
    /// The customer acts for the company already.
    pub const MEMBER_EXISTS: Code = Code::new(
        409,
        "member_exists",
        "The customer acts for the company already",
    );
    /// The customer does not act for the company in this way.
    pub const NOT_A_MEMBER: Code = Code::new(
        409,
        "not_a_member",
        "The customer does not act for the company in this way",
    );
    /// Only approved companies buy.
    pub const COMPANY_NOT_APPROVED: Code =
        Code::new(409, "company_not_approved", "The company is not approved");
    /// The company would owe more than it may.
    pub const CREDIT_EXCEEDED: Code = Code::new(
        409,
        "credit_exceeded",
        "The company's credit does not suffice",
    );
    /// The company owes something, or may owe more than its new limit.
    pub const CREDIT_IN_USE: Code =
        Code::new(409, "credit_in_use", "The company's credit is in use");
    /// The company's credit was given back for good: another attempt is another checkout.
    pub const CREDIT_RELEASED: Code = Code::new(
        409,
        "credit_released",
        "The checkout has given its credit back",
    );
    /// Something else was paid under the reference.
    pub const REFERENCE_TAKEN: Code = Code::new(
        409,
        "reference_taken",
        "Another amount was noted under the reference",
    );
    /// Closed companies do not change.
    pub const COMPANY_CLOSED: Code = Code::new(409, "company_closed", "The company is closed");
    /// Only companies whose tax ids are valid are approved.
    pub const TAX_ID_NOT_VALID: Code = Code::new(
        409,
        "tax_id_not_valid",
        "A tax id of the company was not found to be valid",
    );
    /// What a visitor looks at is kept only where it has allowed that.
    pub const TELEMETRY_NOT_ALLOWED: Code = Code::new(
        409,
        "telemetry_not_allowed",
        "The visitor has not allowed that what it looks at is kept",
    );
    /// The identity provider's session proves nobody here.
    pub const SIGN_IN_REFUSED: Code = Code::new(
        401,
        "sign_in_refused",
        "The identity provider's token does not prove anybody",
    );
    /// The shops have no identity provider.
    pub const PROVIDER_NOT_SET_UP: Code = Code::new(
        409,
        "provider_not_set_up",
        "The shops have no identity provider",
    );
    /// The address belongs to another account of the identity provider.
    pub const OTHER_IDENTITY: Code = Code::new(
        409,
        "other_identity",
        "The address belongs to a customer who signs in by another account",
    );
    /// The company has so many rules already.
    pub const TOO_MANY_RULES: Code =
        Code::new(409, "too_many_rules", "The company has 50 approval rules");
    /// The customer has said so much already.
    pub const TOO_MANY_CONSENTS: Code = Code::new(
        409,
        "too_many_consents",
        "The customer has said so a thousand times",
    );
    /// Who has proven nothing has no address to change.
    pub const NOT_PROVEN: Code =
        Code::new(409, "not_proven", "The visitor has not proven who it is");
    /// Somebody else has proven the address.
    pub const EMAIL_TAKEN: Code = Code::new(409, "email_taken", "Another customer has the address");
    /// Only somebody who has proven nothing is merged by hand.
    pub const NOT_MERGEABLE: Code = Code::new(
        409,
        "not_mergeable",
        "A customer who has proven an address is merged by proof alone",
    );
    /// The checkout uses credit for something else.
    pub const CHECKOUT_TAKEN: Code = Code::new(
        409,
        "checkout_taken",
        "The checkout uses credit for something else",
    );
    /// Nobody approves the own order.
    pub const OWN_ORDER: Code = Code::new(409, "own_order", "Nobody approves the own order");

    /// All of them.
    pub const ALL: &[Code] = &[
        EMAIL_PROVEN,
        VERIFICATION_FAILED,
        TOO_MANY_CODES,
        CUSTOMER_GONE,
        CUSTOMER_SUSPENDED,
        UNKNOWN_CUSTOMER,
        UNKNOWN_COMPANY,
        UNKNOWN_LOCATION,
        TOO_MANY_ADDRESSES,
        MEMBER_EXISTS,
        NOT_A_MEMBER,
        COMPANY_NOT_APPROVED,
        CREDIT_EXCEEDED,
        CREDIT_IN_USE,
        CREDIT_RELEASED,
        REFERENCE_TAKEN,
        COMPANY_CLOSED,
        TAX_ID_NOT_VALID,
        TELEMETRY_NOT_ALLOWED,
        SIGN_IN_REFUSED,
        PROVIDER_NOT_SET_UP,
        OTHER_IDENTITY,
        TOO_MANY_RULES,
        TOO_MANY_CONSENTS,
        NOT_PROVEN,
        EMAIL_TAKEN,
        NOT_MERGEABLE,
        CHECKOUT_TAKEN,
        OWN_ORDER,
    ];
}

/// A failure of this service: something that the caller is told, or a fault of the database.
#[derive(Debug, thiserror::Error)]
pub enum CustomerError {
    #[error(transparent)]
    Problem(#[from] Problem),
    #[error(transparent)]
    Db(DbError),
}

impl From<FieldProblem> for CustomerError {
    fn from(problem: FieldProblem) -> Self {
        Self::Problem(Problem::invalid(vec![problem]))
    }
}

impl From<DbError> for CustomerError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Query(query) => query.into(),
            other => Self::Db(other),
        }
    }
}

impl From<diesel::result::Error> for CustomerError {
    fn from(error: diesel::result::Error) -> Self {
        use averis_service_kit::problem::codes::CONFLICT;
        let named = match failure(&error) {
            Failure::Duplicate(name) | Failure::Reference(name) | Failure::Check(name) => name,
            _ => return Self::Db(DbError::Query(error)),
        };
        let code = match named.as_str() {
            // Two have proven one address at the same time: the other is there now, so the next try finds it.
            "customers_email_unique" | "customers_identity_unique" => CONFLICT,
            "company_members_once" => codes::MEMBER_EXISTS,
            "company_members_customer" | "approvals_buyer" => codes::UNKNOWN_CUSTOMER,
            "company_members_company"
            | "companies_parent"
            | "credit_holds_company"
            | "approvals_company" => codes::UNKNOWN_COMPANY,
            _ => return Self::Db(DbError::Query(error)),
        };
        Self::Problem(Problem::new(code))
    }
}

impl From<CustomerError> for Problem {
    fn from(error: CustomerError) -> Self {
        match error {
            CustomerError::Problem(problem) => problem,
            CustomerError::Db(error) => error.into(),
        }
    }
}
