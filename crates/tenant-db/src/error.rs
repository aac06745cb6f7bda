//! What can go wrong with a database, in the words that callers decide by.

use diesel::result::{DatabaseErrorKind, Error};

/// A failure of the database layer itself.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// No connection could be opened.
    #[error("the database cannot be reached")]
    Unreachable(#[source] diesel::ConnectionError),
    /// Opening a connection took too long.
    #[error("the database did not answer in time")]
    ConnectTimeout,
    /// All connections that this tenant may use were taken for too long.
    #[error("no connection became free in time")]
    Busy,
    /// A statement failed.
    #[error("a statement failed")]
    Query(#[from] Error),
    /// A statement failed, the work said that all was well, and so nothing was stored.
    #[error("a failed statement was ignored inside a transaction, so it was rolled back")]
    IgnoredFailure,
    /// The database holds as many tenants as it may.
    #[error("the database already holds {0} tenants, which is its capacity")]
    CapacityReached(u32),
    /// A migration could not be applied.
    #[error("migrating {schema} failed")]
    Migration {
        /// The schema.
        schema: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A task of this crate was cut off.
    #[error("the work was cut off")]
    Interrupted,
}

/// Tells what went wrong and all that caused it, in one line: many errors leave to their causes what was wrong.
#[must_use]
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        told.push_str(": ");
        told.push_str(&cause.to_string());
        next = cause.source();
    }
    told
}

/// The name of the constraint that a statement violated.
pub type Constraint = String;

/// What a failed statement means for whoever asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is no such row.
    NotFound,
    /// A unique constraint or index says that the thing exists already.
    Duplicate(Constraint),
    /// A foreign key says that something refers to the row, or that what it refers to is missing.
    Reference(Constraint),
    /// A check constraint says that the value cannot be.
    Check(Constraint),
    /// The database is away, starting, stopping, or cut the connection.
    Unavailable,
    /// The statement, or its wait for a lock, took longer than it may.
    Timeout,
    /// Two transactions stood in each other's way; repeating the whole of one helps.
    Conflict,
    /// A prepared plan no longer fits its table; repeating it on a fresh connection helps.
    StalePlan,
    /// A fault of ours.
    Internal,
}

/// Tells what a failed statement means.
///
/// diesel does not pass the SQLSTATE on for the cases below the constraints, so these are told by the server's
/// message, which the login roles pin to English (`lc_messages = 'C'`).
#[must_use]
pub fn failure(error: &Error) -> Failure {
    let (kind, info) = match error {
        Error::NotFound => return Failure::NotFound,
        Error::DatabaseError(kind, info) => (kind, info),
        Error::BrokenTransactionManager => return Failure::Unavailable,
        _ => return Failure::Internal,
    };
    let constraint = || info.constraint_name().unwrap_or_default().to_owned();
    match kind {
        DatabaseErrorKind::UniqueViolation | DatabaseErrorKind::ExclusionViolation => {
            Failure::Duplicate(constraint())
        }
        DatabaseErrorKind::ForeignKeyViolation | DatabaseErrorKind::RestrictViolation => {
            Failure::Reference(constraint())
        }
        DatabaseErrorKind::CheckViolation => Failure::Check(constraint()),
        DatabaseErrorKind::SerializationFailure => Failure::Conflict,
        DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection => {
            Failure::Unavailable
        }
        _ => by_message(info.message()),
    }
}

fn by_message(message: &str) -> Failure {
    const UNAVAILABLE: &[&str] = &[
        "terminating connection",
        "the database system is",
        "sorry, too many clients",
        "remaining connection slots",
        "connection closed",
        "error communicating with the server",
        "canceling statement due to user request",
    ];
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| message.starts_with(prefix));
    // A backend that read its memberships while a new tenant's role was being granted may have kept the older list.
    if message == "cached plan must not change result type"
        || message.starts_with("permission denied to set role")
    {
        Failure::StalePlan
    } else if message == "deadlock detected" {
        Failure::Conflict
    } else if starts(&[
        "canceling statement due to statement timeout",
        "canceling statement due to lock",
    ]) {
        Failure::Timeout
    } else if starts(UNAVAILABLE) {
        Failure::Unavailable
    } else {
        Failure::Internal
    }
}
