//! Products.

use serde_json::json;

use crate::setup::platform;

#[actix_web::test]
async fn a_product_is_drafted_launched_and_found() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await.client;
    let body = json!({
        "key": "shirt", "name": "Blue Shirt", "options": ["Size"], "tags": ["blue"],
        "variants": [{"sku": "SHIRT-M", "option_values": ["M"]}, {"sku": "SHIRT-L", "option_values": ["L"]}]
    });
    let created = acme.post("/api/product/v1/products", &body).await.expect(201);
    let path = format!("/api/product/v1/products/{}", created.id());
    let read = acme.get(&format!("{path}?expand=variants,media")).await.expect(200);
    assert_eq!(read.body["status"], "draft");
    assert_eq!(read.body["variants"][1]["sku"], "SHIRT-L");
    let launched = acme.command(&format!("{path}/launch"), 1, &json!({})).await.expect(200);
    assert_eq!(launched.body["status"], "active");
    assert_eq!(launched.version(), 2);
    let found = acme
        .get("/api/product/v1/products/search?q=blue%20shirt-m&facets=tags,status,vendor")
        .await
        .expect(200);
    assert_eq!(found.body["data"][0]["key"], "shirt");
    assert_eq!(found.body["facets"]["tags"], json!([{"value": "blue", "count": 1}]));
    let batch = acme.get("/api/product/v1/variants?sku=shirt-l,other").await.expect(200);
    assert_eq!(batch.body["data"][0]["sku"], "SHIRT-L");
}
