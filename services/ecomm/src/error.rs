//! What can go wrong in this service, and what the caller is told.

use averis_service_kit::problem::{FieldProblem, Problem};
use averis_tenant_db::{DbError, Failure, failure};

/// The problems of this service alone.
pub mod codes {
    use averis_service_kit::problem::Code;

    /// Another way of sending has the code.
    pub const CODE_TAKEN: Code = Code::new(409, "code_taken", "The code is taken");
    /// The cart's checkout is under way: nobody else changes it until then.
    pub const CART_LOCKED: Code = Code::new(
        409,
        "cart_locked",
        "The cart is being bought; it changes when that has failed",
    );
    /// The cart is bought.
    pub const CART_ORDERED: Code = Code::new(409, "cart_ordered", "The cart is ordered");
    /// It was put into another one of its customer.
    pub const CART_MERGED: Code =
        Code::new(409, "cart_merged", "The cart was put into another one");
    /// Nobody has touched it for long.
    pub const CART_EXPIRED: Code = Code::new(
        409,
        "cart_expired",
        "Nobody has touched the cart for long; begin another",
    );
    /// There is nothing in it.
    pub const CART_EMPTY: Code = Code::new(409, "cart_empty", "The cart is empty");
    /// Something of the buyer is not known yet.
    pub const CART_INCOMPLETE: Code = Code::new(
        409,
        "cart_incomplete",
        "The cart lacks something that an order needs",
    );
    /// There is no room for more lines.
    pub const CART_FULL: Code = Code::new(409, "cart_full", "The cart has 200 lines");
    /// It comes to something else than its buyer has seen.
    pub const CART_CHANGED: Code = Code::new(
        409,
        "cart_changed",
        "The cart comes to something else than its buyer has seen",
    );
    /// Nobody sends so there.
    pub const NO_SHIPPING: Code =
        Code::new(422, "no_shipping", "There is no such way of sending there");
    /// No such product is for sale.
    pub const UNKNOWN_SKU: Code = Code::new(
        422,
        "unknown_sku",
        "No product that is for sale has the SKU",
    );
    /// There is no price.
    pub const NO_PRICE: Code = Code::new(422, "no_price", "Something has no price there");
    /// Some of it is not there.
    pub const OUT_OF_STOCK: Code = Code::new(409, "out_of_stock", "There is not enough");
    /// A promotion that the buyer has seen is used up.
    pub const COUPON_EXHAUSTED: Code = Code::new(
        409,
        "coupon_exhausted",
        "A promotion that the total counts on is used up",
    );
    /// The buyer may not order.
    pub const NOT_ALLOWED: Code =
        Code::new(409, "not_allowed_to_buy", "The buyer may not order so");
    /// Somebody of the company has to approve it first.
    pub const APPROVAL_REQUIRED: Code = Code::new(
        409,
        "approval_required",
        "Somebody of the company has to approve the order",
    );
    /// The company's credit does not suffice.
    pub const CREDIT_EXCEEDED: Code = Code::new(
        409,
        "credit_exceeded",
        "The company's credit does not suffice",
    );
    /// The payment provider has said no.
    pub const PAYMENT_DECLINED: Code =
        Code::new(402, "payment_declined", "The payment was declined");
    /// The shop does not take that.
    pub const PROVIDER_NOT_SET_UP: Code = Code::new(
        409,
        "provider_not_set_up",
        "The payment provider is not set up here",
    );
    /// Something that a checkout needs is away. Nothing is kept of the attempt.
    pub const CHECKOUT_UNAVAILABLE: Code = Code::new(
        503,
        "checkout_unavailable",
        "A part of the shop does not answer; nothing was bought",
    );

    /// Something that a page needs is away.
    pub const SHOP_UNAVAILABLE: Code = Code::new(
        503,
        "shop_unavailable",
        "A part of the shop does not answer",
    );

    /// All of them.
    pub const ALL: &[Code] = &[
        CODE_TAKEN,
        CART_LOCKED,
        CART_ORDERED,
        CART_MERGED,
        CART_EXPIRED,
        CART_EMPTY,
        CART_INCOMPLETE,
        CART_FULL,
        CART_CHANGED,
        NO_SHIPPING,
        UNKNOWN_SKU,
        NO_PRICE,
        OUT_OF_STOCK,
        COUPON_EXHAUSTED,
        NOT_ALLOWED,
        APPROVAL_REQUIRED,
        CREDIT_EXCEEDED,
        PAYMENT_DECLINED,
        PROVIDER_NOT_SET_UP,
        CHECKOUT_UNAVAILABLE,
        SHOP_UNAVAILABLE,
    ];
}

/// A failure of this service: something that the caller is told, or a fault of the database.
#[derive(Debug, thiserror::Error)]
pub enum EcommError {
    #[error(transparent)]
    Problem(#[from] Problem),
    #[error(transparent)]
    Db(DbError),
}

impl From<FieldProblem> for EcommError {
    fn from(problem: FieldProblem) -> Self {
        Self::Problem(Problem::invalid(vec![problem]))
    }
}

impl From<DbError> for EcommError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Query(query) => query.into(),
            other => Self::Db(other),
        }
    }
}

impl From<diesel::result::Error> for EcommError {
    fn from(error: diesel::result::Error) -> Self {
        let named = match failure(&error) {
            Failure::Duplicate(name) => name,
            _ => return Self::Db(DbError::Query(error)),
        };
        let code = match named.as_str() {
            "shipping_methods_code_unique" => codes::CODE_TAKEN,
            // Two of a session at once: the other is there now, so the next try finds it.
            "carts_one_of_a_session" | "cart_lines_once" => {
                averis_service_kit::problem::codes::CONFLICT
            }
            "checkouts_one_open" => codes::CART_LOCKED,
            _ => return Self::Db(DbError::Query(error)),
        };
        Self::Problem(Problem::new(code))
    }
}

impl From<serde_json::Error> for EcommError {
    fn from(error: serde_json::Error) -> Self {
        use averis_service_kit::problem::codes::INTERNAL;
        Self::Problem(Problem::new(INTERNAL).because(error))
    }
}

impl From<EcommError> for Problem {
    fn from(error: EcommError) -> Self {
        match error {
            EcommError::Problem(problem) => problem,
            EcommError::Db(error) => error.into(),
        }
    }
}
