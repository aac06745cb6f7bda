//! Examples of bodies, made from what their schemas say: an example of a field where it has one, and else something of its
//! type.

use serde_json::{Map, Value, json};

/// Schemas inside schemas that are followed: none of ours go deeper but those that contain themselves.
const DEPTH: usize = 8;

/// Gives every body of an operation an example: what it takes, and what it answers when it succeeds.
pub fn add(operation: &mut Value, schemas: &Map<String, Value>) {
    if let Some(content) = operation.pointer_mut("/requestBody/content") {
        add_to_content(content, schemas, Whole::No);
    }
    let responses = operation
        .get_mut("responses")
        .and_then(Value::as_object_mut);
    for (status, response) in responses.into_iter().flatten() {
        let content = response.get_mut("content");
        if let Some(content) = content.filter(|_| status.starts_with('2')) {
            add_to_content(content, schemas, Whole::Yes);
        }
    }
}

/// Whether an example has all fields, or leaves out those that nobody needs and that say nothing of themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    Yes,
    No,
}

fn add_to_content(content: &mut Value, schemas: &Map<String, Value>, whole: Whole) {
    for (media_type, media) in content.as_object_mut().into_iter().flatten() {
        if !media_type.ends_with("json") {
            continue;
        }
        let schema = media.get("schema").cloned().unwrap_or_default();
        let Some(media) = media.as_object_mut() else {
            continue;
        };
        let mut example = example(&schema, schemas, whole, DEPTH);
        let says_nothing = |example: &Value| *example == json!({});
        if example.as_ref().is_none_or(says_nothing) {
            example = self::example(&schema, schemas, Whole::Yes, DEPTH);
        }
        if let Some(example) = example {
            media.entry("example").or_insert(example);
        }
    }
}

fn example(
    schema: &Value,
    schemas: &Map<String, Value>,
    whole: Whole,
    depth: usize,
) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    if let Some(given) = schema.get("example") {
        return Some(given.clone());
    }
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let name = name.rsplit('/').next()?;
        return example(schemas.get(name)?, schemas, whole, depth);
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(Value::Array(ways)) = schema.get(choice) {
            let mut ways = ways
                .iter()
                .filter(|way| way.get("type") != Some(&json!("null")));
            return ways.find_map(|way| example(way, schemas, whole, depth));
        }
    }
    if let Some(Value::Array(parts)) = schema.get("allOf") {
        let parts = parts
            .iter()
            .filter_map(|part| example(part, schemas, whole, depth));
        let fields = parts.filter_map(|part| part.as_object().cloned());
        return Some(Value::Object(fields.flatten().collect()));
    }
    if let Some(first) = schema.pointer("/enum/0") {
        return Some(first.clone());
    }
    match type_of(schema)? {
        "object" => Some(Value::Object(fields(schema, schemas, whole, depth))),
        "array" => {
            let one = example(schema.get("items")?, schemas, whole, depth);
            Some(Value::Array(one.into_iter().collect()))
        }
        "string" => Some(text(schema).into()),
        "integer" | "number" => Some(schema.get("minimum").cloned().unwrap_or(json!(1))),
        "boolean" => Some(json!(true)),
        _ => None,
    }
}

/// The type of a schema; of several the one that is not `null`.
fn type_of(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::Array(types) => types
            .iter()
            .filter_map(Value::as_str)
            .find(|one| *one != "null"),
        one => one.as_str(),
    }
}

fn fields(
    schema: &Value,
    schemas: &Map<String, Value>,
    whole: Whole,
    depth: usize,
) -> Map<String, Value> {
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &String| {
        required.is_some_and(|names| names.iter().any(|one| one.as_str() == Some(name)))
    };
    let properties = schema.get("properties").and_then(Value::as_object);
    let properties = properties.into_iter().flatten();
    let shown = properties.filter(|(name, field)| {
        whole == Whole::Yes || is_required(name) || field.get("example").is_some()
    });
    shown
        .filter_map(|(name, field)| Some((name.clone(), example(field, schemas, whole, depth)?)))
        .collect()
}

fn text(schema: &Value) -> &'static str {
    match schema.get("format").and_then(Value::as_str) {
        Some("uuid") => "0198c0de-0000-7000-8000-000000000000",
        Some("date-time") => "2026-11-27T09:00:00Z",
        Some("date") => "2026-11-27",
        Some("uri") => "https://example.com/",
        _ => "text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schemas() -> Map<String, Value> {
        let schemas = json!({
            "Money": {"type": "object", "required": ["amount", "currency"], "properties": {
                "amount": {"type": "integer", "example": 1999}, "currency": {"type": "string", "example": "EUR"}}},
            "Tree": {"type": "object", "required": ["inside"], "properties": {
                "inside": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}}},
            "Line": {"type": "object", "required": ["sku", "price"], "properties": {
                "sku": {"type": "string", "example": "L-1"},
                "price": {"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Money"}]},
                "note": {"type": ["string", "null"]},
                "kind": {"type": "string", "enum": ["a", "b"], "example": "b"}}},
        });
        schemas.as_object().expect("schemas").clone()
    }

    fn of(name: &str, whole: Whole) -> Value {
        let schema = json!({"$ref": format!("#/components/schemas/{name}")});
        example(&schema, &schemas(), whole, DEPTH).expect("an example")
    }

    #[test]
    fn a_request_shows_what_it_needs_and_an_answer_all_that_it_has() {
        let price = json!({"amount": 1999, "currency": "EUR"});
        assert_eq!(
            of("Line", Whole::No),
            json!({"sku": "L-1", "price": price, "kind": "b"})
        );
        assert_eq!(
            of("Line", Whole::Yes),
            json!({"sku": "L-1", "price": price, "kind": "b", "note": "text"})
        );
    }

    #[test]
    fn what_contains_itself_has_an_end() {
        assert!(of("Tree", Whole::Yes).to_string().len() < 200);
    }

    #[test]
    fn an_example_that_is_there_stays() {
        let mut operation = json!({
            "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Money"}, "example": "own"}}},
            "responses": {
                "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Money"}}}},
                "default": {"content": {"application/problem+json": {"schema": {"type": "object"}}}}
            }
        });
        add(&mut operation, &schemas());
        assert_eq!(
            operation["requestBody"]["content"]["application/json"]["example"],
            "own"
        );
        assert_eq!(
            operation["responses"]["200"]["content"]["application/json"]["example"]["amount"],
            1999
        );
        let problem = &operation["responses"]["default"]["content"]["application/problem+json"];
        assert_eq!(problem["example"], Value::Null);
    }
}
