//! Where tenants' own systems are told what happens: how that is set up, and what becomes of who does not hear.

use std::time::Duration;

use averis_contracts::events::Event;
use averis_tenant_context::TenantRole;
use averis_test_kit::Setup;
use chrono::Utc;
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::sign_in::{account, join};
use crate::webhooks::{
    DELIVERIES, ENDPOINTS, all_are, deliveries, endpoint, endpoint_path, happened, header, heard,
    hearing, secret, signature, tell,
};

#[actix_web::test]
async fn whoever_is_gone_is_told_nothing_more_until_somebody_enables_it() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let receiver = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(410))
        .up_to_n_times(1)
        .mount(&receiver)
        .await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&receiver)
        .await;
    let id = endpoint(&acme, &receiver, &[]).await;
    let told = happened("order.placed", json!({}));
    tell(&platform, &acme, "oms", &[told]).await;
    let rows = deliveries(&acme, "", all_are("failed", 1)).await;
    let disabled = acme.client.get(&endpoint_path(&id, "")).await.expect(200);
    assert_eq!(disabled.body["status"], "disabled");
    assert_eq!(disabled.body["disabled_reason"], "gone");
    // Nothing is put on its way to it, not even by hand.
    let later = happened("order.placed", json!({}));
    tell(&platform, &acme, "oms", std::slice::from_ref(&later)).await;
    let again = format!(
        "{DELIVERIES}/{}/redeliver",
        rows[0]["id"].as_str().expect("an id")
    );
    for path in [again.clone(), endpoint_path(&id, "/test")] {
        let refused = acme.client.post(&path, &json!({})).await;
        refused.expect_problem(409, "endpoint_disabled");
    }
    for _ in 0..2 {
        let enabled = acme
            .client
            .post(&endpoint_path(&id, "/enable"), &json!({}))
            .await
            .expect(200);
        assert_eq!(enabled.body["status"], "enabled");
        assert_eq!(enabled.body["disabled_reason"], Value::Null);
    }
    let _ = acme.client.post(&again, &json!({})).await.expect(200);
    deliveries(&acme, "", all_are("delivered", 1)).await;
    assert_eq!(heard(&receiver, 2).await.len(), 2);
}

#[actix_web::test]
async fn whoever_does_not_hear_for_five_days_is_switched_off_and_admins_are_told() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let (ana, ben) = (account(&platform, &[]).await, account(&platform, &[]).await);
    join(&platform, &acme, &ana, &[TenantRole::TenantAdmin]).await;
    join(&platform, &acme, &ben, &[TenantRole::ProductView]).await;
    let receiver = hearing(ResponseTemplate::new(503)).await;
    let id = endpoint(&acme, &receiver, &[]).await;
    let told = || happened("order.placed", json!({}));
    tell(&platform, &acme, "oms", &[told()]).await;
    for _ in 0..2_000 {
        let row = acme.client.get(&endpoint_path(&id, "")).await.expect(200);
        if row.body["failing_since"].is_string() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let database = platform.database.connect().await;
    let sql = format!(
        "UPDATE tenant_{}_webhooks.webhook_health SET failing_since = now() - interval '5 days'",
        acme.key
    );
    assert_eq!(database.execute(&sql, &[]).await.expect("changed"), 1);
    tell(&platform, &acme, "oms", &[told()]).await;
    let mut disabled = acme.client.get(&endpoint_path(&id, "")).await.expect(200);
    for _ in 0..2_000 {
        if disabled.body["status"] == "disabled" && !platform.mails_to(&ana.email).is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        disabled = acme.client.get(&endpoint_path(&id, "")).await.expect(200);
    }
    assert_eq!(disabled.body["disabled_reason"], "failing");
    let mails = platform.mails_to(&ana.email);
    // The id is broken across lines there.
    let says = |mail: &String| mail.contains("is switched off");
    assert!(mails.last().is_some_and(says), "{mails:?}");
    assert!(!platform.mails_to(&ben.email).iter().any(says));
    // What waits is kept.
    deliveries(&acme, "?status=pending", |rows| rows.len() == 2).await;
}

#[actix_web::test]
async fn a_secret_that_is_replaced_signs_for_a_day_more() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let receiver = hearing(ResponseTemplate::new(200)).await;
    let id = endpoint(&acme, &receiver, &[]).await;
    let before = secret(&acme, &id).await.body;
    assert_eq!(before["previous_secret"], Value::Null);
    let rotated = acme
        .client
        .command(&endpoint_path(&id, "/rotate-secret"), 1, &json!({}))
        .await
        .expect(200);
    assert!(rotated.body["previous_secret_until"].is_string());
    assert!(!rotated.text.contains("whsec_"));
    acme.client
        .command(&endpoint_path(&id, "/rotate-secret"), 1, &json!({}))
        .await
        .expect_problem(412, "version_mismatch");
    let after = secret(&acme, &id).await.body;
    assert_eq!(after["previous_secret"], before["secret"]);
    assert_ne!(after["secret"], before["secret"]);
    let _ = acme
        .client
        .post(&endpoint_path(&id, "/test"), &json!({}))
        .await
        .expect(201);
    let one = &heard(&receiver, 1).await[0];
    let signed = [&after["secret"], &before["secret"]]
        .map(|secret| signature(one, secret.as_str().expect("a secret")));
    assert_eq!(header(one, "webhook-signature"), signed.join(" "));
    // A third one would leave whoever still checks by the first without any.
    acme.client
        .command(&endpoint_path(&id, "/rotate-secret"), 2, &json!({}))
        .await
        .expect_problem(409, "secret_rotating");
    // A day later only the new one does.
    let database = platform.database.connect().await;
    let sql = format!(
        "UPDATE tenant_{}_webhooks.webhook_endpoints SET previous_until = now() - interval '1 second'",
        acme.key
    );
    assert_eq!(database.execute(&sql, &[]).await.expect("changed"), 1);
    assert_eq!(
        secret(&acme, &id).await.body["previous_secret"],
        Value::Null
    );
    let _ = acme
        .client
        .post(&endpoint_path(&id, "/test"), &json!({}))
        .await
        .expect(201);
    let two = &heard(&receiver, 2).await[1];
    assert_eq!(
        header(two, "webhook-signature"),
        signature(two, after["secret"].as_str().expect("a secret"))
    );
    // Who only reads may not read what it is signed with.
    let token = platform.token_in(acme.id, &[TenantRole::SystemMonitor]);
    let monitor = acme.client.with_token(&token);
    let _ = monitor.get(&endpoint_path(&id, "")).await.expect(200);
    monitor
        .get(&endpoint_path(&id, "/secret"))
        .await
        .expect_problem(403, "forbidden");
}

