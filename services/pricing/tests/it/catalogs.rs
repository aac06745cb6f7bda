//! Catalogs, what they sell, and who gets them, over HTTP.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::setup::{catalog, path, platform, put, shop};

#[actix_web::test]
async fn a_buyer_gets_the_catalog_of_the_first_rule_that_fits() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let client = &shop.client;
    let shopper = client.with_token(&platform.shopper_token(acme.id));
    let assigned = async |more: &str| {
        let address = path(&format!("/catalog-assignment?country={more}"));
        let got = shopper.get(&address).await.expect(200).body;
        (
            got["catalog_code"].as_str().expect("a code").to_owned(),
            got["locale"].as_str().expect("a locale").to_owned(),
        )
    };
    let is = |code: &str, locale: &str| (code.to_owned(), locale.to_owned());
    assert_eq!(assigned("US").await, is("eu", "de_DE"), "the default");
    let rules = path("/catalog-rules");
    let us = json!({"catalog_id": shop.dollars, "priority": 10, "countries": ["US", "CA"]});
    let us = client.post(&rules, &us).await.expect(201);
    let locale = json!({"catalog_id": shop.dollars, "priority": 5, "countries": ["CA"], "locale": "de_DE", "buyers": ["company"]});
    let _ = client.post(&rules, &locale).await.expect(201);
    assert_eq!(assigned("US").await, is("us", "en_US"));
    assert_eq!(assigned("CA").await, is("us", "en_US"));
    assert_eq!(assigned("CA&buyer=company").await, is("us", "de_DE"));
    assert_eq!(assigned("DE").await, is("eu", "de_DE"));
    // A catalog out of use is nobody's.
    let deactivate = path(&format!("/catalogs/{}/deactivate", shop.dollars));
    let _ = client.command(&deactivate, 3, &json!({})).await.expect(200);
    assert_eq!(assigned("US").await, is("eu", "de_DE"));
    let deactivate = path(&format!("/catalogs/{}/deactivate", shop.euros));
    let _ = client.command(&deactivate, 3, &json!({})).await.expect(200);
    let none = shopper.get(&path("/catalog-assignment?country=US")).await;
    none.expect_problem(422, "no_catalog");
    let own = path(&format!("/catalog-rules/{}", us.id()));
    let changed = client
        .patch(&own, 1, &json!({"countries": ["BR"], "priority": 7}))
        .await
        .expect(200);
    assert_eq!(changed.body["countries"], json!(["BR"]));
    let _ = client.delete(&own, 2).await.expect(204);
    client.get(&own).await.expect_problem(404, "not_found");
}

#[actix_web::test]
async fn a_catalog_sells_launched_products_alone() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let client = &shop.client;
    let entries = format!("/catalogs/{}/entries", shop.euros);
    let listed = async || client.get(&path(&entries)).await.expect(200).body["data"].clone();
    assert_eq!(
        listed().await,
        json!([{"product_id": shop.product, "enabled": true, "position": 0}])
    );
    let nobody = Uuid::now_v7();
    let both =
        json!({"entries": [{"product_id": shop.product, "position": 7}, {"product_id": nobody}]});
    let refused = put(client, &entries, &both).await;
    refused.expect_problem(422, "unknown_product");
    assert_eq!(refused.body["product_ids"], json!([nobody]));
    assert_eq!(listed().await[0]["position"], 0, "all of them, or none");
    let twice = json!({"entries": [{"product_id": shop.product}, {"product_id": shop.product}]});
    put(client, &entries, &twice)
        .await
        .expect_problem(422, "invalid");
    crate::setup::price(client, "S1", 100, "EUR", json!({})).await;
    let sold = async || crate::setup::quote(client, &[("S1", 1)], json!({})).await;
    let _ = sold().await.expect(201);
    let off = json!({"entries": [{"product_id": shop.product, "enabled": false}]});
    let _ = put(client, &entries, &off).await.expect(200);
    sold().await.expect_problem(422, "no_price");
    let own = path(&format!("{entries}/{}", shop.product));
    client
        .delete(&own, 1)
        .await
        .expect_problem(412, "version_mismatch");
    let catalog = path(&format!("/catalogs/{}", shop.euros));
    let version = client.get(&catalog).await.expect(200).version();
    let _ = client.delete(&own, version).await.expect(204);
    client
        .delete(&own, version + 1)
        .await
        .expect_problem(404, "not_found");
}

