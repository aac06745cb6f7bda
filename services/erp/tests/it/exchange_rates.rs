//! What is invoiced in another currency than that of the books.

use averis_test_kit::Client;
use chrono::{Days, Utc};
use serde_json::{Value, json};

use crate::invoices::balance;
use crate::setup::{one_tenant, path};

async fn note(client: &Client, currency: &str, rate: &str, from: &str) -> averis_test_kit::Answer {
    let body = json!({"currency": currency, "rate": rate, "valid_from": from});
    client.post(&path("/exchange-rates"), &body).await
}

fn invoice(cause: &str) -> Value {
    let usd = |amount: i64| json!({"amount": amount, "currency": "USD"});
    let line =
        json!({"text": "Lamp", "quantity": 1, "net": usd(1_000), "tax": usd(0), "tax_rate": "0"});
    json!({"cause": cause, "lines": [line]})
}

#[actix_web::test]
async fn without_a_rate_nothing_is_invoiced_and_none_is_made_up() {
    let (_platform, acme) = one_tenant().await;
    let invoices = path("/invoices");
    let refused = acme.post(&invoices, &invoice("s1")).await;
    refused.expect_problem(409, "unknown_rate");
    assert_eq!(refused.body["currency"], "USD");
    // One that begins tomorrow is none today.
    let tomorrow = Utc::now().date_naive() + Days::new(1);
    let _ = note(&acme, "USD", "2", &tomorrow.to_string())
        .await
        .expect(200);
    acme.post(&invoices, &invoice("s1"))
        .await
        .expect_problem(409, "unknown_rate");
}

#[actix_web::test]
async fn an_invoice_keeps_the_rate_of_its_day() {
    let (_platform, acme) = one_tenant().await;
    let _ = note(&acme, "USD", "0.9", "2020-01-01").await.expect(200);
    let noted = note(&acme, "USD", "0.50", "2026-01-01").await.expect(200);
    assert_eq!(noted.body["rate"], "0.5");
    let first = acme
        .post(&path("/invoices"), &invoice("s1"))
        .await
        .expect(201);
    // It was a mistake: what is drafted from now on has another.
    let again = note(&acme, "USD", "0.8", "2026-01-01").await.expect(200);
    assert_eq!(again.body["id"], noted.body["id"]);
    let second = acme
        .post(&path("/invoices"), &invoice("s2"))
        .await
        .expect(201);
    for (made, books) in [(first, 500), (second, 1_300)] {
        let issue = path(&format!("/invoices/{}/issue", made.id()));
        let _ = acme.command(&issue, 1, &json!({})).await.expect(200);
        assert_eq!(balance(&acme).await["1200"], books);
    }
    let all = path("/exchange-rates?currency=USD");
    let all = acme.get(&all).await.expect(200).body;
    assert_eq!(all["data"].as_array().expect("rates").len(), 2);
    let other = path("/exchange-rates?currency=CHF");
    assert_eq!(acme.get(&other).await.expect(200).body["data"], json!([]));
}

#[actix_web::test]
async fn rates_to_another_currency_are_none_any_more_once_the_books_are_kept_in_that() {
    let (_platform, acme) = one_tenant().await;
    let _ = note(&acme, "USD", "0.9", "2020-01-01").await.expect(200);
    let _ = acme
        .post(&path("/books"), &json!({"currency": "CHF"}))
        .await
        .expect(200);
    acme.post(&path("/invoices"), &invoice("s1"))
        .await
        .expect_problem(409, "unknown_rate");
}

#[actix_web::test]
async fn what_is_no_rate_is_refused() {
    let (_platform, acme) = one_tenant().await;
    for (currency, rate, from) in [
        ("EUR", "1", "2026-01-01"),
        ("XAU", "1", "2026-01-01"),
        ("usd", "1", "2026-01-01"),
        ("USD", "0", "2026-01-01"),
        ("USD", "-1", "2026-01-01"),
        ("USD", "0.12345678901", "2026-01-01"),
        ("USD", "1", "+10000-01-01"),
    ] {
        note(&acme, currency, rate, from)
            .await
            .expect_problem(422, "invalid");
    }
    acme.get(&path("/exchange-rates?currency=euro"))
        .await
        .expect_problem(422, "invalid");
}
