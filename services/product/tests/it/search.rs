//! Full-text search.

use averis_test_kit::{Answer, Client};
use reqwest::Method;
use serde_json::json;

use crate::setup::{command, draft, one_tenant, path, product_path, strings};

async fn search(client: &Client, parameters: &[(&str, &str)]) -> Answer {
    let request = client.request(Method::GET, &path("/products/search"));
    Answer::of(request.query(parameters)).await
}

async fn keys(client: &Client, words: &str) -> Vec<String> {
    let found = search(client, &[("q", words)]).await.expect(200);
    let rows = found.body["data"].as_array().cloned().expect("rows");
    let mut keys: Vec<String> = strings(&rows, "key")
        .into_iter()
        .map(str::to_owned)
        .collect();
    keys.sort();
    keys
}

async fn shop(client: &Client) {
    let body = json!({"code": "fabric", "label": "L", "type": "text", "facetable": true});
    client
        .post(&path("/attribute-definitions"), &body)
        .await
        .expect(201);
    let body = json!({"code": "secret", "label": "L", "type": "text"});
    client
        .post(&path("/attribute-definitions"), &body)
        .await
        .expect(201);
    for (key, body) in [
        (
            "blue-shirt",
            json!({"name": "Ocean Blue Shirt", "vendor": "Acme", "product_type": "shirt", "tags": ["men", "summer"],
            "description": "soft cotton with a collar", "attributes": {"fabric": "cotton"}, "variants": [{"sku": "SH-4711/B"}]}),
        ),
        (
            "red-shirt",
            json!({"name": "Red Shirt", "vendor": "Acme", "product_type": "shirt", "tags": ["women", "summer"],
            "description": "collar of soft wool", "attributes": {"fabric": "wool"}, "variants": [{"sku": "SH-4712/R"}]}),
        ),
        (
            "mug",
            json!({"name": "Кружка синяя", "vendor": "Größe & Söhne", "tags": ["kitchen"], "description": "マグカップ 茶杯"}),
        ),
        ("empty", json!({"name": "Nothing"})),
    ] {
        draft(client, key, body).await;
    }
}

#[actix_web::test]
async fn words_phrases_exclusions_and_skus_find_what_they_should() {
    let (_platform, acme) = one_tenant().await;
    shop(&acme).await;
    for (words, expected) in [
        ("shirt", vec!["blue-shirt", "red-shirt"]),
        ("SHIRT blue", vec!["blue-shirt"]),
        ("shirt -blue", vec!["red-shirt"]),
        ("\"soft cotton\"", vec!["blue-shirt"]),
        ("\"cotton soft\"", vec![]),
        ("mug or ocean", vec!["blue-shirt", "mug"]),
        ("sh-4711/b", vec!["blue-shirt"]),
        ("SH-4712/R", vec!["red-shirt"]),
        ("acme", vec!["blue-shirt", "red-shirt"]),
        ("women", vec!["red-shirt"]),
        ("kitchen", vec!["mug"]),
        ("кружка", vec!["mug"]),
        ("КРУЖКА", vec!["mug"]),
        ("größe", vec!["mug"]),
        ("マグカップ", vec!["mug"]),
        ("茶杯", vec!["mug"]),
        ("blue-shirt", vec!["blue-shirt"]),
        ("nowhere", vec![]),
        ("\"", vec![]),
        ("& | ! <-> :* ( )", vec![]),
        ("'; drop table products; --", vec![]),
        ("\\", vec![]),
    ] {
        assert_eq!(keys(&acme, words).await, expected, "{words}");
    }
}

