//! What is told of changes.

use averis_tenant_context::TenantRole;
use averis_test_kit::Answer;
use reqwest::Method;
use serde_json::json;

use crate::setup::{all, draft, path, platform, product_path, strings};

#[actix_web::test]
async fn a_change_is_told_with_who_what_and_request() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let globex = platform.tenant("globex").await;
    let product = draft(&acme.client, "shirt", json!({})).await;
    let address = product_path(&product.id());
    let rename = acme
        .client
        .request(Method::PATCH, &address)
        .header("if-match", "\"1\"")
        .header("x-request-id", "rename-17")
        .json(&json!({"name": "Better shirt"}));
    let _ = Answer::of(rename).await.expect(200);
    let trail = path("/audit-events");
    let page = acme.client.get(&trail).await.expect(200);
    let events = page.body["data"].as_array().expect("a list").clone();
    assert_eq!(events.len(), 2, "{}", page.text);
    let (last, first) = (&events[0], &events[1]);
    assert_eq!((&last["seq"], &first["seq"]), (&json!(2), &json!(1)));
    assert_eq!(
        (&first["action"], &first["before"]),
        (&json!("insert"), &json!(null))
    );
    assert_eq!(last["action"], "update");
    assert_eq!(last["table"], "products");
    assert_eq!(last["entity_id"], json!(product.id()));
    assert_eq!(last["request_id"], "rename-17");
    assert_eq!(last["before"], first["after"]);
    assert_eq!(
        last["changed"],
        json!([
            "name",
            "search",
            "sections",
            "updated_at",
            "version",
            "working_rev"
        ])
    );
    assert!(last["caller"].is_string());
    // Names of what changed, never what it was or is.
    assert!(!page.text.contains("Better shirt"));
    let one = acme
        .client
        .get(&format!("{trail}?entity_id={}&limit=1", product.id()))
        .await;
    let one = one.expect(200);
    assert_eq!(one.body["data"][0], *last);
    let rows = all(&acme.client, &format!("{trail}?limit=1")).await;
    assert_eq!(strings(&rows, "action"), ["update", "insert"]);
    // Another tenant's trail is its own, and only those who may look do.
    assert_eq!(
        globex.client.get(&trail).await.expect(200).body["data"],
        json!([])
    );
    let reader = platform.token_in(acme.id, &[TenantRole::ReadOnly]);
    let refused = acme.client.with_token(&reader).get(&trail).await;
    refused.expect_problem(403, "forbidden");
}

#[actix_web::test]
async fn a_tenant_holds_no_more_products_than_its_limit_however_many_ask() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let tenant = format!("/api/tenant/v1/tenants/{}", acme.id);
    let version = platform.client.get(&tenant).await.expect(200).version();
    let limits = json!({"settings": {"limits": {"max_products": 5}}});
    let _ = platform
        .client
        .patch(&tenant, version, &limits)
        .await
        .expect(200);
    crate::setup::until("the limit is known", async || {
        let key = format!("probe-{}", uuid::Uuid::now_v7().simple());
        let body = json!({"key": key, "name": "Probe"});
        let answer = acme.client.post(&path("/products"), &body).await;
        (answer.status == 409).then_some(())
    })
    .await;
    let held = all(&acme.client, &path("/products")).await.len();
    assert_eq!(held, 5);
    // Archiving makes room for one, of twenty who ask at once.
    let first = all(&acme.client, &path("/products")).await;
    let id = first[0]["id"].as_str().expect("an id");
    let archive = format!("{}/archive", product_path(id));
    let _ = acme
        .client
        .command(&archive, 1, &json!({}))
        .await
        .expect(200);
    let bodies: Vec<_> = (0..20)
        .map(|n| json!({"key": format!("late-{n}"), "name": "Late"}))
        .collect();
    let address = path("/products");
    let asked = bodies.iter().map(|body| acme.client.post(&address, body));
    let answers = futures_util::future::join_all(asked).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.expect_problem(409, "limit_reached");
        assert_eq!(answer.body["maximum"], 5);
    }
    // An import is refused product by product, and says so.
    let file = "Handle,Title,Variant SKU\nfrom-file,From a file,FF-1\n";
    let job = crate::setup::import(&acme.client, file).await;
    crate::setup::assert_counts(
        &job,
        &json!({"rows": 1, "products": 1, "products_refused": 1, "errors": 1}),
    );
    let report = crate::setup::report(&acme.client, &job).await;
    assert!(
        report.iter().any(|(_, code)| code == "limit_reached"),
        "{report:?}"
    );
}
