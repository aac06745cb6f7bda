//! What a process writes to its log.

use averis_test_kit::Database;
use serde_json::json;

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
