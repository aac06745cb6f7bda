//! Answers to what went wrong: RFC 9457 `application/problem+json` with a stable `code`.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use averis_tenant_db::{DbError, Failure, causes, failure};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::request;

/// What a handler returns.
pub type ApiResult<T> = Result<T, Problem>;

/// A kind of problem. Clients decide by `name`, which therefore never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// HTTP status.
    pub status: u16,
    /// Stable name, `snake_case`.
    pub name: &'static str,
    /// One line for people, the same for each occurrence.
    pub title: &'static str,
}

impl Code {
    /// Makes a kind of problem.
    #[must_use]
    pub const fn new(status: u16, name: &'static str, title: &'static str) -> Self {
        Self {
            status,
            name,
            title,
        }
    }
}

/// The problems that every service may answer.
pub mod codes {
    use super::Code;

    pub const MALFORMED_BODY: Code = Code::new(400, "malformed_body", "The body cannot be read");
    pub const UNKNOWN_FIELD: Code =
        Code::new(400, "unknown_field", "The body has an unknown field");
    pub const INVALID_QUERY: Code =
        Code::new(400, "invalid_query", "The query cannot be understood");
    pub const INVALID_CURSOR: Code = Code::new(
        400,
        "invalid_cursor",
        "The cursor does not belong to this list",
    );
    pub const INVALID_HEADER: Code =
        Code::new(400, "invalid_header", "A header cannot be understood");
    pub const INVALID_TENANT: Code =
        Code::new(400, "invalid_tenant", "The request names no tenant");
    pub const TENANT_MISMATCH: Code = Code::new(
        400,
        "tenant_mismatch",
        "The request names more than one tenant",
    );
    pub const IDEMPOTENCY_KEY_MISSING: Code = Code::new(
        400,
        "idempotency_key_missing",
        "An Idempotency-Key header is required",
    );
    pub const UNAUTHENTICATED: Code =
        Code::new(401, "unauthenticated", "The request needs a credential");
    pub const INVALID_TOKEN: Code =
        Code::new(401, "invalid_token", "The credential is not acceptable");
    pub const TOKEN_EXPIRED: Code = Code::new(401, "token_expired", "The token has expired");
    pub const FORBIDDEN: Code = Code::new(403, "forbidden", "The caller may not do this");
    pub const WRONG_TENANT: Code =
        Code::new(403, "wrong_tenant", "The credential is for another tenant");
    pub const GRANT_REQUIRED: Code = Code::new(
        403,
        "grant_required",
        "Staff of the platform needs a grant to act inside a tenant",
    );
    pub const TENANT_SUSPENDED: Code =
        Code::new(403, "tenant_suspended", "The tenant accepts no changes");
    pub const NOT_FOUND: Code = Code::new(404, "not_found", "There is no such thing");
    pub const NO_SUCH_ROUTE: Code =
        Code::new(404, "no_such_route", "There is nothing at this address");
    pub const METHOD_NOT_ALLOWED: Code = Code::new(
        405,
        "method_not_allowed",
        "This address does not know the method",
    );
    pub const IDEMPOTENCY_IN_PROGRESS: Code = Code::new(
        409,
        "idempotency_in_progress",
        "A request with this Idempotency-Key is under way",
    );
    pub const CONFLICT: Code = Code::new(409, "conflict", "Another request changed the same thing");
    pub const INVALID_TRANSITION: Code = Code::new(
        409,
        "invalid_transition",
        "The thing is in no state for this",
    );
    pub const LIMIT_REACHED: Code = Code::new(
        409,
        "limit_reached",
        "The tenant has as much as it may have",
    );
    pub const VERSION_MISMATCH: Code =
        Code::new(412, "version_mismatch", "The thing was changed meanwhile");
    pub const BODY_TOO_LARGE: Code = Code::new(413, "body_too_large", "The body is too large");
    pub const UNSUPPORTED_MEDIA_TYPE: Code = Code::new(
        415,
        "unsupported_media_type",
        "The body has the wrong media type",
    );
    pub const INVALID: Code = Code::new(422, "invalid", "A value is not acceptable");
    pub const IDEMPOTENCY_MISMATCH: Code = Code::new(
        422,
        "idempotency_mismatch",
        "This Idempotency-Key was used for another request",
    );
    pub const PRECONDITION_REQUIRED: Code = Code::new(
        428,
        "precondition_required",
        "An If-Match header is required",
    );
    pub const RATE_LIMITED: Code =
        Code::new(429, "rate_limited", "Too many requests; try again later");
    pub const INTERNAL: Code = Code::new(500, "internal", "Something went wrong on our side");
    pub const DATABASE_UNAVAILABLE: Code = Code::new(
        503,
        "database_unavailable",
        "The database is away; try again",
    );
    pub const TENANT_LOOKUP_UNAVAILABLE: Code = Code::new(
        503,
        "tenant_lookup_unavailable",
        "The tenant service is away; try again",
    );
    pub const IDENTITY_UNAVAILABLE: Code = Code::new(
        503,
        "identity_unavailable",
        "It cannot be told now who the caller is; try again",
    );
    pub const OVERLOADED: Code = Code::new(503, "overloaded", "Too much is going on; try again");

