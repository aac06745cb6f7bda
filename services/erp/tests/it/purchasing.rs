//! What is ordered from suppliers, what comes of it, what they want for it, and what of that is in the books.

use std::collections::BTreeMap;

use averis_tenant_context::TenantRole;
use averis_test_kit::{Answer, Client, TestPlatform, colleague_of};
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::setup::{level, one_tenant, path, platform, warehouse};

fn money(amount: i64) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

/// A buyer with a place and a supplier, and a colleague who may approve.
struct Bench {
    _platform: TestPlatform,
    buyer: Client,
    boss: Client,
    place: String,
    supplier: String,
}

async fn bench() -> Bench {
    let (platform, buyer) = one_tenant().await;
    let place = warehouse(&buyer, "BER", 1).await;
    let body = json!({"code": "LAMPS", "name": "Lamps Ltd.", "payment_days": 30});
    let supplier = buyer
        .post(&path("/suppliers"), &body)
        .await
        .expect(201)
        .id();
    Bench {
        boss: colleague_of(&buyer),
        _platform: platform,
        buyer,
        place,
        supplier,
    }
}

impl Bench {
    /// Drafts an order of (SKU, pieces, cost of each).
    async fn draft(&self, lines: &[(&str, i64, i64)]) -> Answer {
        let lines: Vec<Value> = lines
            .iter()
            .map(|(sku, quantity, cost)| json!({"sku": sku, "quantity": quantity, "unit_cost": money(*cost)}))
            .collect();
        let body = json!({"supplier_id": self.supplier, "location_id": self.place, "lines": lines});
        self.buyer.post(&path("/purchase-orders"), &body).await
    }

    /// Drafts an order, has it approved and sends it.
    async fn sent(&self, lines: &[(&str, i64, i64)]) -> String {
        let id = self.draft(lines).await.expect(201).id();
        let _ = command(&self.boss, &id, "approve", 1).await.expect(200);
        let _ = command(&self.buyer, &id, "send", 2).await.expect(200);
        id
    }

    async fn receive(&self, id: &str, reference: &str, lines: &[(i32, i64)]) -> Answer {
        let lines: Vec<Value> = lines
            .iter()
            .map(|(line, quantity)| json!({"line": line, "quantity": quantity}))
            .collect();
        let body = json!({"reference": reference, "lines": lines});
        self.buyer.post(&order(id, "/receive"), &body).await
    }

    /// Enters a bill of (line, pieces, net).
    async fn bill(&self, id: &str, number: &str, lines: &[(i32, i64, i64)], tax: i64) -> Answer {
        let body = bill_of(id, number, lines, tax);
        self.buyer.post(&path("/supplier-bills"), &body).await
    }

    async fn rules(&self, limit: i64, over: &str, difference: &str) {
        let body = json!({"approval_limit": money(limit), "over_receipt": over, "price_difference": difference});
        let set = self
            .boss
            .post(&path("/purchasing-rules"), &body)
            .await
            .expect(200);
        assert_eq!(set.body["over_receipt"], over);
    }

    /// What each account comes to, without those that come to nothing.
    async fn books(&self) -> BTreeMap<String, i64> {
        let read = self
            .buyer
            .get(&path("/trial-balance"))
            .await
            .expect(200)
            .body;
        assert_eq!(read["debit"], read["credit"], "the books balance");
        let accounts = read["accounts"].as_array().expect("accounts").iter();
        let accounts = accounts.map(|one| {
            let amount = one["balance"]["amount"].as_i64().expect("an amount");
            (one["account"].as_str().expect("a code").to_owned(), amount)
        });
        accounts.filter(|(_, amount)| *amount != 0).collect()
    }
}

fn bill_of(id: &str, number: &str, lines: &[(i32, i64, i64)], tax: i64) -> Value {
    let lines: Vec<Value> = lines
        .iter()
        .map(
            |(line, quantity, net)| json!({"line": line, "quantity": quantity, "net": money(*net)}),
        )
        .collect();
    json!({"purchase_order_id": id, "number": number, "lines": lines, "tax": money(tax)})
}

