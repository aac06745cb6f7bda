//! What the service says when its database is away, and what not.

use std::time::Duration;

use averis_test_kit::{Answer, Database, Setup, unique_key};
use serde_json::json;

use crate::tools::{TENANTS, path, within};

/// What would tell a stranger of the machinery.
fn tells_nothing(answer: &Answer) {
    let text = answer.text.to_lowercase();
    for word in [
        "postgres",
        "127.0.0.1",
        "localhost",
        "select",
        "platform_shared",
        "password",
        "os error",
        "refused",
        "diesel",
        "tokio",
        "panicked",
        "averis_",
        ".rs",
    ] {
        assert!(!text.contains(word), "{word:?} in {text}");
    }
}

#[actix_web::test]
async fn without_its_database_the_service_is_not_ready_and_recovers_with_it() {
    let mut platform = Setup::on(Database::own(false).await).start(vec![]);
    let tenant = platform.tenant("acme").await;
    let _ = tenant.client.get(TENANTS).await.expect(200);
    for path in ["/health", "/health/ready"] {
        let ready = platform.client.get(path).await.expect(200);
        assert_eq!(
            ready.body,
            json!({"status": "ready", "services": {"tenant": "ready"}})
        );
    }

    platform
        .database
        .server
        .as_mut()
        .expect("own")
        .kill()
        .await
        .expect("killed");
    for path in ["/health", "/health/ready"] {
        let answer = platform.client.get(path).await.expect(503);
        assert_eq!(answer.body["status"], "not_ready");
        tells_nothing(&answer);
    }
    let live = platform.client.get("/health/live").await.expect(200);
    assert_eq!(live.body["status"], "live");
    let client = &platform.client;
    let make = json!({"key": unique_key("none"), "name": "None"});
    let empty = json!({});
    for answer in [
        client.get(TENANTS).await,
        client.get(&path(&tenant, "")).await,
        client.get("/api/tenant/v1/currencies").await,
        client.post(TENANTS, &make).await,
        client.command(&path(&tenant, "/suspend"), 1, &empty).await,
        client
            .command(&path(&tenant, "/purge"), 1, &json!({"confirm_key": "x"}))
            .await,
        client
            .patch(&path(&tenant, ""), 1, &json!({"name": "Other"}))
            .await,
        tenant.client.get(TENANTS).await,
    ] {
        answer.expect_problem(503, "database_unavailable");
        assert_eq!(answer.headers["retry-after"], "1");
        tells_nothing(&answer);
    }
    let unknown = platform
        .under(unique_key("new").as_str())
        .get(TENANTS)
        .await;
    unknown.expect_problem(503, "tenant_lookup_unavailable");
    tells_nothing(&unknown);

    platform
        .database
        .server
        .as_mut()
        .expect("own")
        .restart()
        .await
        .expect("started");
    within(Duration::from_secs(10), "ready again", &mut async || {
        platform.client.get("/health/ready").await.status == 200
    })
    .await;
    let _ = platform.client.get(&path(&tenant, "")).await.expect(200);
    let _ = platform.tenant("after").await;
}

#[actix_web::test]
async fn health_is_told_under_any_host() {
    let platform = Setup::new().await.start(vec![]);
    for host in ["nobody-has-this", "admin"] {
        let client = platform.under(host);
        let _ = client.get("/health/live").await.expect(200);
        let _ = client.get("/health/ready").await.expect(200);
        let _ = client.get("/openapi.json").await.expect(200);
    }
}
