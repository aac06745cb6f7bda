//! Who a caller is and what it may do.
//!
//! A handler names the permission it needs in its signature, as the type of an argument: [`Caller`] here, or
//! [`Tenant`](crate::Tenant), which gives the tenant's database as well. There is no way to a tenant's data without one.

mod access;
mod service;

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage as _, HttpRequest, web};
use averis_tenant_context::{Need, Permission, PermissionSet};
use uuid::Uuid;

pub(crate) use access::Access;
pub use service::{AcceptedCallers, ServiceCaller};

use crate::config::HttpConfig;
use crate::limit::{Limits, client_address};
use crate::problem::{Problem, codes};
use crate::request;
use crate::tenancy::{TenantDirectory, names_no_tenant, resolved};

/// What kind of caller it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// A person who belongs to the tenant, or to the platform's staff.
    Person,
    /// Staff of the platform inside a tenant, under a grant.
    Staff {
        /// The grant.
        grant: Uuid,
    },
    /// A machine.
    Key,
    /// An anonymous visitor of a shop.
    Shopper,
    /// Another service, at an internal address.
    Service,
}

/// Who calls, as a good credential says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The person, key or shopper's session.
    pub subject: Uuid,
    /// What kind of caller it is.
    pub kind: CallerKind,
    /// The session that the credential belongs to; the key itself for a key.
    pub session: Uuid,
    /// The tenant that the credential is good for.
    pub tenant: Option<Uuid>,
    /// What it may do there; on the platform, when there is no tenant.
    pub permissions: PermissionSet,
    /// When the credential was made, in milliseconds since 1970. What was revoked later does not count.
    pub issued_ms: i64,
    /// Not after, in milliseconds since 1970.
    pub expires_ms: i64,
}

impl Identity {
    /// Checks that the caller has a permission, where the handler's signature cannot say which: it depends on what the
    /// request is about.
    ///
    /// # Errors
    /// 403 without it.
    pub fn require(&self, permission: Permission) -> Result<(), Problem> {
        if self.permissions.contains(permission) {
            return Ok(());
        }
        Err(Problem::new(codes::FORBIDDEN).with("permission", permission.as_str()))
    }

    /// Returns the grant under which staff of the platform acts.
    #[must_use]
    pub const fn grant(&self) -> Option<Uuid> {
        match self.kind {
            CallerKind::Staff { grant } => Some(grant),
            CallerKind::Person | CallerKind::Key | CallerKind::Shopper | CallerKind::Service => {
                None
            }
        }
    }
}

/// A caller with the permission `P`.
#[derive(Clone, Debug)]
pub struct Caller<P> {
    /// Who it is.
    pub identity: Arc<Identity>,
    permission: PhantomData<P>,
}

/// A person, whatever it may do: what concerns nobody but the person itself needs no permission.
#[derive(Clone, Debug)]
pub struct Person(pub Arc<Identity>);

impl<P: Need> FromRequest for Caller<P> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(req))
    }
}

impl<P: Need> Caller<P> {
    /// Returns the caller of a request if it has the permission.
    ///
    /// # Errors
    /// 401 without a credential, 403 without the permission.
    pub fn of(req: &HttpRequest) -> Result<Self, Problem> {
        Self::with(identified(req)?)
    }

    /// Returns that caller if it has the permission.
    ///
    /// # Errors
    /// 403 without it.
    pub fn with(identity: Arc<Identity>) -> Result<Self, Problem> {
        identity.require(P::PERMISSION)?;
        Ok(Self {
            identity,
            permission: PhantomData,
        })
    }
}

impl FromRequest for Person {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(identified(req).and_then(|identity| match identity.kind {
            CallerKind::Person => Ok(Self(identity)),
            CallerKind::Staff { .. }
            | CallerKind::Key
            | CallerKind::Shopper
            | CallerKind::Service => {
                Err(Problem::new(codes::FORBIDDEN).detail("Only a person may do this."))
            }
        }))
    }
}

/// Whoever has a good credential. For what every caller may know.
#[derive(Clone, Debug)]
pub struct AnyCaller(pub Arc<Identity>);

impl FromRequest for AnyCaller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(identified(req).map(Self))
    }
}

/// Returns who calls, if it has that permission.
///
/// # Errors
/// 401 without a credential, 403 without the permission.
pub fn require(req: &HttpRequest, permission: Permission) -> Result<Arc<Identity>, Problem> {
    let identity = identified(req)?;
    identity.require(permission)?;
    Ok(identity)
}

/// Returns who calls.
///
/// # Errors
/// 401 without a credential.
pub fn identified(req: &HttpRequest) -> Result<Arc<Identity>, Problem> {
    let identity = req.extensions().get::<Arc<Identity>>().cloned();
    identity.ok_or_else(|| Problem::new(codes::UNAUTHENTICATED))
}

/// The part of a request's way that finds out who calls. A credential that is there has to be good, wherever the request
/// goes; whether one has to be there, the handler says.
pub(crate) async fn authenticate(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    // Services have credentials of their own, which are read where they are needed.
    if !names_no_tenant(req.path()) {
        match identify(&req).await {
            Ok(Some(identity)) => {
                request::note_caller(identity.subject, identity.grant());
                req.extensions_mut().insert(identity);
            }
            Ok(None) => {}
            Err(problem) => return Ok(req.error_response(problem).map_into_right_body()),
        }
    }
    Ok(next.call(req).await?.map_into_left_body())
}

async fn identify(req: &ServiceRequest) -> Result<Option<Arc<Identity>>, Problem> {
    let mut headers = req.headers().get_all(AUTHORIZATION);
    let Some(header) = headers.next() else {
        return Ok(None);
    };
    let invalid = || Problem::new(codes::INVALID_TOKEN);
    if headers.next().is_some() {
        return Err(invalid().detail("There is more than one Authorization header."));
    }
    let credential = bearer(header.to_str().map_err(|_ignored| invalid())?).ok_or_else(invalid)?;
    let Some(directory) = req.app_data::<web::Data<TenantDirectory>>() else {
        return Err(Problem::new(codes::INTERNAL));
    };
    let tenant = resolved(req.request());
    let limits = req.app_data::<web::Data<Limits>>();
    let config = req.app_data::<web::Data<HttpConfig>>();
    let limits = limits.filter(|_| config.is_some_and(|config| config.rate_limits));
    // Asked for only where a credential is not known yet, or bad.
    let address = || client_address(req.request());
    let may_try = || limits.map_or(Ok(()), |limits| limits.may_try(address()));
    let access = directory.access();
    let identified = access
        .identify(credential, tenant.as_deref(), may_try)
        .await;
    if let (Err(problem), Some(limits)) = (&identified, limits)
        && problem.code() == codes::INVALID_TOKEN
    {
        limits.note_bad(address());
    }
    identified.map(Some)
}

/// Reads `Bearer <credential>` (RFC 6750); the scheme's case does not matter.
pub(crate) fn bearer(header: &str) -> Option<&str> {
    let (scheme, credential) = header.split_once(' ')?;
    let credential = credential.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !credential.is_empty()).then_some(credential)
}