fn order(id: &str, rest: &str) -> String {
    path(&format!("/purchase-orders/{id}{rest}"))
}

async fn command(client: &Client, id: &str, verb: &str, version: i64) -> Answer {
    client
        .command(&order(id, &format!("/{verb}")), version, &json!({}))
        .await
}

fn accounts(list: &[(&str, i64)]) -> BTreeMap<String, i64> {
    list.iter()
        .map(|(code, amount)| ((*code).to_owned(), *amount))
        .collect()
}

#[actix_web::test]
async fn goods_are_ordered_received_billed_paid_and_in_the_books() {
    let bench = bench().await;
    let draft = bench
        .draft(&[("LAMP", 10, 700), ("BULB", 100, 43)])
        .await
        .expect(201);
    let id = draft.id();
    assert_eq!(draft.body["total"], money(11_300));
    assert!(
        draft.body["number"]
            .as_str()
            .is_some_and(|number| number.starts_with("PO-20") && number.ends_with("-000001"))
    );
    // Nothing comes of what nobody has approved and sent.
    bench
        .receive(&id, "S-0", &[(0, 1)])
        .await
        .expect_problem(409, "invalid_transition");
    let _ = command(&bench.boss, &id, "approve", 1).await.expect(200);
    let sent = command(&bench.buyer, &id, "send", 2).await.expect(200);
    assert_eq!(sent.body["status"], "sent");
    let part = bench
        .receive(&id, "S-1", &[(0, 4), (1, 100)])
        .await
        .expect(200);
    assert_eq!(part.body["status"], "partially_received");
    assert_eq!(level(&bench.buyer, "LAMP", &bench.place).await, (4, 0));
    assert_eq!(
        bench.books().await,
        accounts(&[("1400", 7_100), ("2100", -7_100)])
    );
    // Each slip counts once, whoever enters it again.
    let again = bench
        .receive(&id, "S-1", &[(1, 100), (0, 4)])
        .await
        .expect(200);
    assert_eq!(again.body["lines"], part.body["lines"]);
    bench
        .receive(&id, "S-1", &[(0, 5)])
        .await
        .expect_problem(409, "cause_taken");
    let all = bench.receive(&id, "S-2", &[(0, 6)]).await.expect(200);
    assert_eq!(all.body["status"], "received");
    let slips = bench
        .buyer
        .get(&path(&format!("/goods-receipts?purchase_order_id={id}")))
        .await
        .expect(200);
    assert_eq!(
        slips.body["data"][0]["lines"],
        json!([{"line": 0, "quantity": 4}, {"line": 1, "quantity": 100}])
    );
    assert_eq!(slips.body["data"].as_array().expect("a list").len(), 2);
    // As was agreed to.
    let bill = bench
        .bill(&id, "R-1", &[(0, 10, 7_000), (1, 100, 4_300)], 2_147)
        .await
        .expect(201);
    assert_eq!(
        (&bill.body["total"], &bill.body["difference"]),
        (&money(13_447), &money(0))
    );
    assert_eq!(
        bench.books().await,
        accounts(&[("1300", 2_147), ("1400", 11_300), ("2000", -13_447)])
    );
    let again = bench
        .bill(&id, "R-1", &[(1, 100, 4_300), (0, 10, 7_000)], 2_147)
        .await
        .expect(201);
    assert_eq!(again.body, bill.body);
    bench
        .bill(&id, "R-1", &[(0, 1, 700)], 0)
        .await
        .expect_problem(409, "reference_taken");
    let pay = async |reference: &str, amount: i64| {
        let body = json!({"amount": money(amount), "reference": reference});
        let address = path(&format!("/supplier-bills/{}/payments", bill.id()));
        bench.buyer.post(&address, &body).await
    };
    let part = pay("bank 1", 10_000).await.expect(200);
    assert_eq!(part.body["status"], "partially_paid");
    pay("bank 2", 3_448).await.expect_problem(422, "invalid");
    for _ in 0..2 {
        let paid = pay("bank 2", 3_447).await.expect(200);
        assert_eq!(
            (&paid.body["status"], &paid.body["paid"]),
            (&json!("paid"), &money(13_447))
        );
    }
    pay("bank 1", 1)
        .await
        .expect_problem(409, "reference_taken");
    assert_eq!(
        bench.books().await,
        accounts(&[("1000", -13_447), ("1300", 2_147), ("1400", 11_300)])
    );
    let closed = command(&bench.buyer, &id, "close", 5).await.expect(200);
    assert_eq!(closed.body["status"], "closed");
    bench
        .receive(&id, "S-3", &[(0, 1)])
        .await
        .expect_problem(409, "invalid_transition");
}

