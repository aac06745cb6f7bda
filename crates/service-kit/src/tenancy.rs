//! Which tenant a request means, and that tenant's database as a handler takes it.

mod directory;
mod resolve;

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};
use averis_tenant_context::{Clue, Need, TenantContext};
use averis_tenant_db::{TenantDb, TenantPool};
use averis_tokens::ServiceClaims;
use futures_util::future::{Either, LocalBoxFuture};

pub use directory::TenantDirectory;
pub(crate) use resolve::{names_no_tenant, resolve_tenant};

use crate::auth::{AcceptedCallers, Caller, CallerKind, Identity, ServiceCaller};
use crate::problem::{Problem, codes};
use crate::request;

/// The tenant of the request, its database, and a caller with the permission `P` there. A handler without this
/// argument reaches no tenant's data.
///
/// At `/internal/{service}/v1/tenants/{tenant}/...` the caller is another service, with what [`AcceptedCallers`] allows it; the
/// same handler serves both.
pub struct Tenant<P> {
    /// What is known of the tenant.
    pub context: Arc<TenantContext>,
    /// The tenant's database in this service's domain.
    pub db: TenantDb,
    /// Who asks.
    pub caller: Caller<P>,
}

impl<P: Need> FromRequest for Tenant<P> {
    type Error = Problem;
    type Future =
        Either<Ready<Result<Self, Problem>>, LocalBoxFuture<'static, Result<Self, Problem>>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        if req.path().starts_with("/internal/") {
            let req = req.clone();
            return Either::Right(Box::pin(async move {
                let (called, claims) = called(&req).await?;
                Ok(Self {
                    caller: Caller::with(Arc::new(service_identity(&req, &claims)?))?,
                    context: called.context,
                    db: called.db,
                })
            }));
        }
        Either::Left(ready(read(req)))
    }
}

/// Who another service is to the handlers: whoever it calls for, with what the service may do.
fn service_identity(req: &HttpRequest, claims: &ServiceClaims) -> Result<Identity, Problem> {
    let accepted = req.app_data::<web::Data<AcceptedCallers>>();
    let accepted = accepted.ok_or_else(|| Problem::new(codes::INTERNAL))?;
    // Where nobody has asked, as in work that goes on after a crash, it is nobody's.
    let subject = claims.caller.unwrap_or_default();
    request::note_caller(subject, None);
    Ok(Identity {
        subject,
        kind: CallerKind::Service,
        session: subject,
        tenant: claims.tenant,
        permissions: accepted.permissions(&claims.iss),
        issued_ms: claims.iat.saturating_mul(1000),
        expires_ms: claims.exp.saturating_mul(1000),
    })
}

fn read<P: Need>(req: &HttpRequest) -> Result<Tenant<P>, Problem> {
    let caller = Caller::of(req)?;
    let Some(context) = resolved(req) else {
        return Err(Problem::new(codes::INVALID_TENANT));
    };
    let reads = matches!(*req.method(), Method::GET | Method::HEAD);
    if !reads && !context.status.is_writable() {
        return Err(Problem::new(codes::TENANT_SUSPENDED));
    }
    Ok(Tenant {
        db: database(req, &context)?,
        context,
        caller,
    })
}

fn database(req: &HttpRequest, context: &TenantContext) -> Result<TenantDb, Problem> {
    let Some(pool) = req.app_data::<web::Data<TenantPool>>() else {
        return Err(Problem::new(codes::INTERNAL).detail("the service has no database of tenants"));
    };
    Ok(pool.tenant(context))
}

/// The tenant of which another service speaks, at `/internal/{service}/v1/tenants/{tenant}/...`, and its database. The
/// call has to be signed for that very tenant. What a tenant began goes on while it is suspended, so these write then too.
pub struct ServiceTenant {
    /// What is known of the tenant.
    pub context: Arc<TenantContext>,
    /// The tenant's database in this service's domain.
    pub db: TenantDb,
}

impl FromRequest for ServiceTenant {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let req = req.clone();
        Box::pin(async move { Ok(called(&req).await?.0) })
    }
}

/// Returns of which tenant another service speaks, and what its token says.
async fn called(req: &HttpRequest) -> Result<(ServiceTenant, ServiceClaims), Problem> {
    let ServiceCaller(claims) = ServiceCaller::extract(req).await?;
    let Some(directory) = req.app_data::<web::Data<TenantDirectory>>() else {
        return Err(Problem::new(codes::INTERNAL));
    };
    let key = req.match_info().get("tenant").unwrap_or_default();
    let key = key.parse().map_err(|_ignored| Problem::not_found())?;
    let found = directory.find(&Clue::Key(key)).await?;
    let context = found.ok_or_else(Problem::not_found)?;
    // One service's word about a tenant is good for that tenant.
    if claims.tenant != Some(context.id.0) {
        return Err(Problem::new(codes::TENANT_MISMATCH));
    }
    request::note_tenant(&context);
    let db = database(req, &context)?;
    Ok((ServiceTenant { context, db }, claims))
}

/// The tenant of a request that proves itself by its content, as a payment provider signs what it tells. Nothing is known of
/// who calls: the handler checks the signature before it does anything else.
pub struct SignedTenant {
    /// What is known of the tenant.
    pub context: Arc<TenantContext>,
    /// The tenant's database in this service's domain.
    pub db: TenantDb,
}

impl FromRequest for SignedTenant {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let context = resolved(req).ok_or_else(|| Problem::new(codes::INVALID_TENANT));
        ready(context.and_then(|context| {
            Ok(Self {
                db: database(req, &context)?,
                context,
            })
        }))
    }
}

/// Returns the tenant that the request was resolved to, if it named one.
#[must_use]
pub fn resolved(req: &HttpRequest) -> Option<Arc<TenantContext>> {
    req.extensions().get::<Arc<TenantContext>>().cloned()
}
