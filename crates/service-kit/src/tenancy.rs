//! Which tenant a request means, and that tenant's database as a handler takes it.

mod directory;
mod resolve;

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};
use averis_tenant_context::{Need, TenantContext};
use averis_tenant_db::{TenantDb, TenantPool};

pub use directory::TenantDirectory;
pub(crate) use resolve::{names_no_tenant, resolve_tenant};

use crate::auth::Caller;
use crate::problem::{Problem, codes};

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
    let Some(pool) = req.app_data::<web::Data<TenantPool>>() else {
        return Err(Problem::new(codes::INTERNAL).detail("the service has no database of tenants"));
    };
    Ok(Tenant {
        db: pool.tenant(&context),
        context,
        caller,
    })
}

/// Returns the tenant that the request was resolved to, if it named one.
#[must_use]
pub fn resolved(req: &HttpRequest) -> Option<Arc<TenantContext>> {
    req.extensions().get::<Arc<TenantContext>>().cloned()
}
