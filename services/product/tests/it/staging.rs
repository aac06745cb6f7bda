//! The copy that shops read.

use averis_contracts::product::ProductState;
use averis_test_kit::{Answer, TestPlatform, TestTenant, identity};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::sections::{define, nothing, put};
use crate::setup::{
    all, approve, changes, command, draft, launched, one_tenant, path, platform, product_path,
    sellable, staged, until,
};

#[actix_web::test]
async fn p8_a_launched_product_reaches_shops_and_a_suspended_one_leaves_them() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shopper = platform.shopper_token(acme.id);
    let (acme, shopper) = (acme.client.clone(), acme.client.with_token(&shopper));
    define(&acme, "colour", "marketing", json!({"facetable": true})).await;
    let variants = json!([{"sku": "Lamp-1", "option_values": ["S"]}, {"sku": "Lamp-2", "option_values": ["M"]}]);
    let more =
        json!({"vendor": "Lux", "tags": ["bright"], "options": ["Size"], "variants": variants});
    let id = draft(&acme, "lamp", more).await.id();
    let _ = put(&acme, &id, "marketing", json!({"colour": "red"}))
        .await
        .expect(200);
    let own = path(&format!("/staging/products/{id}"));
    shopper.get(&own).await.expect_problem(404, "not_found");
    let change = launched(&acme, &id).await;

    // Whatever way it is asked for, it is the launched revision.
    let product = shopper.get(&own).await.expect(200).body;
    assert_eq!(product, change["product"]);
    assert_eq!(product["attributes"], json!({"colour": "red"}));
    let skus: Vec<&Value> = product["variants"]
        .as_array()
        .expect("variants")
        .iter()
        .map(|one| &one["sku"])
        .collect();
    assert_eq!(skus, ["Lamp-1", "Lamp-2"]);
    let by_key = shopper
        .get(&path("/staging/products/key=lamp"))
        .await
        .expect(200);
    assert_eq!(by_key.body, product);
    for filter in [
        "",
        "?vendor=Lux",
        "?tag=bright",
        "?key[in]=a,lamp",
        "?kind=physical",
    ] {
        let listed = all(&shopper, &path(&format!("/staging/products{filter}"))).await;
        assert_eq!(listed, std::slice::from_ref(&product), "{filter}");
    }
    let none = all(&shopper, &path("/staging/products?vendor=Lu")).await;
    assert_eq!(none, [] as [Value; 0]);
    let search = path("/staging/search?q=lamp&facets=attributes.colour");
    let found = shopper.get(&search).await.expect(200).body;
    assert_eq!(found["data"], json!([product]));
    assert_eq!(
        found["facets"]["attributes.colour"],
        json!([{"value": "red", "count": 1}])
    );
    let variants = path("/staging/variants?sku=LAMP-1,nothing");
    let found = shopper.get(&variants).await.expect(200).body["data"].clone();
    assert_eq!(found[0]["sku"], "Lamp-1");
    assert_eq!(found[0]["active"], true);
    assert_eq!(found.as_array().expect("variants").len(), 1);

    // An edit is not sold before it is launched.
    let address = product_path(&id);
    let version = acme.get(&address).await.expect(200).version();
    let _ = acme
        .patch(&address, version, &json!({"name": "Lantern"}))
        .await
        .expect(200);
    assert_eq!(shopper.get(&own).await.expect(200).body, product);
    launched(&acme, &id).await;
    assert_eq!(shopper.get(&own).await.expect(200).body["name"], "Lantern");

    // P8: what is taken out of sale is in no list and no search, and its variants say so.
    command(&acme, &id, "suspend").await;
    let gone = staged(&acme, &id).await;
    assert_eq!(gone["product"], Value::Null);
    shopper.get(&own).await.expect_problem(404, "not_found");
    let listed = all(&shopper, &path("/staging/products")).await;
    assert_eq!(listed, [] as [Value; 0]);
    let found = shopper
        .get(&path("/staging/search?q=lantern&status=suspended"))
        .await;
    assert_eq!(found.expect(200).body["data"], json!([]));
    assert_eq!(
        shopper.get(&variants).await.expect(200).body["data"][0]["active"],
        false
    );
    command(&acme, &id, "resume").await;
    staged(&acme, &id).await;
    assert_eq!(shopper.get(&own).await.expect(200).body["name"], "Lantern");
    command(&acme, &id, "suspend").await;
    command(&acme, &id, "archive").await;
    let gone = staged(&acme, &id).await;
    assert_eq!(
        (&gone["status"], &gone["product"]),
        (&json!("archived"), &Value::Null)
    );
}

