//! The end of a tenant.

use std::collections::BTreeMap;

use averis_tenant_context::TenantRole;
use averis_test_kit::{Setup, unique_key};
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::tools::{TENANTS, command, count, end_quarantine, path, schemas_and_roles};

#[actix_web::test]
async fn a_purge_leaves_a_certificate_and_nothing_else() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("gone").await;
    let other = platform.tenant("stays").await;
    let key = tenant.key.as_str();
    let admin = platform.database.connect().await;
    let insert = format!(
        "INSERT INTO tenant_{key}_product.idempotency_keys (key_hash, fingerprint, status, body)
         SELECT sha256(n::text::bytea), sha256('x'), 200, '' FROM generate_series(1, 3) n"
    );
    admin.batch_execute(&insert).await.expect("rows");
    assert_eq!(schemas_and_roles(&platform.database, key).await, (7, 7));
    let tables =
        format!("SELECT count(*) FROM pg_tables WHERE schemaname LIKE 'tenant\\_{key}\\_%'");
    let tables = count(&platform.database, &tables).await;

    let address = path(&tenant, "/purge-certificate");
    let early = platform.client.get(&address).await;
    early.expect_problem(404, "not_found");
    let _ = command(&platform, &tenant, "close").await.expect(200);
    let purged = command(&platform, &tenant, "purge").await.expect(200);

    assert_eq!(schemas_and_roles(&platform.database, key).await, (0, 0));
    let stays = other.key.as_str();
    assert_eq!(schemas_and_roles(&platform.database, stays).await, (7, 7));
    let kept = platform.client.get(&address).await.expect(200);
    assert_eq!(kept.body, purged.body);
    assert_eq!(kept.body["tenant_id"], tenant.id.to_string());
    assert_eq!(kept.body["tenant_key"], key);
    let counts = kept.body["row_counts"].as_object().expect("counts");
    assert_eq!(i64::try_from(counts.len()), Ok(tables));
    for (table, rows) in counts {
        let expected = match table.strip_prefix(&format!("tenant_{key}_")) {
            Some("product.idempotency_keys") => 3,
            // There from the beginning: the data dictionary, and counters.
            Some("product.attribute_definitions") => 11,
            // And the places outside of warehouses.
            Some("erp.locations") => 4,
            Some("erp.accounts") => 16,
            Some(
                "product.product_counts"
                | "product.staging_head"
                | "customer.customer_numbers"
                | "erp.books"
                | "erp.purchasing_rules",
            ) => 1,
            _ => 0,
        };
        let is_history = table.ends_with(".__diesel_schema_migrations");
        assert!(is_history || *rows == json!(expected), "{table}: {rows}");
    }
    assert_eq!(kept.body["digest"], digest(&kept.body));
    let now = platform.client.get(&path(&tenant, "")).await.expect(200);
    assert_eq!(now.body["status"], "purged");
    tenant
        .client
        .get(TENANTS)
        .await
        .expect_problem(400, "invalid_tenant");
}

