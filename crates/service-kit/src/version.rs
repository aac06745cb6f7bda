//! `ETag` and `If-Match`: nobody overwrites what somebody else has changed meanwhile.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::IF_MATCH;
use actix_web::{FromRequest, HttpRequest};

use crate::problem::{Problem, codes};

/// The version that the caller has seen, from `If-Match: "7"`. As an extractor it makes the header required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenVersion(i64);

impl SeenVersion {
    /// Checks that nobody changed the thing meanwhile.
    ///
    /// # Errors
    /// 412 with the current version.
    pub fn check(self, current: i64) -> Result<(), Problem> {
        if self.0 == current {
            return Ok(());
        }
        Err(Problem::new(codes::VERSION_MISMATCH)
            .detail(format!("The current version is {current}."))
            .with("current_version", current))
    }
}

impl FromRequest for SeenVersion {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(req))
    }
}

fn read(req: &HttpRequest) -> Result<SeenVersion, Problem> {
    let Some(header) = req.headers().get(IF_MATCH) else {
        return Err(Problem::new(codes::PRECONDITION_REQUIRED)
            .detail("Send the ETag of the version that you have seen as If-Match."));
    };
    let version = header
        .to_str()
        .ok()
        .and_then(|text| text.trim().strip_prefix('"')?.strip_suffix('"'))
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok());
    match version {
        Some(version) => Ok(SeenVersion(version)),
        None => Err(Problem::new(codes::INVALID_HEADER)
            .detail("If-Match must be one ETag as this API gives it, such as \"7\".")),
    }
}
