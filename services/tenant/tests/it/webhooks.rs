//! What tenants' own systems are told.

use std::time::Duration;

use averis_contracts::client::{Correlation, ServiceClient};
use averis_contracts::events::{Event, EventBatch, Taken, events_path};
use averis_test_kit::{Answer, Database, Setup, TestPlatform, TestTenant, identity};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

pub const ENDPOINTS: &str = "/api/tenant/v1/webhook-endpoints";
pub const DELIVERIES: &str = "/api/tenant/v1/webhook-deliveries";

pub fn endpoint_path(id: &str, rest: &str) -> String {
    format!("{ENDPOINTS}/{id}{rest}")
}

/// Starts somebody who hears, and answers with that.
pub async fn hearing(answer: ResponseTemplate) -> MockServer {
    let receiver = MockServer::start().await;
    let hooks = Mock::given(method("POST")).and(path("/hooks"));
    hooks.respond_with(answer).mount(&receiver).await;
    receiver
}

pub async fn endpoint(tenant: &TestTenant, receiver: &MockServer, types: &[&str]) -> String {
    let body = json!({"url": format!("{}/hooks", receiver.uri()), "event_types": types});
    tenant.client.post(ENDPOINTS, &body).await.expect(201).id()
}

pub fn happened(kind: &str, data: Value) -> Event {
    Event {
        id: Uuid::now_v7(),
        seq: 5,
        kind: kind.to_owned(),
        subject: Uuid::now_v7(),
        at: Utc::now(),
        data,
        trace: None,
    }
}

/// Tells the tenant service what happened, as a service does.
pub async fn tell(
    platform: &TestPlatform,
    tenant: &TestTenant,
    service: &str,
    events: &[Event],
) -> usize {
    let url = platform.base().parse().expect("an address");
    let client = ServiceClient::new("tenant", url, identity(service)).expect("a client");
    let correlation = Correlation {
        tenant: Some(tenant.id),
        ..Correlation::default()
    };
    let batch = EventBatch {
        events: events.to_vec(),
    };
    let path = events_path("tenant", &tenant.key);
    let taken: Option<Taken> = client
        .post(&path, &batch, &correlation)
        .await
        .expect("taken");
    taken.expect("the tenant is known").new
}

