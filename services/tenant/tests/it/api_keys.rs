//! Machines' credentials.

use averis_tenant_context::TenantRole;
use averis_test_kit::{Client, Setup, TestTenant};
use chrono::{TimeDelta, Utc};
use serde_json::json;

use crate::tools::within_a_second;

const KEYS: &str = "/api/tenant/v1/api-keys";
const MEMBERS: &str = "/api/tenant/v1/members";

fn key_path(id: &str, rest: &str) -> String {
    format!("{KEYS}/{id}{rest}")
}

/// A caller with the key that an answer made.
fn machine(tenant: &TestTenant, made: &averis_test_kit::Answer) -> Client {
    tenant
        .client
        .with_token(made.body["key"].as_str().expect("a key"))
}

async fn stops(machine: &Client) {
    within_a_second("the key stops", async || {
        machine.get(MEMBERS).await.status == 401
    })
    .await;
}

#[actix_web::test]
async fn a_key_is_shown_once_works_in_its_scope_and_stops_when_revoked() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let body = json!({"name": "Nightly", "scopes": ["member:read", "member:read"]});
    let made = acme.client.post_as("once", KEYS, &body).await.expect(201);
    let secret = made.body["key"].as_str().expect("a key").to_owned();
    assert!(secret.starts_with("avk_") && secret.len() == 47, "{secret}");
    assert_eq!(made.headers["cache-control"], "no-store");
    assert_eq!(made.body["scopes"], json!(["member:read"]));
    let prefix = made.body["prefix"].as_str().expect("a prefix");
    assert!(secret.starts_with(prefix) && prefix.len() == 12, "{prefix}");
    // Neither a repetition nor a look shows it again, and the database does not have it.
    let again = acme.client.post_as("once", KEYS, &body).await.expect(201);
    assert_eq!(
        (again.id(), again.text.contains(&secret)),
        (made.id(), false)
    );
    let seen = acme.client.get(&key_path(&made.id(), "")).await.expect(200);
    let list = acme.client.get(KEYS).await.expect(200);
    assert!(!seen.text.contains(&secret) && !list.text.contains(&secret));
    let machine = machine(&acme, &made);
    let _ = machine.get(MEMBERS).await.expect(200);
    machine.get(KEYS).await.expect_problem(403, "forbidden");
    // A key is nobody: it has no account to look at.
    machine
        .get("/api/tenant/v1/me")
        .await
        .expect_problem(403, "forbidden");
    let used = acme.client.get(&key_path(&made.id(), "")).await.expect(200);
    assert!(used.body["last_used_at"].is_string(), "{}", used.text);
    let revoke = key_path(&made.id(), "/revoke");
    let revoked = acme
        .client
        .command(&revoke, 1, &json!({}))
        .await
        .expect(200);
    assert!(revoked.body["revoked_at"].is_string());
    stops(&machine).await;
    let again = acme.client.command(&revoke, 2, &json!({})).await;
    again.expect_problem(409, "invalid_transition");
}

#[actix_web::test]
async fn a_rotated_key_overlaps_and_ends() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let body = json!({"name": "Nightly", "scopes": ["member:read"]});
    let old = acme.client.post(KEYS, &body).await.expect(201);
    let before = machine(&acme, &old);
    let _ = before.get(MEMBERS).await.expect(200);
    let rotate = key_path(&old.id(), "/rotate");
    let new = acme
        .client
        .command(&rotate, 1, &json!({"overlap_minutes": 60}))
        .await
        .expect(201);
    assert_ne!(old.body["key"], new.body["key"]);
    for made in [&old, &new] {
        let _ = machine(&acme, made).get(MEMBERS).await.expect(200);
    }
    let ending = acme.client.get(&key_path(&old.id(), "")).await.expect(200);
    assert!(ending.body["expires_at"].is_string());
    // Without an overlap the old one stops at once.
    let rotate = key_path(&new.id(), "/rotate");
    let newest = acme
        .client
        .command(&rotate, 1, &json!({"overlap_minutes": 0}))
        .await
        .expect(201);
    stops(&machine(&acme, &new)).await;
    let _ = machine(&acme, &newest).get(MEMBERS).await.expect(200);
    let too_long = acme
        .client
        .command(&rotate, 2, &json!({"overlap_minutes": 10_081}))
        .await;
    too_long.expect_problem(422, "invalid");
    let over = acme
        .client
        .command(&rotate, 2, &json!({"overlap_minutes": 5}))
        .await;
    over.expect_problem(409, "invalid_transition");
}

