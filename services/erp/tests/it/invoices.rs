//! Invoices, credit notes, payments, and what of them is in the books.

use std::collections::BTreeMap;

use averis_test_kit::{Answer, Client};
use serde_json::{Value, json};

use crate::setup::{one_tenant, path, platform};

fn money(amount: i64) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

/// Drafts an invoice for a cause with lines of (pieces, net, tax).
async fn draft(client: &Client, cause: &str, lines: &[(i64, i64, i64)]) -> Answer {
    let lines: Vec<Value> = lines
        .iter()
        .map(|(quantity, net, tax)| {
            json!({"text": "Lamp", "sku": "LAMP-1", "quantity": quantity, "net": money(*net), "tax": money(*tax), "tax_rate": "0.19"})
        })
        .collect();
    let body = json!({"cause": cause, "lines": lines, "payment_days": 30});
    client.post(&path("/invoices"), &body).await
}

/// Issues a draft on a day.
async fn issue(client: &Client, id: &str, day: &str) -> Answer {
    let address = path(&format!("/invoices/{id}/issue"));
    client
        .command(&address, 1, &json!({"issued_on": day}))
        .await
}

async fn settle(client: &Client, id: &str, way: &str, reference: &str, amount: i64) -> Answer {
    let body =
        json!({"amount": money(amount), "reference": reference, "received_on": "2026-03-20"});
    client
        .post(&path(&format!("/invoices/{id}/{way}")), &body)
        .await
}

async fn credit(client: &Client, id: &str, cause: &str, lines: &[(i32, i64)]) -> Answer {
    let lines: Vec<Value> = lines
        .iter()
        .map(|(line, quantity)| json!({"line": line, "quantity": quantity}))
        .collect();
    let body = json!({"cause": cause, "lines": lines, "issued_on": "2026-03-25"});
    client
        .post(&path(&format!("/invoices/{id}/credit-notes")), &body)
        .await
}

/// What each account comes to, without those that come to nothing. Debits and credits are as much.
pub async fn balance(client: &Client) -> BTreeMap<String, i64> {
    let read = client
        .get(&path("/trial-balance?at=2026-12-31"))
        .await
        .expect(200)
        .body;
    assert_eq!(read["debit"], read["credit"], "the books balance");
    let accounts = read["accounts"]
        .as_array()
        .expect("accounts")
        .iter()
        .map(|one| {
            let amount = one["balance"]["amount"].as_i64().expect("an amount");
            (one["account"].as_str().expect("a code").to_owned(), amount)
        });
    accounts.filter(|(_, amount)| *amount != 0).collect()
}

fn accounts(list: &[(&str, i64)]) -> BTreeMap<String, i64> {
    list.iter()
        .map(|(code, amount)| ((*code).to_owned(), *amount))
        .collect()
}

#[actix_web::test]
async fn an_invoice_is_drafted_issued_paid_and_in_the_books() {
    let (_platform, acme) = one_tenant().await;
    let made = draft(&acme, "shipment 1", &[(3, 10_000, 1_900), (1, 500, 95)])
        .await
        .expect(201);
    assert_eq!(
        (&made.body["status"], &made.body["number"]),
        (&json!("draft"), &Value::Null)
    );
    assert_eq!(
        (&made.body["total"], &made.body["lines"][0]["tax_rate"]),
        (&money(12_495), &json!("0.19"))
    );
    let again = draft(&acme, "shipment 1", &[(3, 10_000, 1_900), (1, 500, 95)])
        .await
        .expect(201);
    assert_eq!(again.body, made.body, "each shipment is invoiced once");
    draft(&acme, "shipment 1", &[(1, 1, 0)])
        .await
        .expect_problem(409, "cause_taken");
    let id = made.id();
    settle(&acme, &id, "payments", "p0", 1)
        .await
        .expect_problem(409, "invalid_transition");
    credit(&acme, &id, "r0", &[(0, 1)])
        .await
        .expect_problem(409, "invalid_transition");
    let issued = issue(&acme, &id, "2026-03-05").await.expect(200);
    assert_eq!(
        (&issued.body["number"], &issued.body["due_on"]),
        (&json!("INV-2026-000001"), &json!("2026-04-04"))
    );
    let again = path(&format!("/invoices/{id}/issue"));
    acme.command(&again, 2, &json!({}))
        .await
        .expect_problem(409, "invalid_transition");
    assert_eq!(
        balance(&acme).await,
        accounts(&[("1200", 12_495), ("2200", -1_995), ("4000", -10_500)])
    );
    let pays = (0..4).map(|_| settle(&acme, &id, "payments", "p1", 2_495));
    for answer in futures_util::future::join_all(pays).await {
        assert_eq!(answer.expect(200).body["status"], "partially_paid");
    }
    settle(&acme, &id, "payments", "p1", 1)
        .await
        .expect_problem(409, "reference_taken");
    settle(&acme, &id, "payments", "p2", 10_001)
        .await
        .expect_problem(422, "invalid");
    settle(&acme, &id, "refunds", "f1", 1)
        .await
        .expect_problem(422, "invalid");
    let paid = settle(&acme, &id, "payments", "p2", 10_000)
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&paid["status"], &paid["paid"]),
        (&json!("paid"), &money(12_495))
    );
    assert_eq!(
        balance(&acme).await,
        accounts(&[("1000", 12_495), ("2200", -1_995), ("4000", -10_500)])
    );
    let listed = acme.get(&path("/invoices")).await.expect(200).body;
    assert_eq!(
        listed["data"][0],
        acme.get(&path(&format!("/invoices/{id}")))
            .await
            .expect(200)
            .body
    );
}

