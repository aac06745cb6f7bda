//! What is sent to Stytch, field by field, and what comes of its answers.

use averis_identity::{ConfigError, StytchClient, StytchSecret};
use serde_json::{Value, json};
use wiremock::matchers::basic_auth;
use wiremock::{Match as _, Request, ResponseTemplate};

use crate::support::{
    MEMBER, ORGANIZATION, PROJECT, REQUEST_ID, SECRET, Stytch, config, hides, refusal,
};

fn ok(mut body: Value) -> ResponseTemplate {
    body["status_code"] = json!(200);
    body["request_id"] = json!(REQUEST_ID);
    ResponseTemplate::new(200).set_body_json(body)
}

/// Returns the only request that was sent.
async fn only(stytch: &Stytch) -> Request {
    let mut requests = stytch.server.received_requests().await.expect("recorded");
    assert_eq!(requests.len(), 1);
    requests.remove(0)
}

fn check(request: &Request, verb: &str, path: &str, body: Option<Value>) {
    assert!(basic_auth(PROJECT, SECRET).matches(request));
    assert_eq!(request.method.as_str(), verb);
    assert_eq!(request.url.path(), path);
    assert_eq!(request.url.query(), None);
    match body {
        Some(body) => {
            assert_eq!(request.headers["content-type"], "application/json");
            assert_eq!(request.body_json::<Value>().expect("JSON"), body);
        }
        None => assert!(request.body.is_empty()),
    }
}

#[tokio::test]
async fn an_organization_is_created() {
    let stytch = Stytch::start().await;
    let path = "/v1/b2b/organizations";
    let answer = ok(json!({ "organization": { "organization_id": ORGANIZATION } }));
    stytch.answer("POST", path, answer).await;
    let id = stytch
        .client
        .create_organization("Acme", "acme")
        .await
        .expect("an id");
    assert_eq!(id, ORGANIZATION);
    let body = json!({ "organization_name": "Acme", "organization_slug": "acme" });
    check(&only(&stytch).await, "POST", path, Some(body));
}

#[tokio::test]
async fn a_person_is_invited() {
    let stytch = Stytch::start().await;
    let path = "/v1/b2b/magic_links/email/invite";
    stytch
        .answer("POST", path, ok(json!({ "member_id": MEMBER })))
        .await;
    let url = "https://app.example.com/join";
    let id = stytch
        .client
        .invite(ORGANIZATION, "ann@example.com", "Ann", url)
        .await;
    assert_eq!(id.expect("an id"), MEMBER);
    let body = json!({
        "organization_id": ORGANIZATION,
        "email_address": "ann@example.com",
        "name": "Ann",
        "invite_redirect_url": url,
    });
    check(&only(&stytch).await, "POST", path, Some(body));
}

#[tokio::test]
async fn a_member_is_removed() {
    let stytch = Stytch::start().await;
    let path = format!("/v1/b2b/organizations/{ORGANIZATION}/members/{MEMBER}");
    stytch
        .answer("DELETE", &path, ok(json!({ "member_id": MEMBER })))
        .await;
    stytch
        .client
        .remove_member(ORGANIZATION, MEMBER)
        .await
        .expect("removed");
    check(&only(&stytch).await, "DELETE", &path, None);
}

#[tokio::test]
async fn ids_cannot_change_the_path() {
    let stytch = Stytch::start().await;
    for id in [
        "", ".", "..", "a/b", "../..", "a?b", "a#b", "a%2fb", "a b", "a\nb",
    ] {
        for (organization, member) in [(id, MEMBER), (ORGANIZATION, id)] {
            let reason = refusal(stytch.client.remove_member(organization, member).await, "");
            assert!(reason.contains("malformed"), "{reason}");
        }
    }
    assert_eq!(
        stytch
            .server
            .received_requests()
            .await
            .expect("recorded")
            .len(),
        0
    );
}

#[tokio::test]
async fn sessions_are_revoked() {
    let stytch = Stytch::start().await;
    let path = "/v1/b2b/sessions/revoke";
    stytch.answer("POST", path, ok(json!({}))).await;
    stytch
        .client
        .revoke_sessions(MEMBER)
        .await
        .expect("revoked");
    let body = json!({ "member_id": MEMBER });
    check(&only(&stytch).await, "POST", path, Some(body));
}

#[tokio::test]
async fn a_magic_link_becomes_a_session() {
    let stytch = Stytch::start().await;
    let path = "/v1/b2b/magic_links/authenticate";
    let answer = ok(json!({
        "member_id": MEMBER,
        "member_authenticated": true,
        "session_jwt": "the.new.token",
        "session_token": "opaque",
        "intermediate_session_token": "",
    }));
    stytch.answer("POST", path, answer).await;
    let jwt = stytch.client.authenticate_magic_link("link-token").await;
    assert_eq!(jwt.expect("a token"), "the.new.token");
    let body = json!({ "magic_links_token": "link-token" });
    check(&only(&stytch).await, "POST", path, Some(body));
}

#[tokio::test]
async fn a_member_who_owes_a_second_factor_has_no_session() {
    let stytch = Stytch::start().await;
    let answer = ok(json!({
        "member_id": MEMBER,
        "member_authenticated": false,
        "session_jwt": "",
        "intermediate_session_token": "half-way-in",
    }));
    stytch
        .answer("POST", "/v1/b2b/magic_links/authenticate", answer)
        .await;
    let outcome = stytch.client.authenticate_magic_link("link-token").await;
    assert!(refusal(outcome, "half-way-in").contains("second factor"));
}

#[tokio::test]
async fn a_base_url_may_have_a_path() {
    let stytch = Stytch::start().await;
    let path = "/proxy/v1/b2b/sessions/revoke";
    stytch.answer("POST", path, ok(json!({}))).await;
    for base in ["/proxy", "/proxy/"] {
        let url = format!("{}{base}", stytch.server.uri())
            .parse()
            .expect("a URL");
        let client = StytchClient::new(config(&url)).expect("a client");
        client.revoke_sessions(MEMBER).await.expect("revoked");
    }
    assert_eq!(stytch.count(path).await, 2);
}

#[test]
fn a_configuration_that_cannot_be_is_refused() {
    let good = config(&"https://api.stytch.com".parse().expect("a URL"));
    assert!(StytchClient::new(good.clone()).is_ok());
    for url in [
        "http://api.stytch.com",
        "ftp://localhost",
        "https://user:word@api.stytch.com",
    ] {
        let outcome = StytchClient::new(config(&url.parse().expect("a URL")));
        assert!(matches!(outcome, Err(ConfigError::Invalid(_))), "{url}");
    }
    for project_id in ["", "..", "a/b"] {
        let mut config = good.clone();
        project_id.clone_into(&mut config.project_id);
        assert!(StytchClient::new(config).is_err(), "{project_id}");
    }
    assert!("".parse::<StytchSecret>().is_err());
}

#[test]
fn nothing_shows_the_secret() {
    let config = config(&"https://api.stytch.com".parse().expect("a URL"));
    hides(&format!("{config:?} {config:#?}"), &[]);
    let client = StytchClient::new(config).expect("a client");
    let text = format!("{client:?} {client:#?}");
    hides(&text, &[]);
    assert!(text.contains(PROJECT), "{text}");
}
