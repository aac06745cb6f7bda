//! What every service's API document has to say, whatever the service is about.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use averis_service_kit::Code;
use averis_service_kit::problem::codes as common;
use averis_tenant_context::Permission;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::document::{Operation, operations, routes};

/// Checks a service's document: every route of its `routes.rs` stands there under its handler's name and the other way
/// round; every operation says what it takes, what it answers and who may ask; every reference leads somewhere; and the
/// codes are the kit's and the service's.
pub fn assert_described(document: &Value, routes_rs: &str, own_codes: &[Code]) {
    assert_routed(document, routes_rs);
    for operation in operations(document) {
        let place = format!("{} {}", operation.method, operation.path);
        assert_told(&operation, &place);
        assert_headers(&operation, &place);
        assert_path(&operation, &place);
        assert_permissions(&operation, &place);
    }
    assert_references(document);
    assert_codes(document, own_codes);
}

fn assert_routed(document: &Value, routes_rs: &str) {
    let mut routes = routes(routes_rs);
    assert!(routes.len() > 10, "the form of routes.rs is another");
    // What never passes the ingress is no part of the public contract, and what a standard describes none of ours.
    routes.retain(|(_, path), _| path.starts_with("/api/"));
    let documented: BTreeMap<(String, String), String> = operations(document)
        .into_iter()
        .map(|operation| {
            let id = operation.description["operationId"].as_str();
            let key = (operation.method.to_string(), operation.path);
            (key, id.expect("an operationId").to_owned())
        })
        .collect();
    assert_eq!(documented, routes);
}

fn assert_told(operation: &Operation, place: &str) {
    let description = &operation.description;
    let said = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
    let summary = said(&description["summary"]) || said(&description["description"]);
    assert!(summary, "{place} does not say what it does");
    let tags = description["tags"].as_array();
    assert!(tags.is_some_and(|tags| !tags.is_empty()), "{place}");
    let responses = description["responses"].as_object().expect("responses");
    let succeeds = responses.keys().any(|status| status.starts_with('2'));
    assert!(succeeds, "{place} never succeeds");
    assert!(responses.contains_key("default"), "{place}");
    for (status, response) in responses {
        assert!(said(&response["description"]), "{place} {status}");
        let content = response["content"].as_object();
        if status == "204" {
            assert!(content.is_none(), "{place} {status}");
            continue;
        }
        let content = content.unwrap_or_else(|| panic!("{place} {status} shows nothing"));
        let has_schema = content.values().all(|media| media["schema"].is_object());
        assert!(has_schema, "{place} {status}");
        if status.starts_with('2') {
            assert_examples(content, &format!("{place} {status}"));
        }
    }
    if let Some(content) = description["requestBody"]["content"].as_object() {
        assert_examples(content, place);
    }
}

fn assert_examples(content: &Map<String, Value>, place: &str) {
    for (media_type, media) in content {
        if media_type.ends_with("json") {
            assert!(!media["example"].is_null(), "{place} has no example");
        }
    }
}

/// Checks that a test of the crate at `manifest_dir` meets each of a service's codes: that one expects it, by name.
///
/// # Panics
/// When none does.
pub fn assert_each_code_is_met(manifest_dir: &str, codes: &[Code]) {
    let tests = Path::new(manifest_dir).join("tests/it");
    let files = std::fs::read_dir(&tests).expect("the crate's tests");
    let texts = files.map(|file| std::fs::read_to_string(file.expect("a file").path()));
    let text: String = texts.map(|text| text.expect("a test's text")).collect();
    let text: String = text.split_whitespace().collect();
    for code in codes {
        let expected = format!("{},\"{}\"", code.status, code.name);
        assert!(text.contains(&expected), "no test expects {}", code.name);
    }
}

/// A change of what is there already names the version that was seen; whatever could be done twice has a key. What makes
/// something inside a thing may or may not change the thing; and what says that the same again changes nothing has one
/// outcome, whichever version was seen.
fn assert_headers(operation: &Operation, place: &str) {
    let is_post = operation.method == Method::POST;
    let creates = operation.description["responses"].get("201").is_some();
    let changes = match operation.method {
        Method::GET => false,
        Method::POST => operation.path.contains('{'),
        _ => true,
    };
    let told = |name: &str| {
        operation.description[name]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let text = format!("{} {}", told("summary"), told("description"));
    let settles = text.contains("The same again changes nothing.");
    if !(changes && (creates || settles)) {
        assert_eq!(operation.needs_header("If-Match"), changes, "{place}");
    }
    // What has to do with signing in makes nothing that a repetition could make twice; what others tell has a name of its own.
    let once = is_post && !operation.proves_itself();
    assert_eq!(operation.needs_header("Idempotency-Key"), once, "{place}");
}

fn assert_path(operation: &Operation, place: &str) {
    let parameters = operation.description["parameters"].as_array();
    let named = parameters.into_iter().flatten();
    let named: BTreeSet<&str> = named
        .filter(|one| one["in"] == "path" && one["required"] == true)
        .filter_map(|one| one["name"].as_str())
        .collect();
    let in_path = operation.path.split('{').skip(1);
    let in_path: BTreeSet<&str> = in_path
        .filter_map(|rest| Some(rest.split_once('}')?.0))
        .collect();
    assert_eq!(named, in_path, "{place}");
}

fn assert_permissions(operation: &Operation, place: &str) {
    let ways = operation.description["security"].as_array();
    let ways = ways.unwrap_or_else(|| panic!("{place} does not say who may ask"));
    assert!(!ways.is_empty(), "{place}");
    for way in ways {
        // Whoever signs in has no token yet, and whoever tells something has signed it.
        let is_told = way["token"].is_array() || operation.proves_itself();
        assert!(is_told, "{place}: {way}");
    }
    for name in operation.permissions() {
        assert!(name.parse::<Permission>().is_ok(), "{place}: {name}");
    }
}

fn assert_references(document: &Value) {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    found.push(reference);
                }
                members.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    references(document, &mut found);
    assert!(found.len() > 20, "the form of references is another");
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("inside the document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn assert_codes(document: &Value, own: &[Code]) {
    let names: Vec<&str> = common::ALL
        .iter()
        .chain(own)
        .map(|code| code.name)
        .collect();
    let listed = &document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"];
    assert_eq!(*listed, json!(names));
    let distinct: BTreeSet<&&str> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "a code stands there twice");
}