#[actix_web::test]
async fn p9_no_shopper_reads_a_cost() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shopper = platform.shopper_token(acme.id);
    let shopper = acme.client.with_token(&shopper);
    define(&acme.client, "cost", "finance", nothing()).await;
    // An import keeps columns that nobody knows, and whom they are for nobody has said.
    let file = "Handle,Title,Body (HTML),Option1 Name,Option1 Value,Variant SKU,Cost per item,Margin\n\
        lamp,Lamp,Bright,Size,S,L1,98765.01,98765.02\n";
    crate::setup::import(&acme.client, file).await;
    let product = acme
        .client
        .get(&path("/products/key=lamp"))
        .await
        .expect(200)
        .id();
    let _ = put(
        &acme.client,
        &product,
        "finance",
        json!({"cost": "98765.03"}),
    )
    .await
    .expect(200);
    launched(&acme.client, &product).await;
    let own = format!("/staging/products/{product}");
    for address in [
        own.as_str(),
        "/staging/products",
        "/staging/products/key=lamp",
        "/staging/variants?sku=L1",
        "/staging/search?q=lamp",
    ] {
        let answer = shopper.get(&path(address)).await.expect(200);
        assert!(answer.text.contains("L1"), "{address}");
        assert!(!answer.text.contains("98765"), "{address}: {}", answer.text);
    }
    let found = shopper
        .get(&path("/staging/search?q=98765.03"))
        .await
        .expect(200);
    assert_eq!(found.body["data"], json!([]));
    // Nor does a shopper read what products say beside it.
    for address in [product_path(&product), path("/staging/changes")] {
        shopper.get(&address).await.expect_problem(403, "forbidden");
    }
}

/// Sends events to the product service as the service `from` would.
async fn deliver(
    platform: &TestPlatform,
    tenant: &TestTenant,
    from: &str,
    events: &[Value],
) -> Answer {
    let token = identity(from)
        .sign("product", Some(tenant.id), None)
        .expect("a token");
    let address = format!("/internal/product/v1/tenants/{}/events", tenant.key);
    let request = platform.client.with_token(&token);
    Answer::of(
        request
            .request(Method::POST, &address)
            .json(&json!({"events": events})),
    )
    .await
}

fn event(state: &ProductState) -> Value {
    json!({"id": Uuid::now_v7(), "seq": 1, "kind": "product.launched", "subject": state.product_id,
        "at": "2026-01-01T00:00:00Z", "data": state})
}

