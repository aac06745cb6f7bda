//! For each operation of the document, a call that succeeds: what it needs is made, its body is good. An operation
//! that is not known here fails the test, so none is forgotten.

use averis_test_kit::{Answer, Client, Operation, colleague_of};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::setup::{
    API, approve, command, draft, ended, launched, path, product_path, section_command, upload,
};

/// All operations of the document.
pub fn operations() -> Vec<Operation> {
    let all = averis_test_kit::operations(&averis_product::document());
    assert!(all.len() > 30);
    all
}

/// A body.
#[derive(Clone, Debug)]
pub enum Body {
    None,
    Json(Value),
    Csv(String),
}

/// A call that will succeed.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    pub path: String,
    /// The same with an id that nothing has.
    pub nowhere: String,
    pub body: Body,
    pub version: i64,
    /// Addresses that show what the call could change.
    pub watch: Vec<String>,
}

impl Call {
    /// Sends the call to `path`, as `request` begins it.
    pub fn send(&self, request: RequestBuilder, key: &str) -> RequestBuilder {
        let request = if self.method == Method::GET {
            request
        } else {
            request
                .header("idempotency-key", key)
                .header("if-match", format!("\"{}\"", self.version))
        };
        match &self.body {
            Body::None => request,
            Body::Json(body) => request.json(body),
            Body::Csv(text) => request
                .header("content-type", "text/csv")
                .body(text.clone()),
        }
    }

    /// Makes the call as its tenant.
    pub async fn make(&self, client: &Client, key: &str) -> Answer {
        Answer::of(self.send(client.request(self.method.clone(), &self.path), key)).await
    }
}

/// A short text that is nowhere else.
fn unique() -> String {
    Uuid::new_v4().simple().to_string()
}

/// Makes what an operation needs, all with `mark` in its texts, and returns the call.
pub async fn prepare(client: &Client, operation: &Operation, mark: &str) -> Call {
    let inner = operation
        .path
        .strip_prefix(API)
        .expect("the service's own address");
    let segments: Vec<&str> = inner.trim_start_matches('/').split('/').collect();
    let method = operation.method.as_str();
    let things = Things {
        client,
        mark,
        unique: unique(),
    };
    match segments.as_slice() {
        ["products", rest @ ..] if rest.iter().any(|part| part.contains('{')) => {
            things.of_product(method, rest).await
        }
        ["categories", "{id}", rest @ ..] => things.of_category(method, rest).await,
        ["attribute-definitions", "{id}"] => things.of_attribute(method).await,
        ["imports", "{id}", rest @ ..] => things.of_import(method, rest).await,
        [collection] => things.new_thing(method, collection).await,
        ["products", "search"] => things.read(format!("/products/search?q={mark}"), &["/products"]),
        ["products", "export"] => things.read("/products/export".to_owned(), &["/products"]),
        ["staging", rest @ ..] => things.staged(rest).await,
        _ => panic!("calls.rs knows no call for {method} {}", operation.path),
    }
}

struct Things<'a> {
    client: &'a Client,
    mark: &'a str,
    unique: String,
}

