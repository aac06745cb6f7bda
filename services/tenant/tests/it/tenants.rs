//! The life of a tenant.

use std::collections::HashMap;

use averis_tenant_context::TenantRole;
use averis_test_kit::{Answer, Setup, TestPlatform, TestTenant, unique_key};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::tools::{TENANTS, command, path};

#[actix_web::test]
async fn a_tenant_is_provisioned_read_and_listed() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let answer = platform.client.get(&path(&acme, "")).await.expect(200);
    assert_eq!(answer.body["status"], "active");
    assert_eq!(answer.version(), 1);
    assert_eq!(answer.headers["cache-control"], "private, no-cache");
    let listed = acme.client.get(TENANTS).await.expect(200);
    assert_eq!(listed.body["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed.body["data"][0]["id"], acme.id.to_string());
}

#[actix_web::test]
async fn a_provisioned_tenant_is_found_at_its_location() {
    let platform = Setup::new().await.start(vec![]);
    let key = unique_key("loc");
    let body = json!({"key": key, "name": "Location", "subdomain": format!("{key}-shop")});
    let made = platform.client.post(TENANTS, &body).await.expect(201);
    let location = made.headers["location"].to_str().expect("text");
    let read = platform.client.get(location).await.expect(200);
    assert_eq!(read.text, made.text);
    assert_eq!(read.version(), made.version());
    assert_eq!(read.body["subscription_tier"], "starter");
    let admin = platform.token_in(
        made.id().parse().expect("an id"),
        &[TenantRole::TenantAdmin],
    );
    let own = platform.under(&format!("{key}-shop")).with_token(&admin);
    let listed = own.get(TENANTS).await;
    assert_eq!(listed.expect(200).body["data"][0]["id"], made.body["id"]);
}

#[actix_web::test]
async fn a_key_is_given_once() {
    let platform = Setup::new().await.start(vec![]);
    let key = unique_key("once");
    let body = json!({"key": key, "name": "Once"});
    let _ = platform.client.post(TENANTS, &body).await.expect(201);
    let other = platform.client.post(TENANTS, &body).await;
    other.expect_problem(409, "tenant_exists");
    let elsewhere = json!({"key": key, "name": "Once", "subdomain": unique_key("other")});
    let other = platform.client.post(TENANTS, &elsewhere).await;
    other.expect_problem(409, "tenant_exists");
}

#[actix_web::test]
async fn a_subdomain_belongs_to_one_tenant() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let globex = platform.tenant("globex").await;
    let body = json!({"key": unique_key("late"), "name": "Late", "subdomain": acme.key});
    let made = platform.client.post(TENANTS, &body).await;
    made.expect_problem(409, "subdomain_taken");
    let change = json!({"subdomain": acme.key});
    let path = path(&globex, "/change-subdomain");
    let changed = platform.client.command(&path, 1, &change).await;
    changed.expect_problem(409, "subdomain_taken");
}

#[actix_web::test]
async fn a_subdomain_of_a_wrong_form_or_a_reserved_name_is_refused() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let address = path(&acme, "/change-subdomain");
    for bad in [
        "", "a", "-ab", "ab-", "a--b", "xn--abc", "Acme", "a.b", "a_b", "www", "admin", "ä", "a\0b",
    ] {
        let change = json!({"subdomain": bad});
        let answer = platform.client.command(&address, 1, &change).await;
        answer.expect_problem(422, "invalid");
        assert_eq!(answer.body["errors"][0]["pointer"], "/subdomain", "{bad:?}");
        let key = unique_key("sub");
        let make = json!({"key": key, "name": "Sub", "subdomain": bad});
        let answer = platform.client.post(TENANTS, &make).await;
        answer.expect_problem(422, "invalid");
        assert_eq!(answer.body["errors"][0]["pointer"], "/subdomain", "{bad:?}");
    }
}

/// Returns a tenant that was brought into that state.
async fn tenant_in(platform: &TestPlatform, state: &str) -> TestTenant {
    let tenant = platform.tenant("life").await;
    let commands: &[&str] = match state {
        "suspended" => &["suspend"],
        "closing" => &["close"],
        "purged" => &["close", "purge"],
        _ => &[],
    };
    for verb in commands {
        let _ = command(platform, &tenant, verb).await.expect(200);
    }
    tenant
}