#[actix_web::test]
async fn m7_credit_notes_for_all_pieces_take_back_what_was_invoiced() {
    let (_platform, acme) = one_tenant().await;
    let id = draft(&acme, "shipment 1", &[(3, 10_000, 1_900), (7, 100, 19)])
        .await
        .expect(201)
        .id();
    let _ = issue(&acme, &id, "2026-03-05").await.expect(200);
    let _ = settle(&acme, &id, "payments", "p1", 12_019)
        .await
        .expect(200);
    let mut sum = 0;
    for (cause, lines) in [
        ("return 1", &[(0, 1)][..]),
        ("return 2", &[(1, 3), (0, 1)]),
        ("return 3", &[(1, 4)]),
        ("return 4", &[(0, 1)]),
    ] {
        let note = credit(&acme, &id, cause, lines).await.expect(201).body;
        assert_eq!(note["invoice_id"], json!(id));
        sum += note["total"]["amount"].as_i64().expect("an amount");
        let again = credit(&acme, &id, cause, lines).await.expect(201).body;
        assert_eq!(again["number"], note["number"], "taken back once");
    }
    assert_eq!(sum, 12_019);
    let read = acme
        .get(&path(&format!("/invoices/{id}")))
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&read["status"], &read["credited"]),
        (&json!("credited"), &money(12_019))
    );
    credit(&acme, &id, "return 5", &[(0, 1)])
        .await
        .expect_problem(409, "credited_already");
    // E6: what customers owe is what was issued less what was taken back and paid; here they are owed all of it.
    assert_eq!(
        balance(&acme).await,
        accounts(&[
            ("1000", 12_019),
            ("1200", -12_019),
            ("4000", -10_100),
            ("4100", 10_100)
        ])
    );
    settle(&acme, &id, "refunds", "f1", 12_020)
        .await
        .expect_problem(422, "invalid");
    let refunds = (0..4).map(|number| {
        settle(
            &acme,
            &id,
            "refunds",
            ["f1", "f2", "f3", "f4"][number],
            4_000,
        )
    });
    let refunds = futures_util::future::join_all(refunds).await;
    assert_eq!(
        refunds.iter().filter(|answer| answer.status == 200).count(),
        3,
        "never more than is owed"
    );
    let _ = settle(&acme, &id, "refunds", "last", 19).await.expect(200);
    assert_eq!(
        balance(&acme).await,
        accounts(&[("4000", -10_100), ("4100", 10_100)])
    );
}

#[actix_web::test]
async fn one_unit_is_not_taken_back_twice() {
    let (_platform, acme) = one_tenant().await;
    let id = draft(&acme, "shipment 1", &[(2, 200, 38)])
        .await
        .expect(201)
        .id();
    let _ = issue(&acme, &id, "2026-03-05").await.expect(200);
    credit(&acme, &id, "r1", &[(0, 3)])
        .await
        .expect_problem(409, "credited_already");
    credit(&acme, &id, "r1", &[(0, 1), (0, 1)])
        .await
        .expect_problem(422, "invalid");
    credit(&acme, &id, "r1", &[(1, 1)])
        .await
        .expect_problem(422, "invalid");
    let notes: Vec<String> = (0..8).map(|number| format!("return {number}")).collect();
    let all = notes
        .iter()
        .map(|cause| credit(&acme, &id, cause, &[(0, 1)]));
    let answers = futures_util::future::join_all(all).await;
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 201).count(),
        2
    );
}

