//! What can go wrong in this service, and what the caller is told.

use averis_service_kit::problem::{FieldProblem, Problem};
use averis_tenant_db::{DbError, Failure, failure};

/// The problems of this service alone.
pub mod codes {
    use averis_service_kit::problem::Code;

    /// The checkout has drafted something else.
    pub const CHECKOUT_TAKEN: Code = Code::new(
        409,
        "checkout_taken",
        "The checkout has drafted another order",
    );
    /// The cart is ordered, or another attempt at it is under way.
    pub const CART_ORDERED: Code =
        Code::new(409, "cart_ordered", "There is an order of the cart already");
    /// The provider has said no.
    pub const PAYMENT_DECLINED: Code =
        Code::new(402, "payment_declined", "The payment was declined");
    /// The tenant has no account at the provider, or the installation has no such provider.
    pub const PROVIDER_NOT_SET_UP: Code = Code::new(
        409,
        "provider_not_set_up",
        "The payment provider is not set up here",
    );
    /// The account is another tenant's.
    pub const ACCOUNT_TAKEN: Code = Code::new(409, "account_taken", "The account is not to be had");
    /// The order has no such line.
    pub const UNKNOWN_LINE: Code =
        Code::new(422, "unknown_line", "A named line is none of the order");
    /// Fewer pieces are neither shipped nor cancelled.
    pub const NOT_OPEN: Code = Code::new(
        409,
        "not_open",
        "Fewer pieces are neither shipped nor cancelled",
    );
    /// Something else has left with the packing slip.
    pub const SLIP_TAKEN: Code = Code::new(
        409,
        "slip_taken",
        "Something else has left with the packing slip",
    );
    /// The order has no such shipment.
    pub const UNKNOWN_SHIPMENT: Code = Code::new(
        422,
        "unknown_shipment",
        "The named shipment is none of the order",
    );
    /// Fewer pieces have left and are in no other return.
    pub const NOT_RETURNABLE: Code = Code::new(
        409,
        "not_returnable",
        "Fewer pieces have left and are in no other return",
    );
    /// What has come is not known yet.
    pub const MONEY_UNDER_WAY: Code = Code::new(
        409,
        "money_under_way",
        "Money of the order is under way: ask again in a moment",
    );
    /// More would go back than has come.
    pub const NOT_REFUNDABLE: Code =
        Code::new(409, "not_refundable", "Less was paid than would go back");
    /// Something else was noted under the reference.
    pub const REFERENCE_TAKEN: Code = Code::new(
        409,
        "reference_taken",
        "Something else was noted under the reference",
    );
    /// What was told is not signed by the provider.
    pub const BAD_SIGNATURE: Code = Code::new(
        401,
        "bad_signature",
        "What was told is not signed by the provider",
    );
    /// The amounts do not fit.
    pub const MONEY_OVERFLOW: Code = Code::new(422, "money_overflow", "The amount is too large");

    /// All of them.
    pub const ALL: &[Code] = &[
        CHECKOUT_TAKEN,
        CART_ORDERED,
        PAYMENT_DECLINED,
        PROVIDER_NOT_SET_UP,
        ACCOUNT_TAKEN,
        UNKNOWN_LINE,
        NOT_OPEN,
        SLIP_TAKEN,
        UNKNOWN_SHIPMENT,
        NOT_RETURNABLE,
        MONEY_UNDER_WAY,
        NOT_REFUNDABLE,
        REFERENCE_TAKEN,
        BAD_SIGNATURE,
        MONEY_OVERFLOW,
    ];
}

/// A failure of this service: something that the caller is told, or a fault of the database.
#[derive(Debug, thiserror::Error)]
pub enum OmsError {
    #[error(transparent)]
    Problem(#[from] Problem),
    #[error(transparent)]
    Db(DbError),
}

impl From<FieldProblem> for OmsError {
    fn from(problem: FieldProblem) -> Self {
        Self::Problem(Problem::invalid(vec![problem]))
    }
}

impl From<DbError> for OmsError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Query(query) => query.into(),
            other => Self::Db(other),
        }
    }
}

impl From<diesel::result::Error> for OmsError {
    fn from(error: diesel::result::Error) -> Self {
        let named = match failure(&error) {
            Failure::Duplicate(name) | Failure::Reference(name) => name,
            _ => return Self::Db(DbError::Query(error)),
        };
        let code = match named.as_str() {
            "orders_cart_once" => codes::CART_ORDERED,
            "shipments_slip_unique" => codes::SLIP_TAKEN,
            "payment_accounts_owner" => codes::ACCOUNT_TAKEN,
            _ => return Self::Db(DbError::Query(error)),
        };
        Self::Problem(Problem::new(code))
    }
}

impl From<OmsError> for Problem {
    fn from(error: OmsError) -> Self {
        match error {
            OmsError::Problem(problem) => problem,
            OmsError::Db(error) => error.into(),
        }
    }
}