/// E7: invoiced <= received <= ordered, with what is allowed besides, and the price as it was ordered at.
#[actix_web::test]
async fn e7_a_bill_is_held_against_the_order_and_what_has_come() {
    let bench = bench().await;
    bench.rules(0, "0.1", "0.02").await;
    let id = bench.sent(&[("LAMP", 20, 1_000)]).await;
    let _ = bench.receive(&id, "S-1", &[(0, 5)]).await.expect(200);
    bench
        .bill(&id, "R-1", &[(0, 6, 6_000)], 0)
        .await
        .expect_problem(409, "not_received");
    bench
        .bill(&id, "R-1", &[(1, 1, 1_000)], 0)
        .await
        .expect_problem(422, "unknown_line");
    bench
        .bill(&Uuid::now_v7().to_string(), "R-1", &[(0, 1, 1_000)], 0)
        .await
        .expect_problem(422, "unknown_order");
    // Two more than ordered may come, and no third.
    let over = bench.receive(&id, "S-2", &[(0, 18)]).await;
    over.expect_problem(409, "over_received");
    assert_eq!(over.body["open"], 17);
    let all = bench.receive(&id, "S-2", &[(0, 17)]).await.expect(200);
    assert_eq!(all.body["status"], "received");
    // Rules that change later change nothing that is approved.
    bench.rules(0, "1", "0.02").await;
    bench
        .receive(&id, "S-3", &[(0, 1)])
        .await
        .expect_problem(409, "over_received");
    // Within two percent, and not beyond: neither more nor less.
    for net in [10_201, 9_799] {
        let refused = bench.bill(&id, "R-1", &[(0, 10, net)], 0).await;
        refused.expect_problem(409, "price_differs");
        assert_eq!(refused.body["expected"], money(10_000));
    }
    let within = bench
        .bill(&id, "R-1", &[(0, 10, 10_200)], 0)
        .await
        .expect(201);
    assert_eq!(within.body["difference"], money(200));
    // Tax that is more than the goods is none.
    let taxed = bench.bill(&id, "R-9", &[(0, 1, 1_000)], 1_001).await;
    taxed.expect_problem(409, "price_differs");
    // Somebody who may agrees to more, and has not written the order.
    let mut agreed = bill_of(&id, "R-2", &[(0, 12, 15_000)], 0);
    agreed["accept_difference"] = json!(true);
    let monitor = bench
        ._platform
        .token_in(tenant_id(&bench).await, &[TenantRole::ErpUser]);
    let clerk = bench.buyer.with_token(&monitor);
    clerk
        .post(&path("/supplier-bills"), &agreed)
        .await
        .expect_problem(403, "forbidden");
    let own = bench.buyer.post(&path("/supplier-bills"), &agreed).await;
    own.expect_problem(403, "four_eyes");
    let bill = bench
        .boss
        .post(&path("/supplier-bills"), &agreed)
        .await
        .expect(201);
    assert_eq!(bill.body["difference"], money(3_000));
    assert_eq!(
        bench.books().await,
        accounts(&[("1400", 22_000), ("2000", -25_200), ("5100", 3_200)])
    );
    bench
        .bill(&id, "R-3", &[(0, 1, 1_000)], 0)
        .await
        .expect_problem(409, "not_received");
}