#[actix_web::test]
async fn p5_staging_never_goes_back_whatever_becomes_of_events() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let client = &acme.client;
    let id = sellable(client, "lamp").await.id();
    // What has happened to it, as its events tell.
    let mut states: Vec<ProductState> = Vec::new();
    for step in [
        "launch", "suspend", "resume", "edit", "launch", "suspend", "resume", "edit", "launch",
    ] {
        let address = product_path(&id);
        if step == "edit" {
            let version = client.get(&address).await.expect(200).version();
            let name = json!({"name": format!("Lamp {version}")});
            let _ = client.patch(&address, version, &name).await.expect(200);
            continue;
        }
        let product = command(client, &id, step).await;
        states.push(ProductState {
            product_id: id.parse().expect("an id"),
            version: product.version(),
            status: product.body["status"]
                .as_str()
                .expect("a status")
                .to_owned(),
            rev: product.body["launched_rev"].as_i64().expect("a revision"),
            variants: Vec::new(),
        });
    }
    staged(client, &id).await;
    let events: Vec<Value> = states.iter().map(event).collect();
    let database = platform.database.connect().await;
    let schema = format!("tenant_{}_product", acme.key);
    let empty = format!(
        "DELETE FROM {schema}.staged_variants; DELETE FROM {schema}.staged_products; DELETE FROM {schema}.inbox_events"
    );

    // Lost, doubled, out of order, in batches; and then everything again.
    let places = proptest::collection::vec(0..events.len(), 1..20);
    let mut runner = TestRunner::deterministic();
    for _ in 0..20 {
        database.batch_execute(&empty).await.expect("emptied");
        let order: Vec<usize> = places.new_tree(&mut runner).expect("an order").current();
        let again: Vec<usize> = (0..events.len()).collect::<Vec<_>>();
        let again = Just(again)
            .prop_shuffle()
            .new_tree(&mut runner)
            .expect("an order")
            .current();
        let mut least = (0, 0);
        for batch in order.chunks(3).chain(again.chunks(4)) {
            let batch: Vec<Value> = batch.iter().map(|place| events[*place].clone()).collect();
            let _ = deliver(&platform, &acme, "product", &batch)
                .await
                .expect(200);
            let sql = format!("SELECT rev, as_of FROM {schema}.staged_products");
            let row = database.query_one(&sql, &[]).await.expect("a row");
            let now: (i64, i64) = (row.get(0), row.get(1));
            assert!(
                now.0 >= least.0 && now.1 >= least.1,
                "{now:?} after {least:?}: {order:?}"
            );
            least = now;
        }
        assert_converged(client, &id).await;
    }
}

/// Checks that what shops read of a product is what was launched of it.
async fn assert_converged(client: &averis_test_kit::Client, id: &str) {
    let product = client.get(&product_path(id)).await.expect(200).body;
    let changes = changes(client).await;
    let own: Vec<&Value> = changes
        .iter()
        .filter(|one| one["product_id"] == id)
        .collect();
    assert_eq!(own.len(), 1, "each product stands in the feed once");
    let revisions = all(client, &format!("{}/revisions", product_path(id))).await;
    let revision = &revisions[0];
    assert_eq!(own[0]["rev"], product["launched_rev"]);
    assert_eq!(own[0]["status"], product["status"]);
    assert_eq!(own[0]["rev"], revision["rev"]);
    assert_eq!(own[0]["hash"], revision["hash"]);
    let marketing = &revision["document"]["marketing"];
    assert_eq!(own[0]["product"]["name"], marketing["name"]);
}

#[actix_web::test]
async fn events_are_taken_from_their_service_for_their_tenant_alone() {
    let platform = platform().await;
    let (acme, globex) = (
        platform.tenant("acme").await,
        platform.tenant("globex").await,
    );
    let id = sellable(&acme.client, "lamp").await.id();
    let launched = launched(&acme.client, &id).await;
    let forged = event(&ProductState {
        product_id: id.parse().expect("an id"),
        version: 1_000,
        status: "archived".to_owned(),
        rev: 1,
        variants: Vec::new(),
    });
    let forged = [forged];
    deliver(&platform, &acme, "pricing", &forged)
        .await
        .expect_problem(401, "invalid_token");
    let address = format!("/internal/product/v1/tenants/{}/events", acme.key);
    let ask = async |client: averis_test_kit::Client, address: &str| {
        let body = json!({"events": forged});
        Answer::of(client.request(Method::POST, address).json(&body)).await
    };
    ask(platform.client.anonymous(), &address)
        .await
        .expect_problem(401, "unauthenticated");
    ask(platform.client.with_token(acme.client.token()), &address)
        .await
        .expect_problem(401, "invalid_token");
    // Signed for one tenant, it says nothing of another.
    let token = identity("product")
        .sign("product", Some(globex.id), None)
        .expect("a token");
    let own = platform.client.with_token(&token);
    ask(own, &address)
        .await
        .expect_problem(400, "tenant_mismatch");
    // Under a tenant's own address there is nothing of the kind.
    let token = identity("product")
        .sign("product", Some(acme.id), None)
        .expect("a token");
    ask(acme.client.with_token(&token), &address)
        .await
        .expect_problem(404, "no_such_route");
    let nobody = format!("/internal/product/v1/tenants/{}/events", "nobody12345");
    ask(platform.client.with_token(&token), &nobody)
        .await
        .expect_problem(404, "not_found");
    assert_eq!(changes(&acme.client).await, [launched]);
    // What nobody can read is refused and changes nothing.
    let mut odd = forged[0].clone();
    odd["data"] = json!({"product_id": "x"});
    deliver(&platform, &acme, "product", &[odd])
        .await
        .expect_problem(500, "internal");
    assert_eq!(changes(&acme.client).await.len(), 1);
}

