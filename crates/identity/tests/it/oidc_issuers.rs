//! Issuers that are away, or not whom they say they are.

use averis_identity::{ConfigError, OidcClient, OidcConfig, ProviderError};
use serde_json::json;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::oidc::{CLIENT, DISCOVERY, keys, reader, serve, token};
use crate::raw;
use crate::support::{now, printed};

#[tokio::test]
async fn an_issuer_that_describes_itself_wrongly_is_unavailable() {
    let server = MockServer::start().await;
    let uri = server.uri();
    let keys_at = format!("{uri}/keys");
    let claims = json!({ "iss": uri, "sub": "user-1", "aud": CLIENT, "exp": now() + 60 });
    let token = token(&claims);
    for (described, expected) in [
        (
            json!({ "issuer": format!("{uri}/"), "jwks_uri": keys_at }),
            "another issuer",
        ),
        (
            json!({ "issuer": "https://issuer.example.com", "jwks_uri": keys_at }),
            "another issuer",
        ),
        (
            json!({ "issuer": uri, "jwks_uri": "http://keys.example.com/" }),
            "https",
        ),
        (
            json!({ "issuer": uri, "jwks_uri": "file:///etc/passwd" }),
            "https",
        ),
        (json!({ "issuer": uri, "jwks_uri": "keys" }), "https"),
        (json!({ "issuer": uri }), "documented"),
        (json!([]), "documented"),
    ] {
        server.reset().await;
        serve(&server, DISCOVERY, described.clone()).await;
        serve(&server, "/keys", keys()).await;
        // Each case asks for the first time: an issuer that failed is left alone for a moment.
        let client = reader(&uri).expect("a client");
        let error = client.authenticate(&token).await.expect_err("no keys");
        let text = printed(&error, &[&token]);
        assert!(
            matches!(error, ProviderError::Unavailable(_)),
            "{described}: {text}"
        );
        assert!(text.contains(expected), "{described}: {text}");
        let requests = server.received_requests().await.expect("recorded");
        assert!(
            requests
                .iter()
                .all(|request| request.url.path() == DISCOVERY)
        );
    }
}

#[tokio::test]
async fn an_issuer_that_is_away_is_unavailable() {
    let (_kept, port) = raw::deaf();
    let (closing, _) = raw::hanging_up();
    let broken = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(500))
        .mount(&broken)
        .await;
    let empty = MockServer::start().await;
    for uri in [
        format!("http://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{closing}"),
        broken.uri(),
        empty.uri(),
    ] {
        let client = reader(&uri).expect("a client");
        let claims = json!({ "iss": uri, "sub": "user-1", "aud": CLIENT, "exp": now() + 60 });
        let token = token(&claims);
        let error = client
            .authenticate(&token)
            .await
            .expect_err("nobody to ask");
        let text = printed(&error, &[&token]);
        assert!(matches!(error, ProviderError::Unavailable(_)), "{text}");
    }
}

#[tokio::test]
async fn an_issuer_may_have_a_path_and_a_slash() {
    let server = MockServer::start().await;
    let issuer = format!("{}/realms/acme/", server.uri());
    let described = json!({ "issuer": issuer, "jwks_uri": format!("{}/keys", server.uri()) });
    serve(
        &server,
        "/realms/acme/.well-known/openid-configuration",
        described,
    )
    .await;
    serve(&server, "/keys", keys()).await;
    let claims = json!({
        "iss": issuer,
        "sub": "user-1",
        "aud": CLIENT,
        "exp": now() + 60,
        "email": "ann@example.com",
        "email_verified": true,
    });
    let client = reader(&issuer).expect("a client");
    let session = client
        .authenticate(&token(&claims))
        .await
        .expect("a session");
    assert_eq!(session.issuer, issuer);
}

#[test]
fn a_configuration_that_cannot_be_is_refused() {
    assert!(reader("https://issuer.example.com").is_ok());
    for issuer in [
        "",
        "issuer.example.com",
        "http://issuer.example.com",
        "https://user:word@issuer.example.com",
        "https://issuer.example.com/?a=b",
        "https://issuer.example.com/#a",
    ] {
        assert!(
            matches!(reader(issuer), Err(ConfigError::Invalid(_))),
            "{issuer}"
        );
    }
    let nobody = OidcConfig {
        issuer: "https://issuer.example.com".to_owned(),
        client_id: String::new(),
    };
    assert!(OidcClient::new(nobody).is_err());
}