/// Computes a certificate's digest from its other members, as the one who holds it would.
fn digest(certificate: &Value) -> String {
    let text = |name: &str| certificate[name].as_str().expect("text");
    let counts: BTreeMap<String, Value> =
        serde_json::from_value(certificate["row_counts"].clone()).expect("counts");
    let counts = serde_json::to_string(&counts).expect("JSON");
    let at: DateTime<Utc> = text("purged_at").parse().expect("a time");
    let content = format!(
        "{}\n{}\n{counts}\n{}",
        text("tenant_id"),
        text("tenant_key"),
        at.to_rfc3339()
    );
    let digest = Sha256::digest(content.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[actix_web::test]
async fn a_purge_needs_the_typed_key() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("typed").await;
    let other = platform.tenant("other").await;
    let _ = command(&platform, &tenant, "close").await.expect(200);
    let address = path(&tenant, "/purge");
    let upper = tenant.key.as_str().to_uppercase();
    for typed in [
        "",
        "yes",
        other.key.as_str(),
        &upper,
        &format!("{} ", tenant.key),
    ] {
        let body = json!({"confirm_key": typed});
        let answer = platform.client.command(&address, 2, &body).await;
        answer.expect_problem(422, "confirmation_mismatch");
    }
    let missing = platform.client.command(&address, 2, &json!({})).await;
    missing.expect_problem(400, "malformed_body");
    let now = platform.client.get(&path(&tenant, "")).await.expect(200);
    assert_eq!(now.body["status"], "closing");
    let key = tenant.key.as_str();
    assert_eq!(schemas_and_roles(&platform.database, key).await, (7, 7));
}

#[actix_web::test]
async fn the_key_of_a_purged_tenant_is_never_given_again_but_its_subdomain_is() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("key").await;
    // The address is known to the directory before it changes hands.
    let listed = tenant.client.get(TENANTS).await.expect(200);
    assert_eq!(listed.body["data"][0]["id"], tenant.id.to_string());
    let _ = command(&platform, &tenant, "close").await.expect(200);
    let _ = command(&platform, &tenant, "purge").await.expect(200);
    let again = json!({"key": tenant.key, "name": "Again", "subdomain": unique_key("again")});
    let again = platform.client.post(TENANTS, &again).await;
    again.expect_problem(409, "tenant_exists");
    let heir = json!({"key": unique_key("heir"), "name": "Heir", "subdomain": tenant.key});
    let early = platform.client.post(TENANTS, &heir).await;
    early.expect_problem(409, "subdomain_taken");
    end_quarantine(&platform.database, tenant.key.as_str()).await;
    let heir = platform.client.post(TENANTS, &heir).await.expect(201);
    let heir_id = heir.id().parse().expect("an id");
    let token = platform.token_in(heir_id, &[TenantRole::TenantAdmin]);
    let heirs_client = tenant.client.with_token(&token);
    crate::tools::within_a_second("the address leads to the heir", async || {
        let listed = heirs_client.get(TENANTS).await;
        listed.body["data"][0]["id"] == heir.body["id"]
    })
    .await;
    // Who was let in there before is not any more.
    let before = tenant.client.get(TENANTS).await;
    before.expect_problem(403, "wrong_tenant");
}

#[actix_web::test]
async fn parallel_purges_make_one_certificate() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("race").await;
    let _ = command(&platform, &tenant, "close").await.expect(200);
    let address = path(&tenant, "/purge");
    let body = json!({"confirm_key": tenant.key});
    let all = (0..8).map(|_| platform.client.command(&address, 2, &body));
    let answers = join_all(all).await;
    let won: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 200)
        .collect();
    assert_eq!(won.len(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert!(matches!(answer.status, 409 | 412), "{}", answer.text);
    }
    let certificate = path(&tenant, "/purge-certificate");
    let kept = platform.client.get(&certificate).await;
    assert_eq!(kept.expect(200).body, won[0].body);
    let certificates = format!(
        "SELECT count(*) FROM platform_shared.purge_certificates WHERE tenant_id = '{}'",
        tenant.id
    );
    assert_eq!(count(&platform.database, &certificates).await, 1);
}

#[actix_web::test]
async fn a_repeated_purge_gets_the_certificate_again() {
    let platform = Setup::new().await.start(vec![]);
    let tenant = platform.tenant("twice").await;
    let _ = command(&platform, &tenant, "close").await.expect(200);
    let body = json!({"confirm_key": tenant.key});
    let send = async || {
        let request = platform
            .client
            .request(reqwest::Method::POST, &path(&tenant, "/purge"))
            .header("idempotency-key", "purge-it")
            .header("if-match", "\"2\"")
            .json(&body);
        averis_test_kit::Answer::of(request).await.expect(200)
    };
    let first = send().await;
    let second = send().await;
    assert_eq!(second.text, first.text);
    assert_eq!(second.headers["idempotency-replayed"], "true");
}