#[actix_web::test]
async fn what_other_services_ask_of_launched_variants_is_told() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    define(&acme.client, "tax_category", "legal", nothing()).await;
    let more = json!({"kind": "digital", "variants": [{"sku": "L1", "taxable": false}]});
    let id = draft(&acme.client, "lamp", more).await.id();
    let _ = put(&acme.client, &id, "legal", json!({"tax_category": "books"}))
        .await
        .expect(200);
    let ask = async |skus: Value, product_ids: Value| {
        let token = identity("pricing")
            .sign("product", Some(acme.id), None)
            .expect("a token");
        let address = format!(
            "/internal/product/v1/tenants/{}/launched-variants",
            acme.key
        );
        let body = json!({"skus": skus, "product_ids": product_ids});
        let client = platform.client.with_token(&token);
        Answer::of(client.request(Method::POST, &address).json(&body)).await
    };
    assert_eq!(
        ask(json!(["l1"]), json!([])).await.expect(200).body,
        json!([])
    );
    launched(&acme.client, &id).await;
    let product = acme.client.get(&product_path(&id)).await.expect(200);
    let expected = json!([{"sku": "L1", "product_id": id, "version": product.version(), "active": true,
        "name": "Name of lamp", "kind": "digital", "taxable": false, "tax_category": "books"}]);
    assert_eq!(
        ask(json!(["l1"]), json!([])).await.expect(200).body,
        expected
    );
    assert_eq!(
        ask(json!(["L1"]), json!([id])).await.expect(200).body,
        expected
    );
    let many: Vec<String> = (0..251).map(|place| format!("S{place}")).collect();
    ask(json!(many), json!([]))
        .await
        .expect_problem(400, "invalid_query");
}

#[actix_web::test]
async fn the_feed_is_followed_page_by_page() {
    let (_platform, acme) = one_tenant().await;
    let mut ids = Vec::new();
    for place in 0..5 {
        let id = sellable(&acme, &format!("lamp-{place}")).await.id();
        approve(&acme, &id).await;
        launched(&acme, &id).await;
        ids.push(id);
    }
    let mut after = json!(0);
    let mut seen = Vec::new();
    for more in [true, true, false] {
        let address = path(&format!("/staging/changes?limit=2&after={after}"));
        let page = acme.get(&address).await.expect(200).body;
        assert_eq!(page["more"], more);
        seen.extend(page["data"].as_array().expect("changes").iter().cloned());
        after = page["next_after"].clone();
    }
    let told: Vec<&str> = crate::setup::strings(&seen, "product_id");
    assert_eq!(told, ids);
    // What happens later comes after, once, at its last change.
    for step in ["suspend", "resume"] {
        command(&acme, &ids[1], step).await;
        staged(&acme, &ids[1]).await;
    }
    let page = until("both are told", async || {
        let page = acme
            .get(&path(&format!("/staging/changes?after={after}")))
            .await;
        let page = page.expect(200).body;
        (page["data"][0]["status"] == "active").then_some(page)
    })
    .await;
    assert_eq!(page["data"].as_array().expect("changes").len(), 1);
    assert_eq!(page["data"][0]["product_id"], json!(ids[1]));
    acme.get(&path("/staging/changes?after=-1"))
        .await
        .expect_problem(400, "invalid_query");
    acme.get(&path("/staging/changes?limit=0"))
        .await
        .expect_problem(422, "invalid");
}
