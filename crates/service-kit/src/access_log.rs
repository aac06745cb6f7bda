//! A line in the log for each request to a tenant that somebody may ask about later: who, what, and what came of it.
//!
//! The line carries what every line of the request has: request id, method, path and tenant. It holds no query, no body and
//! no credential.

use std::str::FromStr;
use std::time::Duration;

use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use actix_web::web;

use crate::auth::{CallerKind, identified};
use crate::config::HttpConfig;
use crate::limit::client_address;
use crate::tenancy::resolved;

/// Which requests to tenants are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    /// None: something before the services does it.
    None,
    /// What is no plain read, what staff of the platform reads under a grant, and what is refused for want of a right.
    #[default]
    Changes,
    /// All.
    All,
}

impl FromStr for AccessLog {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::None),
            "changes" => Ok(Self::Changes),
            "all" => Ok(Self::All),
            _ => Err("must be none, changes or all"),
        }
    }
}

/// Logs an answered request, if it is one that is logged.
pub(crate) fn note<B>(response: &ServiceResponse<B>, elapsed: Duration) {
    let req = response.request();
    let wanted = req.app_data::<web::Data<HttpConfig>>();
    let wanted = wanted.map_or(AccessLog::None, |config| config.access_log);
    let caller = identified(req).ok();
    let status = response.status().as_u16();
    let is_plain = matches!(*req.method(), Method::GET | Method::HEAD)
        && caller
            .as_ref()
            .is_none_or(|caller| caller.grant().is_none())
        && !matches!(status, 401 | 403);
    let logged = match wanted {
        AccessLog::None => false,
        AccessLog::Changes => !is_plain,
        AccessLog::All => true,
    };
    if !logged || resolved(req).is_none() {
        return;
    }
    let kind = caller
        .as_ref()
        .map_or("nobody", |caller| match caller.kind {
            CallerKind::Person => "person",
            CallerKind::Staff { .. } => "staff",
            CallerKind::Key => "api_key",
            CallerKind::Shopper => "shopper",
            CallerKind::Service => "service",
        });
    let text = |id: Option<uuid::Uuid>| id.map(|id| id.to_string());
    tracing::info!(
        target: "access",
        status,
        microseconds = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        kind,
        caller = text(caller.as_ref().map(|caller| caller.subject)),
        support_grant = text(caller.as_ref().and_then(|caller| caller.grant())),
        address = client_address(req).map(|address| address.to_string()),
        "access"
    );
}
