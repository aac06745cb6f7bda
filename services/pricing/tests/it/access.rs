//! Who may do what, and what the document says of it.

use averis_tenant_context::TenantRole;
use averis_test_kit::{ask_everything, assert_described, assert_each_code_is_met, assert_open};
use serde_json::json;

use crate::setup::{path, platform};

#[test]
fn the_document_says_what_every_services_has_to() {
    let document = averis_pricing::document();
    let routes = include_str!("../../src/routes.rs");
    assert_described(&document, routes, averis_pricing::codes::ALL);
}

#[test]
fn every_code_of_this_service_is_met_by_a_test() {
    assert_each_code_is_met(env!("CARGO_MANIFEST_DIR"), averis_pricing::codes::ALL);
}

#[actix_web::test]
async fn every_operation_lets_in_who_may_and_nobody_else() {
    let platform = platform().await;
    let own = platform.tenant("own").await;
    let other = platform.tenant("other").await;
    let document = averis_pricing::document();
    assert_open(&document, &[]);
    let asked = ask_everything(&platform, &own, &other, &document).await;
    eprintln!("{} requests, {} let in", asked.requests, asked.admitted);
    assert!(asked.requests > 3_000 && asked.admitted > 300, "{asked:?}");
}

#[actix_web::test]
async fn a_regions_stewards_write_the_catalogs_of_their_region() {
    let platform = platform().await;
    let tenant = platform.tenant("acme").await;
    let acme = &tenant.client;
    let _ = acme
        .post(
            &path("/locales"),
            &json!({"code": "en_US", "name": "English"}),
        )
        .await
        .expect(201);
    let body = |code: &str, region: Option<&str>| json!({"code": code, "name": code, "region": region, "currency": "USD", "tax_included": false, "locale": "en_US"});
    let roles = [
        (TenantRole::CatalogAmer, "AMER"),
        (TenantRole::CatalogEmea, "EMEA"),
        (TenantRole::CatalogApac, "APAC"),
        (TenantRole::CatalogLatam, "LATAM"),
    ];
    let mut made = Vec::new();
    for (role, own) in roles {
        let steward = acme.with_token(&platform.token_in(tenant.id, &[role]));
        for region in ["AMER", "EMEA", "APAC", "LATAM"] {
            let code = format!("{own}-{region}").to_lowercase();
            let answer = steward
                .post(&path("/catalogs"), &body(&code, Some(region)))
                .await;
            if region == own {
                made.push(answer.expect(201).id());
            } else {
                answer.expect_problem(403, "forbidden");
            }
        }
        steward
            .post(&path("/catalogs"), &body("any", None))
            .await
            .expect_problem(403, "forbidden");
    }
    // Nor does one change what is of another.
    let amer = acme.with_token(&platform.token_in(tenant.id, &[TenantRole::CatalogAmer]));
    let emea = path(&format!("/catalogs/{}", made[1]));
    amer.patch(&emea, 1, &json!({"name": "Mine"}))
        .await
        .expect_problem(403, "forbidden");
    amer.command(&format!("{emea}/activate"), 1, &json!({}))
        .await
        .expect_problem(403, "forbidden");
    let _ = amer.get(&emea).await.expect(200);
    let manager = acme.with_token(&platform.token_in(tenant.id, &[TenantRole::CatalogManager]));
    let _ = manager
        .post(&path("/catalogs"), &body("any", None))
        .await
        .expect(201);
}

#[actix_web::test]
async fn s30_another_tenants_things_are_not_there() {
    let platform = platform().await;
    let (acme, globex) = (
        platform.tenant("acme").await,
        platform.tenant("globex").await,
    );
    let shop = crate::setup::shop(&acme, &["S1"]).await;
    let price = crate::setup::price(&shop.client, "S1", 100, "EUR", json!({})).await;
    let promotion = crate::setup::promotion(
        &shop.client,
        json!({"code": "SUMMER", "action": {"kind": "free_shipping"}}),
    )
    .await;
    let quote = crate::setup::quote(&shop.client, &[("S1", 1)], json!({}))
        .await
        .expect(201)
        .id();
    let other = &globex.client;
    for address in [
        format!("/prices/{price}"),
        format!("/catalogs/{}", shop.euros),
        format!("/catalogs/{}/entries", shop.euros),
        format!("/promotions/{promotion}"),
        format!("/price-quotes/{quote}"),
    ] {
        let _ = shop.client.get(&path(&address)).await.expect(200);
        other
            .get(&path(&address))
            .await
            .expect_problem(404, "not_found");
    }
    for (address, version) in [
        (format!("/prices/{price}/approve"), 2),
        (format!("/prices/{price}/end"), 2),
        (format!("/catalogs/{}/deactivate", shop.euros), 2),
        (format!("/promotions/{promotion}/deactivate"), 2),
        (format!("/price-quotes/{quote}/renew"), 1),
    ] {
        let answer = other.command(&path(&address), version, &json!({})).await;
        answer.expect_problem(404, "not_found");
    }
    let hold = json!({"quote_id": quote, "checkout_id": quote});
    other
        .post(&path("/redemptions"), &hold)
        .await
        .expect_problem(404, "not_found");
    for list in [
        "/prices",
        "/catalogs",
        "/promotions",
        "/tax-rates",
        "/catalog-rules",
        "/channels",
        "/fx-rates",
    ] {
        let listed = other.get(&path(list)).await.expect(200);
        assert_eq!(listed.body["data"], json!([]), "{list}");
    }
    // Nor is its SKU known there, though the same service knows it.
    let draft = crate::setup::draft(other, "S1", 1, "EUR", json!({})).await;
    draft.expect_problem(422, "unknown_sku");
    crate::setup::quote(other, &[("S1", 1)], json!({}))
        .await
        .expect_problem(422, "no_catalog");
}
