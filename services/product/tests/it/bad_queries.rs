//! Queries and addresses that a caller may get wrong, for each parameter of the document.

use averis_test_kit::Answer;
use reqwest::Method;
use serde_json::json;

use crate::bad_input::nowhere;
use crate::calls::operations;
use crate::setup::{draft, one_tenant};

#[actix_web::test]
async fn no_value_of_any_query_parameter_is_an_error_of_ours() {
    let (_platform, acme) = one_tenant().await;
    draft(&acme, "p", json!({"variants": [{"sku": "sku"}]})).await;
    let long = "x".repeat(5_000);
    let values = [
        "",
        "%00",
        "a%00b",
        &long,
        "%27%3B%20DROP%20TABLE%20products%3B--",
        "%FF",
        "%ED%A0%80",
        "%",
        "%zz",
        "[]",
        "[%22a%22]",
        "a,b,,c",
        ",",
        "-1",
        "0",
        "99999999999999999999",
        "1e3",
        "%2B1",
        "1.5",
        "%F0%9F%92%A9",
        "%E2%80%AE",
        "2026-02-30T00:00:00Z",
        "2026-02-28",
        "%2B262000-01-01T00:00:00Z",
        "-262000-01-01T00:00:00Z",
        "-4713-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:60Z",
        "2026-01-01T00:00:00%2B23:59",
        "true",
        "null",
        "%28%29",
        "%3A*",
        "%22",
        "%22%22",
        "!!!",
        "%26%20%7C%20%3C-%3E",
        "%5C",
        "%25",
        "_",
        "\u{e9}",
        "00000000-0000-0000-0000-000000000000",
        "attributes.",
        "variants,variants",
        "-name",
        "--name",
        "name,created_at",
    ];
    let mut tested = 0;
    for operation in operations() {
        let parameters = operation.description["parameters"].as_array().cloned();
        let parameters = parameters.unwrap_or_default();
        let named = |required: bool| {
            let fits = move |p: &&serde_json::Value| {
                p["in"] == "query" && (!required || p["required"] == true)
            };
            let found = parameters
                .iter()
                .filter(fits)
                .filter_map(|p| p["name"].as_str());
            found
                .map(|name| name.replace('[', "%5B").replace(']', "%5D"))
                .collect::<Vec<_>>()
        };
        let address = nowhere(&operation);
        for name in named(false) {
            let others: Vec<String> = named(true)
                .into_iter()
                .filter(|other| *other != name)
                .map(|other| format!("&{other}=x"))
                .collect();
            let others = others.concat();
            let single = values.iter().map(|value| format!("{name}={value}{others}"));
            let twice = ["1", "x"].map(|value| format!("{name}={value}&{name}=2{others}"));
            let array = [
                format!("{name}[]=a{others}"),
                format!("{name}{others}"),
                format!("{name}%00=a{others}"),
            ];
            for query in single.chain(twice).chain(array) {
                let address = format!("{address}?{query}");
                let answer = acme
                    .send_bytes(&operation.method, &address, "text/csv", b"x".to_vec())
                    .await;
                let fine = matches!(answer.status, 200 | 202 | 400 | 404 | 422);
                assert!(
                    fine,
                    "{} {address}: {} {}",
                    operation.method, answer.status, answer.text
                );
                tested += 1;
            }
        }
        // A parameter that is not declared is refused wherever any is.
        if !named(false).is_empty() {
            let answer = acme
                .send_bytes(
                    &operation.method,
                    &format!("{address}?no_such=1"),
                    "text/csv",
                    vec![],
                )
                .await;
            assert!(
                matches!(answer.status, 400 | 404),
                "{address}: {}",
                answer.text
            );
        }
    }
    assert!(tested > 1_000, "{tested}");
}

#[actix_web::test]
async fn an_unknown_address_or_method_is_a_problem_like_any_other() {
    let (_platform, acme) = one_tenant().await;
    for address in [
        "/api/product/v1",
        "/api/product/v1/none",
        "/api/product/v2/products",
        "/products",
    ] {
        acme.get(address).await.expect_problem(404, "no_such_route");
    }
    let mut paths: Vec<String> = operations().iter().map(nowhere).collect();
    paths.dedup();
    for address in paths {
        let answer = Answer::of(acme.request(Method::TRACE, &address)).await;
        answer.expect_problem(405, "method_not_allowed");
    }
}
