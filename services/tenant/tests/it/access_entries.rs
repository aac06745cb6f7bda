//! Who came into a tenant.

use averis_tenant_context::{GlobalRole, TenantRole};
use averis_test_kit::{Answer, Setup, TestTenant};
use reqwest::Method;
use serde_json::{Value, json};

use crate::sign_in::{PASSWORD, access, account, join, word};

const ENTRIES: &str = "/api/tenant/v1/access-entries";
const TOKENS: &str = "/api/tenant/v1/tokens";

async fn entries(tenant: &TestTenant, query: &str) -> Vec<Value> {
    let answer = tenant
        .client
        .get(&format!("{ENTRIES}{query}"))
        .await
        .expect(200);
    answer.body["data"].as_array().expect("a list").clone()
}

#[actix_web::test]
async fn a_tenants_admin_reads_who_came_in_how_and_from_where() {
    let platform = Setup::new().await.start(vec![]);
    let (acme, globex) = (
        platform.tenant("acme").await,
        platform.tenant("globex").await,
    );
    let ana = account(&platform, &[]).await;
    join(&platform, &acme, &ana, &[TenantRole::ProductView]).await;
    let session = json!({"email": ana.email, "password": PASSWORD});
    let client = platform.client.anonymous();
    let session = client
        .post("/api/tenant/v1/sign-in", &session)
        .await
        .expect(200);
    assert_eq!(entries(&acme, "").await, Vec::<Value>::new());
    let body = json!({"grant_type": "session", "session_token": session.body["session_token"], "tenant": acme.key});
    let request = client.request(Method::POST, TOKENS).json(&body);
    let agent = format!("tests/1.0 {}", "x".repeat(400));
    let inside = Answer::of(request.header("user-agent", &agent))
        .await
        .expect(200);
    let seen = entries(&acme, "").await;
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0]["caller"], json!(ana.id));
    assert_eq!(seen[0]["via"], "local");
    assert_eq!(seen[0]["address"], "127.0.0.1");
    assert_eq!(seen[0]["user_agent"], json!(agent[..300]));
    assert_eq!(seen[0]["support_grant"], Value::Null);
    // Each new token within the hour is the same coming in; another sign-in is another.
    let mut refresh = inside.body["refresh_token"].clone();
    for tenant in [&globex, &acme] {
        let body = json!({"grant_type": "refresh", "refresh_token": refresh, "tenant": tenant.key});
        let answer = client.post(TOKENS, &body).await;
        if answer.status == 200 {
            refresh = answer.body["refresh_token"].clone();
        }
    }
    assert_eq!(entries(&acme, "").await.len(), 1);
    let _ = access(&platform, &ana, Some(&acme)).await.expect(200);
    assert_eq!(entries(&acme, "").await.len(), 2);
    assert_eq!(entries(&globex, "").await, Vec::<Value>::new());
    // A key, once however often it is used.
    let key = json!({"name": "Nightly import", "scopes": ["member:read"]});
    let key = acme
        .client
        .post("/api/tenant/v1/api-keys", &key)
        .await
        .expect(201);
    let machine = acme.client.with_token(word(&key, "key"));
    for _ in 0..3 {
        let _ = machine.get("/api/tenant/v1/members").await.expect(200);
    }
    let keys = entries(&acme, &format!("?caller={}", key.id())).await;
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0]["via"], "api_key");
    // Staff of the platform, with the grant under which it came.
    let staff = account(&platform, &[GlobalRole::PlatformSupport]).await;
    let outside = access(&platform, &staff, None).await.expect(200);
    let outside = platform.client.with_token(word(&outside, "access_token"));
    let grant = json!({"tenant": acme.key, "reason": "Order 17 does not show up", "minutes": 5});
    let grant = outside
        .post("/api/tenant/v1/support-grants", &grant)
        .await
        .expect(201);
    let session = json!({"email": staff.email, "password": PASSWORD});
    let session = client
        .post("/api/tenant/v1/sign-in", &session)
        .await
        .expect(200);
    let body = json!({"grant_type": "session", "session_token": session.body["session_token"],
                      "tenant": acme.key, "support_grant": grant.id()});
    let _ = client.post(TOKENS, &body).await.expect(200);
    let latest = entries(&acme, "?limit=1").await;
    assert_eq!(latest[0]["support_grant"], json!(grant.id()));
    assert_eq!(latest[0]["caller"], json!(staff.id));
}

#[actix_web::test]
async fn entries_come_in_pages_and_are_forgotten_after_ninety_days() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    let ana = account(&platform, &[]).await;
    join(&platform, &acme, &ana, &[]).await;
    for _ in 0..3 {
        let _ = access(&platform, &ana, Some(&acme)).await.expect(200);
    }
    let first = acme
        .client
        .get(&format!("{ENTRIES}?limit=2"))
        .await
        .expect(200);
    let cursor = first.body["next_cursor"].as_str().expect("a cursor");
    let second = acme
        .client
        .get(&format!("{ENTRIES}?limit=2&cursor={cursor}"))
        .await
        .expect(200);
    let ids = |answer: &Answer| {
        let data = answer.body["data"].as_array().expect("a list").clone();
        data.into_iter()
            .map(|entry| entry["id"].clone())
            .collect::<Vec<_>>()
    };
    let all = ids(&acme.client.get(ENTRIES).await.expect(200));
    assert_eq!([ids(&first), ids(&second)].concat(), all);
    assert_eq!(all.len(), 3);
    let filtered = format!("{ENTRIES}?limit=2&cursor={cursor}&caller={}", ana.id);
    acme.client
        .get(&filtered)
        .await
        .expect_problem(400, "invalid_cursor");
    let admin = platform.database.connect().await;
    let age = "UPDATE platform_shared.access_log SET at = now() - interval '91 days' WHERE tenant_id::text = $1";
    assert_eq!(
        admin
            .execute(age, &[&acme.id.to_string()])
            .await
            .expect("aged"),
        3
    );
    let _ = access(&platform, &ana, Some(&acme)).await.expect(200);
    assert_eq!(entries(&acme, "").await.len(), 1);
    // The service itself cannot change what happened.
    let service = platform
        .database
        .connect_as(averis_tenant_db::LoginRole::Tenant)
        .await;
    let refused = service
        .execute("UPDATE platform_shared.access_log SET via = 'code'", &[])
        .await;
    let refused = refused.expect_err("refused");
    assert_eq!(refused.code().map(|code| code.code()), Some("42501"));
}
