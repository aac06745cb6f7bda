//! The books by hand, and their months.

use serde_json::{Value, json};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::setup::{one_tenant, path, platform};

fn entry(cause: &str, day: &str, lines: &[(&str, i64)]) -> Value {
    let lines: Vec<Value> = lines
        .iter()
        .map(|(account, amount)| json!({"account": account, "amount": {"amount": amount, "currency": "EUR"}}))
        .collect();
    json!({"posted_on": day, "cause": cause, "text": "Opening", "lines": lines})
}

#[actix_web::test]
async fn an_entry_by_hand_balances_is_posted_once_and_reversed_once() {
    let (_platform, acme) = one_tenant().await;
    let entries = path("/entries");
    let good = entry("s1", "2026-03-01", &[("1000", 500), ("3000", -500)]);
    let posted = acme.post(&entries, &good).await.expect(201);
    assert_eq!(
        posted.body["lines"][1]["book_amount"],
        json!({"amount": -500, "currency": "EUR"})
    );
    acme.post(&entries, &good)
        .await
        .expect_problem(409, "cause_taken");
    for (lines, status, code) in [
        (&[("1000", 500), ("3000", -499)][..], 422, "unbalanced"),
        (&[("1000", 0), ("3000", 0)], 422, "unbalanced"),
        (&[("1000", 5), ("9999", -5)], 422, "unknown_account"),
        (&[("1000", 5)], 422, "invalid"),
    ] {
        acme.post(&entries, &entry("s2", "2026-03-01", lines))
            .await
            .expect_problem(status, code);
    }
    let mut dollars = good.clone();
    dollars["cause"] = json!("s3");
    for line in dollars["lines"].as_array_mut().expect("lines") {
        line["amount"]["currency"] = json!("USD");
    }
    acme.post(&entries, &dollars)
        .await
        .expect_problem(422, "invalid");
    let reverse = path(&format!("/entries/{}/reverse", posted.id()));
    let body = json!({"posted_on": "2026-03-02", "text": "Entered twice"});
    let reversed = acme.post(&reverse, &body).await.expect(201);
    assert_eq!(reversed.body["lines"][0]["amount"]["amount"], -500);
    acme.post(&reverse, &body)
        .await
        .expect_problem(409, "cause_taken");
    let again = path(&format!("/entries/{}/reverse", reversed.id()));
    acme.post(&again, &body)
        .await
        .expect_problem(409, "not_reversible");
    let nobody = path(&format!("/entries/{}/reverse", Uuid::now_v7()));
    acme.post(&nobody, &body)
        .await
        .expect_problem(404, "not_found");
    let page = acme.get(&path("/entries?limit=1")).await.expect(200).body;
    assert_eq!(page["data"][0]["id"], json!(posted.id()));
    let rest = path(&format!(
        "/entries?limit=1&cursor={}",
        page["next_cursor"].as_str().expect("a cursor")
    ));
    assert_eq!(
        acme.get(&rest).await.expect(200).body["data"][0]["id"],
        json!(reversed.id())
    );
    // By a day before the reversal the account is what it was.
    let cash = async |day: &str| {
        let read = acme
            .get(&path(&format!("/trial-balance?at={day}")))
            .await
            .expect(200)
            .body;
        read["accounts"][0]["balance"]["amount"].as_i64()
    };
    assert_eq!(
        [
            cash("2026-02-28").await,
            cash("2026-03-01").await,
            cash("2026-03-02").await
        ],
        [Some(0), Some(500), Some(0)]
    );
}

#[actix_web::test]
async fn nothing_is_posted_into_a_closed_month() {
    let (_platform, acme) = one_tenant().await;
    let close = |period: &str| json!({"period": period});
    let first = acme
        .post(&path("/periods"), &close("2026-02"))
        .await
        .expect(200)
        .body;
    assert_eq!(
        acme.post(&path("/periods"), &close("2026-02"))
            .await
            .expect(200)
            .body,
        first
    );
    let late = entry("s1", "2026-02-28", &[("1000", 5), ("3000", -5)]);
    let refused = acme.post(&path("/entries"), &late).await;
    refused.expect_problem(409, "period_closed");
    assert_eq!(refused.body["period"], "2026-02");
    let _ = acme
        .post(
            &path("/entries"),
            &entry("s1", "2026-03-01", &[("1000", 5), ("3000", -5)]),
        )
        .await
        .expect(201);
    for period in ["2026-13", "2026", "2026-2", "x"] {
        acme.post(&path("/periods"), &close(period))
            .await
            .expect_problem(422, "invalid");
    }
}

#[actix_web::test]
async fn the_books_change_their_currency_while_nothing_is_posted() {
    let (_platform, acme) = one_tenant().await;
    assert_eq!(
        acme.get(&path("/books")).await.expect(200).body["currency"],
        "EUR"
    );
    acme.post(&path("/books"), &json!({"currency": "XAU"}))
        .await
        .expect_problem(422, "invalid");
    let _ = acme
        .post(&path("/books"), &json!({"currency": "CHF"}))
        .await
        .expect(200);
    let _ = acme
        .post(&path("/books"), &json!({"currency": "EUR"}))
        .await
        .expect(200);
    let _ = acme
        .post(
            &path("/entries"),
            &entry("s1", "2026-03-01", &[("1000", 5), ("3000", -5)]),
        )
        .await
        .expect(201);
    acme.post(&path("/books"), &json!({"currency": "CHF"}))
        .await
        .expect_problem(409, "books_begun");
    assert_eq!(
        acme.get(&path("/books")).await.expect(200).body["currency"],
        "EUR"
    );
    let accounts = acme.get(&path("/accounts")).await.expect(200).body;
    assert_eq!(accounts["data"].as_array().expect("accounts").len(), 16);
}

#[actix_web::test]
async fn e3_the_database_keeps_no_entry_that_does_not_balance() {
    let platform = platform().await;
    let tenant = platform.tenant("acme").await;
    let mut database = platform.database.connect().await;
    let schema = format!("tenant_{}_erp", tenant.key);
    // As a bug in the application would write it: a cent short, in either currency.
    for (first, second, kept) in [
        ((100, 100), (-100, -100), true),
        ((100, 100), (-99, -100), false),
        ((100, 100), (-100, -99), false),
        ((100, 100), (100, 100), false),
    ] {
        let work = database.transaction().await.expect("a transaction");
        let entry = Uuid::now_v7().to_string();
        let made = format!(
            "INSERT INTO {schema}.journal_entries (id, posted_on, kind, cause, text, posted_by, created_at) \
             VALUES ($1::text::uuid, '2026-03-05', 'manual', $1::text, 'test', $1::text::uuid, now())"
        );
        let _ = work.execute(&made, &[&entry]).await.expect("made");
        for (line, (amount, book)) in [(0_i32, first), (1, second)] {
            let made = format!(
                "INSERT INTO {schema}.journal_lines (entry_id, line, account, amount, currency, book_amount) \
                 VALUES ($1::text::uuid, $2, '1000', $3, 'USD', $4)"
            );
            let (amount, book) = (i64::from(amount), i64::from(book));
            let values: [&(dyn ToSql + Sync); 4] = [&entry, &line, &amount, &book];
            let _ = work.execute(&made, &values).await.expect("made");
        }
        assert_eq!(
            work.commit().await.is_ok(),
            kept,
            "{first:?} and {second:?}"
        );
    }
}
