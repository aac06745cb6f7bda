//! Which tenants a request may speak of.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use averis_service_kit::problem::{Problem, codes};
use averis_service_kit::tenancy;
use uuid::Uuid;

/// Asked under a tenant's address, this service shows that tenant alone; asked under the platform's, all.
#[derive(Clone, Copy, Debug)]
pub struct PlatformScope(pub Option<Uuid>);

impl PlatformScope {
    /// Checks that the request may speak of that tenant.
    ///
    /// # Errors
    /// 404: from inside a tenant no other can be told to exist.
    pub fn admit(self, tenant: Uuid) -> Result<(), Problem> {
        match self.0 {
            Some(own) if own != tenant => Err(Problem::not_found()),
            _ => Ok(()),
        }
    }

    /// Checks that the request came to the platform's own address.
    ///
    /// # Errors
    /// 404 under a tenant's address.
    pub fn platform_only(self) -> Result<(), Problem> {
        match self.0 {
            Some(_) => Err(Problem::new(codes::NO_SUCH_ROUTE)),
            None => Ok(()),
        }
    }
}

impl FromRequest for PlatformScope {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(tenancy::resolved(req).map(|tenant| tenant.id.0))))
    }
}
