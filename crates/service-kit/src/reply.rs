//! Answers to what went well.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION};
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde::Serialize;
use serde_json::{Map, Value};

/// A JSON answer whose parts can be stored and given again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    status: u16,
    etag: Option<String>,
    location: Option<String>,
    body: Vec<u8>,
    replayed: bool,
    secret: bool,
}

impl Reply {
    /// 200 with a body.
    #[must_use]
    pub fn ok(body: &impl Serialize) -> Self {
        Self::with_status(200, body)
    }

    /// 201 with a body and the address of what was made.
    #[must_use]
    pub fn created(location: impl Into<String>, body: &impl Serialize) -> Self {
        Self {
            location: Some(location.into()),
            ..Self::with_status(201, body)
        }
    }

    /// 202 with a body and the address where the work can be followed.
    #[must_use]
    pub fn accepted(location: impl Into<String>, body: &impl Serialize) -> Self {
        Self {
            location: Some(location.into()),
            ..Self::with_status(202, body)
        }
    }

    /// 204.
    #[must_use]
    pub fn no_content() -> Self {
        Self {
            status: 204,
            etag: None,
            location: None,
            body: Vec::new(),
            replayed: false,
            secret: false,
        }
    }

    fn with_status(status: u16, body: &impl Serialize) -> Self {
        // Our wire types hold nothing that JSON cannot: no maps with other keys than text.
        let mut bytes = Vec::with_capacity(1024);
        let written = serde_json::to_writer(&mut bytes, body);
        let body = if written.is_ok() { bytes } else { Vec::new() };
        Self {
            status,
            etag: None,
            location: None,
            body,
            replayed: false,
            secret: false,
        }
    }

    /// Says that the body holds a secret, which nothing on the way may keep.
    #[must_use]
    pub fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// Adds the version as `ETag`.
    #[must_use]
    pub fn version(mut self, version: i64) -> Self {
        self.etag = Some(format!("\"{version}\""));
        self
    }

    /// Returns status, headers and body for storing.
    #[must_use]
    pub fn parts(&self) -> (u16, Value, &[u8]) {
        let mut headers = Map::new();
        for (name, value) in [("etag", &self.etag), ("location", &self.location)] {
            if let Some(value) = value {
                headers.insert(name.to_owned(), value.as_str().into());
            }
        }
        (self.status, Value::Object(headers), &self.body)
    }

    /// Whether this is the stored answer to an earlier request.
    #[must_use]
    pub const fn is_replayed(&self) -> bool {
        self.replayed
    }

    /// Makes the reply from what was stored.
    #[must_use]
    pub fn replay(status: u16, headers: &Value, body: Vec<u8>) -> Self {
        let text = |name: &str| headers.get(name).and_then(Value::as_str).map(str::to_owned);
        Self {
            status,
            etag: text("etag"),
            location: text("location"),
            body,
            replayed: true,
            secret: false,
        }
    }
}

impl Responder for Reply {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse<BoxBody> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        if let Some(etag) = self.etag {
            response.insert_header((ETAG, etag));
        }
        if let Some(location) = self.location {
            response.insert_header((LOCATION, location));
        }
        if self.replayed {
            response.insert_header(("idempotency-replayed", "true"));
        }
        // One tenant's answer must not be given to another by a cache on the way.
        let keep = if self.secret {
            "no-store"
        } else {
            "private, no-cache"
        };
        response.insert_header((CACHE_CONTROL, keep));
        if self.body.is_empty() {
            return response.finish();
        }
        let kind = if self.status < 400 {
            "application/json"
        } else {
            "application/problem+json"
        };
        response.insert_header((CONTENT_TYPE, kind));
        response.body(self.body)
    }
}
