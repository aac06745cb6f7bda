//! What can go wrong in this service, and what the caller is told.

use averis_identity::ProviderError;
use averis_service_kit::problem::Problem;
use averis_service_kit::reply::Reply;
use averis_tenant_context::{InvalidSettings, TenantStatus};
use averis_tenant_db::{DbError, Failure, failure};

use crate::domain::passwords::HashingFailed;

/// The problems of this service alone.
pub mod codes {
    use averis_service_kit::problem::Code;

    /// The key belongs, or once belonged, to another tenant.
    pub const TENANT_EXISTS: Code = Code::new(409, "tenant_exists", "The key is taken");
    /// The subdomain belongs to another tenant.
    pub const SUBDOMAIN_TAKEN: Code = Code::new(409, "subdomain_taken", "The subdomain is taken");
    /// The database holds as many tenants as it may.
    pub const CAPACITY_REACHED: Code = Code::new(
        409,
        "capacity_reached",
        "The database has no room for another tenant",
    );
    /// A purge was asked for with another key than the tenant's.
    pub const CONFIRMATION_MISMATCH: Code = Code::new(
        422,
        "confirmation_mismatch",
        "The typed key is not the tenant's",
    );

    /// No such account, another password or code, a provider's session that leads nowhere, or an account that is locked for
    /// a while: nobody is told which.
    pub const SIGN_IN_REFUSED: Code = Code::new(
        401,
        "sign_in_refused",
        "What was shown lets nobody in, or the account is locked for a while",
    );
    /// The installation does not have the identity provider.
    pub const PROVIDER_NOT_SET_UP: Code = Code::new(
        409,
        "provider_not_set_up",
        "The identity provider is not set up here",
    );
    /// The identity provider does not do what it was asked to.
    pub const PROVIDER_REFUSED: Code =
        Code::new(422, "provider_refused", "The identity provider refuses");
    /// The tenant is an organization of the provider already, or another tenant is that organization.
    pub const ORGANIZATION_TAKEN: Code = Code::new(
        409,
        "organization_taken",
        "The tenant or the organization is connected already",
    );
    /// The person does not belong to the tenant, or there is none.
    pub const NOT_A_MEMBER: Code = Code::new(
        403,
        "not_a_member",
        "The person is no active member of such a tenant",
    );

    /// The invitation was used, has expired, was taken back or never was, or the password is another.
    pub const INVITATION_REFUSED: Code = Code::new(
        401,
        "invitation_refused",
        "The invitation is not good any more, or the password is not the account's",
    );
    /// The person belongs to the tenant already, or is invited.
    pub const MEMBER_EXISTS: Code = Code::new(409, "member_exists", "The person is a member");
    /// Nobody changes its own membership.
    pub const OWN_MEMBERSHIP: Code = Code::new(
        409,
        "own_membership",
        "One's own membership is for others to change",
    );
    /// The tenant would be left without an admin.
    pub const LAST_ADMIN: Code =
        Code::new(409, "last_admin", "The tenant needs an active tenant_admin");

    /// The tenant has as many webhook endpoints as it may.
    pub const TOO_MANY_ENDPOINTS: Code = Code::new(
        409,
        "too_many_endpoints",
        "The tenant has as many endpoints as it may",
    );
    /// Nothing is sent to the endpoint until it is enabled.
    pub const ENDPOINT_DISABLED: Code =
        Code::new(409, "endpoint_disabled", "The endpoint is disabled");

    /// The tenant does not have webhooks.
    pub const WEBHOOKS_NOT_ALLOWED: Code =
        Code::new(403, "webhooks_not_allowed", "The tenant has no webhooks");
    /// The secret before the present one signs still.
    pub const SECRET_ROTATING: Code = Code::new(
        409,
        "secret_rotating",
        "The secret before the present one signs still",
    );

    /// All of them.
    pub const ALL: &[Code] = &[
        TENANT_EXISTS,
        SUBDOMAIN_TAKEN,
        CAPACITY_REACHED,
        CONFIRMATION_MISMATCH,
        SIGN_IN_REFUSED,
        PROVIDER_NOT_SET_UP,
        PROVIDER_REFUSED,
        ORGANIZATION_TAKEN,
        NOT_A_MEMBER,
        INVITATION_REFUSED,
        MEMBER_EXISTS,
        OWN_MEMBERSHIP,
        LAST_ADMIN,
        TOO_MANY_ENDPOINTS,
        ENDPOINT_DISABLED,
        WEBHOOKS_NOT_ALLOWED,
        SECRET_ROTATING,
    ];
}