#[actix_web::test]
async fn a_search_follows_every_change_of_a_product() {
    let (_platform, acme) = one_tenant().await;
    let made = draft(
        &acme,
        "thing",
        json!({"name": "Alpha", "variants": [{"sku": "first"}]}),
    )
    .await;
    let address = product_path(&made.id());
    let patch = json!({"name": "Beta", "vendor": "gamma"});
    acme.patch(&address, 1, &patch).await.expect(200);
    let id = made.body["variants"][0]["id"].as_str().expect("an id");
    let variant = format!("{address}/variants/{id}");
    acme.patch(&variant, 1, &json!({"sku": "second"}))
        .await
        .expect(200);
    for (words, found) in [
        ("alpha", false),
        ("beta", true),
        ("gamma", true),
        ("first", false),
        ("second", true),
    ] {
        assert_eq!(!keys(&acme, words).await.is_empty(), found, "{words}");
    }
    acme.delete(&variant, 2).await.expect(204);
    assert!(keys(&acme, "second").await.is_empty());
    assert_eq!(keys(&acme, "beta").await, ["thing"]);
}

#[actix_web::test]
async fn facets_count_the_whole_result_whatever_the_page() {
    let (_platform, acme) = one_tenant().await;
    shop(&acme).await;
    let blue = acme.get(&path("/products/key=blue-shirt")).await.id();
    command(&acme, &blue, "launch").await;
    let facets = "status,vendor,product_type,tags,category_ids,attributes.fabric";
    let found = search(&acme, &[("q", "shirt"), ("facets", facets), ("limit", "1")])
        .await
        .expect(200);
    assert_eq!(found.body["data"].as_array().map(Vec::len), Some(1));
    let one = |value: &str| json!({"value": value, "count": 1});
    assert_eq!(
        found.body["facets"],
        json!({
            "status": [one("active"), one("draft")],
            "vendor": [{"value": "Acme", "count": 2}],
            "product_type": [{"value": "shirt", "count": 2}],
            "tags": [{"value": "summer", "count": 2}, one("men"), one("women")],
            "category_ids": [],
            "attributes.fabric": [one("cotton"), one("wool")],
        })
    );
    for (name, value, expected) in [
        ("status", "active", "blue-shirt"),
        ("tag", "women", "red-shirt"),
    ] {
        let found = search(&acme, &[("q", "shirt"), (name, value), ("facets", "tags")])
            .await
            .expect(200);
        assert_eq!(found.body["data"][0]["key"], expected);
        assert_eq!(found.body["data"].as_array().map(Vec::len), Some(1));
        assert_eq!(
            found.body["facets"]["tags"].as_array().map(Vec::len),
            Some(2)
        );
    }
    let many: Vec<String> = (0..11).map(|n| format!("attributes.a{n}")).collect();
    let many = many.join(",");
    for wrong in [
        "attributes.secret",
        "attributes.none",
        "attributes.",
        "price",
        "",
        "attributes.\u{0}",
        &many,
    ] {
        let answer = search(&acme, &[("q", "shirt"), ("facets", wrong)]).await;
        answer.expect_problem(400, "invalid_query");
    }
    for words in ["", "  ", "a\u{0}", &"x".repeat(501)] {
        search(&acme, &[("q", words)])
            .await
            .expect_problem(400, "invalid_query");
    }
}

#[actix_web::test]
async fn a_search_pages_through_all_hits_once_and_best_first() {
    let (_platform, acme) = one_tenant().await;
    for number in 0..11 {
        // A third of them hold the word in the name, which weighs more.
        let name = if number % 3 == 0 { "needle" } else { "hay" };
        let body = json!({"name": format!("{name} {number}"), "description": "needle"});
        draft(&acme, &format!("p{number:02}"), body).await;
    }
    let mut keys = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut parameters = vec![("q", "needle"), ("limit", "3")];
        if let Some(cursor) = &cursor {
            parameters.push(("cursor", cursor));
        }
        let page = search(&acme, &parameters).await.expect(200).body;
        let rows = page["data"].as_array().expect("rows");
        keys.extend(strings(rows, "key").into_iter().map(str::to_owned));
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
        draft(
            &acme,
            &format!("new{}", keys.len()),
            json!({"name": "needle needle needle"}),
        )
        .await;
    }
    let (best, rest) = keys.split_at(4);
    assert_eq!(best, ["p00", "p03", "p06", "p09"]);
    assert_eq!(rest, ["p01", "p02", "p04", "p05", "p07", "p08", "p10"]);
}
