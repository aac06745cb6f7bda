//! References to pictures.

use futures_util::future::join_all;
use serde_json::json;

use crate::setup::{one_tenant, product_path, sellable, strings};

#[actix_web::test]
async fn media_stand_in_their_order_and_can_be_moved_and_removed() {
    let (_platform, acme) = one_tenant().await;
    let media = format!("{}/media", product_path(&sellable(&acme, "p").await.id()));
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        let body = json!({"url": format!("https://x.example/{name}.jpg"), "alt": name});
        ids.push(acme.post(&media, &body).await.expect(201).id());
    }
    let order = async || {
        let list = acme.get(&media).await.expect(200).body;
        strings(list["data"].as_array().expect("rows"), "alt").join("")
    };
    assert_eq!(order().await, "abc");
    let moved = format!("{media}/{}", ids[0]);
    let after = acme
        .patch(&moved, 1, &json!({"position": 9}))
        .await
        .expect(200);
    assert_eq!(
        (&after.body["alt"], &after.body["position"]),
        (&json!("a"), &json!(9))
    );
    assert_eq!(order().await, "bca");
    acme.patch(&moved, 1, &json!({"alt": "x"}))
        .await
        .expect_problem(412, "version_mismatch");
    acme.delete(&moved, 1)
        .await
        .expect_problem(412, "version_mismatch");
    acme.delete(&moved, 2).await.expect(204);
    acme.delete(&moved, 2)
        .await
        .expect_problem(404, "not_found");
    assert_eq!(order().await, "bc");
    let other = format!(
        "{}/media/{}",
        product_path(&sellable(&acme, "q").await.id()),
        ids[1]
    );
    acme.patch(&other, 1, &json!({"alt": "x"}))
        .await
        .expect_problem(404, "not_found");
    acme.delete(&other, 1)
        .await
        .expect_problem(404, "not_found");
}

#[actix_web::test]
async fn an_address_stands_once_at_a_product_however_many_add_it_at_once() {
    let (_platform, acme) = one_tenant().await;
    let media = format!("{}/media", product_path(&sellable(&acme, "p").await.id()));
    let body = json!({"url": "https://x.example/a.jpg"});
    let answers = join_all((0..8).map(|_| acme.post(&media, &body))).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 1);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.expect_problem(409, "media_exists");
    }
    let other = json!({"url": "https://x.example/b.jpg"});
    let id = acme.post(&media, &other).await.expect(201).id();
    let answer = acme.patch(&format!("{media}/{id}"), 1, &body).await;
    answer.expect_problem(409, "media_exists");
}

#[actix_web::test]
async fn only_web_addresses_are_media() {
    let (_platform, acme) = one_tenant().await;
    let media = format!("{}/media", product_path(&sellable(&acme, "p").await.id()));
    let long = format!("https://x.example/{}", "x".repeat(2_048));
    for url in [
        "",
        "x",
        "/a.jpg",
        "//x.example/a.jpg",
        "ftp://x.example/a",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://",
        "https://x.example/\u{0}",
        "https://x.example/a b",
        "https:x.example/a",
        "https:///x.example/a",
        " https://x.example/",
        &long,
    ] {
        let answer = acme.post(&media, &json!({"url": url})).await;
        answer.expect_problem(422, "invalid");
        assert_eq!(answer.body["errors"][0]["pointer"], "/url", "{url:?}");
    }
    for (name, value) in [
        ("alt", json!("x".repeat(1_001))),
        ("alt", json!("a\u{0}")),
        ("position", json!(0)),
    ] {
        let body = json!({"url": "https://x.example/a.jpg", name: value});
        acme.post(&media, &body)
            .await
            .expect_problem(422, "invalid");
    }
    for url in [
        "https://x.example/ä?c=d#e",
        "HTTP://X.example:8080/",
        "https://münchen.example/衬衫.jpg",
    ] {
        let made = acme.post(&media, &json!({"url": url})).await.expect(201);
        assert_eq!(made.body["url"], url);
    }
}
