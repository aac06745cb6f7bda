//! Stytch when it says no, says nothing, or says something else.

use std::sync::atomic::Ordering;

use averis_identity::{ProviderError, ProviderSession};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::raw;
use crate::support::{
    MEMBER, ORGANIZATION, REQUEST_ID, SECRET, Stytch, client, member_path, password_factor,
    printed, session_claims_of, session_jwt, stytch_error,
};

const ORGANIZATIONS: &str = "/v1/b2b/organizations";

/// Has a request that changes something answered like this.
async fn post(answer: ResponseTemplate) -> (ProviderError, usize) {
    let stytch = Stytch::start().await;
    stytch.answer("POST", ORGANIZATIONS, answer).await;
    let outcome = stytch.client.create_organization("Acme", "acme").await;
    let error = outcome.expect_err("a failure");
    let _ = printed(&error, &[]);
    (error, stytch.count(ORGANIZATIONS).await)
}

/// Has a request that changes nothing answered like this.
async fn get(answer: ResponseTemplate) -> (Result<ProviderSession, ProviderError>, usize) {
    let stytch = Stytch::start().await;
    stytch.answer("GET", &member_path(), answer).await;
    let token = session_jwt(&session_claims_of(&[password_factor()]));
    let outcome = stytch.client.authenticate_session(&token).await;
    if let Err(error) = &outcome {
        let _ = printed(error, &[&token]);
    }
    (outcome, stytch.count(&member_path()).await)
}

fn member() -> Value {
    json!({
        "member_id": MEMBER,
        "organization_id": ORGANIZATION,
        "email_address": "ann@example.com",
        "email_address_verified": true,
        "status": "active",
    })
}

