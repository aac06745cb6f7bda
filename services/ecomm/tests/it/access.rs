//! Who may do what, and what the document says of it.

use averis_test_kit::{ask_everything, assert_described, assert_each_code_is_met, assert_open};
use serde_json::json;

use crate::setup::{Platform, agreed, buy, cart, complete, eur, path, total};

#[test]
fn the_document_says_what_every_services_has_to() {
    let document = averis_ecomm::document();
    let routes = include_str!("../../src/routes.rs");
    assert_described(&document, routes, averis_ecomm::codes::ALL);
}

#[test]
fn every_code_of_this_service_is_met_by_a_test() {
    assert_each_code_is_met(env!("CARGO_MANIFEST_DIR"), averis_ecomm::codes::ALL);
}

#[actix_web::test]
async fn every_operation_lets_in_who_may_and_nobody_else() {
    let platform = Platform::start().await;
    let own = platform.platform.tenant("own").await;
    let other = platform.platform.tenant("other").await;
    let document = averis_ecomm::document();
    assert_open(&document, &[]);
    let asked = ask_everything(&platform.platform, &own, &other, &document).await;
    eprintln!("{} requests, {} let in", asked.requests, asked.admitted);
    assert!(asked.requests > 250 && asked.admitted > 25, "{asked:?}");
}

#[actix_web::test]
async fn c6_a_cart_is_its_own_session_s_alone() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 5).await;
    let (ana, eve) = (platform.shopper(&shop), platform.shopper(&shop));
    let id = cart(&ana, &[("LAMP", 1)]).await;
    let own = path(&format!("/carts/{id}"));
    let lines = ana.get(&own).await.expect(200).body["lines"].clone();
    let line = lines[0]["id"].as_str().expect("an id");
    let read = ana.get(&own).await.expect(200);
    for stranger in [&eve, &shop.staff] {
        for address in [
            own.clone(),
            format!("{own}/totals"),
            format!("{own}/shipping-options"),
        ] {
            stranger
                .get(&address)
                .await
                .expect_problem(404, "not_found");
        }
        let more = json!({"sku": "BULB", "quantity": 1});
        stranger
            .post(&format!("{own}/lines"), &more)
            .await
            .expect_problem(404, "not_found");
        let none = json!({"quantity": 0});
        stranger
            .post(&format!("{own}/lines/{line}"), &none)
            .await
            .expect_problem(404, "not_found");
        let mail = json!({"email": "eve@example.com"});
        stranger
            .patch(&own, read.version(), &mail)
            .await
            .expect_problem(404, "not_found");
        let agreed = crate::setup::agreed(&crate::setup::eur(1_785), None);
        crate::setup::buy(stranger, &id, &agreed)
            .await
            .expect_problem(404, "not_found");
    }
    assert_eq!(
        ana.get(&own).await.expect(200).body,
        read.body,
        "nothing changed"
    );
    let bought = complete(&ana, &id, None).await.expect(200).id();
    let checkout = path(&format!("/checkouts/{bought}"));
    let _ = ana.get(&checkout).await.expect(200);
    eve.get(&checkout).await.expect_problem(404, "not_found");
    // Another tenant's shopper finds nothing either.
    let globex = platform.platform.tenant("globex").await;
    let token = platform.platform.shopper_token(globex.id);
    let other = globex.client.with_token(&token);
    other.get(&own).await.expect_problem(404, "not_found");
    let listed = globex.client.get(&path("/checkouts")).await.expect(200);
    assert_eq!(listed.body["data"], json!([]));
}

#[actix_web::test]
async fn a_session_tries_to_buy_so_often_and_no_more() {
    let platform = Platform::limited().await;
    let shop = platform.shop("acme", 5).await;
    let (ana, ben) = (platform.shopper(&shop), platform.shopper(&shop));
    let (own, other) = (
        cart(&ana, &[("LAMP", 1)]).await,
        cart(&ben, &[("LAMP", 1)]).await,
    );
    let wrong = agreed(&eur(1), Some("pm_ok"));
    // Twelve at once, and one more for each five seconds that this takes.
    let mut tries = 0;
    let refused = loop {
        let answer = buy(&ana, &own, &wrong).await;
        if answer.status == 429 {
            break answer;
        }
        answer.expect_problem(409, "cart_changed");
        tries += 1;
        assert!(tries < 100, "nothing limits it");
    };
    assert!(tries >= 12, "{tries}");
    refused.expect_problem(429, "rate_limited");
    assert_eq!(refused.body["policy"], "checkout");
    assert!(refused.headers.contains_key("retry-after"));
    // It looks at its cart as before, and nobody else has to wait for it.
    let agree = agreed(&total(&ana, &own).await, Some("pm_ok"));
    let bought = buy(&ben, &other, &agree).await.expect(200);
    assert_eq!(bought.headers["ratelimit-policy"], "\"checkout\";q=12;w=60");
}