impl Things<'_> {
    fn call(&self, method: &str, address: String, id: &str, body: Body, watch: &[&str]) -> Call {
        let other = Uuid::now_v7().to_string();
        Call {
            method: method.parse().expect("a method"),
            nowhere: address.replace(id, &other),
            path: address,
            body,
            version: 1,
            watch: watch.iter().map(|place| (*place).to_owned()).collect(),
        }
    }

    fn read(&self, address: String, watch: &[&str]) -> Call {
        self.call("GET", path(&address), "/", Body::None, watch)
    }

    async fn product(&self) -> Answer {
        let (mark, unique) = (self.mark, &self.unique);
        let body = json!({
            "name": format!("{mark} name"), "description": mark, "vendor": mark, "tags": [mark],
            "options": [mark], "variants": [{"sku": format!("{mark}-{unique}"), "option_values": [mark]}]
        });
        draft(
            self.client,
            &format!("{}-{unique}", mark.to_lowercase()),
            body,
        )
        .await
    }

    async fn staged(&self, rest: &[&str]) -> Call {
        let product = self.product().await;
        let id = product.id();
        let key = product.body["key"].as_str().expect("a key");
        let sku = product.body["variants"][0]["sku"].as_str().expect("an SKU");
        launched(self.client, &id).await;
        let address = match rest {
            ["products"] => "/staging/products".to_owned(),
            ["products", "{id}"] => format!("/staging/products/{id}"),
            ["products", _] => format!("/staging/products/key={key}"),
            ["variants"] => format!("/staging/variants?sku={sku}"),
            ["search"] => format!("/staging/search?q={}", self.mark),
            ["changes"] => "/staging/changes".to_owned(),
            _ => panic!("calls.rs knows no call for /staging/{rest:?}"),
        };
        let named = if address.contains(key) {
            key
        } else {
            id.as_str()
        };
        self.call(
            "GET",
            path(&address),
            named,
            Body::None,
            &[&product_path(&id)],
        )
    }

    async fn of_product(&self, method: &str, rest: &[&str]) -> Call {
        let product = self.product().await;
        let id = product.id();
        let address = product_path(&id);
        let shown = format!("{address}?expand=variants,media");
        let watch = [shown.as_str()];
        let with = |rest: &str, body: Body| {
            self.call(method, format!("{address}{rest}"), &id, body, &watch)
        };
        match (method, rest) {
            ("GET", ["key={key}"]) => {
                let key = product.body["key"].as_str().expect("a key");
                let address = path(&format!("/products/key={key}"));
                self.call(method, address, key, Body::None, &watch)
            }
            ("GET", ["{id}"]) => with("?expand=variants,media", Body::None),
            ("PATCH", ["{id}"]) => with("", Body::Json(json!({"name": "changed"}))),
            ("POST", ["{id}", step @ ("launch" | "suspend" | "resume" | "archive")]) => {
                let before: &[&str] = match *step {
                    "suspend" => &["launch"],
                    "resume" => &["launch", "suspend"],
                    _ => &[],
                };
                for step in before {
                    command(self.client, &id, step).await;
                }
                if *step == "launch" {
                    approve(self.client, &id).await;
                }
                let version = self.client.get(&address).await.expect(200).version();
                Call {
                    version,
                    ..with(&format!("/{step}"), Body::Json(json!({})))
                }
            }
            ("GET", ["{id}", rest @ ("sections" | "completeness")]) => {
                with(&format!("/{rest}"), Body::None)
            }
            ("PUT", ["{id}", "sections", "{part}"]) => {
                let code = format!("b{}", self.unique);
                let body =
                    json!({"code": code, "label": self.mark, "type": "text", "section": "legal"});
                let definitions = path("/attribute-definitions");
                let _ = self.client.post(&definitions, &body).await.expect(201);
                let body = json!({"attributes": {code: self.mark}});
                with("/sections/legal", Body::Json(body))
            }
            ("POST", ["{id}", "sections", "{part}", verb]) => {
                if *verb != "submit" {
                    let submitter = colleague_of(self.client);
                    let nothing = json!({});
                    let submit = section_command(&submitter, &id, "legal", "submit", &nothing);
                    let _ = submit.await.expect(200);
                }
                let body = match *verb {
                    "reject" => json!({"comment": self.mark}),
                    _ => json!({}),
                };
                Call {
                    version: self.client.get(&address).await.expect(200).version(),
                    ..with(&format!("/sections/legal/{verb}"), Body::Json(body))
                }
            }
            ("GET", ["{id}", rest @ ("revisions" | "diff")]) => {
                command(self.client, &id, "launch").await;
                let query = if *rest == "diff" { "?from=1" } else { "" };
                with(&format!("/{rest}{query}"), Body::None)
            }
            ("GET", ["{id}", "revisions", "{part}"]) => {
                command(self.client, &id, "launch").await;
                with("/revisions/1", Body::None)
            }
            ("GET", ["{id}", "variants"]) => with("/variants", Body::None),
            ("POST", ["{id}", "variants"]) => {
                let sku = format!("new-{}", self.unique);
                with(
                    "/variants",
                    Body::Json(json!({"sku": sku, "option_values": ["new"]})),
                )
            }
            (_, ["{id}", "variants", "{part_id}"]) => {
                let part = product.body["variants"][0]["id"].as_str().expect("an id");
                let body = match method {
                    "PATCH" => Body::Json(json!({"position": 5})),
                    _ => Body::None,
                };
                with(&format!("/variants/{part}"), body)
            }
            ("GET", ["{id}", "media"]) => {
                self.medium(&address).await;
                with("/media", Body::None)
            }
            ("POST", ["{id}", "media"]) => with(
                "/media",
                Body::Json(json!({"url": "https://x.example/new.jpg"})),
            ),
            (_, ["{id}", "media", "{part_id}"]) => {
                let part = self.medium(&address).await;
                let body = match method {
                    "PATCH" => Body::Json(json!({"alt": "changed"})),
                    _ => Body::None,
                };
                with(&format!("/media/{part}"), body)
            }
            other => panic!("calls.rs knows no call for {other:?}"),
        }
    }

    async fn medium(&self, product: &str) -> String {
        let body = json!({"url": format!("https://x.example/{}.jpg", self.mark), "alt": self.mark});
        let media = format!("{product}/media");
        self.client.post(&media, &body).await.expect(201).id()
    }

    async fn of_category(&self, method: &str, rest: &[&str]) -> Call {
        let body = json!({"code": self.unique, "name": self.mark});
        let made = self
            .client
            .post(&path("/categories"), &body)
            .await
            .expect(201);
        let address = path(&format!("/categories/{}", made.id()));
        let (rest, body) = match (method, rest) {
            ("GET" | "DELETE", []) => ("", Body::None),
            ("PATCH", []) => ("", Body::Json(json!({"name": "changed"}))),
            ("POST", ["move"]) => (
                "/move",
                Body::Json(json!({"parent_id": null, "position": 9})),
            ),
            other => panic!("calls.rs knows no call for {other:?}"),
        };
        self.call(
            method,
            format!("{address}{rest}"),
            &made.id(),
            body,
            &[&address],
        )
    }

    async fn of_attribute(&self, method: &str) -> Call {
        let code = format!("a{}", self.unique);
        let body = json!({"code": code, "label": self.mark, "type": "text"});
        let made = self
            .client
            .post(&path("/attribute-definitions"), &body)
            .await
            .expect(201);
        let address = path(&format!("/attribute-definitions/{}", made.id()));
        let body = match method {
            "GET" | "DELETE" => Body::None,
            "PATCH" => Body::Json(json!({"label": "changed"})),
            other => panic!("calls.rs knows no call for {other} of an attribute"),
        };
        self.call(method, address.clone(), &made.id(), body, &[&address])
    }

    async fn of_import(&self, method: &str, rest: &[&str]) -> Call {
        // The second product has no title, so that the report holds something.
        let (mark, unique) = (self.mark, &self.unique);
        let key = mark.to_lowercase();
        let file =
            format!("Handle,Title,Vendor\n{key}-{unique},{mark},{mark}\n{key}-no-{unique},,\n");
        let id = upload(self.client, file).await.expect(202).id();
        ended(self.client, &id).await;
        let address = path(&format!("/imports/{id}"));
        let rest = match (method, rest) {
            ("GET", []) => "",
            ("GET", ["report"]) => "/report",
            other => panic!("calls.rs knows no call for {other:?}"),
        };
        self.call(
            method,
            format!("{address}{rest}"),
            &id,
            Body::None,
            &[&address],
        )
    }

    async fn new_thing(&self, method: &str, collection: &str) -> Call {
        let (mark, unique) = (self.mark, &self.unique);
        let list = path(&format!("/{collection}"));
        if method == "GET" {
            let product = self.product().await;
            let sku = product.body["variants"][0]["sku"].as_str().expect("a SKU");
            return match collection {
                "products"
                | "categories"
                | "attribute-definitions"
                | "data-dictionary"
                | "imports"
                | "audit-events" => self.read(format!("/{collection}"), &[&list]),
                "variants" => self.read(format!("/variants?sku={sku}"), &[&path("/products")]),
                other => panic!("calls.rs knows no list of {other}"),
            };
        }
        let key = mark.to_lowercase();
        let body = match collection {
            "products" => Body::Json(json!({"key": format!("{key}-{unique}"), "name": mark})),
            "categories" => Body::Json(json!({"code": unique, "name": mark})),
            "attribute-definitions" => {
                Body::Json(json!({"code": format!("a{unique}"), "label": mark, "type": "text"}))
            }
            "imports" => Body::Csv(format!("Handle,Title\n{key}-{unique},{mark}\n")),
            other => panic!("calls.rs knows no making of {other}"),
        };
        self.call(method, list.clone(), "/", body, &[&list])
    }
}
