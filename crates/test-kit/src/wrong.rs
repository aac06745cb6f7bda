//! What a caller may get wrong, the same for every service.

use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::client::{Answer, Client};
use crate::document::Operation;

const MAX_BODY: usize = 1024 * 1024;
const JSON: &str = "application/json";

/// Ids that nothing can have, as they stand in an address.
pub const IMPOSSIBLE_IDS: &[&str] = &[
    "1",
    "x",
    "00000000-0000-0000-0000-000000000000",
    "00000000000000000000000000000000",
    "zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz",
    "%7B00000000-0000-0000-0000-00000000000%7D",
    "urn:uuid:00000000-0000-0000-0000-000000000000",
    "%00",
    "%FF",
    "';DROP%20TABLE%20products",
    "';DROP%20TABLE%20tenants",
    "..%2F..%2Finternal",
    "%F0%9F%92%A9",
];

const MALFORMED: &[&[u8]] = &[
    b"not JSON",
    b"{",
    b"[]",
    b"null",
    b"7",
    b"\"text\"",
    b"{}{}",
    b"{\"name\":\"\\ud800\"}",
    b"{\"name\":\"\xff\"}",
    b"{\"\xff\":1}",
    b"\xff\xfe",
    b"\0",
];

const AWKWARD: &[&str] = &[
    "'; DROP TABLE products; --",
    "'; DROP TABLE platform_shared.tenants; --",
    "'; RESET ROLE; SET ROLE tenant_globex_product; --",
    "\" OR 1=1",
    "../../etc/passwd",
    "..\\..\\windows",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "%s%n%00",
    "<script>alert(1)</script>",
    "=1+1",
    "\u{0}",
    "a\u{0}b",
    "a\u{1b}[31mb",
    "a\rb",
    "a\nb",
    "a\tb",
    "a\u{7f}b",
    "a\u{85}b",
    "\u{202e}txet",
    "a\u{200b}b",
    "a\u{2028}b",
    "\u{feff}bom",
    "e\u{301} and \u{e9}",
    "👩‍👩‍👧‍👦 & Söhne",
    "\u{10ffff}",
    "ﷺ",
    "İstanbul ß ǅ",
    "",
    " ",
    " a",
    "a ",
    "\u{a0}a",
    "NULL",
    "\\",
    "\\x00",
    "\u{fffd}",
];

/// Texts that some part of a system could stumble over, among them the longest that fits and one more.
#[must_use]
pub fn awkward_texts(longest: usize) -> Vec<String> {
    let long = [
        "x".repeat(longest),
        "x".repeat(longest + 1),
        "💩".repeat(longest),
        "💩".repeat(longest + 1),
        "x".repeat(10_000),
    ];
    AWKWARD
        .iter()
        .map(|text| (*text).to_owned())
        .chain(long)
        .collect()
}

impl Client {
    /// Sends a body as it is, with everything else in order.
    pub async fn send_bytes(
        &self,
        method: &Method,
        path: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> Answer {
        let request = self
            .request(method.clone(), path)
            .header("idempotency-key", Uuid::now_v7().to_string())
            .header("if-match", "\"1\"")
            .header("content-type", kind)
            .body(body);
        Answer::of(request).await
    }

    /// Checks that an operation which takes a JSON object refuses every body of another form, each as it must.
    pub async fn expect_wrong_bodies_refused(&self, method: &Method, path: &str) {
        let case = async |kind: &str, body: &[u8], status, code: &str| {
            let answer = self.send_bytes(method, path, kind, body.to_vec()).await;
            assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
            answer.expect_problem(status, code);
            assert!(!answer.text.contains("panicked"));
        };
        case(JSON, br#"{"no_such_field":1}"#, 400, "unknown_field").await;
        case(JSON, br#"{"__proto__":{}}"#, 400, "unknown_field").await;
        case(JSON, br#"{"__proto__":{},"key":1}"#, 400, "unknown_field").await;
        for malformed in MALFORMED {
            let answer = self
                .send_bytes(method, path, JSON, malformed.to_vec())
                .await;
            assert_eq!(answer.status, 400, "{method} {path}: {}", answer.text);
        }
        let deep = "[".repeat(10_000);
        case(JSON, deep.as_bytes(), 400, "malformed_body").await;
        let deep = "{\"a\":".repeat(10_000);
        case(JSON, deep.as_bytes(), 400, "unknown_field").await;
        case(JSON, &vec![b' '; MAX_BODY + 1], 413, "body_too_large").await;
        case(JSON, &vec![b' '; MAX_BODY], 400, "malformed_body").await;
        for wrong in [
            "text/plain",
            "application/xml",
            "application/jsonx",
            "",
            "multipart/form-data",
        ] {
            case(wrong, b"{}", 415, "unsupported_media_type").await;
        }
    }

    /// Checks that the example of an operation's JSON body, if it takes one, has the form that the operation reads, whatever
    /// becomes of it: it is asked of things that are not there.
    pub async fn expect_example_understood(&self, operation: &Operation) {
        if operation.body_type() != Some(JSON) {
            return;
        }
        let mut path = operation.path.clone();
        while let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
            path.replace_range(from..=to, &Uuid::now_v7().to_string());
        }
        let example = operation
            .description
            .pointer("/requestBody/content/application~1json/example");
        let example = example.unwrap_or_else(|| panic!("{path} has no example"));
        let method = &operation.method;
        let request = self.request(method.clone(), &path).json(example);
        let request = request
            .header("if-match", "\"1\"")
            .header("idempotency-key", Uuid::now_v7().to_string());
        let answer = Answer::of(request).await;
        let wrong_form = ["malformed_body", "unknown_field"].map(Value::from);
        let is_understood = answer.status < 500 && !wrong_form.contains(&answer.body["code"]);
        assert!(
            is_understood,
            "{method} {path} with {example}: {}",
            answer.text
        );
    }
}