/// A failure of this service.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    #[error("the key is taken")]
    Exists,
    #[error("the subdomain is taken")]
    SubdomainTaken,
    #[error("a tenant that is {from} cannot {verb}")]
    Transition {
        from: TenantStatus,
        verb: &'static str,
    },
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    /// Not a failure: the work was done before, and this was its answer.
    #[error("the request is a repetition")]
    Replay(Box<Reply>),
    #[error(transparent)]
    Problem(#[from] Problem),
    #[error(transparent)]
    Db(DbError),
}

/// Takes the first answer out of a repetition.
pub fn answered(done: Result<Reply, TenantError>) -> Result<Reply, Problem> {
    match done {
        Err(TenantError::Replay(reply)) => Ok(*reply),
        done => Ok(done?),
    }
}

impl From<DbError> for TenantError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Query(query) => query.into(),
            other => Self::Db(other),
        }
    }
}

impl From<diesel::result::Error> for TenantError {
    fn from(error: diesel::result::Error) -> Self {
        match failure(&error) {
            Failure::Duplicate(name) if name == "tenants_key_unique" => Self::Exists,
            Failure::Duplicate(name) if name == "tenants_subdomain_unique" => Self::SubdomainTaken,
            _ => Self::Db(DbError::Query(error)),
        }
    }
}

/// Says what is told of a provider that was asked for something. Whoever only wanted to sign in is told less.
pub fn provider_problem(error: ProviderError) -> Problem {
    use averis_service_kit::problem::codes as common;
    let problem = match &error {
        ProviderError::NotSetUp => Problem::new(codes::PROVIDER_NOT_SET_UP),
        ProviderError::Unavailable(_) => Problem::new(common::IDENTITY_UNAVAILABLE),
        ProviderError::RateLimited { retry_after } => {
            let problem = Problem::new(common::IDENTITY_UNAVAILABLE);
            problem.retry_after(retry_after.unwrap_or(1))
        }
        ProviderError::Refused(_) => Problem::new(codes::PROVIDER_REFUSED),
        ProviderError::Rejected { error_type, .. } => {
            let problem = Problem::new(codes::PROVIDER_REFUSED);
            match error_type {
                Some(name) => problem.with("provider_error", name.as_str()),
                None => problem,
            }
        }
    };
    problem.because(error)
}

impl From<HashingFailed> for Problem {
    fn from(error: HashingFailed) -> Self {
        use averis_service_kit::problem::codes as common;
        let code = match &error {
            HashingFailed::Busy => common::OVERLOADED,
            HashingFailed::Failed(_) => common::INTERNAL,
        };
        Self::new(code).because(error)
    }
}

impl From<TenantError> for Problem {
    fn from(error: TenantError) -> Self {
        use averis_service_kit::problem::{FieldProblem, codes as common};
        match error {
            TenantError::Exists => Self::new(codes::TENANT_EXISTS),
            TenantError::SubdomainTaken => Self::new(codes::SUBDOMAIN_TAKEN),
            TenantError::Transition { from, verb } => Self::new(common::INVALID_TRANSITION)
                .detail(format!("A tenant that is {from} cannot {verb}."))
                .with("current_status", from.as_str()),
            TenantError::Settings(InvalidSettings(wrong)) => Self::invalid(
                wrong
                    .into_iter()
                    .map(|(pointer, message)| {
                        FieldProblem::new(format!("/settings{pointer}"), "invalid", message)
                    })
                    .collect(),
            ),
            TenantError::Db(DbError::CapacityReached(capacity)) => {
                Self::new(codes::CAPACITY_REACHED)
                    .detail(format!(
                        "The database holds {capacity} tenants, as many as it is set to."
                    ))
                    .with("capacity", capacity)
            }
            TenantError::Problem(problem) => problem,
            TenantError::Db(error) => error.into(),
            // Callers take the answer out of it before.
            error @ TenantError::Replay(_) => Self::new(common::INTERNAL).because(error),
        }
    }
}