#[actix_web::test]
async fn who_has_no_webhooks_makes_none() {
    let platform = Setup::new().await.start(vec![]);
    let small = platform.tenant_of_tier("small", "starter").await;
    let body = json!({"url": "https://shop.example/"});
    let refused = small.client.post(ENDPOINTS, &body).await;
    refused.expect_problem(403, "webhooks_not_allowed");
}

/// One that fails is left alone, whatever waits for it; and of two tenants' endpoints none waits for the other.
#[actix_web::test]
async fn whoever_does_not_hear_is_tried_with_one_message() {
    let platform = Setup::new().await.start(vec![]);
    let (acme, globex) = (
        platform.tenant("acme").await,
        platform.tenant("globex").await,
    );
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "3600");
    let (deaf, well) = (
        hearing(busy).await,
        hearing(ResponseTemplate::new(200)).await,
    );
    let id = endpoint(&acme, &deaf, &[]).await;
    let _ = endpoint(&acme, &well, &[]).await;
    let _ = endpoint(&globex, &well, &[]).await;
    let many: Vec<Event> = (0..20)
        .map(|_| happened("order.placed", json!({})))
        .collect();
    tell(&platform, &acme, "oms", &many).await;
    tell(&platform, &globex, "oms", &many).await;
    deliveries(&globex, "", all_are("delivered", 20)).await;
    deliveries(&acme, "?status=delivered", |rows| rows.len() == 20).await;
    // At first four were sent at once; then none until the hour is over.
    let row = acme.client.get(&endpoint_path(&id, "")).await.expect(200);
    let until = row.body["not_before"].as_str().expect("a time");
    let until: chrono::DateTime<Utc> = until.parse().expect("a time");
    assert!(
        until - Utc::now() > chrono::TimeDelta::minutes(55),
        "{until}"
    );
    let asked = deaf.received_requests().await.expect("recorded").len();
    assert!((1..=4).contains(&asked), "{asked}");
}

#[actix_web::test]
async fn endpoints_are_made_changed_and_removed_within_limits() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let make = |body: Value| {
        let client = acme.client.clone();
        async move { client.post(ENDPOINTS, &body).await }
    };
    for (body, pointer, code) in [
        (json!({"url": "hooks"}), "/url", "not_a_url"),
        (
            json!({"url": "https://acme.localhost/hooks"}),
            "/url",
            "own_host",
        ),
        (
            json!({"url": "https://a:b@shop.example/"}),
            "/url",
            "credentials",
        ),
        (
            json!({"url": "https://shop.example/", "event_types": ["order.placed", "order.eaten"]}),
            "/event_types/1",
            "unknown",
        ),
    ] {
        let refused = make(body).await;
        refused.expect_problem(422, "invalid");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer);
        assert_eq!(refused.body["errors"][0]["code"], code);
    }
    let body = json!({"url": "https://shop.example/", "event_types": ["order.placed", "order.held", "order.placed"]});
    let made = make(body).await.expect(201);
    assert_eq!(
        made.body["event_types"],
        json!(["order.held", "order.placed"])
    );
    let id = made.id();
    let patch = json!({"event_types": [], "description": "All of it"});
    let changed = acme
        .client
        .patch(&endpoint_path(&id, ""), 1, &patch)
        .await
        .expect(200);
    assert_eq!(
        (&changed.body["event_types"], changed.version()),
        (&json!([]), 2)
    );
    // Who did it is in the trail; with what it is signed is not.
    let trail = acme
        .client
        .get(&format!(
            "/api/tenant/v1/webhook-audit-events?entity_id={id}"
        ))
        .await
        .expect(200);
    assert_eq!(
        trail.body["data"][0]["changed"],
        json!(["description", "event_types", "updated_at", "version"])
    );
    assert_eq!(trail.body["data"].as_array().expect("a list").len(), 2);
    acme.client
        .delete(&endpoint_path(&id, ""), 1)
        .await
        .expect_problem(412, "version_mismatch");
    let _ = acme
        .client
        .delete(&endpoint_path(&id, ""), 2)
        .await
        .expect(204);
    acme.client
        .get(&endpoint_path(&id, ""))
        .await
        .expect_problem(404, "not_found");
    // Twenty at most, also when they come at once.
    let body = json!({"url": "https://shop.example/"});
    let all = futures_util::future::join_all((0..25).map(|_| make(body.clone()))).await;
    let made = all.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 20);
    make(body).await.expect_problem(409, "too_many_endpoints");
    let types = acme
        .client
        .get("/api/tenant/v1/webhook-event-types")
        .await
        .expect(200);
    assert!(types.text.contains("\"order.placed\""));
}
