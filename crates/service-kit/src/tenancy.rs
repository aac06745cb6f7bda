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
use futures_util::future::LocalBoxFuture;

pub use directory::TenantDirectory;
pub(crate) use resolve::{names_no_tenant, resolve_tenant};

use crate::auth::{Caller, ServiceCaller};
use crate::problem::{Problem, codes};
use crate::request;

/// The tenant of the request, its database, and a caller with the permission `P` there. A handler without this
/// argument reaches no tenant's data.
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
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(req))
    }
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

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = ServiceCaller::from_request(req, payload);
        let req = req.clone();
        Box::pin(async move {
            let ServiceCaller(claims) = caller.await?;
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
            tracing::Span::current().record("tenant", context.key.as_str());
            request::note_tenant(context.id.0);
            Ok(Self {
                db: database(&req, &context)?,
                context,
            })
        })
    }
}

/// Returns the tenant that the request was resolved to, if it named one.
#[must_use]
pub fn resolved(req: &HttpRequest) -> Option<Arc<TenantContext>> {
    req.extensions().get::<Arc<TenantContext>>().cloned()
}
