//! What visitors look at.

use averis_test_kit::{Answer, Client};
use serde_json::{Value, json};

use crate::setup::{path, platform, prove, unique_email, visitor};

async fn note(visitor: &Client, subjects: &[&str]) -> Answer {
    let events: Vec<Value> = subjects
        .iter()
        .map(|subject| json!({"kind": "product_viewed", "subject": subject}))
        .collect();
    let body = json!({"events": events});
    visitor.post(&path("/visitor/events"), &body).await
}

async fn allow(visitor: &Client, allowed: bool) -> Answer {
    let body = json!({"allowed": allowed});
    let said = visitor.post(&path("/visitor/telemetry"), &body).await;
    said.expect(200)
}

async fn seen_of(staff: &Client, customer: &Value) -> Vec<String> {
    let id = customer["id"].as_str().expect("an id");
    let seen = staff.get(&path(&format!("/customers/{id}/events"))).await;
    let seen = seen.expect(200).body;
    let seen = seen["data"].as_array().expect("a list").iter();
    seen.map(|event| event["subject"].as_str().expect("a subject").to_owned())
        .collect()
}

#[actix_web::test]
async fn what_a_visitor_looks_at_is_kept_where_it_allows_that_and_nobodys_until_it_proves_who_it_is()
 {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let (ana, email) = (visitor(&platform, &acme), unique_email("ana"));
    note(&ana, &["A"])
        .await
        .expect_problem(409, "telemetry_not_allowed");
    assert_eq!(allow(&ana, true).await.body["telemetry"], true);
    let _ = note(&ana, &["A", "B"]).await.expect(201);
    // To say who one is proves nothing.
    let contact = json!({"email": email});
    let said = ana.post(&path("/visitor/contact"), &contact).await;
    let warm = said.expect(200).body["customer"].clone();
    let _ = note(&ana, &["C"]).await.expect(201);
    assert!(seen_of(&acme.client, &warm).await.is_empty());
    let hot = prove(&platform, &ana, &email, 0).await;
    let _ = note(&ana, &["D"]).await.expect(201);
    let seen = seen_of(&acme.client, &hot["customer"]).await;
    assert_eq!(seen, ["D", "C", "B", "A"]);
    // U4: signing out and proving the same again moves nothing twice, nor what others did at the same machine.
    let sign_out = ana.post(&path("/visitor/sign-out"), &json!({})).await;
    let _ = sign_out.expect(200);
    let _ = note(&ana, &["E"]).await.expect(201);
    let bob = prove(&platform, &ana, &unique_email("bob"), 0).await;
    assert_eq!(seen_of(&acme.client, &bob["customer"]).await, ["E"]);
    assert_eq!(seen_of(&acme.client, &hot["customer"]).await.len(), 4);
    // What is taken back is gone, whoever it was.
    allow(&ana, false).await;
    assert!(seen_of(&acme.client, &hot["customer"]).await.is_empty());
    note(&ana, &["F"])
        .await
        .expect_problem(409, "telemetry_not_allowed");
}

#[actix_web::test]
async fn of_a_visitor_the_latest_thousand_events_are_kept() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let ana = visitor(&platform, &acme);
    allow(&ana, true).await;
    let _ = note(&ana, &["first"]).await.expect(201);
    let many = vec!["later"; 50];
    for _ in 0..20 {
        let _ = note(&ana, &many).await.expect(201);
    }
    let hot = prove(&platform, &ana, &unique_email("ana"), 0).await;
    let id = hot["customer"]["id"].as_str().expect("an id");
    let export = path(&format!("/customers/{id}/export"));
    let export = acme.client.get(&export).await.expect(200).body;
    let events = export["events"].as_array().expect("events");
    assert_eq!(events.len(), 1_000);
    assert!(events.iter().all(|event| event["subject"] == "later"));
    let too_many = vec!["x"; 51];
    note(&ana, &too_many).await.expect_problem(422, "invalid");
}

#[actix_web::test]
async fn an_address_is_found_to_be_good_as_it_is() {
    let platform = platform().await;
    let staff = platform.tenant("acme").await.client;
    let customer = json!({"email": unique_email("ana")});
    let customer = staff.post(&path("/customers"), &customer).await.expect(201);
    let address = json!({"name": "Ana Lima", "lines": ["Torstr. 1"], "city": "Berlin", "postal_code": "10119", "country": "DE"});
    let all = path(&format!("/customers/{}/addresses", customer.id()));
    let made = staff.post(&all, &address).await.expect(201);
    assert_eq!(made.body["validated_at"], Value::Null);
    let own = format!("{all}/{}", made.id());
    let good = staff
        .command(&format!("{own}/validate"), 1, &json!({}))
        .await
        .expect(200);
    assert!(good.body["validated_at"].is_string());
    let named = staff
        .patch(&own, good.version(), &json!({"name": "Ana L."}))
        .await
        .expect(200);
    assert_eq!(named.body["validated_at"], good.body["validated_at"]);
    let moved = staff
        .patch(&own, named.version(), &json!({"postal_code": "10115"}))
        .await
        .expect(200);
    assert_eq!(moved.body["validated_at"], Value::Null);
}
