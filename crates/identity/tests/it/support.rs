//! What is printed, and what must not be; tokens that somebody made up.

use std::fmt::{Debug, Display};

use averis_identity::ProviderError;
pub use averis_test_kit::stytch::*;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

pub const RSA_PUBLIC_KEY: &str = include_str!("test_only_rsa_public_key.pem");

/// Returns a token of any header, with a signature of someone's choice.
pub fn forge(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

/// Returns a token whose claims were changed after it was signed.
pub fn tamper(token: &str, name: &str, value: Value) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let bytes = URL_SAFE_NO_PAD.decode(parts[1]).expect("base64");
    let mut claims: Value = serde_json::from_slice(&bytes).expect("JSON");
    claims[name] = value;
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("{}.{claims}.{}", parts[0], parts[2])
}

/// Returns an error as Stytch documents it. Its message repeats what it should not.
pub fn stytch_error(status: u16, error_type: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({
        "status_code": status,
        "request_id": REQUEST_ID,
        "error_type": error_type,
        "error_message": format!("you sent {SECRET}"),
        "error_url": "https://stytch.com/docs/api/errors",
    }))
}

/// Returns everything that can be printed of a thing, after looking for what must not be.
pub fn printed(thing: &(impl Debug + Display), hidden: &[&str]) -> String {
    let all = format!("{thing} {thing:?} {thing:#?}");
    hides(&all, hidden);
    all
}

/// Looks for the project's secret, in any form that it travels in, and for the parts of tokens.
pub fn hides(text: &str, hidden: &[&str]) {
    let basic = STANDARD.encode(format!("{PROJECT}:{SECRET}"));
    let parts = hidden.iter().flat_map(|token| token.split('.'));
    for part in [SECRET, basic.as_str()].into_iter().chain(parts) {
        assert!(
            part.is_empty() || !text.contains(part),
            "{part:?} is in {text}"
        );
    }
}

/// Returns why a token was refused.
pub fn refusal<T: Debug>(outcome: Result<T, ProviderError>, token: &str) -> String {
    let error = outcome.expect_err("a refusal");
    let _ = printed(&error, &[token]);
    match error {
        ProviderError::Refused(reason) => reason,
        other => panic!("not refused: {other}"),
    }
}