    /// All of them, for the OpenAPI document and the tests that provoke each.
    pub const ALL: &[Code] = &[
        MALFORMED_BODY,
        UNKNOWN_FIELD,
        INVALID_QUERY,
        INVALID_CURSOR,
        INVALID_HEADER,
        INVALID_TENANT,
        TENANT_MISMATCH,
        IDEMPOTENCY_KEY_MISSING,
        UNAUTHENTICATED,
        INVALID_TOKEN,
        TOKEN_EXPIRED,
        FORBIDDEN,
        WRONG_TENANT,
        GRANT_REQUIRED,
        TENANT_SUSPENDED,
        NOT_FOUND,
        NO_SUCH_ROUTE,
        METHOD_NOT_ALLOWED,
        IDEMPOTENCY_IN_PROGRESS,
        CONFLICT,
        INVALID_TRANSITION,
        LIMIT_REACHED,
        VERSION_MISMATCH,
        BODY_TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE,
        INVALID,
        IDEMPOTENCY_MISMATCH,
        PRECONDITION_REQUIRED,
        RATE_LIMITED,
        INTERNAL,
        DATABASE_UNAVAILABLE,
        TENANT_LOOKUP_UNAVAILABLE,
        IDENTITY_UNAVAILABLE,
        OVERLOADED,
    ];
}

/// One value that is not acceptable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldProblem {
    /// JSON pointer (RFC 6901) to the value.
    pub pointer: String,
    /// Kind of fault.
    pub code: String,
    /// For people.
    pub message: String,
}

impl FieldProblem {
    /// Makes an entry.
    pub fn new(
        pointer: impl Into<String>,
        code: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            pointer: pointer.into(),
            code: code.into(),
            message: message.into(),
        }
    }
}

/// An answer to what went wrong. Its `source` is logged and never sent.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

/// Beside the pointer, so that results which may hold a problem stay small.
#[derive(Debug)]
struct Parts {
    code: Code,
    detail: Option<String>,
    errors: Vec<FieldProblem>,
    members: Map<String, Value>,
    retry_after: Option<u32>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Problem {
    /// Makes a problem of that kind.
    #[must_use]
    pub fn new(code: Code) -> Self {
        // Every 503 says when to come back: without it clients come back at once.
        let retry_after = (code.status == 503).then_some(1);
        Self(Box::new(Parts {
            code,
            detail: None,
            errors: Vec::new(),
            members: Map::new(),
            retry_after,
            source: None,
        }))
    }

    /// The thing is not there, or another tenant's: nobody can tell which.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(codes::NOT_FOUND)
    }

    /// Values that are not acceptable.
    #[must_use]
    pub fn invalid(errors: Vec<FieldProblem>) -> Self {
        let mut problem = Self::new(codes::INVALID);
        problem.0.errors = errors;
        problem
    }

    /// Adds words for people about this occurrence.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds a member of its own to the body.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(member.to_owned(), value.into());
        self
    }

    /// Whether the same may be answered otherwise in a moment.
    #[must_use]
    pub const fn is_of_the_moment(&self) -> bool {
        self.0.retry_after.is_some()
    }

    /// Says in how many seconds to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Returns the kind.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Returns the body as it is sent.
    #[must_use]
    pub fn body(&self) -> Value {
        // First, so that none of them takes the place of a member that every problem has.
        let mut body = self.0.members.clone();
        let code = self.0.code;
        body.insert(
            "type".into(),
            format!("https://docs.averis.example/problems/{}", code.name).into(),
        );
        body.insert("title".into(), code.title.into());
        body.insert("status".into(), code.status.into());
        body.insert("code".into(), code.name.into());
        if let Some(detail) = &self.0.detail {
            body.insert("detail".into(), detail.as_str().into());
        }
        if !self.0.errors.is_empty() {
            body.insert("errors".into(), serde_json::json!(self.0.errors));
        }
        if let Some(id) = request::id() {
            body.insert("trace_id".into(), id.into());
        }
        Value::Object(body)
    }

    /// Returns the cause with its own causes, for the log.
    #[must_use]
    pub fn cause_chain(&self) -> Option<String> {
        let source = self.0.source.as_ref()?;
        Some(causes(source.as_ref()))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code.name)?;
        match &self.0.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((CONTENT_TYPE, "application/problem+json"));
        if self.0.code.status == 401 {
            // RFC 6750, section 3: how to come with a credential, and that the one shown is none.
            let challenge = if self.0.code == codes::UNAUTHENTICATED {
                r#"Bearer realm="averis""#
            } else {
                r#"Bearer realm="averis", error="invalid_token""#
            };
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        if let Some(seconds) = self.0.retry_after {
            response.insert_header((RETRY_AFTER, seconds));
        }
        response.body(self.body().to_string())
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        let code = match &error {
            DbError::Query(query) => return Self::from_query(failure(query), error),
            DbError::Unreachable(_) | DbError::ConnectTimeout => codes::DATABASE_UNAVAILABLE,
            DbError::Busy => codes::OVERLOADED,
            DbError::IgnoredFailure
            | DbError::CapacityReached(_)
            | DbError::Migration { .. }
            | DbError::Interrupted => codes::INTERNAL,
        };
        Self::new(code).because(error)
    }
}

impl Problem {
    fn from_query(failure: Failure, error: DbError) -> Self {
        let code = match failure {
            Failure::NotFound => return Self::not_found(),
            Failure::Unavailable | Failure::StalePlan => codes::DATABASE_UNAVAILABLE,
            Failure::Timeout => codes::OVERLOADED,
            Failure::Conflict => codes::CONFLICT,
            // A constraint that a service expects, it has named before; any other is a fault of ours.
            Failure::Duplicate(_)
            | Failure::Reference(_)
            | Failure::Check(_)
            | Failure::Internal => codes::INTERNAL,
        };
        Self::new(code).because(error)
    }
}

impl From<diesel::result::Error> for Problem {
    fn from(error: diesel::result::Error) -> Self {
        DbError::Query(error).into()
    }
}