#[actix_web::test]
async fn a_key_can_do_no_more_than_who_makes_it() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    for scope in [
        "key:write",
        "member:write",
        "tenant:write",
        "platform_tenant:write",
        "platform_grant:write",
        "product_section:approve",
    ] {
        let body = json!({"name": "Too much", "scopes": ["member:read", scope]});
        let refused = acme.client.post(KEYS, &body).await;
        refused.expect_problem(422, "invalid");
        assert_eq!(refused.body["errors"][0]["pointer"], "/scopes/1");
    }
    let none = acme
        .client
        .post(KEYS, &json!({"name": "Nothing", "scopes": []}))
        .await;
    none.expect_problem(422, "invalid");
    let past = Utc::now() - TimeDelta::minutes(1);
    let body = json!({"name": "Past", "scopes": ["member:read"], "expires_at": past});
    acme.client
        .post(KEYS, &body)
        .await
        .expect_problem(422, "invalid");
    let monitor = platform.token_in(acme.id, &[TenantRole::SystemMonitor]);
    let monitor = acme.client.with_token(&monitor);
    let _ = monitor.get(KEYS).await.expect(200);
    let body = json!({"name": "Mine", "scopes": ["audit:read"]});
    monitor
        .post(KEYS, &body)
        .await
        .expect_problem(403, "forbidden");
}

#[actix_web::test]
async fn an_expired_key_is_none() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let soon = Utc::now() + TimeDelta::milliseconds(800);
    let body = json!({"name": "Brief", "scopes": ["member:read"], "expires_at": soon});
    let made = acme.client.post(KEYS, &body).await.expect(201);
    let machine = machine(&acme, &made);
    let _ = machine.get(MEMBERS).await.expect(200);
    within_a_second("the key ends", async || {
        machine.get(MEMBERS).await.status == 401
    })
    .await;
    assert_eq!(machine.get(MEMBERS).await.status, 401);
}

#[actix_web::test]
async fn keys_are_the_tenants_own() {
    let platform = Setup::new().await.start(vec![]);
    let (acme, globex) = (
        platform.tenant("acme").await,
        platform.tenant("globex").await,
    );
    let body = json!({"name": "Theirs", "scopes": ["member:read"]});
    let theirs = globex.client.post(KEYS, &body).await.expect(201);
    acme.client
        .get(&key_path(&theirs.id(), ""))
        .await
        .expect_problem(404, "not_found");
    let revoke = key_path(&theirs.id(), "/revoke");
    acme.client
        .command(&revoke, 1, &json!({}))
        .await
        .expect_problem(404, "not_found");
    let rotate = key_path(&theirs.id(), "/rotate");
    let rotated = acme
        .client
        .command(&rotate, 1, &json!({"overlap_minutes": 0}))
        .await;
    rotated.expect_problem(404, "not_found");
    assert_eq!(
        acme.client.get(KEYS).await.expect(200).body["data"],
        json!([])
    );
    let _ = machine(&globex, &theirs).get(MEMBERS).await.expect(200);
}

#[actix_web::test]
async fn a_key_loses_what_its_maker_loses() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let bea = crate::members::member(&platform, &acme, &[TenantRole::TenantAdmin]).await;
    let body = json!({"name": "Bea's", "scopes": ["member:read"]});
    let made = bea.client.post(KEYS, &body).await.expect(201);
    let machine = machine(&acme, &made);
    let _ = machine.get(MEMBERS).await.expect(200);
    let path = format!("{MEMBERS}/{}", bea.account.id);
    let change = async |roles: &[&str]| {
        let version = acme.client.get(&path).await.expect(200).version();
        let _ = acme
            .client
            .patch(&path, version, &json!({"roles": roles}))
            .await;
    };
    // An admin beside her, so that she may lose the role.
    let _ = crate::members::member(&platform, &acme, &[TenantRole::TenantAdmin]).await;
    change(&["product_view"]).await;
    within_a_second("the key shrinks", async || {
        machine.get(MEMBERS).await.status == 403
    })
    .await;
    change(&["read_only"]).await;
    within_a_second("the key is as before", async || {
        machine.get(MEMBERS).await.status == 200
    })
    .await;
    let version = acme.client.get(&path).await.expect(200).version();
    let _ = acme.client.delete(&path, version).await.expect(204);
    stops(&machine).await;
    let seen = acme.client.get(&key_path(&made.id(), "")).await.expect(200);
    assert!(seen.body["revoked_at"].is_string());
}
