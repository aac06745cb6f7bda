//! Products: their making, changing and life.

use averis_test_kit::Answer;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::setup::{all, command, draft, one_tenant, path, platform, product_path, sellable};

#[actix_web::test]
async fn a_product_is_drafted_launched_and_found() {
    let (_platform, acme) = one_tenant().await;
    let body = json!({
        "options": ["Size"], "tags": ["blue"],
        "variants": [{"sku": "SHIRT-M", "option_values": ["M"]}, {"sku": "SHIRT-L", "option_values": ["L"]}]
    });
    let created = draft(&acme, "shirt", body).await;
    let address = product_path(&created.id());
    assert_eq!(created.headers["location"], address.as_str());
    let expanded = format!("{address}?expand=variants,media");
    let read = acme.get(&expanded).await.expect(200);
    assert_eq!(read.body["status"], "draft");
    assert_eq!(read.body["variants"][1]["sku"], "SHIRT-L");
    let launched = command(&acme, &created.id(), "launch").await;
    assert_eq!(launched.body["status"], "active");
    assert!(launched.body["launched_at"].is_string());
    // A version for each submission and each approval, and one for the launch.
    assert_eq!(launched.version(), 12);
    assert_eq!(launched.body["launched_rev"], launched.body["working_rev"]);
    let search = path("/products/search?q=blue%20shirt-m&facets=tags,status,vendor");
    let found = acme.get(&search).await.expect(200);
    assert_eq!(found.body["data"][0]["key"], "shirt");
    assert_eq!(
        found.body["facets"]["tags"],
        json!([{"value": "blue", "count": 1}])
    );
    let batch = acme.get(&path("/variants?sku=shirt-l,other")).await;
    assert_eq!(batch.expect(200).body["data"][0]["sku"], "SHIRT-L");
}

#[actix_web::test]
async fn what_was_made_is_what_is_read_to_the_byte() {
    let (_platform, acme) = one_tenant().await;
    let body = json!({"options": ["Size"], "variants": [{"sku": "s", "option_values": ["M"]}]});
    let mut made = draft(&acme, "same", body).await;
    let address = product_path(&made.id());
    let read = acme.get(&format!("{address}?expand=variants")).await;
    assert_eq!(made.text, read.text);
    for (things, body) in [
        ("/categories".into(), json!({"code": "c", "name": "C"})),
        (
            "/attribute-definitions".into(),
            json!({"code": "a", "label": "A", "type": "text"}),
        ),
        (
            format!("/products/{}/variants", made.id()),
            json!({"sku": "s2", "option_values": ["L"]}),
        ),
    ] {
        made = acme.post(&path(&things), &body).await.expect(201);
        let place = made.headers["location"].to_str().expect("text");
        let read = acme.get(place).await.expect(200);
        assert_eq!(made.text, read.text, "{things}");
        assert_eq!(made.version(), read.version());
    }
    let media = format!("{address}/media");
    let body = json!({"url": "https://x.example/1.jpg"});
    made = acme.post(&media, &body).await.expect(201);
    let list = acme.get(&media).await.expect(200);
    assert_eq!(list.body["data"], json!([made.body]));
}

#[actix_web::test]
async fn a_change_needs_the_version_that_was_seen() {
    let (_platform, acme) = one_tenant().await;
    let address = product_path(&sellable(&acme, "guarded").await.id());
    let send = async |tag: Option<&str>| {
        let mut request = acme.request(Method::PATCH, &address);
        if let Some(tag) = tag {
            request = request.header("if-match", tag);
        }
        Answer::of(request.json(&json!({"vendor": "v"}))).await
    };
    send(None)
        .await
        .expect_problem(428, "precondition_required");
    for malformed in [
        "*",
        "1",
        "\"a\"",
        "\"\"",
        "W/\"1\"",
        "\"1\", \"2\"",
        "\"-1\"",
    ] {
        let answer = send(Some(malformed)).await;
        answer.expect_problem(400, "invalid_header");
    }
    let stale = send(Some("\"7\"")).await;
    stale.expect_problem(412, "version_mismatch");
    assert_eq!(stale.body["current_version"], 1);
    assert_eq!(send(Some("\"1\"")).await.expect(200).version(), 2);
    send(Some("\"1\""))
        .await
        .expect_problem(412, "version_mismatch");
    let launch = format!("{address}/launch");
    let answer = acme.post(&launch, &json!({})).await;
    answer.expect_problem(428, "precondition_required");
    let answer = acme.command(&launch, 1, &json!({})).await;
    answer.expect_problem(412, "version_mismatch");
}

#[actix_web::test]
async fn two_editors_do_not_overwrite_each_other() {
    let (_platform, acme) = one_tenant().await;
    let address = product_path(&sellable(&acme, "raced").await.id());
    let patch = |n: i32| {
        let (acme, address) = (acme.clone(), address.clone());
        async move {
            acme.patch(&address, 1, &json!({"vendor": format!("v{n}")}))
                .await
        }
    };
    let answers = join_all((0..16).map(patch)).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(won, 1);
    for lost in answers.iter().filter(|answer| answer.status != 200) {
        lost.expect_problem(412, "version_mismatch");
    }
    assert_eq!(acme.get(&address).await.version(), 2);
}

