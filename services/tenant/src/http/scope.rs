//! Which tenants a request may speak of, and what its caller may do there.

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::{FromRequest, HttpRequest};
use averis_service_kit::auth::{Identity, require};
use averis_service_kit::problem::{Problem, codes};
use averis_service_kit::tenancy;
use averis_tenant_context::{Need, TenantContext};
use uuid::Uuid;

/// Asked under a tenant's address, this service shows that tenant alone, to those who have the permission `T` there;
/// asked under the platform's, all, to those who have `P`.
#[derive(Clone, Debug)]
pub struct Scope<P, T> {
    /// The tenant under whose address the request came.
    pub own: Option<Uuid>,
    permissions: PhantomData<(P, T)>,
}

/// The platform's own address, and a caller with the permission `P` there.
#[derive(Clone, Debug)]
pub struct Platform<P> {
    /// Who asks.
    pub caller: Arc<Identity>,
    permission: PhantomData<P>,
}

/// A tenant's own address, and a caller with the permission `T` there.
#[derive(Clone, Debug)]
pub struct OwnTenant<T> {
    /// The tenant.
    pub context: Arc<TenantContext>,
    /// Who asks.
    pub caller: Arc<Identity>,
    permission: PhantomData<T>,
}

impl<P, T> Scope<P, T> {
    /// Checks that the request may speak of that tenant.
    ///
    /// # Errors
    /// 404: from inside a tenant no other can be told to exist.
    pub fn admit(&self, tenant: Uuid) -> Result<(), Problem> {
        match self.own {
            Some(own) if own != tenant => Err(Problem::not_found()),
            _ => Ok(()),
        }
    }
}

impl<P: Need, T: Need> FromRequest for Scope<P, T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let tenant = tenancy::resolved(req);
        let needed = match tenant {
            Some(_) => T::PERMISSION,
            None => P::PERMISSION,
        };
        let may = require(req, needed).and_then(|_| match &tenant {
            Some(tenant) => check_writable(req, tenant),
            None => Ok(()),
        });
        ready(may.map(|()| Self {
            own: tenant.map(|tenant| tenant.id.0),
            permissions: PhantomData,
        }))
    }
}

impl<P: Need> FromRequest for Platform<P> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = require(req, P::PERMISSION);
        ready(caller.map(|caller| Self {
            caller,
            permission: PhantomData,
        }))
    }
}

impl<T: Need> FromRequest for OwnTenant<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(own_tenant(req))
    }
}

fn own_tenant<T: Need>(req: &HttpRequest) -> Result<OwnTenant<T>, Problem> {
    let caller = require(req, T::PERMISSION)?;
    let context = tenancy::resolved(req).ok_or_else(|| Problem::new(codes::INVALID_TENANT))?;
    check_writable(req, &context)?;
    Ok(OwnTenant {
        context,
        caller,
        permission: PhantomData,
    })
}

/// A suspended tenant reads, and changes nothing itself.
fn check_writable(req: &HttpRequest, tenant: &TenantContext) -> Result<(), Problem> {
    let reads = matches!(*req.method(), Method::GET | Method::HEAD);
    if reads || tenant.status.is_writable() {
        Ok(())
    } else {
        Err(Problem::new(codes::TENANT_SUSPENDED))
    }
}