async fn tenant_id(bench: &Bench) -> Uuid {
    let listed = bench.buyer.get("/api/tenant/v1/tenants").await.expect(200);
    let id = listed.body["data"][0]["id"].as_str().expect("an id");
    id.parse().expect("an id")
}

#[actix_web::test]
async fn an_order_above_the_limit_is_approved_by_somebody_who_has_not_written_it() {
    let bench = bench().await;
    let id = bench.draft(&[("LAMP", 1, 1_000)]).await.expect(201).id();
    command(&bench.buyer, &id, "approve", 1)
        .await
        .expect_problem(403, "four_eyes");
    // Whoever has changed it has written it.
    let patch = json!({"lines": [{"sku": "LAMP", "quantity": 2, "unit_cost": money(1_000)}], "note": "Gate 2"});
    let changed = bench
        .boss
        .patch(&order(&id, ""), 1, &patch)
        .await
        .expect(200);
    assert_eq!(
        (&changed.body["total"], &changed.body["note"]),
        (&money(2_000), &json!("Gate 2"))
    );
    // Also when another has written after it.
    let note = json!({"note": "Gate 3"});
    let _ = bench
        .buyer
        .patch(&order(&id, ""), 2, &note)
        .await
        .expect(200);
    for client in [&bench.buyer, &bench.boss] {
        command(client, &id, "approve", 3)
            .await
            .expect_problem(403, "four_eyes");
    }
    let other = colleague_of(&bench.buyer);
    let approved = command(&other, &id, "approve", 3).await.expect(200);
    assert_eq!(approved.body["status"], "approved");
    bench
        .boss
        .patch(&order(&id, ""), 4, &patch)
        .await
        .expect_problem(409, "invalid_transition");
    // Up to the limit one pair of eyes is enough.
    bench.rules(2_000, "0", "0").await;
    for (cost, status) in [(2_000, 200), (2_001, 403)] {
        let id = bench.draft(&[("LAMP", 1, cost)]).await.expect(201).id();
        let _ = command(&bench.buyer, &id, "approve", 1)
            .await
            .expect(status);
    }
    let cancelled = command(&bench.buyer, &id, "cancel", 4).await.expect(200);
    assert_eq!(cancelled.body["status"], "cancelled");
    command(&bench.buyer, &id, "send", 5)
        .await
        .expect_problem(409, "invalid_transition");
}

#[actix_web::test]
async fn what_comes_at_once_is_counted_once() {
    let bench = bench().await;
    let id = bench.sent(&[("LAMP", 10, 700)]).await;
    // Ten slips of two for ten pieces, each entered twice.
    let slips: Vec<String> = (0..10).map(|number| format!("S-{number}")).collect();
    let all = slips
        .iter()
        .chain(&slips)
        .map(|slip| async { bench.receive(&id, slip, &[(0, 2)]).await });
    let answers = join_all(all).await;
    for answer in &answers {
        assert!([200, 409].contains(&answer.status), "{}", answer.text);
    }
    assert_eq!(level(&bench.buyer, "LAMP", &bench.place).await, (10, 0));
    assert_eq!(
        bench.books().await,
        accounts(&[("1400", 7_000), ("2100", -7_000)])
    );
    // One bill of all that has come, entered under eight numbers at once: one is entered.
    let numbers: Vec<String> = (0..8).map(|number| format!("R-{number}")).collect();
    let bills = numbers
        .iter()
        .map(|number| async { bench.bill(&id, number, &[(0, 10, 7_000)], 0).await });
    let bills = join_all(bills).await;
    let entered = bills.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(entered, 1);
    assert!(
        bills
            .iter()
            .filter(|answer| answer.status != 201)
            .all(|answer| answer.body["code"] == "not_received")
    );
    assert_eq!(
        bench.books().await,
        accounts(&[("1400", 7_000), ("2000", -7_000)])
    );
}

