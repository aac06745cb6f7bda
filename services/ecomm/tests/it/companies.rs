//! Carts that are bought for companies.

use serde_json::{Value, json};

use crate::setup::{Platform, Shop, cart, change, complete, eur, path, sign_in};

async fn company(shop: &Shop, credit: i64) -> String {
    let body = json!({"name": "Firm", "credit_limit": eur(credit), "payment_days": 30});
    let made = shop
        .staff
        .post("/api/customer/v1/companies", &body)
        .await
        .expect(201);
    let approve = format!("/api/customer/v1/companies/{}/approve", made.id());
    let _ = shop
        .staff
        .command(&approve, 1, &json!({}))
        .await
        .expect(200);
    made.id()
}

async fn member(shop: &Shop, company: &str, customer: &Value, limit: Value) {
    let body = json!({"customer_id": customer, "roles": ["buyer"], "spend_limit": limit});
    let members = format!("/api/customer/v1/companies/{company}/members");
    let _ = shop.staff.post(&members, &body).await.expect(201);
}

/// Makes a shopper who has proven who it is, and returns its customer.
async fn proven(platform: &Platform, shopper: &averis_test_kit::Client) -> Value {
    let email = format!("ana-{}@example.test", averis_test_kit::unique_key("m"));
    sign_in(platform, shopper, &email).await
}

async fn for_company(shopper: &averis_test_kit::Client, company: &str, pieces: i64) -> String {
    let id = cart(shopper, &[("LAMP", pieces)]).await;
    change(shopper, &id, &json!({"company_id": company})).await;
    id
}

#[actix_web::test]
async fn a_company_buys_on_account_within_its_credit() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 50).await;
    let firm = company(&shop, 5_000).await;
    let ana = platform.shopper(&shop);
    let customer = proven(&platform, &ana).await;
    member(&shop, &firm, &customer, Value::Null).await;
    let id = for_company(&ana, &firm, 3).await;
    let bought = complete(&ana, &id, None).await.expect(200).body;
    let order = bought["order_id"].as_str().expect("an order");
    let read = shop
        .staff
        .get(&format!("/api/oms/v1/orders/{order}"))
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&read["company_id"], &read["payment"]["payment_days"]),
        (&json!(firm), &json!(30))
    );
    let firm_now = shop
        .staff
        .get(&format!("/api/customer/v1/companies/{firm}"))
        .await;
    assert_eq!(firm_now.expect(200).body["credit_used"], eur(4_165));
    // The rest does not suffice, and nothing is kept of the attempt.
    let more = for_company(&ana, &firm, 1).await;
    complete(&ana, &more, None)
        .await
        .expect_problem(409, "credit_exceeded");
    let firm_now = shop
        .staff
        .get(&format!("/api/customer/v1/companies/{firm}"))
        .await;
    assert_eq!(firm_now.expect(200).body["credit_used"], eur(4_165));
    assert_eq!(shop.level("LAMP").await, (50, 3));
}

