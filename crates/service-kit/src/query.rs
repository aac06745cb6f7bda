//! Reading query strings and identifiers.

use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::problem::{Problem, codes};

/// A query string of known parameters. Parameters that a list does not declare are refused, so that a misspelt
/// filter is not silently everything.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(
            serde_urlencoded::from_str(req.query_string())
                .map(Self)
                .map_err(|error| Problem::new(codes::INVALID_QUERY).detail(error.to_string())),
        )
    }
}

/// The parameters of a list that has none.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoParameters {}

/// Reads the id of a thing from the path.
///
/// # Errors
/// 404 when it has not the form of an id: nothing can have it.
pub fn path_id(req: &HttpRequest, name: &str) -> Result<Uuid, Problem> {
    req.match_info()
        .get(name)
        .filter(|text| text.len() == 36)
        .and_then(|text| text.parse().ok())
        .ok_or_else(Problem::not_found)
}

/// The `{id}` of the path.
#[derive(Clone, Copy, Debug)]
pub struct PathId(pub Uuid);

impl FromRequest for PathId {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(path_id(req, "id").map(Self))
    }
}

/// The `{id}` of the path and the name of a thing inside it, which stands in the path as `{part}`: a word of a few, or a
/// number. One that is none is not found.
#[derive(Clone, Copy, Debug)]
pub struct NamedPart<T> {
    /// The whole.
    pub id: Uuid,
    /// The part.
    pub part: T,
}

impl<T: FromStr> FromRequest for NamedPart<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let both = path_id(req, "id").and_then(|id| {
            let name = req.match_info().get("part").unwrap_or_default();
            let part = name.parse().map_err(|_ignored| Problem::not_found())?;
            Ok(Self { id, part })
        });
        ready(both)
    }
}

/// The `{id}` of the path and the `{part_id}` of a thing inside it.
#[derive(Clone, Copy, Debug)]
pub struct PartId {
    /// The whole.
    pub id: Uuid,
    /// The part.
    pub part: Uuid,
}

impl FromRequest for PartId {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let both = path_id(req, "id").and_then(|id| {
            let part = path_id(req, "part_id")?;
            Ok(Self { id, part })
        });
        ready(both)
    }
}