#[actix_web::test]
async fn a_patch_leaves_all_other_fields_as_they_were() {
    let (_platform, acme) = one_tenant().await;
    let category = json!({"code": "c", "name": "C"});
    let category = acme
        .post(&path("/categories"), &category)
        .await
        .expect(201)
        .id();
    for code in ["fabric", "washing"] {
        let body = json!({"code": code, "label": "L", "type": "text"});
        acme.post(&path("/attribute-definitions"), &body)
            .await
            .expect(201);
    }
    let body = json!({
        "description": "<b>A</b>\r\n\t\"q\" \\ 'x' ü 👩‍👩‍👧", "kind": "bundle", "vendor": "Ünïcode & Söhne",
        "product_type": "t", "tags": ["b", "a"], "options": ["Größe", "Farbe"],
        "category_ids": [category], "attributes": {"fabric": "wool", "washing": "30°"}
    });
    let mut before = draft(&acme, "patched", body).await.body;
    before
        .as_object_mut()
        .expect("an object")
        .remove("variants");
    let address = product_path(before["id"].as_str().expect("an id"));
    for (version, patch) in (1..).zip([
        json!({"name": "new name"}),
        json!({"description": ""}),
        json!({"kind": "service"}),
        json!({"vendor": "other"}),
        json!({"product_type": "u"}),
        json!({"tags": []}),
        json!({"options": ["One"]}),
        json!({"category_ids": []}),
        json!({"key": "renamed"}),
        json!({"attributes": {"washing": null, "fabric": "silk"}}),
        json!({}),
    ]) {
        let after = acme.patch(&address, version, &patch).await.expect(200).body;
        let mut expected = before;
        for (name, value) in patch.as_object().expect("an object") {
            expected[name] = value.clone();
        }
        if patch.get("attributes").is_some() {
            expected["attributes"] = json!({"fabric": "silk"});
        }
        expected["version"] = json!(version + 1);
        if patch != json!({}) {
            expected["working_rev"] =
                json!(expected["working_rev"].as_i64().expect("a number") + 1);
        }
        expected["updated_at"] = after["updated_at"].clone();
        assert_eq!(after.to_string(), expected.to_string());
        assert_eq!(acme.get(&address).await.body, after);
        before = after;
    }
}

#[actix_web::test]
async fn a_key_belongs_to_one_product_of_the_tenant() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await.client;
    let globex = platform.tenant("globex").await.client;
    sellable(&acme, "taken").await;
    sellable(&globex, "taken").await;
    let id = sellable(&acme, "other").await.id();
    let again = json!({"key": "taken", "name": "n"});
    let answer = acme.post(&path("/products"), &again).await;
    answer.expect_problem(409, "key_taken");
    let answer = acme
        .patch(&product_path(&id), 1, &json!({"key": "taken"}))
        .await;
    answer.expect_problem(409, "key_taken");
    for key in ["", "Upper", "a b", "a/b", "key=", "\u{0}", "a\u{202e}"] {
        let body = json!({"key": key, "name": "n"});
        let answer = acme.post(&path("/products"), &body).await;
        answer.expect_problem(422, "invalid");
        assert_eq!(answer.body["errors"][0]["pointer"], "/key");
    }
    assert_eq!(all(&acme, &path("/products")).await.len(), 2);
}

#[actix_web::test]
async fn a_product_is_read_by_its_key_in_any_script() {
    let (_platform, acme) = one_tenant().await;
    for key in ["shirt", "t-shirt_2", "größe-42", "衬衫"] {
        let made = sellable(&acme, key).await;
        let read = acme
            .get(&path(&format!("/products/key={key}")))
            .await
            .expect(200);
        assert_eq!(read.id(), made.id());
        let expanded = path(&format!("/products/key={key}?expand=variants"));
        let read = acme.get(&expanded).await.expect(200);
        assert_eq!(read.body["variants"][0]["sku"], key);
    }
    for none in ["none", "SHIRT", "a%2Fb", "%00", "%FF", "x'--"] {
        let answer = acme.get(&path(&format!("/products/key={none}"))).await;
        answer.expect_problem(404, "not_found");
    }
}

#[actix_web::test]
async fn a_field_that_cannot_be_empty_is_not_cleared_by_null() {
    let (_platform, acme) = one_tenant().await;
    let address = product_path(&sellable(&acme, "p").await.id());
    for field in [
        "key",
        "name",
        "description",
        "kind",
        "vendor",
        "tags",
        "options",
        "category_ids",
    ] {
        let answer = acme.patch(&address, 1, &json!({ field: null })).await;
        answer.expect_problem(400, "malformed_body");
        assert_eq!(answer.body["pointer"], format!("/{field}"));
    }
    assert_eq!(acme.get(&address).await.version(), 1);
}

#[actix_web::test]
async fn a_category_that_is_not_there_cannot_be_named() {
    let (_platform, acme) = one_tenant().await;
    let id = sellable(&acme, "p").await.id();
    let none = json!([Uuid::now_v7()]);
    let body = json!({"key": "k", "name": "n", "category_ids": none});
    let answer = acme.post(&path("/products"), &body).await;
    answer.expect_problem(422, "unknown_category");
    let patch = json!({"category_ids": none});
    let answer = acme.patch(&product_path(&id), 1, &patch).await;
    answer.expect_problem(422, "unknown_category");
}