#[tokio::test]
async fn a_rejection_names_its_reason() {
    for (status, name) in [
        (400, "invalid_email"),
        (404, "organization_not_found"),
        (401, "unable_to_auth_magic_link"),
    ] {
        let (error, count) = post(stytch_error(status, name)).await;
        assert_eq!(count, 1, "nothing that was rejected is repeated");
        let text = error.to_string();
        assert!(text.contains(name) && text.contains(REQUEST_ID), "{text}");
        match error {
            ProviderError::Rejected {
                status: given,
                error_type,
                request_id,
            } => {
                assert_eq!(given, status);
                assert_eq!(error_type.as_deref(), Some(name));
                assert_eq!(request_id.as_deref(), Some(REQUEST_ID));
            }
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_rejection_repeats_nothing_that_it_should_not() {
    let bodies = [
        ResponseTemplate::new(400).set_body_string(SECRET),
        ResponseTemplate::new(400)
            .set_body_json(json!({ "error_type": SECRET, "request_id": SECRET })),
        ResponseTemplate::new(400).set_body_json(json!({ "error_type": 5, "request_id": [] })),
        ResponseTemplate::new(400),
    ];
    for body in bodies {
        let (error, _) = post(body).await;
        match error {
            ProviderError::Rejected {
                status: 400,
                error_type: None,
                request_id: None,
            } => {}
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back() {
    let limited = || stytch_error(429, "too_many_requests");
    let cases = [
        (limited().insert_header("Retry-After", "17"), Some(17)),
        (
            limited().insert_header("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT"),
            None,
        ),
        (limited().insert_header("Retry-After", "-1"), None),
        (limited(), None),
    ];
    for (answer, expected) in cases {
        let (outcome, asked) = get(answer.clone()).await;
        assert_eq!(asked, 1, "a limit is not answered with more requests");
        for error in [post(answer).await.0, outcome.expect_err("a limit")] {
            match error {
                ProviderError::RateLimited { retry_after } => assert_eq!(retry_after, expected),
                other => panic!("{other}"),
            }
        }
    }
}

#[tokio::test]
async fn a_failing_provider_is_unavailable() {
    // Right, but for its length.
    let long = json!({ "organization": { "organization_id": ORGANIZATION }, "member": member() });
    let long = format!("{long}{}", " ".repeat(2 * 1024 * 1024));
    let broken = [
        stytch_error(500, "internal_server_error"),
        ResponseTemplate::new(503),
        ResponseTemplate::new(200).set_body_string("<html>Welcome</html>"),
        ResponseTemplate::new(200)
            .set_body_json(json!({ "organization": SECRET, "member": SECRET })),
        ResponseTemplate::new(200).set_body_string(long),
        ResponseTemplate::new(200),
    ];
    for answer in broken {
        let (error, count) = post(answer.clone()).await;
        assert!(matches!(error, ProviderError::Unavailable(_)), "{error}");
        assert_eq!(count, 1, "what may have happened is not repeated");
        let (outcome, count) = get(answer).await;
        let error = outcome.expect_err("no answer");
        assert!(matches!(error, ProviderError::Unavailable(_)), "{error}");
        assert_eq!(count, 2);
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = wiremock::MockServer::start().await;
    for status in [301, 302, 307, 308] {
        let answer = ResponseTemplate::new(status).insert_header("Location", elsewhere.uri());
        let (error, _) = post(answer.clone()).await;
        assert!(matches!(error, ProviderError::Unavailable(_)), "{error}");
        let (outcome, _) = get(answer).await;
        assert!(matches!(outcome, Err(ProviderError::Unavailable(_))));
    }
    let led = elsewhere.received_requests().await.expect("recorded");
    assert!(led.is_empty(), "the secret could be led there");
}

#[tokio::test]
async fn a_short_failure_is_not_noticed() {
    let stytch = Stytch::start().await;
    wiremock::Mock::given(wiremock::matchers::path(member_path()))
        .respond_with(ResponseTemplate::new(502))
        .up_to_n_times(1)
        .with_priority(1)
        .mount(&stytch.server)
        .await;
    let member = json!({ "member": member() });
    let answer = ResponseTemplate::new(200).set_body_json(member);
    stytch.answer("GET", &member_path(), answer).await;
    let token = session_jwt(&session_claims_of(&[password_factor()]));
    let session = stytch
        .client
        .authenticate_session(&token)
        .await
        .expect("a session");
    assert_eq!(session.email, "ann@example.com");
    assert_eq!(stytch.count(&member_path()).await, 2);
}

#[tokio::test]
async fn a_closed_port_is_unavailable() {
    let (_kept, port) = raw::deaf();
    let outcome = client(&raw::url(port))
        .create_organization("Acme", "acme")
        .await;
    let text = printed(&outcome.expect_err("nobody there"), &[]);
    assert!(text.contains("no connection"), "{text}");
}

#[tokio::test]
async fn a_closed_connection_is_unavailable() {
    let (port, count) = raw::hanging_up();
    let client = client(&raw::url(port));
    let outcome = client.create_organization("Acme", "acme").await;
    let text = printed(&outcome.expect_err("no answer"), &[]);
    assert!(text.contains("Unavailable"), "{text}");
    assert_eq!(
        count.load(Ordering::SeqCst),
        1,
        "what may have happened is not repeated"
    );
    let token = session_jwt(&session_claims_of(&[]));
    let error = client
        .authenticate_session(&token)
        .await
        .expect_err("no keys");
    assert!(printed(&error, &[&token]).contains("Unavailable"));
    assert_eq!(count.load(Ordering::SeqCst), 3, "keys are asked for twice");
}

#[tokio::test]
async fn a_silent_provider_is_left_after_five_seconds() {
    let server = raw::Silent::start();
    let client = client(&raw::url(server.port));
    let token = session_jwt(&session_claims_of(&[]));
    let started = std::time::Instant::now();
    let (posted, got) = tokio::join!(
        client.create_organization("Acme", "acme"),
        client.authenticate_session(&token),
    );
    assert!(
        started.elapsed().as_secs() < 10,
        "it took {:?}",
        started.elapsed()
    );
    for error in [posted.expect_err("no answer"), got.expect_err("no answer")] {
        let text = printed(&error, &[&token]);
        assert!(
            text.contains("Unavailable") && text.contains("in time"),
            "{text}"
        );
    }
    assert_eq!(server.connections(), 2, "who was slow is not asked again");
}

#[tokio::test]
async fn our_own_credentials_are_no_fault_of_whoever_signs_in() {
    let (error, _) = post(stytch_error(401, "unauthorized_credentials")).await;
    assert!(matches!(error, ProviderError::Unavailable(_)), "{error}");
}
