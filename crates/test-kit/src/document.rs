//! An OpenAPI document as tests walk it, so that an operation is tested without being named anywhere.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::Value;

/// An operation of a document.
pub struct Operation {
    /// HTTP method.
    pub method: Method,
    /// Address, with names of ids in braces.
    pub path: String,
    /// What the document says of it.
    pub description: Value,
}

impl Operation {
    /// Whether its address names a thing.
    #[must_use]
    pub fn names_a_thing(&self) -> bool {
        self.path.contains('{')
    }

    /// The media type of its body, if it takes one.
    #[must_use]
    pub fn body_type(&self) -> Option<&str> {
        let content = self.description.pointer("/requestBody/content")?;
        content.as_object()?.keys().next().map(String::as_str)
    }
}

/// Returns all operations of a document.
#[must_use]
pub fn operations(document: &Value) -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, description) in methods.as_object().expect("methods") {
            all.push(Operation {
                method: method.to_uppercase().parse().expect("a method"),
                path: path.clone(),
                description: description.clone(),
            });
        }
    }
    all
}

/// Reads the text of a service's routes.rs: the name of the handler by method and path.
#[must_use]
pub fn routes(text: &str) -> BTreeMap<(String, String), String> {
    let mut routes = BTreeMap::new();
    let mut scope = "";
    for line in text.lines() {
        if let Some((_, rest)) = line.split_once("web::scope(\"") {
            (scope, _) = rest.split_once('"').expect("the end of the text");
        }
        let Some((_, rest)) = line.split_once("resource(\"") else {
            continue;
        };
        let (path, handlers) = rest.split_once('"').expect("the end of the text");
        for handler in handlers.split('.').skip(1) {
            let (method, rest) = handler.split_once('(').expect("a method and its handler");
            let handler = rest.trim_end_matches([')', ';']);
            let (_, name) = handler.rsplit_once("::").expect("module::handler");
            let route = (method.to_uppercase(), format!("{scope}{path}"));
            let known = routes.insert(route, name.to_owned());
            assert_eq!(known, None, "{method} {path} stands there twice");
        }
    }
    routes
}