/// Waits until somebody has heard that often, and returns what.
pub async fn heard(receiver: &MockServer, times: usize) -> Vec<Request> {
    for _ in 0..2_000 {
        let requests = receiver.received_requests().await.expect("recorded");
        if requests.len() >= times {
            return requests;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nobody has heard {times} times");
}

/// Waits until a page of deliveries is as wanted.
pub async fn deliveries(
    tenant: &TestTenant,
    query: &str,
    wanted: impl Fn(&[Value]) -> bool,
) -> Vec<Value> {
    for _ in 0..2_000 {
        let page = tenant
            .client
            .get(&format!("{DELIVERIES}{query}"))
            .await
            .expect(200);
        let rows = page.body["data"].as_array().expect("a list").clone();
        if wanted(&rows) {
            return rows;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the deliveries do not become as wanted");
}

pub fn all_are(status: &'static str, count: usize) -> impl Fn(&[Value]) -> bool {
    move |rows| rows.len() == count && rows.iter().all(|row| row["status"] == status)
}

pub fn header(request: &Request, name: &str) -> String {
    let value = request.headers.get(name).expect(name);
    value.to_str().expect("text").to_owned()
}

/// Signs what was heard with a secret as people see it.
pub fn signature(request: &Request, secret: &str) -> String {
    let secret = secret.strip_prefix("whsec_").expect("the mark");
    let secret = STANDARD.decode(secret).expect("base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret).expect("a key");
    let (id, at) = (
        header(request, "webhook-id"),
        header(request, "webhook-timestamp"),
    );
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(&request.body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

pub async fn secret(tenant: &TestTenant, id: &str) -> Answer {
    tenant
        .client
        .get(&endpoint_path(id, "/secret"))
        .await
        .expect(200)
}

#[actix_web::test]
async fn what_happened_comes_signed_and_once_to_whoever_wants_to_know() {
    let platform = Setup::new().await.start(vec![]);
    let (acme, globex) = (
        platform.tenant("acme").await,
        platform.tenant("globex").await,
    );
    let (orders, all, other) = (
        hearing(ResponseTemplate::new(200)).await,
        hearing(ResponseTemplate::new(204)).await,
        hearing(ResponseTemplate::new(200)).await,
    );
    let own = endpoint(&acme, &orders, &["order.placed"]).await;
    let _ = endpoint(&acme, &all, &[]).await;
    let _ = endpoint(&globex, &other, &[]).await;
    let placed = happened(
        "order.placed",
        json!({"number": 100_001, "version": 2, "status": "placed", "lines": [1, 2, 3]}),
    );
    let shipped = happened("shipment.shipped", json!({"order_id": placed.subject}));
    let inner = happened("order.counted", json!({}));
    let events = [placed.clone(), shipped, inner, placed.clone()];
    assert_eq!(tell(&platform, &acme, "oms", &events).await, 3);
    // Services tell what they have told again after a crash.
    assert_eq!(tell(&platform, &acme, "oms", &events).await, 0);
    let rows = deliveries(&acme, "", all_are("delivered", 3)).await;
    let one = &heard(&orders, 1).await[0];
    assert_eq!(
        serde_json::from_slice::<Value>(&one.body).expect("JSON"),
        json!({
            "type": "order.placed",
            "timestamp": placed.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            "tenant": acme.key,
            "sequence": 5,
            "data": {"id": placed.subject, "number": 100_001, "version": 2, "status": "placed"},
        })
    );
    assert_eq!(
        header(one, "webhook-id"),
        format!("evt_{}", placed.id.simple())
    );
    assert_eq!(header(one, "content-type"), "application/json");
    let at: i64 = header(one, "webhook-timestamp").parse().expect("seconds");
    assert!((Utc::now().timestamp() - at).abs() < 60);
    let secret = secret(&acme, &own).await.body["secret"]
        .as_str()
        .expect("a secret")
        .to_owned();
    assert_eq!(header(one, "webhook-signature"), signature(one, &secret));
    // Each endpoint has a secret of its own, and hears what it asked for, once.
    let both = heard(&all, 2).await;
    assert_ne!(
        header(&both[0], "webhook-signature"),
        signature(&both[0], &secret)
    );
    assert_eq!((heard(&orders, 1).await.len(), both.len()), (1, 2));
    assert!(
        other
            .received_requests()
            .await
            .expect("recorded")
            .is_empty()
    );
    // What became of it can be read.
    let row = rows
        .iter()
        .find(|row| row["endpoint_id"] == own)
        .expect("its own");
    let path = format!("{DELIVERIES}/{}", row["id"].as_str().expect("an id"));
    let details = acme.client.get(&path).await.expect(200).body;
    assert_eq!(details["body"]["data"]["id"], json!(placed.subject));
    assert_eq!(details["attempts"][0]["status_code"], 200);
    assert_eq!(details["tries"], 1);
    globex
        .client
        .get(&path)
        .await
        .expect_problem(404, "not_found");
}

#[actix_web::test]
async fn what_fails_is_told_again_under_the_same_id() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let receiver = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(500).set_body_string("no\0t yet".repeat(2_000)))
        .up_to_n_times(1)
        .mount(&receiver)
        .await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&receiver)
        .await;
    let id = endpoint(&acme, &receiver, &[]).await;
    let told = happened("order.placed", json!({}));
    assert_eq!(tell(&platform, &acme, "oms", &[told]).await, 1);
    let rows = deliveries(&acme, "?status=pending", |rows| {
        rows.first()
            .is_some_and(|row| row["tries"] == 1 && row["next_at"].is_string())
    });
    let row = rows.await[0].clone();
    deliveries(&acme, "", all_are("delivered", 1)).await;
    // Not before the five seconds, with a tenth more or less, have passed.
    let both = heard(&receiver, 2).await;
    assert_eq!(both.len(), 2);
    assert_eq!(
        header(&both[0], "webhook-id"),
        header(&both[1], "webhook-id")
    );
    assert_eq!(both[0].body, both[1].body);
    let path = format!("{DELIVERIES}/{}", row["id"].as_str().expect("an id"));
    let details = acme.client.get(&path).await.expect(200).body;
    let attempts = details["attempts"].as_array().expect("a list");
    let at = |place: usize| -> chrono::DateTime<Utc> {
        attempts[place]["at"]
            .as_str()
            .expect("a time")
            .parse()
            .expect("a time")
    };
    assert!(
        at(0) - at(1) >= chrono::TimeDelta::milliseconds(4_400),
        "{attempts:?}"
    );
    assert_eq!(attempts[1]["status_code"], 500);
    let answer = attempts[1]["answer"].as_str().expect("a text");
    assert!(
        answer.starts_with("not yet") && answer.len() <= 4_096,
        "{}",
        answer.len()
    );
    // Something has come through again.
    let endpoint = acme.client.get(&endpoint_path(&id, "")).await.expect(200);
    assert_eq!(endpoint.body["failing_since"], Value::Null);
}

#[actix_web::test]
async fn a_way_elsewhere_is_not_followed() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let elsewhere = hearing(ResponseTemplate::new(200)).await;
    let moved =
        ResponseTemplate::new(307).insert_header("location", format!("{}/hooks", elsewhere.uri()));
    let receiver = hearing(moved).await;
    let id = endpoint(&acme, &receiver, &[]).await;
    let _ = acme
        .client
        .post(&endpoint_path(&id, "/test"), &json!({}))
        .await
        .expect(201);
    let rows = deliveries(&acme, "?event_type=webhook.tested", |rows| {
        rows.first()
            .is_some_and(|row| row["tries"] == 1 && row["status"] == "pending")
    });
    let path = format!(
        "{DELIVERIES}/{}",
        rows.await[0]["id"].as_str().expect("an id")
    );
    for _ in 0..1_000 {
        let attempts = acme.client.get(&path).await.expect(200).body["attempts"].clone();
        if attempts[0]["status_code"] == 307 {
            assert!(
                elsewhere
                    .received_requests()
                    .await
                    .expect("recorded")
                    .is_empty()
            );
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nobody was called");
}

#[actix_web::test]
async fn what_was_told_is_told_again_from_a_time_on() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let receiver = hearing(ResponseTemplate::new(200)).await;
    let id = endpoint(&acme, &receiver, &["order.placed", "order.completed"]).await;
    let mut events: Vec<Event> = (0..4)
        .map(|_| happened("order.placed", json!({})))
        .collect();
    events[0].at -= chrono::TimeDelta::hours(2);
    events.push(happened("shipment.shipped", json!({})));
    tell(&platform, &acme, "oms", &events).await;
    deliveries(&acme, "", all_are("delivered", 4)).await;
    let from = Utc::now() - chrono::TimeDelta::hours(1);
    let replay = json!({"from": from});
    let key = Uuid::now_v7().to_string();
    for _ in 0..2 {
        let answer = acme
            .client
            .post_as(&key, &endpoint_path(&id, "/replay"), &replay)
            .await
            .expect(200);
        assert_eq!(answer.body, json!({"messages": 3, "more_from": null}));
    }
    let requests = heard(&receiver, 7).await;
    deliveries(&acme, "", all_are("delivered", 4)).await;
    let mut ids: Vec<String> = requests
        .iter()
        .map(|request| header(request, "webhook-id"))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((requests.len(), ids.len()), (7, 4));
}

/// Whoever called has died: its deliveries are due again once its lease is over.
#[actix_web::test]
async fn what_a_crash_has_left_is_told_by_another() {
    // A database of its own: whoever looks for what is left finds it in all tenants.
    let platform = Setup::on(Database::own(false).await).start(vec![]);
    let acme = platform.tenant("acme").await;
    let receiver = hearing(ResponseTemplate::new(200)).await;
    let _ = endpoint(&acme, &receiver, &[]).await;
    tell(
        &platform,
        &acme,
        "oms",
        &[happened("order.placed", json!({}))],
    )
    .await;
    deliveries(&acme, "", all_are("delivered", 1)).await;
    // As it stood in the moment of the call, with a lease that has run out.
    let database = platform.database.connect().await;
    let sql = format!(
        "UPDATE tenant_{}_webhooks.webhook_deliveries SET status = 'pending', delivered_at = NULL, \
         next_at = now() - interval '1 second'",
        acme.key
    );
    assert_eq!(database.execute(&sql, &[]).await.expect("changed"), 1);
    // Nobody tells the next process of it.
    let mut setup = Setup::on(platform.stop().await);
    setup.left_after = Duration::from_secs(1);
    let after = setup.start(vec![]);
    let client = after
        .under(acme.key.as_str())
        .with_token(acme.client.token());
    let acme = TestTenant { client, ..acme };
    deliveries(&acme, "", all_are("delivered", 1)).await;
    let both = heard(&receiver, 2).await;
    assert_eq!(
        header(&both[0], "webhook-id"),
        header(&both[1], "webhook-id")
    );
    // What was told a month ago is forgotten, with all that became of it.
    let database = after.database.connect().await;
    let sql = format!(
        "UPDATE tenant_{}_webhooks.webhook_messages SET at = now() - interval '31 days'",
        acme.key
    );
    assert_eq!(database.execute(&sql, &[]).await.expect("changed"), 1);
    deliveries(&acme, "", |rows| rows.is_empty()).await;
}

#[actix_web::test]
async fn what_happened_while_nobody_heard_can_be_told_later() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let receiver = hearing(ResponseTemplate::new(200)).await;
    let id = endpoint(&acme, &receiver, &[]).await;
    let from = Utc::now() - chrono::TimeDelta::minutes(1);
    let command = async |verb: &str, body: Value| {
        let path = endpoint_path(&id, verb);
        acme.client.post(&path, &body).await.expect(200)
    };
    let _ = command("/disable", json!({})).await;
    let missed = happened("order.placed", json!({}));
    tell(&platform, &acme, "oms", &[missed]).await;
    let _ = command("/enable", json!({})).await;
    deliveries(&acme, "", |rows| rows.is_empty()).await;
    let replayed = command("/replay", json!({"from": from})).await;
    assert_eq!(replayed.body["messages"], 1);
    deliveries(&acme, "", all_are("delivered", 1)).await;
}
