//! Reading JSON bodies.

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use garde::Validate;
use serde::de::DeserializeOwned;

use crate::problem::{FieldProblem, Problem, codes};

/// Largest JSON body, in bytes.
pub const MAX_BODY: usize = 1024 * 1024;

/// A JSON body (`application/json`) of known fields with acceptable values.
pub struct Body<T>(pub T);

/// A merge patch (RFC 7396; `application/merge-patch+json` or `application/json`).
pub struct MergePatch<T>(pub T);

impl<T: DeserializeOwned + Validate<Context = ()> + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let req = req.clone();
        let payload = payload.take();
        Box::pin(async move {
            require_media_type(&req, &["application/json"])?;
            let bytes = read_bytes(payload, MAX_BODY).await?;
            Ok(Self(parse(&bytes)?))
        })
    }
}

impl<T: DeserializeOwned + Validate<Context = ()> + 'static> FromRequest for MergePatch<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let req = req.clone();
        let payload = payload.take();
        Box::pin(async move {
            require_media_type(&req, &["application/merge-patch+json", "application/json"])?;
            let bytes = read_bytes(payload, MAX_BODY).await?;
            Ok(Self(parse(&bytes)?))
        })
    }
}

/// Checks the media type of a body.
///
/// # Errors
/// 415 that names the accepted ones.
pub fn require_media_type(req: &HttpRequest, accepted: &[&str]) -> Result<(), Problem> {
    let given = req
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let essence = given
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    if accepted.contains(&essence.as_str()) {
        return Ok(());
    }
    Err(Problem::new(codes::UNSUPPORTED_MEDIA_TYPE)
        .detail(format!("Send the body as {}.", accepted.join(" or "))))
}

/// Reads a whole body.
///
/// # Errors
/// 413 beyond `limit` bytes, 400 when the client broke off.
pub async fn read_bytes(mut payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| Problem::new(codes::MALFORMED_BODY).because(error))?;
        if body.len() + chunk.len() > limit {
            return Err(
                Problem::new(codes::BODY_TOO_LARGE).detail(format!("The limit is {limit} bytes."))
            );
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Parses and checks a JSON body.
///
/// # Errors
/// 400 when it is no JSON of the right form, 422 with an entry per value that is not acceptable.
pub fn parse<T: DeserializeOwned + Validate<Context = ()>>(bytes: &[u8]) -> Result<T, Problem> {
    // serde would take the elements of an array for the fields of a struct in their order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::new(codes::MALFORMED_BODY).detail("The body must be an object."));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value: T =
        serde_path_to_error::deserialize(&mut json).map_err(|error| malformed(&error))?;
    json.end()
        .map_err(|error| Problem::new(codes::MALFORMED_BODY).detail(error.to_string()))?;
    check(&value)?;
    Ok(value)
}

/// Checks values by their rules.
///
/// # Errors
/// 422 with an entry per value that is not acceptable.
pub fn check<T: Validate<Context = ()>>(value: &T) -> Result<(), Problem> {
    let Err(report) = value.validate() else {
        return Ok(());
    };
    let errors = report
        .iter()
        .map(|(path, error)| {
            FieldProblem::new(pointer(&path.to_string()), "invalid", error.message())
        })
        .collect();
    Err(Problem::invalid(errors))
}

fn malformed(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let text = error.inner().to_string();
    let code = if text.starts_with("unknown field") {
        codes::UNKNOWN_FIELD
    } else {
        codes::MALFORMED_BODY
    };
    let path = error.path().to_string();
    let place = if path == "." {
        String::new()
    } else {
        pointer(&path)
    };
    // serde's words name fields, positions and what was expected, which is what the caller needs.
    Problem::new(code).detail(text).with("pointer", place)
}

/// Turns `options[0].name` into `/options/0/name`.
fn pointer(path: &str) -> String {
    let mut pointer = String::from("/");
    for c in path.chars() {
        match c {
            '.' | '[' => pointer.push('/'),
            ']' => {}
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            c => pointer.push(c),
        }
    }
    pointer
}

/// Whether `text` holds nothing that PostgreSQL or a page cannot show: no NUL and no other control characters
/// but line breaks and tabs.
///
/// # Errors
/// For garde, which calls it as a custom rule.
pub fn printable(text: &str, _: &()) -> garde::Result {
    if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        return Err(garde::Error::new("must not contain control characters"));
    }
    Ok(())
}

/// Like [`printable`], and on one line.
///
/// # Errors
/// For garde, which calls it as a custom rule.
pub fn one_line(text: &str, _: &()) -> garde::Result {
    if text.chars().any(char::is_control) {
        return Err(garde::Error::new("must not contain control characters"));
    }
    if text.trim() != text {
        return Err(garde::Error::new("must not begin or end with white space"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Thing {
        #[garde(length(chars, min = 1, max = 3), custom(one_line))]
        name: String,
        #[garde(dive)]
        #[serde(default)]
        parts: Vec<Thing>,
    }

    fn code(json: &str) -> (&'static str, serde_json::Value) {
        let problem = parse::<Thing>(json.as_bytes()).expect_err(json);
        (problem.code().name, problem.body())
    }

    #[test]
    fn each_fault_of_a_body_has_its_code_and_place() {
        assert_eq!(parse::<Thing>(br#"{"name":"a"}"#).expect("good").name, "a");
        assert_eq!(code("").0, "malformed_body");
        assert_eq!(code("{").0, "malformed_body");
        assert_eq!(code(r#" ["a"]"#).0, "malformed_body");
        assert_eq!(code(r#"{"name":"a"} {}"#).0, "malformed_body");
        assert_eq!(code(r#"{"name":1}"#).1["pointer"], "/name");
        assert_eq!(code(r#"{"name":"a","x":1}"#).0, "unknown_field");
        assert_eq!(code(&"[".repeat(10_000)).0, "malformed_body");
        let deep = format!(
            "{}{}",
            r#"{"name":"a","parts":["#.repeat(200),
            "]}".repeat(200)
        );
        assert_eq!(code(&deep).0, "malformed_body");
        let (name, body) = code(r#"{"name":"a","parts":[{"name":"abcd"},{"name":"\u0000"}]}"#);
        assert_eq!(name, "invalid");
        assert_eq!(body["errors"][0]["pointer"], "/parts/0/name");
        assert_eq!(body["errors"][1]["pointer"], "/parts/1/name");
    }
}
