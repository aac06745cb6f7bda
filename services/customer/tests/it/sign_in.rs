//! Shoppers who sign in at the identity provider of the shops.

use averis_test_kit::oidc::Issuer;
use averis_test_kit::{Answer, Client};
use serde_json::{Value, json};

use crate::setup::{path, platform, platform_with, prove, unique_email, visitor};

async fn come(visitor: &Client, token: &str) -> Answer {
    let body = json!({"id_token": token});
    visitor.post(&path("/visitor/sign-in"), &body).await
}

/// The id of a new visitor, which a sign-in has to name.
async fn nonce(visitor: &Client) -> Value {
    let seen = visitor.post(&path("/visitor"), &json!({})).await;
    seen.expect(200).body["id"].clone()
}

#[actix_web::test]
async fn a_shopper_signs_in_elsewhere_and_stays_the_same_when_the_address_moves() {
    let issuer = Issuer::start().await;
    let platform = platform_with(Some(issuer.config())).await;
    let acme = platform.tenant("acme").await;
    let (email, moved) = (unique_email("ana"), unique_email("ana"));
    // Known by a code first, and as what another visitor has said of itself.
    let hot = prove(&platform, &visitor(&platform, &acme), &email, 0).await;
    let ana = visitor(&platform, &acme);
    let said = json!({"given_name": "Ana"});
    let _ = ana.post(&path("/visitor/contact"), &said).await.expect(200);
    let token = issuer.token("subject-1", &email, nonce(&ana).await);
    let came = come(&ana, &token).await.expect(200).body;
    assert_eq!(
        (&came["disclosure"], &came["customer"]["id"]),
        (&json!("hot"), &hot["customer"]["id"])
    );
    assert_eq!(came["customer"]["given_name"], "Ana", "merged by proof");
    // Another address at the provider is no other person.
    let again = visitor(&platform, &acme);
    let token = issuer.token("subject-1", &moved, nonce(&again).await);
    let came = come(&again, &token).await.expect(200).body;
    assert_eq!(
        (&came["customer"]["id"], &came["customer"]["email"]),
        (&hot["customer"]["id"], &json!(email))
    );
    // Who got the address is another one.
    let heir = visitor(&platform, &acme);
    let token = issuer.token("subject-2", &email, nonce(&heir).await);
    come(&heir, &token)
        .await
        .expect_problem(409, "other_identity");
    let seen = heir.get(&path("/visitor")).await.expect(200).body;
    assert_eq!(seen["disclosure"], "cold");
    // The same person is somebody else at another tenant.
    let globex = platform.tenant("globex").await;
    let there = visitor(&platform, &globex);
    let token = issuer.token("subject-1", &email, nonce(&there).await);
    let came = come(&there, &token).await.expect(200).body;
    assert_ne!(came["customer"]["id"], hot["customer"]["id"]);
    // What is erased is forgotten, the account at the provider with it.
    let own = path(&format!(
        "/customers/{}",
        came["customer"]["id"].as_str().expect("an id")
    ));
    let version = globex.client.get(&own).await.expect(200).version();
    let reason = json!({"reason": "Ticket 1"});
    let erase = format!("{own}/erase");
    let erased = globex.client.command(&erase, version, &reason).await;
    let _ = erased.expect(200);
    let anew = visitor(&platform, &globex);
    let token = issuer.token("subject-1", &email, nonce(&anew).await);
    let anew = come(&anew, &token).await.expect(200).body;
    assert_ne!(anew["customer"]["id"], came["customer"]["id"]);
}

#[actix_web::test]
async fn a_token_of_another_session_proves_nothing() {
    let issuer = Issuer::start().await;
    let platform = platform_with(Some(issuer.config())).await;
    let acme = platform.tenant("acme").await;
    let email = unique_email("ana");
    let (ana, eve) = (visitor(&platform, &acme), visitor(&platform, &acme));
    let (of_ana, of_eve) = (nonce(&ana).await, nonce(&eve).await);
    let stranger = Issuer::start().await;
    for token in [
        issuer.token("subject-1", &email, of_ana),
        issuer.token("subject-1", &email, Value::Null),
        stranger.token("subject-1", &email, of_eve),
        "none".to_owned(),
    ] {
        come(&eve, &token)
            .await
            .expect_problem(401, "sign_in_refused");
    }
    let seen = eve.get(&path("/visitor")).await.expect(200).body;
    assert_eq!(seen["disclosure"], "cold");
}

#[actix_web::test]
async fn without_an_identity_provider_there_are_codes() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let ana = visitor(&platform, &acme);
    come(&ana, "none")
        .await
        .expect_problem(409, "provider_not_set_up");
}