#[actix_web::test]
async fn two_defaults_unknown_names_and_used_ones_are_refused() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let client = &shop.client;
    let body = |code: &str, more: Value| {
        let mut body = json!({"code": code, "name": code, "currency": "EUR", "tax_included": true, "locale": "de_DE"});
        crate::setup::merge(&mut body, more);
        body
    };
    let catalogs = path("/catalogs");
    client
        .post(&catalogs, &body("eu", json!({})))
        .await
        .expect_problem(409, "code_taken");
    let second = client
        .post(&catalogs, &body("second", json!({"is_default": true})))
        .await
        .expect(201);
    let activate = path(&format!("/catalogs/{}/activate", second.id()));
    client
        .command(&activate, 1, &json!({}))
        .await
        .expect_problem(409, "default_taken");
    for (more, code) in [
        (json!({"locale": "fr_FR"}), "unknown_reference"),
        (json!({"channel": "fax"}), "unknown_reference"),
        (json!({"segment": "gold"}), "unknown_reference"),
        (json!({"currency": "XAU"}), "invalid"),
        (
            json!({"effective_from": "2026-02-01T00:00:00Z", "effective_until": "2026-01-01T00:00:00Z"}),
            "invalid",
        ),
    ] {
        client
            .post(&catalogs, &body("third", more))
            .await
            .expect_problem(422, code);
    }
    client
        .post(&catalogs, &body("x", json!({"region": "MOON"})))
        .await
        .expect_problem(400, "malformed_body");
    // A name that something refers to stays.
    let locale = path("/locales/de_DE");
    client
        .delete(&locale, 1)
        .await
        .expect_problem(409, "in_use");
    let _ = client
        .post(&path("/channels"), &json!({"code": "web", "name": "Web"}))
        .await
        .expect(201);
    client
        .post(&path("/channels"), &json!({"code": "web", "name": "Web"}))
        .await
        .expect_problem(409, "code_taken");
    let conditions =
        json!({"action": {"kind": "free_shipping"}, "conditions": {"channels": ["web"]}});
    crate::setup::promotion(client, conditions).await;
    client
        .delete(&path("/channels/web"), 1)
        .await
        .expect_problem(409, "in_use");
    let _ = client
        .post(&path("/channels"), &json!({"code": "fax", "name": "Fax"}))
        .await
        .expect(201);
    let _ = client.delete(&path("/channels/fax"), 1).await.expect(204);
    client
        .delete(&path("/channels/fax"), 1)
        .await
        .expect_problem(404, "not_found");
    client
        .post(&path("/locales"), &json!({"code": "german", "name": "x"}))
        .await
        .expect_problem(422, "invalid");
}

#[actix_web::test]
async fn a_plan_of_one_catalog_has_one() {
    let platform = platform().await;
    let small = platform.tenant_of_tier("small", "starter").await.client;
    let _ = small
        .post(
            &path("/locales"),
            &json!({"code": "de_DE", "name": "Deutsch"}),
        )
        .await
        .expect(201);
    let more = json!({"currency": "EUR", "tax_included": true, "locale": "de_DE"});
    catalog(&small, "only", more.clone()).await;
    let mut second = json!({"code": "second", "name": "x"});
    crate::setup::merge(&mut second, more);
    small
        .post(&path("/catalogs"), &second)
        .await
        .expect_problem(403, "catalogs_not_allowed");
}

#[actix_web::test]
async fn activation_wipes_nothing() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let own = path(&format!("/catalogs/{}", shop.euros));
    let before = shop.client.get(&own).await.expect(200).body;
    let mut version = 3;
    for command in ["deactivate", "activate", "deactivate"] {
        let address = format!("{own}/{command}");
        version = shop
            .client
            .command(&address, version, &json!({}))
            .await
            .expect(200)
            .version();
    }
    let mut after = shop.client.get(&own).await.expect(200).body;
    assert_eq!(after["status"], "inactive");
    for name in ["status", "version", "updated_at"] {
        after[name] = before[name].clone();
    }
    assert_eq!(after, before);
    let archive = format!("{own}/archive");
    let _ = shop
        .client
        .command(&archive, version, &json!({}))
        .await
        .expect(200);
    let again = shop
        .client
        .command(&format!("{own}/activate"), version + 1, &json!({}))
        .await;
    again.expect_problem(409, "invalid_transition");
    assert_eq!(again.body["allowed"], json!([]));
}