#[actix_web::test]
async fn wrong_purchases_are_refused_by_field() {
    let bench = bench().await;
    let line = json!({"sku": "LAMP", "quantity": 1, "unit_cost": money(1)});
    let body = |supplier: &str, place: &str, line: Value| json!({"supplier_id": supplier, "location_id": place, "lines": [line]});
    let nobody = Uuid::now_v7().to_string();
    let usd = json!({"sku": "LAMP", "quantity": 1, "unit_cost": {"amount": 1, "currency": "USD"}});
    let negative = json!({"sku": "LAMP", "quantity": 1, "unit_cost": money(-1)});
    let huge = json!({"sku": "LAMP", "quantity": 1_000_000_000, "unit_cost": money(i64::MAX)});
    for (body, code, pointer) in [
        (
            body(&nobody, &bench.place, line.clone()),
            "unknown_supplier",
            "",
        ),
        (
            body(&bench.supplier, &nobody, line.clone()),
            "unknown_location",
            "",
        ),
        (
            body(&bench.supplier, &bench.place, usd),
            "invalid",
            "/lines/0/unit_cost/currency",
        ),
        (
            body(&bench.supplier, &bench.place, negative),
            "invalid",
            "/lines/0/unit_cost/amount",
        ),
        (
            body(&bench.supplier, &bench.place, huge),
            "money_overflow",
            "",
        ),
    ] {
        let refused = bench.buyer.post(&path("/purchase-orders"), &body).await;
        refused.expect_problem(422, code);
        assert!(refused.text.contains(pointer), "{}", refused.text);
    }
    let id = bench.sent(&[("LAMP", 10, 700)]).await;
    // What was ordered in euros is not owed in francs.
    let books = json!({"currency": "CHF"});
    let francs = bench.buyer.post(&path("/books"), &books).await;
    francs.expect_problem(409, "books_begun");
    bench
        .receive(&id, "S-1", &[(0, 1), (0, 1)])
        .await
        .expect_problem(422, "invalid");
    bench
        .receive(&id, "S-1", &[(7, 1)])
        .await
        .expect_problem(422, "unknown_line");
    bench
        .bill(&id, "R-1", &[(0, 1, 1), (0, 1, 1)], 0)
        .await
        .expect_problem(422, "invalid");
    bench
        .bill(&id, "R-1", &[(0, 1, 1)], -1)
        .await
        .expect_problem(422, "invalid");
    let again = json!({"code": "LAMPS", "name": "Others"});
    bench
        .buyer
        .post(&path("/suppliers"), &again)
        .await
        .expect_problem(409, "code_taken");
    // From one that is not active nothing more is ordered.
    let supplier = path(&format!("/suppliers/{}", bench.supplier));
    let _ = bench
        .buyer
        .patch(&supplier, 1, &json!({"active": false}))
        .await
        .expect(200);
    bench
        .draft(&[("LAMP", 1, 1)])
        .await
        .expect_problem(422, "unknown_supplier");
    let _ = bench.receive(&id, "S-1", &[(0, 1)]).await.expect(200);
}

#[actix_web::test]
async fn s30_another_tenants_purchases_are_not_there() {
    let platform = platform().await;
    let globex = platform.tenant("globex").await.client;
    let bench = bench().await;
    let id = bench.sent(&[("LAMP", 10, 700)]).await;
    for address in [
        order(&id, ""),
        path(&format!("/suppliers/{}", bench.supplier)),
    ] {
        let _ = bench.buyer.get(&address).await.expect(200);
        globex.get(&address).await.expect_problem(404, "not_found");
    }
    let body = json!({"reference": "S-1", "lines": [{"line": 0, "quantity": 1}]});
    globex
        .post(&order(&id, "/receive"), &body)
        .await
        .expect_problem(404, "not_found");
    let bill = bill_of(&id, "R-1", &[(0, 1, 700)], 0);
    globex
        .post(&path("/supplier-bills"), &bill)
        .await
        .expect_problem(422, "unknown_order");
    for list in [
        "/suppliers",
        "/purchase-orders",
        "/goods-receipts",
        "/supplier-bills",
    ] {
        assert_eq!(
            globex.get(&path(list)).await.expect(200).body["data"],
            json!([]),
            "{list}"
        );
    }
}
