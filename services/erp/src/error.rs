//! What can go wrong in this service, and what the caller is told.

use averis_service_kit::problem::{FieldProblem, Problem};
use averis_tenant_db::{DbError, Failure, failure};

/// The problems of this service alone.
pub mod codes {
    use averis_service_kit::problem::Code;

    /// Another warehouse or supplier has the code.
    pub const CODE_TAKEN: Code = Code::new(409, "code_taken", "The code is taken");
    /// A place that the request names does not exist, or is none inside a warehouse.
    pub const UNKNOWN_LOCATION: Code =
        Code::new(422, "unknown_location", "A named location does not exist");
    /// More would be taken away than is there.
    pub const NOT_IN_STOCK: Code =
        Code::new(409, "not_in_stock", "There is less than would be moved");
    /// Less would be left than orders have reserved.
    pub const STOCK_RESERVED: Code = Code::new(
        409,
        "stock_reserved",
        "Orders have reserved what would be moved",
    );
    /// There is not enough to reserve.
    pub const OUT_OF_STOCK: Code = Code::new(409, "out_of_stock", "There is not enough");
    /// Something else was moved for the same cause.
    pub const CAUSE_TAKEN: Code = Code::new(
        409,
        "cause_taken",
        "Something else was moved for the same cause",
    );
    /// The owner has reserved something else.
    pub const OWNER_TAKEN: Code =
        Code::new(409, "owner_taken", "The owner has reserved something else");
    /// The owner has given back what it reserved, for good.
    pub const RESERVATION_RELEASED: Code = Code::new(
        409,
        "reservation_released",
        "The owner has given its reservation back",
    );
    /// The reservation was held for too long, and others may have it.
    pub const RESERVATION_EXPIRED: Code =
        Code::new(409, "reservation_expired", "The reservation has expired");
    /// More would leave than is reserved.
    pub const NOT_RESERVED: Code =
        Code::new(409, "not_reserved", "Less is reserved than would be taken");

    /// The month is closed.
    pub const PERIOD_CLOSED: Code = Code::new(409, "period_closed", "The month is closed");
    /// Something is posted already.
    pub const BOOKS_BEGUN: Code = Code::new(
        409,
        "books_begun",
        "The books have been begun in their currency",
    );
    /// Debits and credits differ.
    pub const UNBALANCED: Code = Code::new(422, "unbalanced", "Debits and credits differ");
    /// An account that the request names does not exist.
    pub const UNKNOWN_ACCOUNT: Code =
        Code::new(422, "unknown_account", "A named account does not exist");
    /// Only what was posted by hand is reversed.
    pub const NOT_REVERSIBLE: Code = Code::new(
        409,
        "not_reversible",
        "Only what was posted by hand is reversed",
    );
    /// Something else was paid under the reference.
    pub const REFERENCE_TAKEN: Code = Code::new(
        409,
        "reference_taken",
        "Something else was noted under the reference",
    );
    /// More would be taken back than was invoiced.
    pub const CREDITED_ALREADY: Code = Code::new(
        409,
        "credited_already",
        "Less is left than would be taken back",
    );
    /// There is no invoice that the money could be for. No caller is told: it stands with what was refused of what was told.
    pub const NOT_INVOICED: Code = Code::new(
        409,
        "not_invoiced",
        "There is no open invoice of that amount",
    );
    /// The books are kept in another currency, and no rate is known. No caller is told either.
    pub const UNKNOWN_RATE: Code = Code::new(
        409,
        "unknown_rate",
        "The books are kept in another currency, and no rate of exchange is known",
    );
    /// The supplier is not known, or nothing is ordered from it any more.
    pub const UNKNOWN_SUPPLIER: Code = Code::new(
        422,
        "unknown_supplier",
        "There is no such supplier, or it is not active",
    );
    /// The purchase order that the request names does not exist.
    pub const UNKNOWN_ORDER: Code = Code::new(
        422,
        "unknown_order",
        "A named purchase order does not exist",
    );
    /// The order has no such line.
    pub const UNKNOWN_LINE: Code = Code::new(422, "unknown_line", "The order has no such line");
    /// An order above the limit is approved by somebody who has not written it.
    pub const FOUR_EYES: Code = Code::new(
        403,
        "four_eyes",
        "Somebody who has not written the order has to approve it",
    );
    /// More would come than was ordered, with what may come besides.
    pub const OVER_RECEIVED: Code = Code::new(
        409,
        "over_received",
        "More would be received than was ordered",
    );
    /// More would be billed than has come.
    pub const NOT_RECEIVED: Code =
        Code::new(409, "not_received", "Less has come than would be billed");
    /// Another price is billed than was ordered at.
    pub const PRICE_DIFFERS: Code = Code::new(
        409,
        "price_differs",
        "Another price is billed than was ordered at",
    );
    /// The amount does not fit.
    pub const MONEY_OVERFLOW: Code = Code::new(422, "money_overflow", "The amount is too large");

    /// All of them.
    pub const ALL: &[Code] = &[
        CODE_TAKEN,
        UNKNOWN_LOCATION,
        NOT_IN_STOCK,
        STOCK_RESERVED,
        OUT_OF_STOCK,
        CAUSE_TAKEN,
        OWNER_TAKEN,
        RESERVATION_RELEASED,
        RESERVATION_EXPIRED,
        NOT_RESERVED,
        PERIOD_CLOSED,
        BOOKS_BEGUN,
        UNKNOWN_RATE,
        UNBALANCED,
        UNKNOWN_ACCOUNT,
        NOT_REVERSIBLE,
        REFERENCE_TAKEN,
        CREDITED_ALREADY,
        UNKNOWN_SUPPLIER,
        UNKNOWN_ORDER,
        UNKNOWN_LINE,
        FOUR_EYES,
        OVER_RECEIVED,
        NOT_RECEIVED,
        PRICE_DIFFERS,
        MONEY_OVERFLOW,
    ];
}

/// A failure of this service: something that the caller is told, or a fault of the database.
#[derive(Debug, thiserror::Error)]
pub enum ErpError {
    #[error(transparent)]
    Problem(#[from] Problem),
    #[error(transparent)]
    Db(DbError),
}

impl From<FieldProblem> for ErpError {
    fn from(problem: FieldProblem) -> Self {
        Self::Problem(Problem::invalid(vec![problem]))
    }
}

impl From<DbError> for ErpError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Query(query) => query.into(),
            other => Self::Db(other),
        }
    }
}

impl From<diesel::result::Error> for ErpError {
    fn from(error: diesel::result::Error) -> Self {
        let named = match failure(&error) {
            Failure::Duplicate(name) | Failure::Reference(name) => name,
            _ => return Self::Db(DbError::Query(error)),
        };
        let code = match named.as_str() {
            "warehouses_code_unique" | "suppliers_code_unique" => codes::CODE_TAKEN,
            "journal_entries_once" => codes::CAUSE_TAKEN,
            "journal_lines_account" => codes::UNKNOWN_ACCOUNT,
            _ => return Self::Db(DbError::Query(error)),
        };
        Self::Problem(Problem::new(code))
    }
}

impl From<ErpError> for Problem {
    fn from(error: ErpError) -> Self {
        match error {
            ErpError::Problem(problem) => problem,
            ErpError::Db(error) => error.into(),
        }
    }
}
