//! The part of a request's way that finds its tenant, before routing sees the path.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Uri;
use actix_web::http::header::HOST;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, web};
use averis_tenant_context::{
    InvalidResolution, RequestAddress, TENANT_HEADER, TenantContext, clues, is_platform_host,
};

use crate::config::HttpConfig;
use crate::problem::{Problem, codes};
use crate::request;
use crate::tenancy::TenantDirectory;

/// Finds the tenant and hands it on with the request.
pub async fn resolve_tenant(
    mut req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if req.path().starts_with("/internal/") && is_under_a_tenant(&req) {
        let problem = Problem::new(codes::NO_SUCH_ROUTE);
        return Ok(req.error_response(problem).map_into_right_body());
    }
    if names_no_tenant(req.path()) {
        return Ok(next.call(req).await?.map_into_left_body());
    }
    match find_tenant(&mut req).await {
        Ok(Some(tenant)) => {
            request::note_tenant(&tenant);
            req.extensions_mut().insert(tenant);
        }
        Ok(None) => {}
        Err(problem) => return Ok(req.error_response(problem).map_into_right_body()),
    }
    Ok(next.call(req).await?.map_into_left_body())
}

/// Addresses of the process itself, and of other services' calls, which name tenant and caller otherwise.
pub(crate) fn names_no_tenant(path: &str) -> bool {
    ["/health", "/openapi.json", "/.well-known/", "/internal/"]
        .iter()
        .any(|own| path.starts_with(own))
}

/// Whether the host is a tenant's address. What services say to each other is not to be had there, should an
/// ingress ever let it through.
fn is_under_a_tenant(req: &ServiceRequest) -> bool {
    let Some(config) = req.app_data::<web::Data<HttpConfig>>() else {
        return true;
    };
    let Ok(host) = read_host(req, config) else {
        return true;
    };
    let address = RequestAddress {
        host: host.as_deref(),
        path: "/",
        headers: &[],
    };
    clues(address, &config.strategies, &config.base_domain)
        .map_or(true, |found| !found.names.is_empty())
}

async fn find_tenant(req: &mut ServiceRequest) -> Result<Option<Arc<TenantContext>>, Problem> {
    let (Some(config), Some(directory)) = (
        req.app_data::<web::Data<HttpConfig>>().cloned(),
        req.app_data::<web::Data<TenantDirectory>>().cloned(),
    ) else {
        return Err(Problem::new(codes::INTERNAL));
    };
    let (names, rest) = read_clues(req, &config)?;
    if let Some(rest) = rest {
        replace_path(req, &rest)?;
    }
    let mut found: Option<Arc<TenantContext>> = None;
    for name in &names {
        // The answer is the same for names that nobody has and names that nobody may use now.
        let Some(tenant) = directory.find(name).await? else {
            return Err(Problem::new(codes::INVALID_TENANT));
        };
        match &found {
            Some(other) if other.id != tenant.id => {
                return Err(Problem::new(codes::TENANT_MISMATCH));
            }
            _ => found = Some(tenant),
        }
    }
    Ok(found)
}

type Names = (Vec<averis_tenant_context::Clue>, Option<String>);

/// Returns the host that the caller asked for.
fn read_host(req: &ServiceRequest, config: &HttpConfig) -> Result<Option<String>, Problem> {
    let text =
        |value: &actix_web::http::header::HeaderValue| value.to_str().map(str::to_owned).ok();
    let mut hosts = req.headers().get_all(HOST);
    let first = hosts.next();
    let mut host = first.and_then(text);
    if hosts.next().is_some() {
        return Err(Problem::new(codes::TENANT_MISMATCH).detail("There is more than one Host."));
    }
    if first.is_some() && host.is_none() {
        // A name that cannot be read must not pass for the platform's own.
        return Err(Problem::new(codes::INVALID_TENANT));
    }
    if host.is_none() {
        host = req.uri().authority().map(ToString::to_string);
    }
    let peer = req.peer_addr().map(|address| address.ip());
    if peer.is_some_and(|peer| config.trusts(&peer)) {
        let forwarded = req.headers().get("x-forwarded-host").and_then(text);
        host = forwarded.or(host);
    }
    Ok(host)
}

fn read_clues(req: &ServiceRequest, config: &HttpConfig) -> Result<Names, Problem> {
    let host = read_host(req, config)?;
    let values: Vec<Option<&str>> = req
        .headers()
        .get_all(TENANT_HEADER)
        .map(|value| value.to_str().ok())
        .collect();
    let Some(headers) = values.into_iter().collect::<Option<Vec<&str>>>() else {
        return Err(Problem::new(codes::INVALID_TENANT));
    };
    let address = RequestAddress {
        host: host.as_deref(),
        path: req.path(),
        headers: &headers,
    };
    match clues(address, &config.strategies, &config.base_domain) {
        Ok(found) => {
            let own = |host: &str| is_platform_host(host, &config.base_domain);
            if found.names.is_empty() && !host.as_deref().is_some_and(own) {
                return Err(Problem::new(codes::INVALID_TENANT));
            }
            Ok((found.names, found.rest_of_path.map(str::to_owned)))
        }
        Err(InvalidResolution::Invalid) => Err(Problem::new(codes::INVALID_TENANT)),
        Err(InvalidResolution::Contradiction) => Err(Problem::new(codes::TENANT_MISMATCH)),
    }
}

/// Takes the tenant off the path, so that routes are the same through every strategy.
fn replace_path(req: &mut ServiceRequest, path: &str) -> Result<(), Problem> {
    if !path.starts_with("/api/") {
        // What never passes the ingress must not be reached round it, as /t/acme/internal/...
        return Err(Problem::new(codes::NO_SUCH_ROUTE));
    }
    let mut parts = req.uri().clone().into_parts();
    let target = match req.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let uri = target.parse().ok().and_then(|path_and_query| {
        parts.path_and_query = Some(path_and_query);
        Uri::from_parts(parts).ok()
    });
    let Some(uri) = uri else {
        return Err(Problem::new(codes::NO_SUCH_ROUTE));
    };
    req.match_info_mut().get_mut().update(&uri);
    req.head_mut().uri = uri;
    Ok(())
}