#[actix_web::test]
async fn e5_numbers_have_no_gap_under_parallel_issues_and_failures() {
    let platform = platform().await;
    let tenant = platform.tenant("acme").await;
    let acme = &tenant.client;
    let mut ids = Vec::new();
    for number in 0..64 {
        let made = draft(acme, &format!("shipment {number}"), &[(1, 100, 19)]).await;
        ids.push(made.expect(201).id());
    }
    let _ = acme
        .post(&path("/periods"), &json!({"period": "2026-02"}))
        .await
        .expect(200);
    let mut closed = Vec::new();
    for number in 0..4 {
        let made = draft(acme, &format!("closed {number}"), &[(1, 100, 19)]).await;
        closed.push(made.expect(201).id());
    }
    // Each is issued twice at once; of each eighth one goes into a month that is closed, which may come too late to be told so.
    let issues = ids.iter().enumerate().flat_map(|(number, id)| {
        let day = if number % 8 == 0 {
            "2026-02-05"
        } else {
            "2026-03-05"
        };
        [issue(acme, id, day), issue(acme, id, "2026-03-05")]
    });
    let failing = closed.iter().map(|id| issue(acme, id, "2026-02-05"));
    let (answers, failed) = futures_util::future::join(
        futures_util::future::join_all(issues),
        futures_util::future::join_all(failing),
    )
    .await;
    for answer in failed {
        answer.expect_problem(409, "period_closed");
    }
    let mut numbers: Vec<String> = answers
        .iter()
        .filter(|answer| answer.status == 200)
        .map(|answer| answer.body["number"].as_str().expect("a number").to_owned())
        .collect();
    numbers.sort();
    let expected: Vec<String> = (1..=64)
        .map(|number| format!("INV-2026-{number:06}"))
        .collect();
    assert_eq!(numbers, expected);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert!(matches!(answer.status, 409 | 412), "{}", answer.text);
    }
    // One that fails after it has its number gives it back.
    let late = draft(acme, "late", &[(1, 100, 19)]).await.expect(201).id();
    let sql = format!(
        "CREATE FUNCTION tenant_{key}_erp.fail() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS \
         $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'disk_full'; END $$; \
         CREATE CONSTRAINT TRIGGER fail AFTER UPDATE ON tenant_{key}_erp.invoices DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION tenant_{key}_erp.fail()",
        key = tenant.key
    );
    let database = platform.database.connect().await;
    database
        .batch_execute(&sql)
        .await
        .expect("a database that fails");
    assert!(issue(acme, &late, "2026-03-05").await.status >= 500);
    let sql = format!("DROP FUNCTION tenant_{}_erp.fail() CASCADE", tenant.key);
    database
        .batch_execute(&sql)
        .await
        .expect("one that does not");
    let issued = issue(acme, &late, "2026-03-05").await.expect(200);
    assert_eq!(issued.body["number"], "INV-2026-000065");
    // Another year is another series.
    let old = draft(acme, "old", &[(1, 100, 19)]).await.expect(201).id();
    assert_eq!(
        issue(acme, &old, "2025-12-31").await.expect(200).body["number"],
        "INV-2025-000001"
    );
}

#[actix_web::test]
async fn what_is_issued_is_never_changed() {
    let platform = platform().await;
    let tenant = platform.tenant("acme").await;
    let id = draft(&tenant.client, "shipment 1", &[(1, 100, 19)])
        .await
        .expect(201)
        .id();
    let _ = issue(&tenant.client, &id, "2026-03-05").await.expect(200);
    let schema = format!("tenant_{}_erp", tenant.key);
    let database = platform.database.connect().await;
    for sql in [
        format!("UPDATE {schema}.invoices SET net = net + 1"),
        format!("UPDATE {schema}.invoices SET number = 7"),
        format!("DELETE FROM {schema}.invoices"),
        format!("UPDATE {schema}.invoice_lines SET quantity = 2"),
        format!("DELETE FROM {schema}.journal_lines"),
        format!("UPDATE {schema}.journal_entries SET text = 'x'"),
        // E3: an entry that does not balance, in one currency or in the books, ends with its transaction.
        format!(
            "INSERT INTO {schema}.journal_lines SELECT id, 9, '1000', 1, 'EUR', 1 FROM {schema}.journal_entries"
        ),
        format!(
            "INSERT INTO {schema}.journal_lines SELECT id, n, '1000', 3 - 2 * n, 'USD', n FROM {schema}.journal_entries, generate_series(8, 9) n"
        ),
    ] {
        assert!(database.execute(&sql, &[]).await.is_err(), "{sql}");
    }
    let read = tenant
        .client
        .get(&path(&format!("/invoices/{id}")))
        .await
        .expect(200);
    assert_eq!(read.body["net"], money(100));
}

