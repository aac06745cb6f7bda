//! What a process writes to its log.

use averis_test_kit::Database;
use serde_json::{Value, json};

use crate::process::Process;

#[actix_web::test]
async fn s43_log_lines_name_their_tenant_and_hold_no_tenants_data() {
    let directory = tempfile::tempdir().expect("a directory");
    let log = directory.path().join("log");
    let database = Database::own(false).await;
    let process =
        Process::start_logging(directory.path().into(), &database.admin_text, &log, "debug").await;
    let mut tokens = Vec::new();
    for key in ["acme", "globex"] {
        let body = json!({"key": key, "name": "Tenant"});
        process
            .client()
            .post("/api/tenant/v1/tenants", &body)
            .await
            .expect(201);
        let tenant = process.under(key).await;
        tokens.extend([
            process.client().token().to_owned(),
            tenant.token().to_owned(),
        ]);
        let canary = format!("CANARY-{key}");
        let body = json!({"key": "thing", "name": canary, "description": canary,
                          "vendor": canary, "variants": [{"sku": canary}]});
        tenant
            .post("/api/product/v1/products", &body)
            .await
            .expect(201);
        // Refused by the database, by a rule, and by nothing.
        tenant
            .post("/api/product/v1/products", &body)
            .await
            .expect(409);
        let body = json!({"key": "Not A Key", "name": canary});
        tenant
            .post("/api/product/v1/products", &body)
            .await
            .expect(422);
        tenant.get("/api/product/v1/products").await.expect(200);
        let refused = tenant.anonymous().get("/api/product/v1/products").await;
        refused.expect_problem(401, "unauthenticated");
    }
    process.stop().await;
    let text = std::fs::read_to_string(&log).expect("the log");
    let of = |key: &str| {
        text.lines()
            .filter(|line| line.contains(&format!("\"tenant\":\"{key}\"")))
            .count()
    };
    assert!(
        of("acme") >= 4 && of("globex") >= 4,
        "requests do not name their tenant: {text}"
    );
    // Who changed what, and who was refused; a plain read is not worth a line.
    let accesses: Vec<Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["target"] == "access" && line["span"]["tenant"] == "acme")
        .collect();
    let what = |line: &Value| {
        let span = &line["span"];
        let of = |name: &str| span[name].as_str().unwrap_or_default().to_owned();
        (
            of("method"),
            of("path"),
            line["status"].clone(),
            line["kind"].clone(),
        )
    };
    let products = "/api/product/v1/products".to_owned();
    let post = |status: u16| {
        (
            "POST".to_owned(),
            products.clone(),
            json!(status),
            json!("person"),
        )
    };
    let refused = (
        "GET".to_owned(),
        products.clone(),
        json!(401),
        json!("nobody"),
    );
    let seen: Vec<_> = accesses.iter().map(what).collect();
    assert_eq!(seen, [post(201), post(409), post(422), refused]);
    assert!(accesses[0]["caller"].is_string() && accesses[0]["address"] == "127.0.0.1");
    assert!(
        text.lines().any(|line| line.contains("request_id")),
        "{text}"
    );
    assert!(
        !text.contains("CANARY"),
        "the log holds what tenants wrote: {text}"
    );
    for token in tokens {
        let (_, signature) = token.rsplit_once('.').expect("a signature");
        assert!(!text.contains(signature), "the log holds a credential");
    }
}
