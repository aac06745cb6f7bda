//! Rates of tax by place and time.

use averis_money::Decimal;
use averis_pricing::engine::selection::Window;
use averis_pricing::engine::taxes::{Place, Postcodes, TaxRate, rate_at};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::setup::{path, platform, quote, shop};

fn rate(id: u128, text: &str, postcodes: Option<&str>, valid: Window) -> TaxRate {
    TaxRate {
        id: Uuid::from_u128(id),
        category: "standard".to_owned(),
        country: "ES".to_owned(),
        postcodes: postcodes.map(|pattern| Postcodes::new(pattern).expect("a pattern")),
        rate: text.parse().expect("a rate"),
        valid,
    }
}

#[test]
fn a_rate_for_the_postcode_wins_and_windows_are_half_open() {
    let turn = DateTime::UNIX_EPOCH + TimeDelta::days(1);
    let rates = [
        rate(
            1,
            "0.21",
            None,
            Window {
                from: None,
                until: Some(turn),
            },
        ),
        rate(
            2,
            "0.22",
            None,
            Window {
                from: Some(turn),
                until: None,
            },
        ),
        rate(3, "0", Some(r"35\d{3}|38\d{3}"), Window::default()),
    ];
    let found = |country, postcode, at: DateTime<Utc>| {
        let found = rate_at(&rates, "standard", Place { country, postcode }, at);
        found.map(|rate| rate.rate)
    };
    let just_before = turn - TimeDelta::microseconds(1);
    assert_eq!(found("ES", None, just_before), Some(Decimal::new(21, 2)));
    assert_eq!(found("ES", Some("28001"), turn), Some(Decimal::new(22, 2)));
    assert_eq!(found("ES", Some("35001"), turn), Some(Decimal::ZERO));
    assert_eq!(found("ES", Some("350 01"), turn), Some(Decimal::ZERO));
    // The whole of a postcode, not a part.
    assert_eq!(found("ES", Some("350012"), turn), Some(Decimal::new(22, 2)));
    assert_eq!(found("PT", None, turn), None);
    assert!(
        rate_at(
            &rates,
            "reduced",
            Place {
                country: "ES",
                postcode: None
            },
            turn
        )
        .is_none()
    );
    assert!(Postcodes::new("(").is_err());
    assert!(
        Postcodes::new("1)|(2").is_err(),
        "no pattern leaves its anchors"
    );
}

#[actix_web::test]
async fn the_eu_table_is_loaded_and_counts_by_place_and_day() {
    let file = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/vat/vat-rates.json");
    let Ok(text) = std::fs::read_to_string(file) else {
        eprintln!("skipped: vat/vat-rates.json is not beside the checkout");
        return;
    };
    let table: Value = serde_json::from_str(&text).expect("JSON");
    let platform = platform().await;
    let acme = platform.tenant("acme").await;
    let shop = shop(&acme, &["S1"]).await;
    let import = path("/tax-rates/import");
    let body = json!({"file": {"items": table["items"]}});
    let first = shop.client.post(&import, &body).await.expect(200);
    assert_eq!(
        first.body["countries"],
        json!(table["items"].as_object().expect("countries").len())
    );
    // Once more: the same rates, and each once.
    let again = shop.client.post(&import, &body).await.expect(200);
    assert_eq!(again.body, first.body);
    crate::setup::price(&shop.client, "S1", 12_100, "EUR", json!({})).await;
    let rate_in = async |country: &str, postcode: Option<&str>| {
        let more = json!({"country": country, "postcode": postcode});
        let quoted = quote(&shop.client, &[("S1", 1)], more).await.expect(201);
        quoted.body["lines"][0]["tax_rate"]
            .as_str()
            .expect("a rate")
            .to_owned()
    };
    for (country, postcode, expected) in [
        ("DE", Some("10115"), "0.19"),
        ("DE", Some("27498"), "0"),
        ("ES", Some("28001"), "0.21"),
        ("ES", Some("35001"), "0"),
        ("FR", Some("97100"), "0.085"),
        ("PT", Some("9000-017"), "0.22"),
        ("AT", Some("6691"), "0.19"),
        ("FI", None, "0.255"),
        ("EE", None, "0.24"),
        ("SK", None, "0.23"),
        ("GB", None, "0.2"),
    ] {
        assert_eq!(
            rate_in(country, postcode).await,
            expected,
            "{country} {postcode:?}"
        );
    }
    // A place that nobody has named a rate for is not one without tax.
    let elsewhere = quote(&shop.client, &[("S1", 1)], json!({"country": "BR"})).await;
    elsewhere.expect_problem(422, "no_tax_rate");
    let exempt = quote(
        &shop.client,
        &[("S1", 1)],
        json!({"country": "BR", "tax_exemption": "export_zero"}),
    )
    .await;
    assert_eq!(exempt.expect(201).body["tax"]["amount"], 0);
}

#[actix_web::test]
async fn rates_of_one_place_do_not_overlap_and_bad_ones_are_refused() {
    let platform = platform().await;
    let acme = platform.tenant("acme").await.client;
    let rates = path("/tax-rates");
    let set = async |more: Value| {
        let mut body = json!({"country": "DE", "category": "standard", "rate": "0.19"});
        crate::setup::merge(&mut body, more);
        acme.post(&rates, &body).await
    };
    let first = set(json!({"valid_until": "2027-01-01T00:00:00Z"}))
        .await
        .expect(201);
    set(json!({})).await.expect_problem(409, "tax_rate_overlap");
    set(json!({"valid_from": "2026-12-31T23:59:59.999999Z"}))
        .await
        .expect_problem(409, "tax_rate_overlap");
    let _ = set(json!({"valid_from": "2027-01-01T00:00:00Z", "rate": "0.2"}))
        .await
        .expect(201);
    let _ = set(json!({"postcodes": "78266", "rate": "0"}))
        .await
        .expect(201);
    for (more, pointer) in [
        (json!({"rate": "-0.1"}), "/rate"),
        (json!({"rate": "10.1"}), "/rate"),
        (json!({"rate": "0.1234567"}), "/rate"),
        (json!({"country": "de"}), "/country"),
        (json!({"category": "a b"}), "/category"),
        (json!({"postcodes": "("}), "/postcodes"),
        (
            json!({"valid_from": "2027-01-02T00:00:00Z", "valid_until": "2027-01-02T00:00:00Z"}),
            "/valid_until",
        ),
    ] {
        let refused = set(more.clone()).await;
        refused.expect_problem(422, "invalid");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{more}");
    }
    let listed = acme
        .get(&path("/tax-rates?country=DE&category=standard"))
        .await
        .expect(200);
    assert_eq!(listed.body["data"].as_array().expect("rates").len(), 3);
    let own = path(&format!("/tax-rates/{}", first.id()));
    acme.delete(&own, 7)
        .await
        .expect_problem(412, "version_mismatch");
    let _ = acme.delete(&own, 1).await.expect(204);
    acme.delete(&own, 1).await.expect_problem(404, "not_found");
    let broken = json!({"file": {"items": {"DE": [{"effective_from": "someday", "rates": {"standard": 19}}]}}});
    let refused = acme.post(&path("/tax-rates/import"), &broken).await;
    refused.expect_problem(422, "invalid");
    assert_eq!(
        refused.body["errors"][0]["pointer"],
        "/file/items/DE/0/effective_from"
    );
}