#[actix_web::test]
async fn what_is_paid_cancelled_or_comes_back_is_owed_no_more() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 20).await;
    // Room for three lamps and what it costs to send them: 41.65.
    let firm = company(&shop, 4_165).await;
    let eve = platform.shopper(&shop);
    let customer = proven(&platform, &eve).await;
    member(&shop, &firm, &customer, Value::Null).await;
    let used = async || {
        let address = format!("/api/customer/v1/companies/{firm}");
        let found = shop.staff.get(&address).await.expect(200).body;
        found["credit_used"]["amount"].as_i64().unwrap_or_default()
    };
    let staff = async |address: String, body: Value, status: u16| {
        let done = shop
            .staff
            .post(&format!("/api/oms/v1{address}"), &body)
            .await;
        done.expect(status).body
    };
    let order = async || {
        let id = for_company(&eve, &firm, 3).await;
        let bought = complete(&eve, &id, None).await.expect(200).body;
        bought["order_id"].as_str().expect("an id").to_owned()
    };
    // Cancelled before it leaves: all of it.
    let id = order().await;
    assert_eq!(used().await, 4_165);
    let _ = staff(format!("/orders/{id}/cancel"), json!({"reason": "x"}), 200).await;
    crate::setup::until("it is owed no more", async || {
        (used().await == 0).then_some(())
    })
    .await;
    // One is cancelled, two are sent; one comes back before it is paid; the rest is paid.
    let id = order().await;
    let one = json!({"reason": "x", "lines": [{"line": 0, "quantity": 1}]});
    let _ = staff(format!("/orders/{id}/cancel"), one, 200).await;
    crate::setup::until("one less", async || (used().await == 2_975).then_some(())).await;
    let work = format!("/api/oms/v1/fulfilment-orders?order_id={id}");
    let work = shop.staff.get(&work).await.expect(200);
    let work = work.body["data"][0]["id"].clone();
    let ship = format!("/fulfilment-orders/{}/ship", work.as_str().expect("an id"));
    let shipment = staff(ship, json!({"slip": "PS-1"}), 201).await;
    let back = json!({"shipment_id": shipment["id"], "reason": "x", "lines": [{"line": 0, "quantity": 1}]});
    let back = staff(format!("/orders/{id}/returns"), back, 201).await;
    for name in ["approve", "receive", "refund"] {
        let own = format!("/returns/{}/{name}", back["id"].as_str().expect("an id"));
        let _ = staff(own, json!({}), 200).await;
    }
    crate::setup::until("one more less", async || {
        (used().await == 1_785).then_some(())
    })
    .await;
    let paid = json!({"amount": eur(1_785), "reference": "bank 1"});
    let _ = staff(format!("/orders/{id}/payments"), paid, 200).await;
    crate::setup::until("all is paid", async || (used().await == 0).then_some(())).await;
    // So there is room again.
    let _ = order().await;
}

#[actix_web::test]
async fn u5_an_order_beyond_its_buyer_s_limit_waits_for_an_approval() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 50).await;
    let firm = company(&shop, 100_000).await;
    let (ana, bob) = (platform.shopper(&shop), platform.shopper(&shop));
    let customer = proven(&platform, &ana).await;
    member(&shop, &firm, &customer, eur(1_000)).await;
    let approver = proven(&platform, &bob).await;
    let body = json!({"customer_id": approver, "roles": ["approver"]});
    let members = format!("/api/customer/v1/companies/{firm}/members");
    let _ = shop.staff.post(&members, &body).await.expect(201);
    let id = for_company(&ana, &firm, 1).await;
    let waits = complete(&ana, &id, None).await;
    waits.expect_problem(409, "approval_required");
    assert_eq!(
        shop.level("LAMP").await,
        (50, 0),
        "nothing is held meanwhile"
    );
    let approval = waits.body["approval_id"].as_str().expect("an approval");
    let approve = format!("/api/customer/v1/approvals/{approval}/approve");
    let _ = bob.command(&approve, 1, &json!({})).await.expect(200);
    let bought = complete(&ana, &id, None).await.expect(200).body;
    assert_eq!(bought["status"], "placed");
}

#[actix_web::test]
async fn who_has_proven_nothing_buys_for_no_company() {
    let platform = Platform::start().await;
    let shop = platform.shop("acme", 5).await;
    let firm = company(&shop, 100_000).await;
    let eve = platform.shopper(&shop);
    let contact = json!({"email": "ana@example.com"});
    let _ = eve
        .post("/api/customer/v1/visitor/contact", &contact)
        .await
        .expect(200);
    let id = for_company(&eve, &firm, 1).await;
    let totals = eve.get(&path(&format!("/carts/{id}/totals"))).await;
    totals.expect_problem(409, "not_allowed_to_buy");
    let agree = crate::setup::agreed(&eur(1_785), None);
    crate::setup::buy(&eve, &id, &agree)
        .await
        .expect_problem(409, "not_allowed_to_buy");
    assert_eq!(shop.level("LAMP").await, (5, 0));
}
