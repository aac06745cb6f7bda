//! What all OpenAPI documents have in common.

mod examples;

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;

use crate::problem::{Code, codes};

/// The `If-Match` header of operations that change something.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes a header; SeenVersion reads it")]
pub struct IfMatch {
    /// The ETag of the version that the caller has seen, such as `"7"`.
    #[param(rename = "If-Match")]
    if_match: String,
}

/// Completes a service's document: the problems as a closed list of codes, the `Idempotency-Key` of each POST, the problem
/// answer of each operation, and an example of each body.
#[must_use]
pub fn complete(document: &OpenApi, own: &[Code]) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    let names: Vec<&str> = codes::ALL.iter().chain(own).map(|code| code.name).collect();
    if let Some(schemas) = document
        .pointer_mut("/components/schemas")
        .and_then(Value::as_object_mut)
    {
        schemas.insert("Problem".to_owned(), problem_schema(&names));
    }
    let schemas = document.pointer("/components/schemas");
    let schemas = schemas.and_then(Value::as_object).cloned();
    let schemas = schemas.unwrap_or_default();
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else {
        return document;
    };
    for (method, operation) in operations(paths) {
        examples::add(operation, &schemas);
        if let Some(responses) = operation
            .get_mut("responses")
            .and_then(Value::as_object_mut)
        {
            responses.insert("default".to_owned(), problem_response());
        }
        // What has to do with signing in makes nothing that a repetition could make twice; what others tell has a name of
        // its own.
        let has_no_key = operation
            .pointer("/tags/0")
            .is_some_and(|tag| tag == "sign-in" || tag == "webhooks");
        if method == "post" && !has_no_key {
            let parameters = operation
                .as_object_mut()
                .map(|operation| operation.entry("parameters").or_insert_with(|| json!([])));
            if let Some(Value::Array(parameters)) = parameters {
                parameters.push(idempotency_key());
            }
        }
    }
    document
}

fn operations(paths: &mut Map<String, Value>) -> impl Iterator<Item = (&String, &mut Value)> {
    paths
        .values_mut()
        .filter_map(Value::as_object_mut)
        .flatten()
}

fn problem_schema(codes: &[&str]) -> Value {
    json!({
        "type": "object",
        "description": "RFC 9457 problem details.",
        "required": ["type", "title", "status", "code"],
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string", "enum": codes},
            "detail": {"type": "string"},
            "trace_id": {"type": "string"},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["pointer", "code", "message"],
                    "properties": {
                        "pointer": {"type": "string", "description": "JSON pointer to the value."},
                        "code": {"type": "string"},
                        "message": {"type": "string"}
                    }
                }
            }
        }
    })
}

fn problem_response() -> Value {
    json!({
        "description": "A problem; `code` says which.",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    })
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "required": true,
        "description": "Makes a repetition of this request harmless: it gets the stored answer.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255}
    })
}

/// A whole number of minor units of one currency of ISO 4217.
#[derive(Serialize, ToSchema)]
#[schema(title = "Money")]
pub struct MoneySchema {
    /// Minor units: 1999 is 19.99 EUR, and 1999 JPY.
    #[schema(example = 1999)]
    amount: i64,
    /// Alphabetic code.
    #[schema(example = "EUR")]
    currency: String,
}

/// Merges the documents of services that run in one process.
#[must_use]
pub fn merge(documents: impl IntoIterator<Item = Value>) -> Value {
    let mut merged = json!({
        "openapi": "3.1.0",
        "info": {"title": "Averis", "version": env!("CARGO_PKG_VERSION")},
        "paths": {}, "components": {"schemas": {}}
    });
    for document in documents {
        for pointer in ["/paths", "/components/schemas"] {
            if let (Some(Value::Object(all)), Some(Value::Object(own))) =
                (merged.pointer_mut(pointer), document.pointer(pointer))
            {
                merge_section(all, own);
            }
        }
    }
    merged
}

fn merge_section(all: &mut Map<String, Value>, own: &Map<String, Value>) {
    for (name, value) in own {
        let code_list = "/properties/code/enum";
        match all
            .get_mut(name)
            .and_then(|known| known.pointer_mut(code_list))
        {
            // The one schema that services share but for their own codes.
            Some(Value::Array(known)) => {
                let more = value.pointer(code_list).and_then(Value::as_array);
                for code in more.into_iter().flatten() {
                    if !known.contains(code) {
                        known.push(code.clone());
                    }
                }
            }
            _ => {
                all.insert(name.clone(), value.clone());
            }
        }
    }
}
