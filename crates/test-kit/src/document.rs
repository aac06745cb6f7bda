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

    /// Whether it takes a body, or at least bears an empty one: what takes none reads none.
    #[must_use]
    pub fn reads_a_body(&self) -> bool {
        self.body_type().is_some() || self.needs_header("Idempotency-Key")
    }

    /// Whether it has to have that header.
    #[must_use]
    pub fn needs_header(&self, name: &str) -> bool {
        let parameters = self.description["parameters"].as_array();
        parameters.into_iter().flatten().any(|parameter| {
            parameter["in"] == "header"
                && parameter["required"] == true
                && parameter["name"] == name
        })
    }

    /// Whether no token lets its caller in, but what it says: it signs in, or has signed what it tells.
    #[must_use]
    pub fn proves_itself(&self) -> bool {
        ["sign-in", "webhooks"].contains(&self.description["tags"][0].as_str().unwrap_or_default())
    }

    /// Returns the permissions each of which lets a caller in.
    #[must_use]
    pub fn permissions(&self) -> Vec<&str> {
        let alternatives = self.description["security"].as_array();
        let scopes = alternatives
            .into_iter()
            .flatten()
            .filter_map(|alternative| alternative["token"].as_array());
        scopes.flatten().filter_map(Value::as_str).collect()
    }

    /// Whether staff of the platform may ask for it, at the platform's address.
    #[must_use]
    pub fn is_for_the_platform(&self) -> bool {
        let permissions = self.permissions();
        permissions.iter().any(|name| name.starts_with("platform_"))
    }

    /// Whether a tenant's own people may ask for it, at the tenant's address.
    #[must_use]
    pub fn is_for_tenants(&self) -> bool {
        let permissions = self.permissions();
        permissions.is_empty()
            || permissions
                .iter()
                .any(|name| !name.starts_with("platform_"))
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