#[actix_web::test]
async fn an_invoice_in_another_currency_balances_in_the_books() {
    let (_platform, acme) = one_tenant().await;
    let usd = |amount: i64| json!({"amount": amount, "currency": "USD"});
    let line = |net: i64, tax: i64| json!({"text": "Lamp", "quantity": 1, "net": usd(net), "tax": usd(tax), "tax_rate": "0.0725"});
    let body = json!({"cause": "s1", "fx_rate": "0.917", "lines": [line(999, 72), line(333, 24)]});
    let made = acme.post(&path("/invoices"), &body).await.expect(201);
    let _ = issue(&acme, &made.id(), "2026-03-05").await.expect(200);
    // 14.28 at 0.917 is 13.09, 13.32 is 12.21 and 0.96 is 0.88.
    assert_eq!(
        balance(&acme).await,
        accounts(&[("1200", 1_309), ("2200", -88), ("4000", -1_221)])
    );
    for (field, value) in [
        ("fx_rate", json!("0")),
        ("fx_rate", json!("-1")),
        ("lines", json!([])),
        ("lines", json!([line(-1, 0)])),
    ] {
        let mut wrong = body.clone();
        wrong["cause"] = json!("s2");
        wrong[field] = value;
        acme.post(&path("/invoices"), &wrong)
            .await
            .expect_problem(422, "invalid");
    }
    let mut mixed = line(1, 0);
    mixed["tax"] = money(0);
    let mixed = json!({"cause": "s2", "lines": [mixed]});
    acme.post(&path("/invoices"), &mixed)
        .await
        .expect_problem(422, "invalid");
    let huge = json!({"cause": "s2", "lines": [line(i64::MAX, 1)]});
    acme.post(&path("/invoices"), &huge)
        .await
        .expect_problem(422, "money_overflow");
}

#[actix_web::test]
async fn what_cost_nothing_is_taken_back_also_after_the_last_cent() {
    let (_platform, acme) = one_tenant().await;
    let id = draft(&acme, "shipment 1", &[(1, 0, 0), (2, 1_000, 190)])
        .await
        .expect(201)
        .id();
    let _ = issue(&acme, &id, "2026-03-05").await.expect(200);
    let _ = credit(&acme, &id, "return 1", &[(1, 2)]).await.expect(201);
    let free = credit(&acme, &id, "return 2", &[(0, 1)]).await.expect(201);
    assert_eq!(free.body["total"], money(0));
    assert_eq!(
        balance(&acme).await,
        accounts(&[("4000", -1_000), ("4100", 1_000)])
    );
}

/// E6: what customers owe in the books is what is open of their invoices, whatever was paid, credited and refunded.
#[actix_web::test]
async fn e6_receivables_are_what_is_open_of_all_invoices() {
    let (_platform, acme) = one_tenant().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let cause = format!("shipment {number}");
        let lines = [(3, 1_000 + number, 190), (2, 501, 95)];
        let id = draft(&acme, &cause, &lines).await.expect(201).id();
        // A draft is owed by nobody.
        if number > 0 {
            let _ = issue(&acme, &id, "2026-03-01").await.expect(200);
        }
        ids.push(id);
    }
    let _ = settle(&acme, &ids[1], "payments", "a", 700)
        .await
        .expect(200);
    let _ = settle(&acme, &ids[2], "payments", "b", 1_788)
        .await
        .expect(200);
    let _ = credit(&acme, &ids[2], "r1", &[(0, 2)]).await.expect(201);
    let _ = settle(&acme, &ids[2], "refunds", "c", 300)
        .await
        .expect(200);
    let _ = credit(&acme, &ids[3], "r2", &[(0, 3), (1, 2)])
        .await
        .expect(201);
    let mut open = 0;
    for id in &ids[1..] {
        let read = acme
            .get(&path(&format!("/invoices/{id}")))
            .await
            .expect(200)
            .body;
        let of = |name: &str| read[name]["amount"].as_i64().expect("an amount");
        open += of("total") - of("credited") - of("paid") + of("refunded");
    }
    assert!(open > 0);
    assert_eq!(balance(&acme).await.get("1200"), Some(&open));
    // Each shipment is invoiced once, also when it is told again.
    let again = draft(&acme, "shipment 1", &[(3, 1_001, 190), (2, 501, 95)])
        .await
        .expect(201);
    assert_eq!(again.id(), ids[1]);
    assert_eq!(balance(&acme).await.get("1200"), Some(&open));
}