#[actix_web::test]
async fn each_state_allows_exactly_its_commands() {
    let platform = Setup::new().await.start(vec![]);
    let table = [
        ("active", "suspend", Some("suspended")),
        ("active", "resume", None),
        ("active", "close", Some("closing")),
        ("active", "purge", None),
        ("suspended", "suspend", None),
        ("suspended", "resume", Some("active")),
        ("suspended", "close", Some("closing")),
        ("suspended", "purge", None),
        ("closing", "suspend", None),
        ("closing", "resume", None),
        ("closing", "close", None),
        ("closing", "purge", Some("purged")),
        ("purged", "suspend", None),
        ("purged", "resume", None),
        ("purged", "close", None),
        ("purged", "purge", None),
    ];
    let mut unchanged: HashMap<&str, TestTenant> = HashMap::new();
    for (state, verb, after) in table {
        // Commands that are refused leave the tenant to the next one.
        let tenant = match unchanged.remove(state) {
            Some(tenant) => tenant,
            None => tenant_in(&platform, state).await,
        };
        let before = platform.client.get(&path(&tenant, "")).await.expect(200);
        assert_eq!(before.body["status"], state);
        let answer = command(&platform, &tenant, verb).await;
        let now = platform.client.get(&path(&tenant, "")).await.expect(200);
        match after {
            Some(after) => {
                assert_eq!(answer.status, 200, "{state} {verb}: {}", answer.text);
                assert_eq!(now.body["status"], after, "{state} {verb}");
                assert_eq!(now.version(), before.version() + 1);
                if verb != "purge" {
                    assert_eq!(answer.text, now.text);
                    assert_eq!(answer.version(), now.version());
                }
            }
            None => {
                answer.expect_problem(409, "invalid_transition");
                assert_eq!(answer.body["status"], 409, "the member of RFC 9457 stays");
                assert_eq!(answer.body["current_status"], state, "{state} {verb}");
                assert_eq!(now.text, before.text, "{state} {verb}");
                unchanged.insert(state, tenant);
            }
        }
    }
}

#[actix_web::test]
async fn a_purged_tenant_can_no_longer_be_changed() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = tenant_in(&platform, "purged").await;
    let version = platform.client.get(&path(&tenant, "")).await.version();
    let patch = json!({"name": "Back again"});
    let address = path(&tenant, "");
    let changed = platform.client.patch(&address, version, &patch).await;
    changed.expect_problem(409, "invalid_transition");
    let move_to = json!({"subdomain": unique_key("back")});
    let address = path(&tenant, "/change-subdomain");
    let moved = platform.client.command(&address, version, &move_to).await;
    moved.expect_problem(409, "invalid_transition");
}

/// Every operation that changes a tenant, with a body that it would accept.
fn changes(tenant: &TestTenant) -> Vec<(Method, String, serde_json::Value)> {
    let post = |verb: &str, body| (Method::POST, path(tenant, verb), body);
    vec![
        (
            Method::PATCH,
            path(tenant, ""),
            json!({"name": "Another name"}),
        ),
        post("/change-subdomain", json!({"subdomain": unique_key("new")})),
        post("/suspend", json!({})),
        post("/resume", json!({})),
        post("/close", json!({})),
        post("/purge", json!({"confirm_key": tenant.key})),
    ]
}

#[actix_web::test]
async fn no_change_is_accepted_without_the_current_version() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("acme").await;
    let seen = platform.client.get(&path(&tenant, "")).await.expect(200);
    for (method, path, body) in changes(&tenant) {
        let request = || {
            platform
                .client
                .request(method.clone(), &path)
                .header("idempotency-key", unique_key("k").as_str())
                .json(&body)
        };
        Answer::of(request())
            .await
            .expect_problem(428, "precondition_required");
        for bad in [
            "1",
            "*",
            "W/\"1\"",
            "\"\"",
            "\"x\"",
            "\"1\", \"2\"",
            "\"99999999999999999999\"",
        ] {
            let answer = Answer::of(request().header("if-match", bad)).await;
            answer.expect_problem(400, "invalid_header");
        }
        for stale in ["\"0\"", "\"2\""] {
            let answer = Answer::of(request().header("if-match", stale)).await;
            answer.expect_problem(412, "version_mismatch");
            assert_eq!(answer.body["current_version"], 1, "{path}");
        }
    }
    let after = platform.client.get(&path(&tenant, "")).await.expect(200);
    assert_eq!(after.text, seen.text);
}

#[actix_web::test]
async fn of_parallel_commands_in_one_version_one_wins() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("race").await;
    let path_of = path(&tenant, "/suspend");
    let body = json!({});
    let all = (0..16).map(|_| platform.client.command(&path_of, 1, &body));
    let answers = join_all(all).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(won, 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert!(matches!(answer.status, 409 | 412), "{}", answer.text);
    }
    let now = platform.client.get(&path(&tenant, "")).await.expect(200);
    assert_eq!(now.version(), 2);
}

#[actix_web::test]
async fn fifty_tenants_can_be_provisioned_at_once() {
    let platform = Setup::new().await.start(vec![]);
    let tenants = join_all((0..50).map(|_| platform.tenant("many"))).await;
    let listed = join_all(tenants.iter().map(|tenant| tenant.client.get(TENANTS))).await;
    for (tenant, listed) in tenants.iter().zip(listed) {
        let listed = listed.expect(200);
        assert_eq!(listed.body["data"].as_array().map(Vec::len), Some(1));
        assert_eq!(listed.body["data"][0]["id"], tenant.id.to_string());
    }
}

#[actix_web::test]
async fn provisioning_is_the_platforms_alone() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let body = json!({"key": unique_key("child"), "name": "Child"});
    let made = acme.client.post(TENANTS, &body).await;
    made.expect_problem(403, "forbidden");
    assert_eq!(made.body["permission"], "platform_tenant:write");
    let by_key = format!("{TENANTS}?key={}", body["key"].as_str().expect("a key"));
    let found = platform.client.get(&by_key).await.expect(200);
    assert_eq!(found.body["data"], json!([]));
}
