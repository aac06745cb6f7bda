//! Calls by other services.

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};
use averis_tenant_context::{Permission, PermissionSet};
use averis_tokens::{ServiceClaims, TrustedServices};
use futures_util::future::LocalBoxFuture;

use super::bearer;
use crate::problem::{Problem, codes};

/// Whose calls a service's internal operations accept, as state beside their routes.
#[derive(Clone, Debug)]
pub struct AcceptedCallers {
    /// The name of the service that is called.
    pub own: &'static str,
    /// Those that may call it, with what each may do where an operation asks for a permission: the same operation may be
    /// had by people at its public address.
    pub callers: &'static [(&'static str, &'static [Permission])],
}

impl AcceptedCallers {
    /// Returns what that service may do.
    #[must_use]
    pub fn permissions(&self, service: &str) -> PermissionSet {
        let own = self.callers.iter().filter(|(name, _)| *name == service);
        own.flat_map(|(_, may)| may.iter().copied()).collect()
    }
}

/// Another service that calls. Internal operations take it, and nobody else gets there.
#[derive(Clone, Debug)]
pub struct ServiceCaller(pub ServiceClaims);

impl FromRequest for ServiceCaller {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let header = req.headers().get(AUTHORIZATION).cloned();
        let trusted = req.app_data::<web::Data<TrustedServices>>().cloned();
        let accepted = req.app_data::<web::Data<AcceptedCallers>>().cloned();
        Box::pin(async move {
            let Some(header) = header else {
                return Err(Problem::new(codes::UNAUTHENTICATED));
            };
            let (Some(trusted), Some(accepted)) = (trusted, accepted) else {
                return Err(Problem::new(codes::INTERNAL));
            };
            let invalid = || Problem::new(codes::INVALID_TOKEN);
            let text = header.to_str().map_err(|_ignored| invalid())?;
            let token = bearer(text).ok_or_else(invalid)?;
            let names: Vec<&str> = accepted.callers.iter().map(|(name, _)| *name).collect();
            let claims = trusted.verify(token, accepted.own, &names).await;
            claims.map(Self).map_err(|error| invalid().because(error))
        })
    }
}
