//! Reference data, the same for all.

use std::collections::{BTreeMap, BTreeSet};

use averis_test_kit::{Client, Setup};
use serde_json::{Value, json};

async fn list(client: &Client, name: &str) -> BTreeMap<String, Value> {
    let answer = client
        .get(&format!("/api/tenant/v1/{name}"))
        .await
        .expect(200);
    assert_eq!(answer.body["next_cursor"], Value::Null);
    let rows = answer.body["data"].as_array().expect("rows");
    let codes: Vec<&str> = rows.iter().filter_map(|row| row["code"].as_str()).collect();
    assert!(codes.is_sorted(), "{codes:?}");
    let by_code: BTreeMap<_, _> = codes
        .iter()
        .map(|code| (*code).to_owned())
        .zip(rows.iter().cloned())
        .collect();
    assert_eq!(by_code.len(), rows.len(), "a code stands there twice");
    by_code
}

#[actix_web::test]
async fn currencies_have_the_minor_units_of_iso_4217() {
    let platform = Setup::new().await.start(vec![]);
    let currencies = list(&platform.client, "currencies").await;
    assert!(
        (175..=185).contains(&currencies.len()),
        "{}",
        currencies.len()
    );
    for (code, units) in [
        ("EUR", json!(2)),
        ("USD", json!(2)),
        ("JPY", json!(0)),
        ("KRW", json!(0)),
        ("KWD", json!(3)),
        ("CLF", json!(4)),
        ("XAU", Value::Null),
    ] {
        assert_eq!(currencies[code]["minor_units"], units, "{code}");
    }
    assert_eq!(
        currencies["EUR"],
        json!({"code": "EUR", "numeric_code": "978", "name": "Euro", "minor_units": 2})
    );
    for withdrawn in ["BGN", "HRK", "DEM", "ANG"] {
        assert!(!currencies.contains_key(withdrawn), "{withdrawn}");
    }
}

#[actix_web::test]
async fn countries_belong_to_regions_and_have_known_currencies() {
    let platform = Setup::new().await.start(vec![]);
    let currencies = list(&platform.client, "currencies").await;
    let regions = list(&platform.client, "regions").await;
    let countries = list(&platform.client, "countries").await;
    let names: BTreeSet<&str> = regions.keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["AMER", "APAC", "EMEA", "LATAM"]));
    assert_eq!(countries.len(), 249, "all of ISO 3166-1");
    for (code, country) in &countries {
        let text = |name: &str| country[name].as_str().expect("text");
        assert_eq!(
            (code.len(), text("alpha3").len(), text("numeric_code").len()),
            (2, 3, 3)
        );
        assert!(currencies.contains_key(text("currency")), "{code}");
        assert!(regions.contains_key(text("region")), "{code}");
        assert!(text("dialling_code").starts_with('+'), "{code}");
    }
    let austria = json!({
        "code": "AT", "alpha3": "AUT", "numeric_code": "040", "name": "Austria", "dialling_code": "+43",
        "currency": "EUR", "continent": "EU", "region": "EMEA"
    });
    assert_eq!(countries["AT"], austria);
}

#[actix_web::test]
async fn reference_data_is_the_same_under_every_address() {
    let platform = Setup::new().await.start(vec![]);
    let acme = platform.tenant("acme").await;
    for name in ["currencies", "countries", "regions"] {
        let all = list(&platform.client, name).await;
        assert_eq!(list(&acme.client, name).await, all, "{name}");
    }
}

#[actix_web::test]
async fn a_list_of_reference_data_takes_no_parameters() {
    let platform = Setup::new().await.start(vec![]);
    for name in ["currencies", "countries", "regions"] {
        let path = format!("/api/tenant/v1/{name}?code=EUR");
        platform
            .client
            .get(&path)
            .await
            .expect_problem(400, "invalid_query");
    }
}
